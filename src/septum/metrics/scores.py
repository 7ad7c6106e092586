"""All scores of one labelled volume against its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Score
from septum.metrics.overlap import dice
from septum.metrics.shapes import require_same_shape
from septum.metrics.surface import surface_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema


def score(
    predicted_labels: NDArray[Any],
    true_labels: NDArray[Any],
    schema: LabelSchema,
    geometry: Geometry,
) -> tuple[Score, ...]:
    """Score every structure of a labelled volume, in mm and in voxels.

    Distances in voxels are those of the same masks with all spacings set to 1. The empty-mask policy is
    that of :mod:`septum.metrics`.

    Args:
        predicted_labels: (Z, Y, X), values as in ``schema``.
        true_labels: the same, the reference.
        schema: the structures to score.
        geometry: grid of both.

    Returns:
        One score for each structure, in the order of ``schema``.

    Raises:
        InputError: the shapes of the masks and of the grid are not all the same.

    >>> from septum.core import LEFT_ATRIUM, Geometry
    >>> predicted, truth = np.array([[[1, 1, 0]]]), np.array([[[0, 1, 1]]])
    >>> (la,) = score(predicted, truth, LEFT_ATRIUM, Geometry((1, 1, 3), (10.0, 10.0, 10.0)))
    >>> la.dice, la.hausdorff_mm, la.predicted_ml
    (0.5, 10.0, 2.0)
    """
    require_same_shape(predicted_labels.shape, true_labels.shape)
    require_same_shape(predicted_labels.shape, geometry.shape)
    return tuple(
        _score_structure(
            structure.name, predicted_labels == structure.value, true_labels == structure.value, geometry
        )
        for structure in schema.structures
    )


def _score_structure(
    name: str, predicted: NDArray[np.bool_], truth: NDArray[np.bool_], geometry: Geometry
) -> Score:
    """Score one structure from its two masks, (Z, Y, X).

    Args:
        name: of the structure.
        predicted: mask (Z, Y, X).
        truth: mask of the same shape.
        geometry: grid of both.
    """
    in_mm = surface_distances(predicted, truth, geometry.spacing_mm)
    in_voxels = surface_distances(predicted, truth, (1.0, 1.0, 1.0))
    predicted_count, true_count = int(predicted.sum()), int(truth.sum())
    return Score(
        structure=name,
        dice=dice(predicted, truth),
        missed=(predicted_count == 0) != (true_count == 0),
        hausdorff_mm=in_mm.hausdorff if in_mm else None,
        asd_mm=in_mm.asd if in_mm else None,
        hausdorff_voxels=in_voxels.hausdorff if in_voxels else None,
        asd_voxels=in_voxels.asd if in_voxels else None,
        predicted_ml=predicted_count * geometry.voxel_volume_ml,
        true_ml=true_count * geometry.voxel_volume_ml,
        diagonal_mm=geometry.diagonal_mm,
        diagonal_voxels=float(np.linalg.norm(geometry.shape)),
    )
