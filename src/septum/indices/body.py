"""Body surface area, by which volumes, mass and output are indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from septum.core import Known, Level, Note, SeptumError, Source
from septum.core.subject import HEIGHT_M, WEIGHT_KG

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.core import Subject

BodySurfaceArea = Literal["du-bois", "mosteller"]

NO_SIZE = Note("body_size_unknown", "Height or weight is not known: nothing is indexed to body surface area.")


def du_bois_m2(height_m: float, weight_kg: float) -> float:
    """Compute 0.007184 W^0.425 H^0.725 in m2, W in kg and H in cm.

    Source: Du Bois D, Du Bois EF. A formula to estimate the approximate surface area if height and weight be
    known. Arch Intern Med 1916; 17:863-871.

    >>> round(du_bois_m2(1.8, 75.0), 2)
    1.94
    """
    return 0.007184 * float(weight_kg**0.425) * float((100.0 * height_m) ** 0.725)


def mosteller_m2(height_m: float, weight_kg: float) -> float:
    """Compute the square root of W H / 3600 in m2, W in kg and H in cm.

    Source: Mosteller RD. Simplified calculation of body-surface area. N Engl J Med 1987; 317:1098.

    >>> mosteller_m2(1.8, 80.0)  # 80 * 180 / 3600 is 4
    2.0
    """
    return float((100.0 * height_m * weight_kg / 3600.0) ** 0.5)


#: Formula by the name that chooses it: what it is called, and the function of height in m and weight in kg.
FORMULAS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "du-bois": ("Du Bois", du_bois_m2),
    "mosteller": ("Mosteller", mosteller_m2),
}


def surface_area(subject: Subject, formula: str) -> tuple[Known[float] | None, str, tuple[Note, ...]]:
    """Derive the body surface area in m2, with the formula's name and notes.

    Args:
        subject: height and weight, as far as known.
        formula: ``du-bois`` or ``mosteller``.

    Raises:
        SeptumError: there is no such formula.

    >>> from septum.core import Subject
    >>> known, name, _ = surface_area(Subject.of(height_m=1.8, weight_kg=80.0), "mosteller")
    >>> known.value, name
    (2.0, 'Mosteller')
    """
    if formula not in FORMULAS:
        raise SeptumError(
            f"body_surface_area: expected one of {', '.join(sorted(FORMULAS))}, got {formula!r}; choose one."
        )
    name, function = FORMULAS[formula]
    if subject.height_m is None or subject.weight_kg is None:
        return None, name, (NO_SIZE,)
    height_m, weight_kg = subject.height_m.value, subject.weight_kg.value
    if not (HEIGHT_M[0] <= height_m <= HEIGHT_M[1] and WEIGHT_KG[0] <= weight_kg <= WEIGHT_KG[1]):
        text = (
            f"A height of {height_m:g} m and a weight of {weight_kg:g} kg are not those of a human being: "
            "nothing is indexed to body surface area."
        )
        return None, name, (Note("body_size_not_believed", text, Level.WARNING),)
    return Known(function(height_m, weight_kg), Source.DERIVED), name, ()
