"""The mask of a study while it is corrected: its versions, and every step there and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.view.errors import RefusedError
from septum.view.journal import FILE
from septum.view.runs import Runs, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from septum.view.edits import Changes, Labels
    from septum.view.journal import Event

    Phases = tuple[int, int] | None


@dataclass(frozen=True)
class Step:
    """What one edit did.

    Attributes:
        event: as it stands in the journal.
        before, after: runs of the slices that it changed.
        phases_before, phases_after: end-diastole and end-systole, as given by somebody.
    """

    event: Event
    before: dict[tuple[int, int], Runs]
    after: dict[tuple[int, int], Runs]
    phases_before: Phases
    phases_after: Phases

    def named(self, reader: str) -> Step:
        """Give the step as that of a reader."""
        return replace(self, event=replace(self.event, reader=reader))


class History:
    """A mask, what it was, and the steps between.

    Args:
        labels: (T, Z, Y, X), changed in place; it may be a view.
        original: before any correction.
        values: that the mask may hold.
        phases: end-diastole and end-systole, as given before.
    """

    def __init__(self, labels: Labels, original: Labels, values: tuple[int, ...], phases: Phases) -> None:
        self.labels, self.original, self._values = labels, original, values
        self.phases = self.original_phases = phases
        self.version = 0
        self._steps: list[Step] = []
        self._done = 0
        self.differing: set[tuple[int, int]] = set()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The edits that stand, oldest first; those that were undone are not among them."""
        return tuple(self._steps[: self._done])

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit that was taken back."""
        return self._done < len(self._steps)

    @property
    def is_original(self) -> bool:
        """Whether mask and phases are as they were before any correction."""
        return not self.differing and self.phases == self.original_phases

    def nameless(self, since: str) -> tuple[int, ...]:
        """List the versions of edits that nobody has put a name to, as of a time in UTC, undone ones too.

        What another program did to the mask's file is no edit of the reader.
        """
        events = (step.event for step in self._steps)
        return tuple(
            one.version for one in events if not one.reader and one.at >= since and one.action != FILE
        )

    def runs_of(self, changes: Changes) -> dict[tuple[int, int], Runs]:
        """Give the runs of those slices that really change."""
        return {
            place: encode(slice_)
            for place, slice_ in changes.items()
            if not np.array_equal(slice_, self.labels[place])
        }

    def apply(self, event: Event) -> list[tuple[int, int]]:
        """Do what an event says, and count it; the slices that changed are given.

        Raises:
            RefusedError: it does not fit the mask, or there is nothing to undo or redo.
        """
        if event.action == "saved":
            self._steps = [step.named(event.reader) if step.event.version in event.named else step
                           for step in self._steps]  # fmt: skip
            return []
        changed = self._back(event) if event.action in ("undo", "redo") else self._edit(event)
        self.version = event.version
        return changed

    def _edit(self, event: Event) -> list[tuple[int, int]]:
        after = {(t, z): runs for t, z, runs in event.slices}
        shape = self.labels.shape
        for t, z in after:
            if not (0 <= t < shape[0] and 0 <= z < shape[1]):
                raise RefusedError(
                    f"There is no slice {z} of frame {t}; choose one that is there.", "no_slice"
                )
        decoded = {place: decode(runs, (shape[2], shape[3]), self._values) for place, runs in after.items()}
        before = {place: encode(self.labels[place]) for place in after}
        phases = self.phases if event.phases is None else event.phases
        del self._steps[self._done :]
        self._steps.append(Step(event, before, after, self.phases, phases))
        self._done += 1
        self.phases = phases
        return self._put(decoded)

    def _back(self, event: Event) -> list[tuple[int, int]]:
        undo = event.action == "undo"
        if not (self.can_undo if undo else self.can_redo):
            raise RefusedError(f"There is nothing to {event.action}.", "nothing_there")
        step = self._steps[self._done - 1 if undo else self._done]
        self._done += -1 if undo else 1
        self.phases = step.phases_before if undo else step.phases_after
        shape = (self.labels.shape[2], self.labels.shape[3])
        wanted = step.before if undo else step.after
        return self._put({place: decode(runs, shape, self._values) for place, runs in wanted.items()})

    def _put(self, slices: Mapping[tuple[int, int], NDArray[np.uint8]]) -> list[tuple[int, int]]:
        for place, slice_ in slices.items():
            self.labels[place] = slice_
            if np.array_equal(slice_, self.original[place]):
                self.differing.discard(place)
            else:
                self.differing.add(place)
        return list(slices)


def sha256_of_labels(labels: Labels) -> str:
    """Hash the voxels of a mask, whatever its file.

    >>> sha256_of_labels(np.zeros((1, 1, 1, 1), np.uint8))[:8]
    '6e340b9c'
    """
    return hashlib.sha256(np.ascontiguousarray(labels).tobytes()).hexdigest()
