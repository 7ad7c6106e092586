"""The JSON beside a mask, format 2: its schema, written and read."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from septum.core import Localisation, LocalisationPath, Note, Region, Role, SeptumError
from septum.core.files import write_text
from septum.core.geometry import Triple
from septum.workflows.options import IndexSettings
from septum.workflows.record_comparison import ReferenceRecord
from septum.workflows.record_numbers import IndicesRecord, QualityRecord
from septum.workflows.record_part import Part
from septum.workflows.record_pattern import PatternRecord

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Literal[2] = 2

Voxel = tuple[int, int, int]
#: Who made a mask: the model; the model and then somebody by hand; or somebody unknown.
Origin = Literal["model", "corrected", "given"]


class Software(Part):
    """What made the JSON."""

    name: str
    version: str


SOFTWARE = Software(name="septum", version=version("septum"))


class ModelFacts(Part):
    """Which model made the mask; ``sha256`` is of its ``model.json``, which holds those of its graphs."""

    name: str
    title: str
    sha256: str
    licence: str


class InputFacts(Part):
    """What was read: hash of header and voxels, grid along (Z, Y, X), frames, what the reader settled."""

    sha256: str
    shape: Voxel
    frames: int
    spacing_mm: Triple
    notes: tuple[Note, ...]


class Settings(Part):
    """What was asked for.

    Attributes:
        engine, device, precision, threads, flips: how the networks were run; the first three are ``None``
            where none was.
        spacing_mm: (Z, Y, X), only if it was given instead of the file's.
        indices: how clinical indices were taken.
    """

    engine: str | None = None
    device: str | None = None
    precision: str | None = None
    threads: int | None = None
    flips: bool = False
    spacing_mm: Triple | None = None
    indices: IndexSettings = IndexSettings()


class FrameRegion(Part):
    """Region of interest of a frame.

    Attributes:
        frame: number from 0.
        start, stop: half-open range of voxels along (Z, Y, X) of the input's own grid.
        centre_mm: of the region in the patient, (x, y, z) in LPS, in mm.
        path: how it was found.
        enlarged: whether it was widened because the mask touched its border.
        cut_off: whether the mask still touches its border, inside the image, after that.
    """

    frame: int
    start: Voxel
    stop: Voxel
    centre_mm: Triple
    path: LocalisationPath
    enlarged: bool
    cut_off: bool

    @property
    def found(self) -> Localisation:
        """The same as a value of ``core``, on the input's own grid."""
        return Localisation(Region(self.start, self.stop), self.path, self.enlarged, self.cut_off)


class Timings(Part):
    """Seconds for reading, each frame, writing the mask, and their sum; loading the model is not in it."""

    read: float
    frames: tuple[float, ...]
    write: float
    total: float


class EditRecord(Part):
    """One correction: when, by whom, what was done, and which slices (frame, slice) it changed.

    Attributes:
        at: in UTC.
        reader: as given; empty where nobody said.
        action: its name, such as ``paint``.
        parameters: of it, but for what was drawn.
        slices: frame and slice, from 0, slices counted along the stack.
    """

    at: str
    reader: str
    action: str
    parameters: dict[str, Any]
    slices: tuple[tuple[int, int], ...]


class Correction(Part):
    """What a reader did to a mask, and the JSON of the mask before it.

    Attributes:
        reader: who saved it.
        at: when, in UTC.
        edits: that stand, in their order; what was undone is not among them.
        before: of the mask before any correction, with its indices and its verdict.
    """

    reader: str
    at: str
    edits: tuple[EditRecord, ...]
    before: Record


class Verification(Part):
    """Who has verified mask and numbers by an explicit act, and when, in UTC."""

    reader: str
    at: str


class Record(Part):
    """Contents of ``NAME_seg.json``. Nothing in it names a file, a folder, a patient or a date.

    Attributes:
        format: version of this schema.
        software, model, input, settings: provenance; ``model`` is ``None`` for a mask that none made.
        mask_origin: who made the mask.
        mask_sha256: hash of the mask's file, by which its own is distinguished from one that was drawn over.
        outputs: what belongs beside the mask, and how it is made; written after this record, so that none is
            without one.
        labels: mask value of each structure.
        roles: part of the heart that a structure is, where its name does not say it; left out of the file
            where all names do.
        indices: clinical indices with units and definitions, wall thickness, and what had to be settled.
        quality: verdict on the mask with its reasons, expected Dice, intervals about ejection fractions.
        reference: the indices beside reference ranges; left out of the file where that was not asked for.
        pattern: the study beside the groups of ACDC; likewise.
        regions: one a frame, of a mask that a model made.
        confidence, agreement: of the two networks, one value a frame; see :class:`Evidence` of ``inference``.
        soft_dice: of each structure, the overlap that the segmenter expects of its mask, one value a frame.
        presence: of each structure, one list a frame: the probability that it is in a slice, as far as the
            model knows; left out of the file where it does not.
        flip_agreement: of mirror images with their mean, one value a frame; empty without mirror images.
        notes: what else the user should know of this run.
        timings_s: where the time went.
        statement: what this must not be used for.
        correction: of a mask that was corrected in Septum's viewer; else left out of the file.
        verified: where a reader has done so; else left out.
    """

    format: Literal[2]
    software: Software
    model: ModelFacts | None
    input: InputFacts
    settings: Settings
    mask_origin: Origin = "model"
    mask_sha256: str
    outputs: dict[str, dict[str, bool | str]]
    labels: dict[str, int]
    roles: dict[str, Role] = Field(default_factory=dict)
    indices: IndicesRecord
    quality: QualityRecord
    reference: ReferenceRecord | None = None
    pattern: PatternRecord | None = None
    regions: tuple[FrameRegion, ...]
    confidence: tuple[float | None, ...]
    agreement: tuple[float | None, ...]
    soft_dice: dict[str, tuple[float | None, ...]]
    presence: dict[str, tuple[tuple[float | None, ...], ...]] = Field(default_factory=dict)
    flip_agreement: tuple[float | None, ...]
    notes: tuple[Note, ...]
    timings_s: Timings
    statement: str
    correction: Correction | None = None
    verified: Verification | None = None

    @property
    def unsaid(self) -> dict[str, Any]:
        """What is left out of the file, in the form that pydantic takes."""
        optional = ("roles", "presence", "reference", "pattern", "correction", "verified")
        left_out: dict[str, Any] = {name: True for name in optional if not getattr(self, name)}
        if self.correction is not None:
            left_out["correction"] = {"before": self.correction.before.unsaid}
        return left_out


def write_record(path: Path, record: Record) -> None:
    """Write a record whole or not at all. Raises :class:`OutputError`."""
    write_text(path, record.model_dump_json(indent=2, exclude=record.unsaid) + "\n")


def read_record(path: Path) -> Record | None:
    """Read the JSON beside a mask, of this format or the one before.

    Returns:
        The record in today's form; ``None`` if there is none that can be understood.
    """
    try:
        content = path.read_bytes()
        try:
            return Record.model_validate_json(content)
        except (ValidationError, SeptumError):
            if _format_of(content) != 1:
                return None
            from septum.workflows.record_format_1 import upgraded  # noqa: PLC0415  # of few files

            return Record.model_validate(upgraded(json.loads(content)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SeptumError):
        return None  # pydantic's error is a ValueError


def input_hash_in(path: Path) -> str | None:
    """Hash of the input that a JSON of any version of Septum is of; ``None`` of a file that is none."""
    try:
        document = json.loads(path.read_bytes())
        return str(document["input"]["sha256"]) if document["software"]["name"] == SOFTWARE.name else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _format_of(content: bytes) -> Any:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document.get("format") if isinstance(document, dict) else None
