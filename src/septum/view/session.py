"""A study that is open: image, mask, numbers; every change goes through it, one at a time."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, Orientation, Role, Segmentation, SeptumError
from septum.indices.slices import base_is_last
from septum.io import DicomHeader, write_image
from septum.report.edges import certain_edges
from septum.view.actions import changes_of
from septum.view.edits import differing
from septum.view.errors import RefusedError, stale
from septum.view.history import History, sha256_of_labels
from septum.view.images import Window, as_bytes, packed, robust_window
from septum.view.journal import FILE, Event, Journal, now
from septum.view.long_axes import LongAxis, described, find_long_axes
from septum.view.numbers import VoxelCounts, numbers
from septum.view.runs import encode
from septum.workflows.measure import bundle_of
from septum.workflows.measuring import measured
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings
from septum.workflows.record_numbers import IndicesRecord, QualityRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from septum.view.opening import Opened
    from septum.workflows.result import Result


class Session:
    """One study that is open.

    Args:
        opened: what was read of it.
        identify: whether the page may show who the patient is.
    """

    def __init__(self, opened: Opened, *, identify: bool = False) -> None:
        self.identify = identify
        self.opened, self.lock = opened, threading.RLock()
        self.study, self.schema, self.record = opened.study, opened.schema, opened.record
        native = self.study.cine.geometry
        self.orientation = Orientation.of(native)
        self.geometry = native.permuted(self.orientation.axes)
        self.labels = opened.original.copy()  # (T, ...) as in the file
        settings = self.record.settings.indices
        given = (settings.end_diastole, settings.end_systole)
        self.history = History(
            self.orientation.apply(self.labels),
            self.orientation.apply(opened.original),
            self.schema.values,
            None if given[0] is None or given[1] is None else (given[0], given[1]),
        )
        self.journal = Journal(opened.journal, sha256_of_labels(opened.original))
        self.file_sha256, self.saved_version = opened.mask_sha256, 0
        self._replay(opened.current)
        self.opened = replace(opened, current=opened.original)  # which is not needed any more
        self.counts = VoxelCounts(self.history.labels)
        self._numbers: tuple[int, dict[str, Any]] | None = None
        self._image: bytes | None = None
        self._packing, self._looking = threading.Lock(), threading.Lock()
        self._long_axes: tuple[LongAxis, ...] | None = None

    def _replay(self, there: NDArray[np.uint8]) -> None:
        """Do again what the journal tells; then what another program has done to the mask's file since."""
        written = self.opened.original_sha256
        for event in self.journal.read():
            self.history.apply(event)
            if event.action == "saved":
                written, self.saved_version = event.mask_sha256, event.version
        current = self.orientation.apply(there)
        if self.file_sha256 not in ("", written):
            places = differing(self.history.labels, current)
            if places:
                slices = [(t, z, encode(current[t, z])) for t, z in places]
                event = Event(FILE, self.history.version + 1, "", now(), slices=slices)
                self.journal.append(event)
                self.history.apply(event)
            self.saved_version = self.history.version

    @property
    def is_corrected(self) -> bool:
        """Whether mask or phases differ from the first ones, or the first ones were corrected elsewhere."""
        return not self.history.is_original or self.record.mask_origin == "corrected"

    # -- what the page asks for

    def original_numbers(self) -> dict[str, Any]:
        """Give the numbers of the mask before any correction, as its JSON has them."""
        return numbers(self.record.indices, self.record.quality)

    def current_numbers(self) -> dict[str, Any]:
        """Give the numbers of the mask as it is."""
        with self.lock:
            if self._numbers is None or self._numbers[0] != self.history.version:
                self._numbers = (self.history.version, self._measure())
            return self._numbers[1]

    @cached_property
    def window(self) -> Window:
        """The range in which the page shows the image, in slices and in three dimensions alike."""
        return robust_window(self.orientation.apply(self.study.cine.array))

    def image(self) -> bytes:
        """Give the image (T, Z, Y, X) as bytes within its window, packed by gzip."""
        with self._packing:  # the image never changes: nobody else waits for it
            if self._image is None:
                block = as_bytes(self.orientation.apply(self.study.cine.array), self.window)
                self._image = packed(block)
            return self._image

    def mask(self, which: str) -> dict[str, Any]:
        """Give the slices that have a voxel, of the mask as it is or as it was before any correction."""
        with self.lock:
            labels = self.history.original if which == "model" else self.history.labels
            drawn = np.argwhere(labels.any(axis=(2, 3)))
            slices = [(int(t), int(z), encode(labels[t, z])) for t, z in drawn]
            return {"version": self.history.version, "slices": slices}

    def described(self) -> dict[str, Any]:
        """Give what the page needs to show the study, but for image and mask."""
        with self.lock:
            cine, z = self.study.cine, self.geometry.shape[0]
            window = self.window
            heart = np.any(self.history.original > 0, axis=0)
            last = base_is_last(np.asarray(heart)) if heart.any() else False
            indices, edges = self.record.indices, certain_edges(self.study, self.geometry, self.schema)
            return {
                "version": self.history.version,
                "shape": [len(cine), *self.geometry.shape],
                "spacing_mm": list(self.geometry.spacing_mm),
                "frame_times_ms": None if cine.times_ms is None else list(cine.times_ms),
                "heart_rate_bpm": indices.heart_rate_bpm,
                "labels": [
                    {
                        "name": one.name, "value": one.value, "meaning": one.meaning,
                        "role": None if one.role is None else one.role.value,
                        "colour": "#{:02x}{:02x}{:02x}".format(*one.colour),
                    }
                    for one in self.schema.structures
                ],
                "is_atrium": self.schema.roles == {Role.LA},
                "phases": self._phases(),
                "window": {"low": window.low, "high": window.high},
                "image": {
                    "dtype": "uint8", "available": self.opened.has_image, "message": self.opened.message,
                },
                "orientation": None if edges is None else edges._asdict(),
                "slices": [{"base_side": bool((k >= z / 2) is last)} for k in range(z)],
                "presence": self.record.presence or None,
                "identity": self._identity(),
                "numbers": self.current_numbers(),
                "original_numbers": self.original_numbers(),
                "edits": len(self.history.steps),
                "can_undo": self.history.can_undo,
                "can_redo": self.history.can_redo,
                "saved_version": self.saved_version,
                "long_axes": None if self._long_axes is None else self.named_long_axes(),
                "notes": [{"key": one.key, "text": one.text} for one in self.study.notes],
            }  # fmt: skip

    def long_axes(self) -> tuple[LongAxis, ...]:
        """List the long-axis slices of the study; the first time, its headers are read for that."""
        with self._looking:
            if self._long_axes is None:
                self._long_axes = find_long_axes(self.opened.contents, self.study)
            return self._long_axes

    def named_long_axes(self) -> list[dict[str, str]]:
        """Give them as the page lists them."""
        return [{"id": str(k), "name": one.name} for k, one in enumerate(self.long_axes())]

    def long_axis(self, k: int) -> dict[str, Any]:
        """Give the picture of a long-axis slice, with its lines. Raises :class:`RefusedError`."""
        found = self.long_axes()
        if self.opened.contents is None or not 0 <= k < len(found):
            raise RefusedError("The study has no such long axis.", "no_long_axis", 404)
        return described(self.opened.contents, found[k], self.geometry)

    def volume(self, which: str, t: int) -> bytes:
        """Give one frame, or its mask, as a NIfTI file on its own grid: for views in three dimensions.

        Args:
            which: ``image``, within its window, or ``mask``.
            t: the frame.

        Raises:
            RefusedError: there is no such frame.
        """
        cine = self.study.cine
        if not 0 <= t < len(cine):
            raise RefusedError(f"There is no frame {t}.", "no_slice", 404)
        with self.lock:
            frame = self.labels[t : t + 1] if which == "mask" else cine.array[t : t + 1]
            block = frame.copy() if which == "mask" else as_bytes(frame, self.window)
        with TemporaryDirectory(prefix="septum-view-") as folder:
            path = Path(folder) / "volume.nii"
            write_image(path, Cine(block, cine.geometry))
            return path.read_bytes()

    # -- what the page changes

    def edit(self, base: int, action: str, parameters: dict[str, Any], reader: str) -> dict[str, Any]:
        """Make one edit: on the disk first, then in the mask.

        Args:
            base: version that it was made on.
            action: name of the edit.
            parameters: of the edit, as sent.
            reader: who makes it.

        Raises:
            RefusedError: it cannot be made, or was made on another version.
            OutputError: it cannot be written.
        """
        with self.lock:
            self.require(base)
            wanted = changes_of(self, action, parameters)
            runs = self.history.runs_of(wanted.slices)
            event = Event(
                action, self.history.version + 1, reader, now(), wanted.parameters,
                [(t, z, one) for (t, z), one in runs.items()], wanted.phases,
            )  # fmt: skip
            return self._do(event)

    def step(self, base: int, action: str, reader: str) -> dict[str, Any]:
        """Undo or redo one edit. Raises as :meth:`edit`."""
        with self.lock:
            self.require(base)
            if not (self.history.can_undo if action == "undo" else self.history.can_redo):
                raise RefusedError(f"There is nothing to {action}.", "nothing_there")
            return self._do(Event(action, self.history.version + 1, reader, now()))

    def warm_up(self) -> None:
        """Measure the mask once: at the first edit the libraries are loaded, and both phases known."""
        with suppress(SeptumError):
            self.result()
            self.long_axes()

    def result(self) -> Result:
        """Measure the mask as it is, by the code of the report."""
        with self.lock:
            settings, bundle = self._settings(), None
            if self.history.differing:
                provenance = Provenance.of_given_mask(settings, self.record)
            else:
                provenance = Provenance.from_record(self.record, settings.indices)
                bundle = bundle_of(self.record)
            native = self.study.cine.geometry
            return measured(
                self.study, Segmentation(self.labels, native, self.schema), provenance, bundle,
                name=self.opened.paths.stem, volumes_ml=self.counts.volumes_ml(self.schema, native),
            )  # fmt: skip

    def saved(self, mask_sha256: str, event: Event) -> None:
        """Take down that the mask was written as it is."""
        self.file_sha256, self.saved_version = mask_sha256, self.history.version
        self.journal.append(event)
        self.history.apply(event)

    def changed(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int, list[int]]]:
        """Give the runs of some slices as they are."""
        return [(t, z, encode(self.history.labels[t, z])) for t, z in places]

    def _do(self, event: Event) -> dict[str, Any]:
        self.journal.append(event)
        places = self.history.apply(event)
        self.counts.count_again(self.history.labels, places)
        return {
            "version": self.history.version,
            "changed": self.changed(places),
            "numbers": self.current_numbers(),
            "can_undo": self.history.can_undo,
            "can_redo": self.history.can_redo,
            "edits": len(self.history.steps),
            "phases": self._phases(),
        }

    def require(self, base: int) -> None:
        """Refuse a change of another version than the one that stands. Raises :class:`RefusedError`."""
        if base != self.history.version:
            raise stale(base, self.history.version)

    def _settings(self) -> Settings:
        indices = self.record.settings.indices
        if self.history.phases is not None:
            diastole, systole = self.history.phases
            indices = indices.model_copy(update={"end_diastole": diastole, "end_systole": systole})
        return Settings(spacing_mm=self.record.settings.spacing_mm, indices=indices)

    def _measure(self) -> dict[str, Any]:
        if self.history.is_original:
            return self.original_numbers()
        result = self.result()
        return numbers(IndicesRecord.of(result.indices), QualityRecord.of(result.quality))

    def _identity(self) -> dict[str, str] | None:
        """Who the patient is, if that is wanted and the study is of DICOM, which alone tells it."""
        if not self.identify or not self.opened.has_image or not isinstance(self.study.header, DicomHeader):
            return None
        from septum.io.dicom.objects.source_images import identity_of  # noqa: PLC0415  # pydicom

        return identity_of(self.study)

    def _phases(self) -> dict[str, int | None]:
        told = self.current_numbers()
        return {"end_diastole": told["end_diastole"], "end_systole": told["end_systole"]}
