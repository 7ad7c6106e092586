"""Edits as the page names them: their parameters checked, and done by the functions of ``edits``."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from septum.view import edits
from septum.view.errors import RefusedError
from septum.view.runs import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from septum.view.edits import Changes, Values
    from septum.view.session import Session

Index = Annotated[int, Field(ge=0)]
Place = tuple[Index, Index]
Names = list[str] | None


@dataclass(frozen=True)
class Wanted:
    """What an edit comes to.

    Attributes:
        slices: new slices by frame and slice.
        parameters: for the journal: what was asked for, without what was drawn.
        phases: end-diastole and end-systole, if it sets them.
    """

    slices: Changes
    parameters: dict[str, Any] = field(default_factory=dict)
    phases: tuple[int, int] | None = None


class Action(BaseModel):
    """Parameters of an edit; what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def wanted(self, session: Session) -> Wanted:
        """Do it on the labels of a study that is open; nothing is changed yet."""


class Paint(Action):
    """Whole new slices, drawn by the page: frame, slice and runs of each."""

    changes: list[tuple[Index, Index, list[int]]]

    def wanted(self, session: Session) -> Wanted:
        """Take them as they are."""
        shape = session.history.labels.shape
        places = require_places(session, ((t, z) for t, z, _ in self.changes))
        drawn = {
            place: decode(runs, (shape[2], shape[3]), session.schema.values)
            for place, (_, _, runs) in zip(places, self.changes, strict=True)
        }
        return Wanted(drawn)


class InOrOut(Action):
    """Slices that structures are taken out of, or brought into; all structures without names."""

    frames: list[Index]
    slices: list[Index]
    structures: Names = None
    present: bool

    def wanted(self, session: Session) -> Wanted:
        """Take out, or bring in as the original has it, or as drawn between the neighbours."""
        history, values = session.history, values_of(session, self.structures)
        places = require_places(session, ((t, z) for t in self.frames for z in self.slices))
        if self.present:
            slices = edits.brought_in(
                history.labels, history.original, places, values, session.schema, in_plane_mm(session)
            )
        else:
            slices = edits.without(history.labels, places, values)
        return Wanted(slices, self.model_dump())


class Copy(Action):
    """A slice that is copied to others: frame and slice of each."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    start: Place = Field(alias="from")
    to: list[Place]
    structures: Names = None

    def wanted(self, session: Session) -> Wanted:
        """Copy."""
        places = require_places(session, self.to)
        (start,) = require_places(session, [self.start])
        slices = edits.copied(session.history.labels, start, places, values_of(session, self.structures))
        return Wanted(slices, self.model_dump(by_alias=True))


class InterpolateSlices(Action):
    """Slices of a frame that are drawn between two others."""

    frame: Index
    start: Index = Field(alias="from")
    to: Index
    structures: Names = None

    def wanted(self, session: Session) -> Wanted:
        """Draw them."""
        require_places(session, [(self.frame, self.start), (self.frame, self.to)])
        slices = edits.over_slices(
            session.history.labels, self.frame, (self.start, self.to),
            values_of(session, self.structures), session.schema, in_plane_mm(session),
        )  # fmt: skip
        return Wanted(slices, self.model_dump(by_alias=True))


class InterpolateFrames(Action):
    """Frames of a slice that are drawn between two others."""

    slice: Index
    start: Index = Field(alias="from")
    to: Index
    structures: Names = None

    def wanted(self, session: Session) -> Wanted:
        """Draw them."""
        require_places(session, [(self.start, self.slice), (self.to, self.slice)])
        slices = edits.over_frames(
            session.history.labels, self.slice, (self.start, self.to),
            values_of(session, self.structures), session.schema, in_plane_mm(session),
        )  # fmt: skip
        return Wanted(slices, self.model_dump(by_alias=True))


class Propagate(Action):
    """A correction of one slice that is carried over other frames."""

    slice: Index
    start: Index = Field(alias="from")
    frames: list[Index]

    def wanted(self, session: Session) -> Wanted:
        """Carry it."""
        history = session.history
        require_places(session, [(t, self.slice) for t in (self.start, *self.frames)])
        slices = edits.propagated(
            history.labels, history.original, (self.start, self.slice), self.frames, session.schema,
            in_plane_mm(session),
        )  # fmt: skip
        return Wanted(slices, self.model_dump(by_alias=True))


class Revert(Action):
    """Slices that become as they were before any correction; all of them without a list."""

    changes: list[Place] | None = None

    def wanted(self, session: Session) -> Wanted:
        """Take them back."""
        history = session.history
        places = sorted(history.differing) if self.changes is None else self.changes
        slices = edits.reverted(history.original, require_places(session, places))
        return Wanted(slices, self.model_dump())


class Phases(Action):
    """End-diastole and end-systole, as somebody sees them."""

    end_diastole: Index
    end_systole: Index

    def wanted(self, session: Session) -> Wanted:
        """Set both."""
        require_places(session, [(self.end_diastole, 0), (self.end_systole, 0)])
        if self.end_diastole == self.end_systole:
            raise RefusedError(
                "End-diastole and end-systole are one frame: expected two; choose another.", "one_phase"
            )
        return Wanted({}, self.model_dump(), (self.end_diastole, self.end_systole))


#: Every edit by its name in requests and journals.
ACTIONS: dict[str, type[Action]] = {
    "paint": Paint,
    "slice": InOrOut,
    "copy": Copy,
    "interpolate_slices": InterpolateSlices,
    "interpolate_frames": InterpolateFrames,
    "propagate": Propagate,
    "revert": Revert,
    "phases": Phases,
}


def changes_of(session: Session, action: str, parameters: dict[str, Any]) -> Wanted:
    """Find what an edit comes to.

    Args:
        session: the study.
        action: name of the edit.
        parameters: as sent.

    Raises:
        RefusedError: there is no such edit, its parameters are not those of one, or it cannot be made.
    """
    if action not in ACTIONS:
        raise RefusedError(
            f"There is no edit {action!r}: expected one of {', '.join(ACTIONS)}.", "no_such_edit"
        )
    try:
        asked = ACTIONS[action].model_validate(parameters)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or action
        raise RefusedError(
            f"The edit {action} cannot be read: {where}: {first['msg']}.", "bad_edit"
        ) from error
    return asked.wanted(session)


def values_of(session: Session, names: Names) -> Values:
    """Give the values of structures by their names; ``None`` for all. Raises :class:`RefusedError`."""
    if names is None:
        return None
    known = {one.name: one.value for one in session.schema.structures}
    if unknown := [name for name in names if name not in known]:
        raise RefusedError(
            f"There is no structure {unknown[0]!r}: expected one of {', '.join(known)}.", "no_structure"
        )
    return frozenset(known[name] for name in names)


def in_plane_mm(session: Session) -> tuple[float, float]:
    """Give the spacing of a slice along (Y, X)."""
    return session.geometry.spacing_mm[1], session.geometry.spacing_mm[2]


def require_places(session: Session, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Refuse frames and slices that the study does not have. Raises :class:`RefusedError`."""
    listed = list(places)
    frames, slices = session.history.labels.shape[:2]
    for t, z in listed:
        if t >= frames or z >= slices:
            raise RefusedError(
                f"There is no slice {z} of frame {t}: expected 0 to {slices - 1}, and 0 to {frames - 1}.",
                "no_slice",
            )
    return listed
