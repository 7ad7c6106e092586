"""Clinical indices and the verdict as the JSON holds them: rounded, with their units in the names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from septum.core import Bias, Flag, Note, Source, Verdict, WallThickness, value_of
from septum.workflows.record_part import DIGITS, Part, rounded
from septum.workflows.record_strain import StrainRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import EjectionFractionInterval, Index, Indices, Quality


class IndexRecord(Part):
    """One index: ``value`` in ``unit``, and by square metre of body surface; ``None`` where it has none."""

    title: str
    value: float | None
    unit: str
    indexed_a_m2: float | None
    definition: str

    @classmethod
    def of(cls, index: Index) -> IndexRecord:
        """Take over an index, rounded."""
        return cls(
            title=index.title, value=rounded(index.value), unit=index.unit,
            indexed_a_m2=rounded(index.indexed), definition=index.definition,
        )  # fmt: skip


class IndicesRecord(Part):
    """All clinical indices; see :class:`septum.core.Indices`. Frames are counted from 0.

    Attributes:
        end_diastole_frame, end_systole_frame: ``None`` for a single frame, and if all volumes are the same.
        phase_confidence: of these two, 0 to 1.
        phases_given: which of them the user gave.
        volumes_ml: structure to one volume a frame.
        times_ms: of the frames.
        body_surface_area_m2, body_surface_area_formula: where height and weight are known.
        heart_rate_bpm: where it is known.
        sources: where ``heart_rate_bpm``, ``height_m`` and ``weight_kg`` came from, as far as they are known.
        items: each index by its key.
        wall: where there is a left ventricle in a cine.
        notes: what had to be settled.
        strain: of the LV wall, where there is any; ``None`` in results of earlier versions.
    """

    end_diastole_frame: int | None
    end_systole_frame: int | None
    phase_confidence: float | None
    phases_given: tuple[str, ...]
    volumes_ml: dict[str, tuple[float, ...]]
    times_ms: tuple[float, ...] | None
    body_surface_area_m2: float | None
    body_surface_area_formula: str | None
    heart_rate_bpm: float | None
    sources: dict[str, Source] = Field(default_factory=dict)
    items: dict[str, IndexRecord]
    wall: WallThickness | None
    notes: tuple[Note, ...]
    strain: StrainRecord | None = None

    @classmethod
    def of(cls, indices: Indices) -> IndicesRecord:
        """Take over all indices, rounded."""
        phases, times_ms = indices.phases, indices.times_ms
        known = {name: getattr(indices, name) for name in ("heart_rate_bpm", "height_m", "weight_kg")}
        return cls(
            end_diastole_frame=phases.end_diastole if phases else None,
            end_systole_frame=phases.end_systole if phases else None,
            phase_confidence=rounded(phases.confidence) if phases else None,
            phases_given=tuple(sorted(phases.given)) if phases else (),
            volumes_ml={name: _all_rounded(volumes) for name, volumes in indices.volumes_ml.items()},
            times_ms=None if times_ms is None else _all_rounded(times_ms),
            body_surface_area_m2=rounded(value_of(indices.body_surface_area_m2)),
            body_surface_area_formula=indices.body_surface_area_formula,
            heart_rate_bpm=rounded(value_of(indices.heart_rate_bpm)),
            sources={name: one.source for name, one in known.items() if one is not None},
            items={item.key: IndexRecord.of(item) for item in indices.items},
            wall=None if indices.wall is None else _wall(indices.wall),
            notes=indices.notes,
            strain=None if indices.strain is None else StrainRecord.of(indices.strain),
        )

    def value(self, key: str) -> float | None:
        """Value of an index; ``None`` where it has none, or where there is no such index."""
        return self.items[key].value if key in self.items else None


class IntervalRecord(Part):
    """Where the true ejection fraction is to be expected; see ``EjectionFractionInterval`` of ``core``."""

    low_percent: float
    high_percent: float
    coverage: float | None
    bias_points: Bias | None

    @classmethod
    def of(cls, interval: EjectionFractionInterval) -> IntervalRecord:
        """Take over an interval, rounded."""
        return cls(
            low_percent=round(interval.low_percent, DIGITS),
            high_percent=round(interval.high_percent, DIGITS),
            coverage=rounded(interval.coverage),
            bias_points=interval.bias,
        )


class QualityRecord(Part):
    """The verdict on a mask; see :class:`septum.core.Quality`.

    Attributes:
        verdict: the worst of the flags.
        ventricles: verdict on each ventricle; empty in results of earlier versions.
        flags: the reasons.
        estimated_dice: mean Dice to be expected, where it was estimated.
        ejection_fraction_intervals: of each ventricle that has one.
    """

    verdict: Verdict
    ventricles: dict[str, Verdict] = Field(default_factory=dict)
    flags: tuple[Flag, ...]
    estimated_dice: float | None
    ejection_fraction_intervals: dict[str, IntervalRecord]

    @classmethod
    def of(cls, quality: Quality) -> QualityRecord:
        """Take over a verdict, rounded."""
        return cls(
            verdict=quality.verdict,
            ventricles=dict(quality.ventricles),
            flags=tuple(
                replace(flag, value=rounded(flag.value), limit=rounded(flag.limit)) for flag in quality.flags
            ),
            estimated_dice=rounded(quality.estimated_dice),
            ejection_fraction_intervals={
                name: IntervalRecord.of(one) for name, one in quality.ejection_fractions.items()
            },
        )


def verdict_line(quality: QualityRecord) -> str:
    """Tell the verdict in one line, that of each ventricle where the two differ, and the keys of its flags.

    >>> from septum.core import Quality
    >>> of_each = {"LV": Verdict.FINE, "RV": Verdict.REVIEW}
    >>> verdict_line(QualityRecord.of(Quality(Verdict.REVIEW, ventricles=of_each)))
    'review (LV fine, RV review)'
    """
    line = quality.verdict.value
    if len(set(quality.ventricles.values())) > 1:
        line += f" ({', '.join(f'{name} {one.value}' for name, one in quality.ventricles.items())})"
    keys = ", ".join(dict.fromkeys(flag.key for flag in quality.flags))
    return f"{line}: {keys}" if keys else line


def _all_rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, DIGITS) for value in values)


def _wall(wall: WallThickness) -> WallThickness:
    return WallThickness(
        end_diastolic_mm=tuple(map(rounded, wall.end_diastolic_mm)),
        end_systolic_mm=tuple(map(rounded, wall.end_systolic_mm)),
        thickening_percent=tuple(map(rounded, wall.thickening_percent)),
    )
