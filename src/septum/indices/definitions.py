"""What each clinical index is called, its unit, and how it is obtained; in the order of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from septum.core import Index, Role
from septum.core.clinical import EJECTION_FRACTION

if TYPE_CHECKING:
    from collections.abc import Container

_SUM = (
    "sum over slices of area times the distance of slice centres, papillary muscles in the cavity "
    "(Schulz-Menger 2020)"
)
_CURVE = "of a Fourier series of low order that is fitted to the LV volumes (Bacharach 1983)"


@dataclass(frozen=True)
class Definition:
    """One index.

    Attributes:
        key: name in files, with its unit.
        title: name for people.
        unit: of the value.
        text: how it is obtained, one sentence.
        indexed: whether it is also told by body surface area.
        attribute: its name among the indices of its structure, as in ``indices["LV"].stroke_volume_ml``.
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
    indexed: bool = True
    structure: Role = Role.LV
    needs: Role | None = None
    of: Literal["beat", "frame", "mask"] = "beat"

    def applies(self, structures: Container[str], *, beats: bool) -> bool:
        """Whether it is missed where it has no value; a single frame has what its mask has.

        Args:
            structures: of the mask.
            beats: whether its end-diastole and end-systole are known.
        """
        there = (self.needs or self.structure) in structures
        return there and (self.of == "mask" or (self.of == "beat" and beats))

    def index(self, value: float | None, body_surface_area_m2: float | None) -> Index:
        """The index with this value."""
        by_area = None
        if self.indexed and value is not None and body_surface_area_m2 is not None:
            by_area = value / body_surface_area_m2
        return Index(
            self.key, self.title, value, self.unit, by_area, self.text, self.structure.value, self.attribute
        )


def _of_cavity(name: Role) -> tuple[Definition, ...]:
    key, whose = name.lower(), "" if name is Role.LV else "the LV's "
    return (
        Definition(
            f"{key}_edv_ml", f"{name} end-diastolic volume", "ml", f"Cavity at {whose}end-diastole: {_SUM}.",
            "end_diastolic_volume_ml", structure=name,
        ),
        Definition(
            f"{key}_esv_ml", f"{name} end-systolic volume", "ml", f"Cavity at {whose}end-systole: {_SUM}.",
            "end_systolic_volume_ml", structure=name,
        ),
        Definition(
            f"{key}_sv_ml", f"{name} stroke volume", "ml", "EDV − ESV.", "stroke_volume_ml", structure=name,
        ),
        Definition(
            f"{key}_ef_percent", f"{name} ejection fraction", "%", "100 (EDV − ESV) / EDV.",
            EJECTION_FRACTION, indexed=False, structure=name,
        ),
    )  # fmt: skip


_MASS = "times 1.05 g/ml, without papillary muscles (Schulz-Menger 2020)"
_STILL = "a single frame whose phase is not known"

#: All indices of a short-axis study, and that of the left atrium.
DEFINITIONS: tuple[Definition, ...] = (
    *_of_cavity(Role.LV),
    Definition(
        "lv_mass_ed_g", "LV mass at end-diastole", "g", f"Myocardial volume at end-diastole {_MASS}.",
        "mass_at_end_diastole_g", needs=Role.MYO,
    ),
    Definition(
        "lv_mass_es_g", "LV mass at end-systole", "g", f"Myocardial volume at end-systole {_MASS}.",
        "mass_at_end_systole_g", needs=Role.MYO,
    ),
    Definition(
        "cardiac_output_l_min", "Cardiac output", "l/min", "LV stroke volume times heart rate.",
        "cardiac_output_l_min",
    ),
    *_of_cavity(Role.RV),
    Definition(
        "lv_peak_ejection_rate_ml_s", "LV peak ejection rate", "ml/s",
        f"Steepest fall between end-diastole and end-systole {_CURVE}.", "peak_ejection_rate_ml_s",
    ),
    Definition(
        "lv_time_to_peak_ejection_ms", "LV time to peak ejection", "ms",
        "From end-diastole to the peak ejection rate.", "time_to_peak_ejection_ms", indexed=False,
    ),
    Definition(
        "lv_peak_filling_rate_ml_s", "LV peak filling rate", "ml/s",
        f"Steepest rise between end-systole and end-diastole {_CURVE}.", "peak_filling_rate_ml_s",
    ),
    Definition(
        "lv_time_to_peak_filling_ms", "LV time to peak filling", "ms",
        "From end-systole to the peak filling rate.", "time_to_peak_filling_ms", indexed=False,
    ),
    Definition(
        "la_volume_ml", "LA volume", "ml",
        "Left atrial cavity, in the only frame or in that where it is largest: sum over slices of area times "
        "the distance of slice centres.", "volume_ml", structure=Role.LA, of="mask",
    ),
    *(
        Definition(
            f"{name.lower()}_volume_ml", f"{name} volume", "ml", f"Cavity in {_STILL}: {_SUM}.",
            "volume_ml", structure=name, of="frame",
        )
        for name in (Role.LV, Role.RV)
    ),
    Definition(
        "lv_mass_g", "LV mass", "g", f"Myocardial volume in {_STILL} {_MASS}.", "mass_g", needs=Role.MYO,
        of="frame",
    ),
)  # fmt: skip
