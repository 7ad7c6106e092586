"""Surfaces of the truth and of several methods' masks, side by side under one camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageDraw

from septum.core.surfaces import surface_of
from septum_study.pictures.heading import (
    DICE_NOTE,
    GROUND_TRUTH,
    TRUTH_COLOUR,
    Heading,
    check_same_grid,
    heading_of,
    legend_of,
)
from septum_study.pictures.page import (
    OVERSAMPLING,
    WARNING,
    Band,
    Frame,
    compose,
    draw_scale,
    font,
    unit_px,
)
from septum_study.pictures.shading import Camera, SurfacePart, render
from septum_study.pictures.view import view_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from septum.core.geometry import Geometry
    from septum.core.labels import LabelSchema

    Labels = NDArray[np.uint8]
    Floats = NDArray[np.float64]

#: Opacity of structures that enclose others.
OPACITY = {"MYO": 0.24}
#: Free space around all that is shown, in mm.
BORDER_MM = 5.0
#: How far beyond the truth, as a share of its extent, the view follows the methods' surfaces.
FOLLOWED = 0.15
SCALE_MM = 50.0
SURFACE_NOTE = (
    "Surfaces: marching cubes after shape-based interpolation between slices and light smoothing; "
    "one camera, one scale."
)


def mesh_comparison(
    truth: Labels,
    predictions: Mapping[str, Labels],
    schema: LabelSchema,
    geometry: Geometry,
    *,
    title: str = "",
    panel_px: int = 300,
    columns: int = 5,
) -> Image.Image:
    """The truth and each method as shaded surfaces, in the manner of figures 4 and 6 of Vesal et al. 2020.

    Args:
        truth: labels, (Z, Y, X).
        predictions: name of a method to its labels, the same shape, in the order of the panels.
        schema: structures and their colours; a single structure is green in the truth.
        geometry: grid of all.
        title: heading.
        panel_px: width of a panel.
        columns: largest number of panels side by side.

    Returns:
        An RGB picture.

    Raises:
        InputError: a mask has another shape than the grid, or the truth holds no structure.
    """
    check_same_grid(truth, predictions, schema, geometry)
    own = {s.name: s.colour for s in schema.structures}
    of_truth = dict.fromkeys(own, TRUTH_COLOUR) if len(own) == 1 else own
    true_parts = _parts(truth, schema, geometry, of_truth)
    parts = {name: _parts(labels, schema, geometry, own) for name, labels in predictions.items()}
    axes = view_axes(truth, schema, geometry)
    camera = _camera(true_parts, list(parts.values()), axes, OVERSAMPLING * panel_px)
    panels = [_panel(true_parts, camera), *(_panel(of_method, camera) for of_method in parts.values())]
    draw_scale(panels[0], SCALE_MM, camera.mm_per_px, on_image=False)
    headings = [Heading(GROUND_TRUTH)]
    headings += [
        heading_of(name, labels, truth, schema, beyond=_is_cut(parts[name], camera))
        for name, labels in predictions.items()
    ]
    each = -(-len(panels) // -(-len(panels) // columns))  # as even as can be
    bands = [Band(headings[k : k + each], [], [panels[k : k + each]]) for k in range(0, len(panels), each)]
    return compose(bands, Frame(title, legend_of(schema), (SURFACE_NOTE, DICE_NOTE)))


def _parts(
    labels: Labels, schema: LabelSchema, geometry: Geometry, colours: Mapping[str, tuple[int, int, int]]
) -> list[SurfacePart]:
    """The surfaces of the structures that a mask holds."""
    parts = []
    for structure in schema.structures:
        surface = surface_of(labels == structure.value, geometry.spacing_mm)
        if surface is not None:
            parts.append(SurfacePart(surface, colours[structure.name], OPACITY.get(structure.name, 1.0)))
    return parts


def _camera(
    true: Sequence[SurfacePart], others: Sequence[Sequence[SurfacePart]], axes: Floats, width_px: int
) -> Camera:
    """The camera that sees the truth whole, and what the methods add, up to ``FOLLOWED`` of its extent."""
    low, high = _span_mm(true, axes)
    reach = FOLLOWED * (high - low)
    seen = [_span_mm(parts, axes) for parts in others if parts]
    lowest = np.maximum(np.min([low, *(span[0] for span in seen)], axis=0), low - reach) - BORDER_MM
    highest = np.minimum(np.max([high, *(span[1] for span in seen)], axis=0), high + reach) + BORDER_MM
    mm_per_px = float(highest[0] - lowest[0]) / width_px
    height_px = round(float(highest[1] - lowest[1]) / mm_per_px) + 2 * unit_px(width_px)  # and the scale bar
    middle = (lowest + highest) / 2.0
    return Camera(axes, (float(middle[0]), float(middle[1])), (width_px, height_px), mm_per_px)


def _span_mm(parts: Sequence[SurfacePart], axes: Floats) -> tuple[Floats, Floats]:
    """Least and largest place to the right and upwards of all vertices, in mm."""
    places = np.concatenate([part.surface.vertices_mm for part in parts]) @ axes[:2].T
    return places.min(axis=0), places.max(axis=0)


def _is_cut(parts: Sequence[SurfacePart], camera: Camera) -> bool:
    """Whether part of the surfaces lies outside the picture."""
    if not parts:
        return False
    places = camera.project(np.concatenate([part.surface.vertices_mm for part in parts]))[:, :2]
    return bool((places < 0.0).any() or (places > camera.size_px).any())


def _panel(parts: Sequence[SurfacePart], camera: Camera) -> Image.Image:
    panel = render(parts, camera)
    if not parts:
        width, height = camera.size_px
        middle = (width / 2.0, height / 2.0)
        size = font(unit_px(width))
        ImageDraw.Draw(panel).text(middle, "nothing found", fill=WARNING, font=size, anchor="mm")
    return panel
