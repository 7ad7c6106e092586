"""The JSON beside a mask: its schema, how it is made, and what it is good for on a rerun."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import LocalisationPath
from septum.core.files import write_text
from septum.core.geometry import Triple
from septum.indices import myocardial_mass_g, volume_curve
from septum.workflows.asked import Extras, IndexSettings
from septum.workflows.extras import dicom_note
from septum.workflows.indices_table import indices_document
from septum.workflows.mask_warnings import mask_warnings
from septum.workflows.plausibility import unlike_training_images
from septum.workflows.quality import quality_document, study_quality

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import Geometry, Indices, Quality, Segmentation, Study
    from septum.inference import FrameResult, Manifest
    from septum.workflows.lazy_model import LazyModel

FORMAT: Literal[1] = 1
STATEMENT = "For research use only. Not a medical device; not to be used to diagnose or to treat."

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
        extras: what was asked for beside the mask.
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


def make_record(  # what a study comes to
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    frames: Sequence[FrameResult],
    model: LazyModel,
    settings: Settings,
    timings_s: Timings,
    *,
    extras: Extras,
) -> tuple[Record, Quality]:
    """Everything that is told about one segmented study, and the quality of its mask."""
    geometry, phases = study.cine.geometry, indices.phases
    regions = tuple(_region(t, frame, geometry) for t, frame in enumerate(frames))
    paths, evidence = Counter(region.path for region in regions), [frame.evidence for frame in frames]
    manifest, values = model.bundle.manifest, {item.key: item.value for item in indices.items}
    quality = study_quality(segmentation, indices, frames, model.bundle)
    fractions = {name: values.get(f"{name.lower()}_ef_percent") for name in ("LV", "RV")}
    record = Record(
        format=FORMAT,
        software=SOFTWARE,
        model=ModelFacts(
            name=manifest.name, title=manifest.title, sha256=model.bundle.sha256, licence=manifest.licence
        ),
        input=InputFacts(
            sha256=study.sha256,
            shape=geometry.shape,
            frames=len(frames),
            spacing_mm=_rounded_mm(geometry.spacing_mm),
            notes=study.notes,
        ),
        settings=settings,
        extras=extras,
        labels={s.name: s.value for s in segmentation.schema.structures},
        volumes_ml={name: _rounded(volumes) for name, volumes in indices.volumes_ml.items()},
        end_diastole_frame=phases.end_diastole if phases else None,
        end_systole_frame=phases.end_systole if phases else None,
        ejection_fraction_percent={name: round(v, 2) for name, v in fractions.items() if v is not None},
        myocardial_mass_g=_mass_g(indices, len(frames)),
        indices=indices_document(indices),
        quality=quality_document(quality),
        regions=regions,
        localisation_paths=dict(paths),
        confidence=tuple(one.confidence for one in evidence),
        agreement=tuple(one.agreement for one in evidence),
        soft_dice={
            name: tuple(one.soft_dice[k] for one in evidence) for k, name in enumerate(manifest.labels.names)
        },
        flip_agreement=tuple(one.flip_agreement for one in evidence) if settings.flips else (),
        warnings=(*warnings_about(segmentation, frames, manifest), *dicom_note(extras, study)),
        timings_s=timings_s,
        statement=STATEMENT,
    )
    return record, quality


def provenance_of(record: Record) -> dict[str, str]:
    """What a report lists of how a mask was made."""
    execution = record.settings
    return {
        "Software": f"{record.software.name} {record.software.version}",
        "Model": f"{record.model.name}, {record.model.title}",
        "Model's hash (SHA-256)": record.model.sha256,
        "Licence of the model": record.model.licence,
        "Networks run by": f"{execution.engine}, {execution.device}, {execution.precision}"
        + (", four mirror images" if execution.flips else ""),
        "Time": f"{record.timings_s.total:.1f} s",
    }


def warnings_about(
    segmentation: Segmentation, frames: Sequence[FrameResult], manifest: Manifest
) -> tuple[str, ...]:
    """The warnings that a record of these frames, segmented by the bundle of this manifest, has."""
    geometry = segmentation.geometry
    regions = tuple(_region(t, frame, geometry) for t, frame in enumerate(frames))
    return (
        *mask_warnings(volume_curve(segmentation), regions, geometry),
        *unlike_training_images(manifest, geometry, [frame.evidence for frame in frames]),
    )


def write_record(path: Path, record: Record) -> None:
    """Write a record whole or not at all. Raises :class:`OutputError`."""
    write_text(path, record.model_dump_json(indent=2) + "\n")


def read_record(path: Path) -> Record | None:
    """A record as written by :func:`write_record`; ``None`` if there is none that can be understood."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _region(t: int, frame: FrameResult, native: Geometry) -> FrameRegion:
    found = frame.localisation
    region = native.window_of(found.region, frame.working_geometry)
    middle = [(a + b - 1) / 2 for a, b in zip(region.start, region.stop, strict=True)]
    x, y, z = (round(float(v), 2) for v in native.to_patient_mm(middle))
    return FrameRegion(
        frame=t,
        start=region.start,
        stop=region.stop,
        centre_mm=(x, y, z),
        path=found.path,
        enlarged=found.enlarged,
        cut_off=found.cut_off,
    )


def _mass_g(indices: Indices, frames: int) -> float | None:
    """At end-diastole, or of a single frame."""
    if "MYO" not in indices.volumes_ml or (indices.phases is None and frames > 1):
        return None
    frame = indices.phases.end_diastole if indices.phases else 0
    return round(myocardial_mass_g(indices.volumes_ml["MYO"][frame]), 3)


def _rounded_mm(spacing_mm: Triple) -> Triple:
    """Without the digits that float32 headers add: 1.4, not 1.399999976."""
    z, y, x = (round(value, 6) for value in spacing_mm)
    return (z, y, x)


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, 3) for value in values)
