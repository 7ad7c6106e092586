"""Each clinical index with its name, unit, words and computation; in the order of files.

A new index is a line in :data:`DEFINITIONS`, with a function of :class:`septum.indices.measured.Measured`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from septum.core import Index, Role
from septum.core.clinical import EJECTION_FRACTION, myocardial_mass_g
from septum.core.strain import ENDOCARDIAL, EPICARDIAL, MIDWALL, RADIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from septum.indices.measured import Measured

_SUM = (
    "sum over slices of area times the distance of slice centres, papillary muscles in the cavity "
    "(Schulz-Menger 2020)"
)
_CURVE = "of a Fourier series of low order that is fitted to the LV volumes (Bacharach 1983)"
_MASS = "times 1.05 g/ml, without papillary muscles (Schulz-Menger 2020)"
_BORDERS = "from the borders of the mask in slices that stay where they are; nothing is tracked (Voigt 2015)"
_STILL = "a single frame whose phase is not known"


@dataclass(frozen=True)
class Definition:
    """One index.

    Attributes:
        key: name in files, with its unit.
        title: name for people.
        unit: of the value.
        text: how it is obtained, one sentence.
        attribute: its name among the indices of its structure, as in ``indices["LV"].stroke_volume_ml``.
        compute: gives the value of a measured mask, in ``unit``; ``None`` where it has none.
        indexed: whether it is also given by body surface area.
        structure: that it describes.
        needs: role of the structure without which there is no such index; ``None``: the same.
        of: ``beat``, of end-diastole and end-systole; ``frame``, of a single one whose phase is not known;
            ``mask``, of any mask.
    """

    key: str
    title: str
    unit: str
    text: str
    attribute: str
    compute: Callable[[Measured], float | None]
    indexed: bool = True
    structure: Role = Role.LV
    needs: Role | None = None
    of: Literal["beat", "frame", "mask"] = "beat"

    def applies(self, structures: Container[str], *, beats: bool) -> bool:
        """Tell whether it is missed where it has no value; a single frame has what its mask has.

        Args:
            structures: of the mask.
            beats: whether its end-diastole and end-systole are known.
        """
        there = (self.needs or self.structure) in structures
        return there and (self.of == "mask" or (self.of == "beat" and beats))

    def index(self, value: float | None, body_surface_area_m2: float | None) -> Index:
        """Make the index with this value."""
        by_area = None
        if self.indexed and value is not None and body_surface_area_m2 is not None:
            by_area = value / body_surface_area_m2
        return Index(
            self.key, self.title, value, self.unit, by_area, self.text, self.structure.value, self.attribute
        )


def edv_ml(measured: Measured, role: Role) -> float | None:
    """Give the end-diastolic volume; ``None`` for an empty cavity."""
    return measured.end_diastolic_ml(role)


def esv_ml(measured: Measured, role: Role) -> float | None:
    """Give the end-systolic volume; ``None`` in a beat without an end-diastolic one."""
    if measured.phases is not None and measured.end_diastolic_ml(role) is None:
        return None
    return measured.end_systolic_ml(role)


def stroke_volume_ml(measured: Measured, role: Role) -> float | None:
    """Give EDV - ESV."""
    full, emptied = edv_ml(measured, role), esv_ml(measured, role)
    return None if full is None or emptied is None else full - emptied


def ejection_fraction_percent(measured: Measured, role: Role) -> float | None:
    """Give 100 (EDV - ESV) / EDV."""
    full, stroke = edv_ml(measured, role), stroke_volume_ml(measured, role)
    return None if full is None or stroke is None else 100.0 * stroke / full


def cardiac_output_l_min(measured: Measured) -> float | None:
    """Give the LV's stroke volume times the heart rate."""
    stroke, rate = stroke_volume_ml(measured, Role.LV), measured.time.heart_rate_bpm
    return None if stroke is None or rate is None else stroke * rate.value / 1000.0


def still_ml(measured: Measured, role: Role) -> float | None:
    """Give the volume in a single frame whose phase is not known."""
    return measured.still_ml(role)


def mass_g(volume_ml: float | None) -> float | None:
    """Give the mass of a myocardial volume; ``None`` where there is none."""
    return None if not volume_ml else myocardial_mass_g(volume_ml)


def _of_cavity(name: Role) -> tuple[Definition, ...]:
    key, whose = name.lower(), "" if name is Role.LV else "the LV's "
    return (
        Definition(
            f"{key}_edv_ml", f"{name} end-diastolic volume", "ml", f"Cavity at {whose}end-diastole: {_SUM}.",
            "end_diastolic_volume_ml", partial(edv_ml, role=name), structure=name,
        ),
        Definition(
            f"{key}_esv_ml", f"{name} end-systolic volume", "ml", f"Cavity at {whose}end-systole: {_SUM}.",
            "end_systolic_volume_ml", partial(esv_ml, role=name), structure=name,
        ),
        Definition(
            f"{key}_sv_ml", f"{name} stroke volume", "ml", "EDV − ESV.", "stroke_volume_ml",
            partial(stroke_volume_ml, role=name), structure=name,
        ),
        Definition(
            f"{key}_ef_percent", f"{name} ejection fraction", "%", "100 (EDV − ESV) / EDV.",
            EJECTION_FRACTION, partial(ejection_fraction_percent, role=name), indexed=False, structure=name,
        ),
    )  # fmt: skip


def peak_strain_percent(measured: Measured, name: str) -> float | None:
    """Give the peak of a strain of the whole wall."""
    curve = measured.strain_curve(name)
    return None if curve is None else curve.peak_percent


def time_to_peak_strain_ms(measured: Measured, name: str) -> float | None:
    """Give the time from end-diastole to the peak of a strain of the whole wall."""
    curve = measured.strain_curve(name)
    return None if curve is None else curve.time_to_peak_ms


def _strain(key: str, title: str, text: str, attribute: str, name: str) -> Definition:
    return Definition(
        key, title, "%", text, attribute, partial(peak_strain_percent, name=name), indexed=False,
        needs=Role.MYO,
    )  # fmt: skip


_OF_STRAIN = (
    *(
        _strain(
            f"lv_gcs_{layer}_percent", f"LV global circumferential strain, {words}",
            f"Largest shortening of {line} relative to end-diastole, {_BORDERS}.",
            f"global_circumferential_strain_{name.rpartition('_')[2]}_percent", name,
        )
        for layer, words, line, name in (
            ("endo", "endocardial", "the inner border of the wall", ENDOCARDIAL),
            ("mid", "mid-wall", "the line midway between the borders of the wall", MIDWALL),
            ("epi", "epicardial", "the outer border of the wall", EPICARDIAL),
        )
    ),
    _strain(
        "lv_grs_percent", "LV global radial strain",
        f"Largest thickening of the wall relative to end-diastole, {_BORDERS}.",
        "global_radial_strain_percent", RADIAL,
    ),
    Definition(
        "lv_time_to_peak_gcs_ms", "LV time to peak circumferential strain", "ms",
        "From end-diastole to the largest shortening of the line midway between the borders of the wall.",
        "time_to_peak_circumferential_strain_ms", partial(time_to_peak_strain_ms, name=MIDWALL),
        indexed=False, needs=Role.MYO,
    ),
    Definition(
        "lv_time_to_peak_grs_ms", "LV time to peak radial strain", "ms",
        "From end-diastole to the largest thickening of the wall.", "time_to_peak_radial_strain_ms",
        partial(time_to_peak_strain_ms, name=RADIAL), indexed=False, needs=Role.MYO,
    ),
)  # fmt: skip

#: All indices of a short-axis study, and that of the left atrium.
DEFINITIONS: tuple[Definition, ...] = (
    *_of_cavity(Role.LV),
    Definition(
        "lv_mass_ed_g", "LV mass at end-diastole", "g", f"Myocardial volume at end-diastole {_MASS}.",
        "mass_at_end_diastole_g", lambda measured: mass_g(measured.end_diastolic_ml(Role.MYO)),
        needs=Role.MYO,
    ),
    Definition(
        "lv_mass_es_g", "LV mass at end-systole", "g", f"Myocardial volume at end-systole {_MASS}.",
        "mass_at_end_systole_g", lambda measured: mass_g(measured.end_systolic_ml(Role.MYO)),
        needs=Role.MYO,
    ),
    Definition(
        "cardiac_output_l_min", "Cardiac output", "l/min", "LV stroke volume times heart rate.",
        "cardiac_output_l_min", cardiac_output_l_min,
    ),
    *_of_cavity(Role.RV),
    Definition(
        "lv_peak_ejection_rate_ml_s", "LV peak ejection rate", "ml/s",
        f"Steepest fall between end-diastole and end-systole {_CURVE}.", "peak_ejection_rate_ml_s",
        lambda measured: measured.rates.ejection_ml_s if measured.rates else None,
    ),
    Definition(
        "lv_time_to_peak_ejection_ms", "LV time to peak ejection", "ms",
        "From end-diastole to the peak ejection rate.", "time_to_peak_ejection_ms",
        lambda measured: measured.rates.ejection_ms if measured.rates else None, indexed=False,
    ),
    Definition(
        "lv_peak_filling_rate_ml_s", "LV peak filling rate", "ml/s",
        f"Steepest rise between end-systole and end-diastole {_CURVE}.", "peak_filling_rate_ml_s",
        lambda measured: measured.rates.filling_ml_s if measured.rates else None,
    ),
    Definition(
        "lv_time_to_peak_filling_ms", "LV time to peak filling", "ms",
        "From end-systole to the peak filling rate.", "time_to_peak_filling_ms",
        lambda measured: measured.rates.filling_ms if measured.rates else None, indexed=False,
    ),
    *_OF_STRAIN,
    Definition(
        "la_volume_ml", "LA volume", "ml",
        "Left atrial cavity, in the only frame or in that where it is largest: sum over slices of area times "
        "the distance of slice centres.", "volume_ml", lambda measured: measured.largest_ml(Role.LA),
        structure=Role.LA, of="mask",
    ),
    *(
        Definition(
            f"{role.lower()}_volume_ml", f"{role} volume", "ml", f"Cavity in {_STILL}: {_SUM}.",
            "volume_ml", partial(still_ml, role=role), structure=role, of="frame",
        )
        for role in (Role.LV, Role.RV)
    ),
    Definition(
        "lv_mass_g", "LV mass", "g", f"Myocardial volume in {_STILL} {_MASS}.", "mass_g",
        lambda measured: mass_g(measured.still_ml(Role.MYO)), needs=Role.MYO, of="frame",
    ),
)  # fmt: skip
