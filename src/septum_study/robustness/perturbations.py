"""The perturbations by which robustness is measured, and their levels for each kind of images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from septum.datasets import facts_of
from septum_study.robustness import grid_perturbations as grid
from septum_study.robustness import image_perturbations as image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from septum.core import StackKind
    from septum_study.scan import Scan

Level = float | str

#: Raised when a perturbation gives another image than before, so that older results are not taken over.
VERSION = 1
#: Name, and sole level, of the image as it is.
NONE = "none"


@dataclass(frozen=True)
class Perturbation:
    """One way in which images of another scanner differ.

    Attributes:
        title: what panels and tables call it.
        unit: of its levels, with a space before it where there is one; empty for names.
        apply: scan, level and generator to the scan of that level, or ``None`` where it cannot be had.
        levels: by kind of images, in the order in which they are shown.
    """

    title: str
    unit: str
    apply: Callable[[Scan, Any, np.random.Generator], Scan | None]
    levels: Mapping[StackKind, tuple[Level, ...]] = field(default_factory=dict)


CINE: Final = "cine"
LATE: Final = "late-gadolinium"
ORDERS = ("mirrored", "slices reversed")
ROTATIONS = (45, 90, 135, 180, 225, 270, 315)

#: By name, in the order in which they are measured and shown; :data:`NONE` comes before all of them.
PERTURBATIONS: dict[str, Perturbation] = {
    "scale": Perturbation(
        "Intensity scale", " ×", image.scale, {CINE: (0.01, 100), LATE: (0.01, 100)}
    ),
    "offset": Perturbation(
        "Intensity offset", " × signal", image.offset, {CINE: (-1, 10), LATE: (-1, 10)}
    ),
    "noise": Perturbation(
        "Rician noise", " × signal", image.noise, {CINE: (0.05, 0.1, 0.2), LATE: (0.05, 0.1, 0.2)}
    ),
    "ghost": Perturbation(
        "Ghosts, strength", "", image.ghost, {CINE: (0.25, 0.5, 0.75), LATE: (0.25, 0.5, 0.75)}
    ),
    "shading": Perturbation(
        "Coil shading, brightest to darkest", " ×", image.shading, {CINE: (2, 4, 8), LATE: (2, 4, 8)}
    ),
    "field-of-view": Perturbation(
        "Field of view", " mm", grid.field_of_view,
        {CINE: (200, 250, 300, 400, 500), LATE: (200, 300, 400)},
    ),
    "resolution": Perturbation(
        "Spacing in plane", " mm", grid.resolution, {CINE: (0.7, 1, 2), LATE: (1, 1.4, 2)}
    ),
    "slice-thickness": Perturbation(
        "Slice thickness", " mm", grid.slice_thickness, {CINE: (5, 6, 8, 12), LATE: (1.25, 2.5, 5, 8)}
    ),
    "skipped-slices": Perturbation(
        "Every n-th slice", "", grid.skipped_slices, {CINE: (2, 3), LATE: (2, 4, 8)}
    ),
    "slice-count": Perturbation(
        "Number of slices", "", grid.slice_count, {CINE: (4, 6, 8, 14, 20), LATE: (44, 66, 132)}
    ),
    "missing-base": Perturbation(
        "Slices missing at the base", "", grid.missing_base, {CINE: (1, 2, 3, 4), LATE: (8, 16, 24)}
    ),
    "missing-apex": Perturbation(
        "Slices missing at the apex", "", grid.missing_apex, {CINE: (1, 2, 3, 4), LATE: (8, 16, 24)}
    ),
    "rotation": Perturbation(
        "Rotation in plane", "°", grid.rotation, {CINE: ROTATIONS, LATE: (45, 90, 180, 270)}
    ),
    "order": Perturbation(
        "Order of voxels", "", grid.reversal, {CINE: ORDERS, LATE: ORDERS}
    ),
}  # fmt: skip


def levels_of(name: str, dataset: str) -> tuple[str, ...]:
    """The levels of a perturbation, or of :data:`NONE`, for the images of a data set, as results write them.

    Raises:
        RecipeError: the data set is not published.
    """
    if name == NONE:
        return (NONE,)
    return tuple(map(_text, PERTURBATIONS[name].levels.get(facts_of(dataset).input, ())))


def perturbed(scan: Scan, name: str, level: str, case: str) -> Scan | None:
    """A scan at one level of a perturbation.

    What is random is drawn from a generator that case and perturbation seed: it does not depend on what else
    is measured, and is the same at each level, so that a curve shows the level alone.

    Args:
        scan: image and truth as they are.
        name: of a perturbation, or :data:`NONE`.
        level: one of :func:`levels_of`.
        case: name of the case.
    """
    if name == NONE:
        return scan
    seed = hashlib.sha256(f"{VERSION} {case} {name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    value = next(v for levels in PERTURBATIONS[name].levels.values() for v in levels if _text(v) == level)
    return PERTURBATIONS[name].apply(scan, value, rng)


def _text(level: Level) -> str:
    return level if isinstance(level, str) else f"{level:g}"
