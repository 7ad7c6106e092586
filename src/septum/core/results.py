"""Result types that rooms hand to each other: plain values with units in their names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from septum.core.region import Region


class LocalisationPath(StrEnum):
    """How the region of interest was found.

    Segmenting takes one of the first four, from the best evidence to none. The others belong to comparisons:
    the soft-argmax of the first network's logits, a box detector, the truth, and the whole volume.
    """

    MAP = "map"
    COARSE_MASK = "coarse_mask"
    TRAINING_CENTRE = "training_centre"
    IMAGE_CENTRE = "image_centre"
    SOFT_ARGMAX = "soft_argmax"
    DETECTOR = "detector"
    TRUTH = "truth"
    WHOLE = "whole"


@dataclass(frozen=True)
class Localisation:
    """A region of interest and how it was found.

    Attributes:
        region: on the grid on which the segmenter works, or on that of the image where it stands in a file.
        path: the evidence used.
        enlarged: whether the region was widened because the mask touched its border.
        cut_off: the mask still touches the region's border inside the image.
    """

    region: Region
    path: LocalisationPath
    enlarged: bool = False
    cut_off: bool = False


@dataclass(frozen=True)
class PartReport:
    """How the training of one network of a method went.

    Attributes:
        name: of the part, such as ``segmenter``.
        epochs: how many it took.
        best_epoch: whose weights are used; the last one without validation.
        validation: the score of that epoch, or ``None``.
        seconds: of all epochs.
        stopped: ``patience``, ``epochs`` (the most that its settings allow) or ``capped``.
        parameters: number of the network's parameters.
        rounded: how often it was taken up from a checkpoint whose weights are rounded.
        made_by: device, version of torch and commit of the code that finished it.
    """

    name: str
    epochs: int
    best_epoch: int
    validation: float | None
    seconds: float
    stopped: str
    parameters: int
    rounded: int = 0
    made_by: str = ""


@dataclass(frozen=True)
class Score:
    """Agreement of one predicted structure with its truth.

    Distances are ``None`` where they are not defined (see ``metrics`` for the empty-mask policy).

    Attributes:
        structure: name, as in the label schema.
        dice: 0 to 1, or ``None`` if both masks are empty (not scored).
        missed: one of the masks is empty and the other is not.
        hausdorff_mm, asd_mm: symmetric maximum and average surface distance in mm.
        hausdorff_voxels, asd_voxels: the same with all spacings set to 1.
        predicted_ml, true_ml: volumes in ml.
        diagonal_mm: space diagonal of the volume, which stands for the distance of a missed structure.
        diagonal_voxels: the same with all spacings set to 1.
    """

    structure: str
    dice: float | None
    missed: bool
    hausdorff_mm: float | None
    asd_mm: float | None
    hausdorff_voxels: float | None
    asd_voxels: float | None
    predicted_ml: float
    true_ml: float
    diagonal_mm: float
    diagonal_voxels: float
