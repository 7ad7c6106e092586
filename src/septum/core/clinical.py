"""What a study comes to: clinical indices, the phases they are taken at, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core.notes import Known, Note
    from septum.core.strain import Strain

#: Stands with all that is reported of a study.
STATEMENT = "For research use only. Not a medical device; not to be used to diagnose or to treat."
#: Attribute of a structure's ejection fraction, which has an interval and flags of its own.
EJECTION_FRACTION = "ejection_fraction_percent"
#: Density of myocardium. Source: Schulz-Menger et al., J Cardiovasc Magn Reson 22:19, 2020.
MYOCARDIAL_DENSITY_G_PER_ML = 1.05


def myocardial_mass_g(volume_ml: float) -> float:
    """Convert a myocardial volume in ml to a mass in g.

    >>> myocardial_mass_g(100.0)
    105.0
    """
    return MYOCARDIAL_DENSITY_G_PER_ML * volume_ml


@dataclass(frozen=True)
class CardiacPhases:
    """Frames of end-diastole and end-systole, counted from 0.

    Attributes:
        end_diastole, end_systole: frame numbers.
        confidence: 0 to 1, how clearly the volume curve tells them; 1 where both were given.
        given: which of ``end_diastole`` and ``end_systole`` were given, by the user or the names of files.
    """

    end_diastole: int
    end_systole: int
    confidence: float
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Index:
    """One clinical number.

    Attributes:
        key: name in JSON and CSV with its unit, such as ``lv_edv_ml``.
        title: name for people, such as ``LV end-diastolic volume``.
        value: in ``unit``; ``None`` where it is not known.
        unit: such as ``ml``, ``%``, ``g``, ``l/min``, ``ml/s``, ``ms``.
        indexed: divided by body surface area, in ``unit`` a square metre; ``None`` without it, or where that
            makes no sense.
        definition: one sentence that says how it was obtained, with its source.
        structure: name of the structure that it describes, such as ``LV``.
        attribute: its name among the indices of that structure, such as ``end_diastolic_volume_ml``.
    """

    key: str
    title: str
    value: float | None
    unit: str
    indexed: float | None = None
    definition: str = ""
    structure: str = ""
    attribute: str = ""


@dataclass(frozen=True)
class WallThickness:
    """Wall thickness by AHA segment: 1-6 basal, 7-12 mid, 13-16 apical, 17 apex.

    Attributes:
        end_diastolic_mm, end_systolic_mm: 17 means in mm, ``None`` where a segment is not to be seen.
        thickening_percent: (ES - ED) / ED, in percent.
    """

    end_diastolic_mm: tuple[float | None, ...]
    end_systolic_mm: tuple[float | None, ...]
    thickening_percent: tuple[float | None, ...]


@dataclass(frozen=True)
class StructureIndices:
    """The indices of one structure as attributes; ``None`` where one is not known.

    Attributes:
        structure: name of the structure.
        values: each index by the name of its attribute.

    >>> StructureIndices("LV", {"ejection_fraction_percent": 60.0}).ejection_fraction_percent
    60.0
    """

    structure: str
    values: Mapping[str, float | None]

    def __getattr__(self, name: str) -> float | None:
        """Give an index by its attribute's name.

        Raises:
            AttributeError: there is no such index; the known names are listed.
        """
        if name in ("structure", "values") or name.startswith("__"):  # while it is being copied
            raise AttributeError(name)
        if name not in self.values:
            known = ", ".join(self.values)
            raise AttributeError(f"{self.structure} has no index {name!r}: expected one of {known}")
        return self.values[name]

    def __dir__(self) -> list[str]:
        """List the indices among the attributes."""
        return [*super().__dir__(), *self.values]


@dataclass(frozen=True)
class Indices:
    """All clinical numbers of a study.

    Attributes:
        phases: frames they are taken at; ``None`` for a single frame, or if all volumes are the same.
        volumes_ml: structure to one volume in ml a frame.
        times_ms: time of each frame in ms, if known.
        items: the numbers, in the order in which they are shown.
        wall: wall thickness, where there is a left ventricle.
        body_surface_area_m2: and the formula that gave it, if height and weight are known; derived from them.
        body_surface_area_formula: ``Du Bois`` or ``Mosteller``.
        height_m, weight_kg: with their source, if known.
        heart_rate_bpm: used for cardiac output, with its source: given, of the file, or derived from the span
            of the frames; ``None`` if it is not known.
        notes: what had to be settled, each with a key.
        strain: of the LV wall, where a slice of a cine shows it.
    """

    phases: CardiacPhases | None
    volumes_ml: Mapping[str, tuple[float, ...]]
    times_ms: tuple[float, ...] | None
    items: tuple[Index, ...]
    wall: WallThickness | None = None
    body_surface_area_m2: Known[float] | None = None
    body_surface_area_formula: str | None = None
    height_m: Known[float] | None = None
    weight_kg: Known[float] | None = None
    heart_rate_bpm: Known[float] | None = None
    notes: tuple[Note, ...] = ()
    strain: Strain | None = None

    def value(self, key: str) -> float | None:
        """Look up an index by its key; ``None`` where it has no value or is not there.

        >>> Indices(None, {}, None, (Index("lv_ef_percent", "LV EF", 60.0, "%"),)).value("lv_ef_percent")
        60.0
        """
        return next((item.value for item in self.items if item.key == key), None)

    def __getitem__(self, structure: str) -> StructureIndices:
        """Give the indices of one structure by attribute, such as ``indices["LV"].stroke_volume_ml``.

        Raises:
            KeyError: the mask has no such structure, or no index describes it; the known names are listed.
        """
        found = {item.attribute: item.value for item in self.items if item.structure == structure}
        if structure not in self.volumes_ml or not found:
            if any(item.key == structure for item in self.items):
                raise KeyError(f"{structure!r} is no structure; its value is indices.value({structure!r})")
            known = sorted({item.structure for item in self.items} & self.volumes_ml.keys())
            raise KeyError(f"{structure!r}: expected one of {', '.join(known)}")
        return StructureIndices(structure, found)

    @property
    def ejection_fractions_percent(self) -> dict[str, float]:
        """Ejection fraction of each ventricle that has one, by name."""
        return {
            item.structure: item.value
            for item in self.items
            if item.attribute == EJECTION_FRACTION and item.value is not None
        }


class Verdict(StrEnum):
    """What to do with a mask."""

    FINE = "fine"
    REVIEW = "review"
    REJECT = "reject"


@dataclass(frozen=True)
class Flag:
    """One reason to look at a mask.

    Attributes:
        key: such as ``stroke_volume_mismatch``.
        verdict: ``REVIEW`` or ``REJECT``.
        reason: one sentence with its numbers.
        value, limit: what was found and what is still accepted, where it is a number.
        structures: which structures it is about; empty where it concerns all of them.
    """

    key: str
    verdict: Verdict
    reason: str
    value: float | None = None
    limit: float | None = None
    structures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bias:
    """How far a number was off where the true one is known.

    Attributes:
        mean: measured minus true, in the unit of the number: below 0 where it came out too small.
        sd: sample standard deviation of these differences.
        patients: number of patients.
    """

    mean: float
    sd: float
    patients: int


@dataclass(frozen=True)
class EjectionFractionInterval:
    """Where the true ejection fraction of a ventricle is to be expected.

    Attributes:
        low_percent, high_percent: its ends, within 0 to 100.
        coverage: share of studies, like those that it was fitted to, whose true ejection fraction such an
            interval is made to hold.
        bias: of the model's ejection fractions of this ventricle, in points, in patients new to it.
    """

    low_percent: float
    high_percent: float
    coverage: float | None = None
    bias: Bias | None = None


@dataclass(frozen=True)
class Quality:
    """How far a mask is to be trusted.

    Attributes:
        verdict: the worst of the flags, ``FINE`` without any.
        ventricles: verdict on each ventricle by name, the worst of the flags that concern it.
        flags: the reasons.
        estimated_dice: mean Dice expected of such a mask, or ``None`` where that was not calibrated.
        ejection_fractions: interval of each ventricle that has one, by name.
        overlaps: Dice coefficient that the segmenter expects of each ventricle's mask, the lesser of both
            phases, by name; of those that have an interval.
    """

    verdict: Verdict
    flags: tuple[Flag, ...] = ()
    estimated_dice: float | None = None
    ejection_fractions: Mapping[str, EjectionFractionInterval] = field(default_factory=dict)
    ventricles: Mapping[str, Verdict] = field(default_factory=dict)
    overlaps: Mapping[str, float] = field(default_factory=dict)
