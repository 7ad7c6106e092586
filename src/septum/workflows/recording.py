"""How a record is made: of what the networks made of a study, or of an earlier record of the same mask."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core.clinical import STATEMENT
from septum.indices import myocardial_mass_g
from septum.inference.out_of_distribution import Evidence
from septum.quality.document import quality_document
from septum.quality.verdict import study_quality
from septum.workflows.indices_table import indices_document
from septum.workflows.record import (
    FORMAT,
    SOFTWARE,
    FrameRegion,
    InputFacts,
    ModelFacts,
    Record,
    Settings,
    Timings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Geometry, Indices, Quality, Segmentation, Study
    from septum.core.geometry import Triple
    from septum.inference import Bundle, FrameResult
    from septum.workflows.asked import Extras, IndexSettings


#: Flags that are warnings, too: something is missing or cannot be, or the way to the mask was unsure.
WARNED = frozenset({
    "nothing_found", "empty_frames", "missing_structure", "structure_comes_and_goes", "no_beat",
    "negative_ejection_fraction", "localisation_fallback", "region_cut_off", "little_myocardium", "small_lv",
    "small_myo", "few_slices", "slice_distance", "unlike_training_images",
})  # fmt: skip


@dataclass(frozen=True)
class MadeFrame:
    """How the mask of one frame came about: its region, on the input's own grid, and evidence."""

    localisation: FrameRegion
    evidence: Evidence


@dataclass(frozen=True)
class Making:
    """How the mask of a study came about: frame by frame, by which settings, in what time."""

    frames: tuple[MadeFrame, ...]
    settings: Settings
    timings_s: Timings

    @classmethod
    def now(
        cls, frames: Sequence[FrameResult], native: Geometry, settings: Settings, timings_s: Timings
    ) -> Making:
        """By the networks, in this run."""
        made = (MadeFrame(_region(t, frame, native), frame.evidence) for t, frame in enumerate(frames))
        return cls(tuple(made), settings, timings_s)

    @classmethod
    def before(cls, earlier: Record, indices: IndexSettings) -> Making:
        """In an earlier run; only the indices are taken anew."""
        made = (
            MadeFrame(
                region,
                Evidence(
                    earlier.confidence[t],
                    earlier.agreement[t],
                    tuple(earlier.soft_dice[name][t] for name in earlier.labels),
                    earlier.flip_agreement[t] if earlier.flip_agreement else None,
                ),
            )
            for t, region in enumerate(earlier.regions)
        )
        settings = earlier.settings.model_copy(update={"indices": indices})
        return cls(tuple(made), settings, earlier.timings_s)


def make_record(  # what a study comes to
    study: Study,
    segmentation: Segmentation,
    indices: Indices,
    making: Making,
    bundle: Bundle,
    *,
    mask_sha256: str,
    extras: Extras,
    notes: Sequence[str] = (),
) -> tuple[Record, Quality]:
    """Everything that is told about one segmented study, and the quality of its mask.

    Args:
        study: the image.
        segmentation: its mask.
        indices: of the mask.
        making: how the mask came about.
        bundle: of the model that made it.
        mask_sha256: hash of the mask's file.
        extras: what belongs beside the mask.
        notes: more sentences for the user.
    """
    phases, frames = indices.phases, making.frames
    evidence = [frame.evidence for frame in frames]
    manifest, values = bundle.manifest, {item.key: item.value for item in indices.items}
    regions = [frame.localisation.found for frame in frames]
    quality = study_quality(segmentation, indices, evidence, regions, bundle)
    fractions = {name: values.get(f"{name.lower()}_ef_percent") for name in ("LV", "RV")}
    record = Record(
        format=FORMAT,
        software=SOFTWARE,
        model=ModelFacts(
            name=manifest.name, title=manifest.title, sha256=bundle.sha256, licence=manifest.licence
        ),
        input=InputFacts(
            sha256=study.sha256,
            shape=study.cine.geometry.shape,
            frames=len(frames),
            spacing_mm=_rounded_mm(study.cine.geometry.spacing_mm),
            notes=study.notes,
        ),
        settings=making.settings,
        mask_sha256=mask_sha256,
        extras=extras,
        labels={s.name: s.value for s in segmentation.schema.structures},
        volumes_ml={name: _rounded(volumes) for name, volumes in indices.volumes_ml.items()},
        end_diastole_frame=phases.end_diastole if phases else None,
        end_systole_frame=phases.end_systole if phases else None,
        ejection_fraction_percent={name: round(v, 2) for name, v in fractions.items() if v is not None},
        myocardial_mass_g=_mass_g(indices, len(frames)),
        indices=indices_document(indices),
        quality=quality_document(quality),
        regions=tuple(frame.localisation for frame in frames),
        localisation_paths=dict(Counter(frame.localisation.path for frame in frames)),
        confidence=tuple(one.confidence for one in evidence),
        agreement=tuple(one.agreement for one in evidence),
        soft_dice={
            name: tuple(one.soft_dice[k] for one in evidence) for k, name in enumerate(manifest.labels.names)
        },
        flip_agreement=tuple(one.flip_agreement for one in evidence) if making.settings.flips else (),
        warnings=(*(flag.reason for flag in quality.flags if flag.key in WARNED), *notes),
        timings_s=making.timings_s,
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
        "Time taken": f"{record.timings_s.total:.1f} s",
    }


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
