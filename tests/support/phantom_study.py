"""A phantom as a study with everything that a report tells of one: truth as mask, indices, quality."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from septum.core import (
    CardiacPhases,
    Comparison,
    EjectionFractionInterval,
    Flag,
    Index,
    Indices,
    Known,
    Note,
    Quality,
    Segmentation,
    Source,
    Study,
    Verdict,
    WallThickness,
)
from septum.core.clinical import EJECTION_FRACTION
from septum.phantom import PhantomSettings, beating_heart
from septum.quality.measures import stroke_volume_mismatch

AREA_M2 = 1.87
_SUM = "Voxels of the cavity, papillary muscles included,"
PROVENANCE = {
    "Software": "septum 0.1.0",
    "Model": "cine, SHA-256 0f3c…",
    "Engine": "openvino, 2 threads",
    "Time": "6.4 s",
}


@dataclass(frozen=True)
class PhantomProvenance:
    """What made the mask, in words."""

    lines: dict[str, str] = field(default_factory=lambda: dict(PROVENANCE))

    def described(self) -> dict[str, str]:
        return self.lines


@dataclass(frozen=True)
class PhantomStudy:
    """What a report is written of."""

    study: Study
    segmentation: Segmentation
    indices: Indices
    quality: Quality
    provenance: PhantomProvenance = PhantomProvenance()
    presence: dict[str, tuple[tuple[float | None, ...], ...]] = field(default_factory=dict)
    comparison: Comparison | None = None
    pattern: None = None


def phantom_study(settings: PhantomSettings, seed: int = 3) -> PhantomStudy:
    """A heart that beats, and numbers that fit its analytic volumes."""
    heart = beating_heart(np.random.default_rng(seed), settings)
    ed, es = heart.end_diastole, heart.end_systole
    return PhantomStudy(
        study=Study(
            heart.cine,
            sha256="ab" * 32,
            notes=(Note("affine_scale_disagrees", "The slice spacing was taken from pixdim."),),
        ),
        segmentation=heart.truth,
        indices=Indices(
            phases=CardiacPhases(ed, es, confidence=0.97) if settings.frames > 1 else None,
            volumes_ml=heart.volumes_ml,
            times_ms=heart.cine.times_ms,
            items=_items(heart.volumes_ml, ed, es),
            wall=_wall(),
            body_surface_area_m2=Known(AREA_M2, Source.DERIVED),
            body_surface_area_formula="Mosteller",
            heart_rate_bpm=Known(settings.heart_rate_bpm, Source.GIVEN),
            notes=(Note("papillary", "Papillary muscles belong to the cavity."),),
        ),
        quality=Quality(
            verdict=Verdict.REVIEW,
            flags=_flags(heart.volumes_ml, ed, es),
            estimated_dice=0.91,
            ejection_fractions={"LV": EjectionFractionInterval(56.2, 65.1, 0.9)},
        ),
    )


def _flags(volumes_ml, ed: int, es: int) -> tuple[Flag, ...]:
    """What the volumes are flagged for by a limit that is too strict, so that a page has a flag."""
    strokes_ml = [volumes_ml[name][ed] - volumes_ml[name][es] for name in ("LV", "RV")]
    percent = 100.0 * stroke_volume_mismatch(*strokes_ml)
    if percent == 0.0:
        return ()
    limit = round(percent / 2, 1)
    told = f"Stroke volumes of the ventricles differ by {percent:.1f} %; {limit:g} % is still accepted."
    return (Flag("stroke_volume_mismatch", Verdict.REVIEW, told, percent, limit),)


def _items(volumes_ml, ed: int, es: int) -> tuple[Index, ...]:
    items = []
    for name in ("LV", "RV"):
        largest, smallest = volumes_ml[name][ed], volumes_ml[name][es]
        share = 100.0 * (largest - smallest) / largest
        told = "Stroke volume as a share of the end-diastolic volume."
        items += [
            _index(
                f"{name} end-diastolic volume", f"{name}_edv_ml", largest, "ml", f"{_SUM} at end-diastole."
            ),
            _index(
                f"{name} end-systolic volume", f"{name}_esv_ml", smallest, "ml", f"{_SUM} at end-systole."
            ),
            Index(
                f"{name.lower()}_ef_percent",
                f"{name} ejection fraction",
                share,
                "%",
                None,
                told,
                name,
                EJECTION_FRACTION,
            ),
        ]
    mass = 1.05 * volumes_ml["MYO"][ed]
    output = (volumes_ml["LV"][ed] - volumes_ml["LV"][es]) * 66.0 / 1000.0
    return (
        *items,
        _index(
            "LV mass", "lv_mass_ed_g", mass, "g", "Volume of the myocardium at end-diastole at 1.05 g/ml."
        ),
        _index("Cardiac output", "cardiac_output_l_min", output, "l/min", "LV stroke volume by heart rate."),
        Index(
            "lv_peak_filling_rate_ml_s", "LV peak filling rate", None, "ml/s", None, "Not told of few frames."
        ),
    )


def _index(title: str, key: str, value: float, unit: str, definition: str) -> Index:
    return Index(key.lower(), title, value, unit, value / AREA_M2, definition)


def _wall() -> WallThickness:
    generator = np.random.default_rng(0)
    diastole = [round(float(v), 2) for v in generator.uniform(6.5, 10.5, 16)]
    change = [round(float(v), 1) for v in generator.uniform(-8.0, 75.0, 16)]
    systole = [round(d * (1.0 + c / 100.0), 2) for d, c in zip(diastole, change, strict=True)]
    return WallThickness((*diastole, None), (*systole, None), (*change, None))
