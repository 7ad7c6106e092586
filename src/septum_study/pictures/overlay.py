"""Slices of one volume with the truth and the masks of several methods over them, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.report.tiles import View, choose_view, paint_tile
from septum_study.pictures.heading import (
    DICE_NOTE,
    GROUND_TRUTH,
    TRUTH_COLOUR,
    Heading,
    check_same_grid,
    heading_of,
    legend_of,
)
from septum_study.pictures.page import OVERSAMPLING, Band, Frame, compose, draw_scale
from septum_study.pictures.view import choose_slices, has_base

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from septum.core.images import Volume
    from septum.core.labels import LabelSchema

    Labels = NDArray[np.uint8]

LEVELS = ("basal", "middle", "apical")
#: How much of its colour lies over a structure, 0 to 1; outlines are opaque.
FILL = 0.35
#: Softening of a mask before it is drawn: little enough to show a lone voxel.
SOFTEN_VOXELS = 0.5
SCALE_MM = 50.0


def overlay_comparison(
    volume: Volume,
    truth: Labels,
    predictions: Mapping[str, Labels],
    schema: LabelSchema,
    *,
    title: str = "",
    tile_px: int = 270,
    margin_mm: float = 18.0,
) -> Image.Image:
    """The truth and each method on three slices, in the manner of figures 4 and 5 of Vesal et al. 2020.

    Several structures are filled with their colours. A single one is drawn as an outline, and each method's
    tile holds the truth's outline as well.

    Args:
        volume: the image, (Z, Y, X).
        truth: its labels, the same shape.
        predictions: name of a method to its labels, the same shape, in the order of the columns.
        schema: structures and their colours.
        title: heading.
        tile_px: length of a tile's longer side.
        margin_mm: space shown around the truth.

    Returns:
        An RGB picture with true proportions in plane.

    Raises:
        InputError: a mask has another shape than the image, or the truth holds no structure.
    """
    check_same_grid(truth, predictions, schema, volume.geometry)
    view = choose_view(
        volume.array[None],
        truth[None],
        volume.geometry,
        columns=1,
        tile_px=OVERSAMPLING * tile_px,
        margin_mm=margin_mm,
    )
    slices = choose_slices(truth, schema)
    tiles = [
        [
            _tile(volume.array[z], truth[z], mask, schema, view)
            for mask in (None, *(labels[z] for labels in predictions.values()))
        ]
        for z in slices
    ]
    _, _, width_mm = volume.geometry.cropped(view.region).extent_mm
    draw_scale(tiles[-1][0], SCALE_MM, width_mm / view.size_px[0], on_image=True)
    headings = [Heading(GROUND_TRUTH)]
    headings += [
        heading_of(name, labels, truth, schema, beyond=_is_cut(labels, view))
        for name, labels in predictions.items()
    ]
    notes = (f"{DICE_NOTE} Slices are counted from 0, of {volume.geometry.shape[0]}.",)
    return compose(
        [Band(headings, _row_names(slices, schema), tiles)], Frame(title, legend_of(schema), notes)
    )


def _row_names(slices: tuple[int, ...], schema: LabelSchema) -> list[tuple[str, str]]:
    if has_base(schema) and len(slices) == len(LEVELS):
        return [(level, f"slice {z}") for level, z in zip(LEVELS, slices, strict=True)]
    return [(f"slice {z}", "") for z in slices]


def _tile(
    image: NDArray[np.floating], truth: Labels, labels: Labels | None, schema: LabelSchema, view: View
) -> Image.Image:
    """One slice, (Y, X): the truth alone, or a method, which for a single structure lies over the truth."""
    if len(schema.structures) > 1:
        shown = truth if labels is None else labels
        masks = [(shown == s.value, s.colour) for s in schema.structures]
        return paint_tile(image, masks, view, fill=FILL, soften_voxels=SOFTEN_VOXELS)
    structure = schema.structures[0]
    masks = [(truth == structure.value, TRUTH_COLOUR)]
    if labels is not None:
        masks.append((labels == structure.value, structure.colour))
    return paint_tile(image, masks, view, fill=0.0, soften_voxels=SOFTEN_VOXELS)


def _is_cut(labels: Labels, view: View) -> bool:
    """Whether part of a mask, in any slice, lies beside the part that the tiles show."""
    (_, y0, x0), (_, y1, x1) = view.region.start, view.region.stop
    return bool(np.count_nonzero(labels) > np.count_nonzero(labels[:, y0:y1, x0:x1]))
