"""Labelled cases as read, and on a network's grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from septum.core import Geometry, Orientation, RecipeError, Volume
from septum.io import read_mask, read_study
from septum.preprocessing import prepare, prepare_labels

if TYPE_CHECKING:
    from septum.datasets import Case, Dataset
    from septum.preprocessing import PreprocessingSettings


#: In mm, and for directions: by so much the headers of an image and its mask may differ.
GRID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class NativeCase:
    """One labelled case as read, slices first.

    Attributes:
        case: where it comes from.
        volume: image, native grid.
        labels: (Z, Y, X) uint8 on the same grid, values as in the data set's schema.
    """

    case: Case
    volume: Volume
    labels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True)
class PreparedCase:
    """One labelled case on a network's grid.

    Attributes:
        name: of the case.
        patient: whose image it is.
        geometry: grid of both tensors.
        image: (Z, Y, X) float32, normalised over the volume.
        classes: (Z, Y, X) uint8, 0 background, then the schema's structures in channel order.
        content: hash of the files and settings that it was prepared from; empty if it was not asked for.
    """

    name: str
    patient: str
    geometry: Geometry
    image: Tensor
    classes: Tensor
    content: str = ""

    def on(self, device: torch.device) -> PreparedCase:
        """The same case with its tensors on a device."""
        return replace(self, image=self.image.to(device), classes=self.classes.to(device))


def read_case(case: Case, dataset: Dataset) -> NativeCase:
    """Read image and mask and bring the slices to the front.

    Raises:
        RecipeError: the image has several frames, image and mask do not lie on one grid, or the mask has a
            value that means nothing.
    """
    study, mask = read_study(case.image, wanted=dataset.input), read_mask(case.mask)
    if case.frame is None and len(study.cine) != 1:
        raise RecipeError(
            f"{case.image}: expected a single volume, got a cine of {len(study.cine)} frames; give each "
            "labelled frame as a case of its own."
        )
    if study.cine.array.shape != mask.cine.array.shape:
        raise RecipeError(
            f"{case.mask}: expected the shape of its image, {study.cine.array.shape}, "
            f"got {mask.cine.array.shape}; restore the file."
        )
    if not _same_grid(study.cine.geometry, mask.cine.geometry):
        raise RecipeError(
            f"{case.mask}: expected the spacing, {study.cine.geometry.spacing_mm} mm, origin and directions "
            f"of its image, got another grid with {mask.cine.geometry.spacing_mm} mm; restore the file."
        )
    orientation = Orientation.of(study.cine.geometry)
    frame = case.frame or 0
    labels = orientation.apply(mask.cine.array[frame])
    mapped = np.zeros(labels.shape, dtype=np.uint8)
    values = dataset.mask_values or {v: v for v in dataset.schema.values}
    unknown = sorted(set(np.unique(labels).tolist()) - {0, *values})
    if unknown:
        raise RecipeError(
            f"{case.mask}: expected the values {sorted({0, *values})}, got {unknown[:3]}, too; restore the "
            "file."
        )
    for found, meant in values.items():
        mapped[labels == found] = meant
    voxels = orientation.apply(study.cine.array[frame]).copy()  # not the whole cine with it
    volume = Volume(voxels, study.cine.geometry.permuted(orientation.axes))
    return NativeCase(case, volume, mapped)


def _same_grid(ours: Geometry, theirs: Geometry) -> bool:
    """Whether two grids of one shape are the same, up to what a header's rounding explains."""
    return (
        np.allclose(ours.spacing_mm, theirs.spacing_mm, rtol=0, atol=GRID_TOLERANCE)
        and np.allclose(ours.origin_mm, theirs.origin_mm, rtol=0, atol=GRID_TOLERANCE)
        and np.allclose(ours.direction, theirs.direction, rtol=0, atol=GRID_TOLERANCE)
    )


def prepare_case(
    native: NativeCase, values: tuple[int, ...], settings: PreprocessingSettings
) -> PreparedCase:
    """Bring one case to a network's grid; ``values`` are the mask values in channel order."""
    prepared = prepare(native.volume, settings)
    on_grid = prepare_labels(native.labels, values, native.volume.geometry, settings)
    classes = np.zeros(on_grid.shape, dtype=np.uint8)
    for channel, value in enumerate(values, start=1):
        classes[on_grid == value] = channel
    return PreparedCase(
        native.case.name,
        native.case.patient,
        prepared.geometry,
        torch.from_numpy(np.ascontiguousarray(prepared.array)),
        torch.from_numpy(classes),
    )
