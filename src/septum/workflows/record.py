"""The JSON beside a mask: its schema, written and read."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import Localisation, LocalisationPath, Region
from septum.core.files import write_text
from septum.core.geometry import Triple
from septum.workflows.asked import Extras, IndexSettings

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Literal[1] = 1

Index = tuple[int, int, int]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Software(_Part):
    """What made the mask."""

    name: str
    version: str


SOFTWARE = Software(name="septum", version=version("septum"))


class ModelFacts(_Part):
    """Which model made the mask; ``sha256`` is of its ``model.json``, which holds those of its graphs."""

    name: str
    title: str
    sha256: str
    licence: str


class InputFacts(_Part):
    """What was read: hash of header and voxels, grid along (Z, Y, X), frames, what the reader settled."""

    sha256: str
    shape: Index
    frames: int
    spacing_mm: Triple
    notes: tuple[str, ...]


class Settings(_Part):
    """What was asked for.

    Attributes:
        engine, device, precision, threads, flips: how the networks were run.
        spacing_mm: (Z, Y, X), only if it was given instead of the file's.
        indices: how clinical indices were taken.
    """

    engine: str
    device: str = "cpu"
    precision: str = "f32"
    threads: int | None
    flips: bool = False
    spacing_mm: Triple | None
    indices: IndexSettings = IndexSettings()


class FrameRegion(_Part):
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
    start: Index
    stop: Index
    centre_mm: Triple
    path: LocalisationPath
    enlarged: bool
    cut_off: bool

    @property
    def found(self) -> Localisation:
        """The same as a value of ``core``, on the input's own grid."""
        return Localisation(Region(self.start, self.stop), self.path, self.enlarged, self.cut_off)


class Timings(_Part):
    """Seconds for reading, each frame, writing the mask, and their sum; loading the model is not in it."""

    read: float
    frames: tuple[float, ...]
    write: float
    total: float


class Record(_Part):
    """Contents of ``NAME_seg.json``. Nothing in it names a file, a folder, a patient or a date.

    Attributes:
        format: version of this schema.
        software, model, input, settings: provenance.
        mask_sha256: hash of the mask's file, by which its own is told from one that was drawn over.
        extras: what belongs beside the mask; written after this record, so that none is without one.
        labels: mask value of each structure.
        volumes_ml: of each structure, one value a frame.
        end_diastole_frame, end_systole_frame: from 0, by the LV volume; ``None`` for a single frame, and if
            that volume is the same in all frames (as it is where no LV was found).
        ejection_fraction_percent: of each ventricle; empty without those frames.
        myocardial_mass_g: at end-diastole, or of a single frame; ``None`` without such a frame, or without
            myocardium among the structures.
        indices: clinical indices with units and definitions, wall thickness, and what had to be settled.
        quality: verdict on the mask with its reasons, Dice to be expected, interval about the LV's ejection
            fraction.
        regions: one a frame.
        localisation_paths: number of frames by the way in which their region was found.
        confidence, agreement: of the two networks, one value a frame; see :class:`Evidence` of ``inference``.
        soft_dice: of each structure, the overlap that the segmenter expects of its mask, one value a frame.
        flip_agreement: of mirror images with their mean, one value a frame; empty without mirror images.
        warnings: what deserves a look, one sentence each.
        timings_s: where the time went.
        statement: what this must not be used for.
    """

    format: Literal[1]
    software: Software
    model: ModelFacts
    input: InputFacts
    settings: Settings
    mask_sha256: str = ""
    extras: Extras = Extras()
    labels: dict[str, int]
    volumes_ml: dict[str, tuple[float, ...]]
    end_diastole_frame: int | None
    end_systole_frame: int | None
    ejection_fraction_percent: dict[str, float]
    myocardial_mass_g: float | None
    indices: dict[str, Any] = {}
    quality: dict[str, Any] = {}
    regions: tuple[FrameRegion, ...]
    localisation_paths: dict[LocalisationPath, int]
    confidence: tuple[float | None, ...] = ()
    agreement: tuple[float | None, ...] = ()
    soft_dice: dict[str, tuple[float | None, ...]] = {}
    flip_agreement: tuple[float | None, ...] = ()
    warnings: tuple[str, ...]
    timings_s: Timings
    statement: str


def write_record(path: Path, record: Record) -> None:
    """Write a record whole or not at all. Raises :class:`OutputError`."""
    write_text(path, record.model_dump_json(indent=2) + "\n")


def read_record(path: Path) -> Record | None:
    """A record as written by :func:`write_record`; ``None`` if there is none that can be understood."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def input_hash_in(path: Path) -> str | None:
    """Hash of the input that a JSON of any version of Septum is of; ``None`` of a file that is none."""
    try:
        told = json.loads(path.read_bytes())
        return str(told["input"]["sha256"]) if told["software"]["name"] == SOFTWARE.name else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
