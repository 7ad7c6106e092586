"""What is written around the pictures of a comparison: above each method, and in the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core.errors import InputError
from septum.metrics import dice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from septum.core.geometry import Geometry
    from septum.core.labels import Colour, LabelSchema

    Labels = NDArray[np.uint8]

GROUND_TRUTH = "Ground truth"
#: Colour of the truth where there is but one structure, whose own colour is left to the methods.
TRUTH_COLOUR: Colour = (60, 190, 80)
DICE_NOTE = "Dice: mean over the structures of the whole volume; a missed structure counts 0."
BEYOND = "reaches beyond the view"


@dataclass(frozen=True)
class Heading:
    """Text above a picture.

    Attributes:
        name: of the method.
        score: mean Dice, or empty.
        notes: what a reader must know, such as a structure that was not found.
    """

    name: str
    score: str = ""
    notes: tuple[str, ...] = ()


def check_same_grid(
    truth: Labels, predictions: Mapping[str, Labels], schema: LabelSchema, geometry: Geometry
) -> None:
    """Check that there is something to compare, all of it on one grid.

    Raises:
        InputError: a mask has another shape than the grid, or the truth holds no structure.
    """
    for name, labels in {GROUND_TRUTH: truth, **predictions}.items():
        if labels.shape != geometry.shape:
            raise InputError(
                f"{name}: expected a mask of the image's shape {geometry.shape}, got {labels.shape}; "
                "bring it to the image's grid first."
            )
    if not np.isin(truth, schema.values).any():
        raise InputError(
            f"The ground truth holds none of {', '.join(schema.names)}, so there is nothing to compare; "
            "give a volume that has a structure."
        )


def heading_of(name: str, labels: Labels, truth: Labels, schema: LabelSchema, *, beyond: bool) -> Heading:
    """The heading of one method.

    The mean is over the structures of this volume; a missed one counts 0, and one that neither mask holds
    does not count.

    Args:
        name: of the method.
        labels: its mask, (Z, Y, X).
        truth: the true one, the same shape.
        schema: structures.
        beyond: whether part of the mask lies outside the picture.
    """
    scores = [dice(labels == s.value, truth == s.value) for s in schema.structures]
    mean = np.mean([value for value in scores if value is not None])
    missing = [s.name for s in schema.structures if s.value in truth and s.value not in labels]
    notes = [f"no {', '.join(missing)} found"] if missing else []
    return Heading(name, f"Dice {mean:.3f}", (*notes, *([BEYOND] if beyond else [])))


def legend_of(schema: LabelSchema) -> list[tuple[Colour, str]]:
    """Colours and meanings: of the structures, or with a single one of truth and method."""
    if len(schema.structures) == 1:
        only = schema.structures[0]
        return [(TRUTH_COLOUR, f"ground truth, {only.meaning or only.name}"), (only.colour, "method")]
    return [(s.colour, f"{s.name}  {s.meaning}".rstrip()) for s in schema.structures]
