"""Density map to region of interest, with its fallbacks.

Plain numpy: the same code runs in training, in the study and in the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Geometry, Localisation, LocalisationPath, Region, Volume
from septum.core.components import largest_component
from septum.preprocessing import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.localisation.settings import LocalisationSettings


def locate(
    density: Volume, coarse_mask: Volume, working: Geometry, settings: LocalisationSettings
) -> Localisation:
    """The region of interest on the segmenter's grid.

    The best evidence that there is decides: the map's main component, the coarse mask's largest, the mean
    centre of the training cases, the middle of the image; or the centre of mass of the soft-argmax, which
    always exists. The path taken is reported.

    Args:
        density: activation map of equation (1), or the soft-argmax's weights, as the settings' evidence says;
            (Z, Y, X), already on the ``working`` grid, not negative.
        coarse_mask: first network's probability above one half, boolean, on the ``working`` grid.
        working: grid of the segmenter.
        settings: thresholds and sizes.
    """
    if settings.evidence == "soft_argmax" and settings.fixed is not None:
        centre = centre_of_mass(density.array)
        size = (settings.depth or working.shape[0], *settings.fixed)
        return Localisation(_placed(centre, size, working, settings), LocalisationPath.SOFT_ARGMAX)
    component, path = None, LocalisationPath.MAP
    if settings.evidence == "map":
        level = scaled(density.array, settings.percentile)
        weighed = level if settings.component == "heaviest" else None
        component = largest_component(level >= settings.threshold, weighed)
    if component is None:
        component = largest_component(coarse_mask.array)
        path = LocalisationPath.COARSE_MASK
    if component is not None:
        weights = density.array if path is LocalisationPath.MAP else None
        return Localisation(_around_component(component, weights, working, settings), path)
    if settings.training_centre is not None:
        centre = [f * (n - 1) for f, n in zip(settings.training_centre, working.shape, strict=True)]
        path = LocalisationPath.TRAINING_CENTRE
    else:
        centre = [(n - 1) / 2 for n in working.shape]
        path = LocalisationPath.IMAGE_CENTRE
    # Without evidence of where the heart ends, the largest region is the safest.
    height, width = settings.fixed or (settings.sizes[-1], settings.sizes[-1])
    size = (settings.depth or working.shape[0], height, width)
    return Localisation(_placed(centre, size, working, settings), path)


def region_about(
    centre: Sequence[float], grid: Geometry, working: Geometry, settings: LocalisationSettings
) -> Localisation:
    """A region of one size about the centre that a box detector has found, shifted to lie inside.

    Args:
        centre: of the box, (z, y, x) as shares of the extent of ``grid``: 0 and 1 are its outer borders.
        grid: what the detector saw, padding included; parallel to ``working``.
        working: grid of the segmenter.
        settings: the size, fixed or the largest, and the number of slices.
    """
    index = [share * n - 0.5 for share, n in zip(centre, grid.shape, strict=True)]
    middle = working.to_index(grid.to_patient_mm(index))
    height, width = settings.fixed or (settings.sizes[-1], settings.sizes[-1])
    size = (settings.depth or working.shape[0], height, width)
    return Localisation(_placed(middle.tolist(), size, working, settings), LocalisationPath.DETECTOR)


def enlarge(found: Localisation, working: Geometry, settings: LocalisationSettings) -> Localisation | None:
    """Give the region the next size in each in-plane axis, about the same centre.

    ``None`` if it is the whole image already, or if the settings fix its size.

    Args:
        found: region of interest on ``working``.
        working: grid of the segmenter.
        settings: the sizes that there are, in voxels.
    """
    if settings.fixed is not None:
        return None
    region = found.region
    centre = [(a + b - 1) / 2 for a, b in zip(region.start, region.stop, strict=True)]
    grown = tuple(_next_size(n, settings) for n in region.size[1:])
    limits = (_round_up(n, settings.multiple) for n in working.shape[1:])
    size = tuple(
        min(n, max(limit, old)) for n, limit, old in zip(grown, limits, region.size[1:], strict=True)
    )
    if size == region.size[1:]:
        return None
    placed = _placed(centre, (region.size[0], size[0], size[1]), working, settings)
    return Localisation(placed, found.path, enlarged=True)


def joined(densities: Sequence[NDArray[np.float32]], percent: float) -> NDArray[np.float32]:
    """One density map for several frames: dense where any of them is, relative to its percentile.

    A frame whose percentile is zero has no say, as alone it would have no map.
    """
    if len(densities) == 1:
        return densities[0]
    tops = [np.float32(percentile(density, percent)) for density in densities]
    relative = [d / t if t > 0 else np.zeros_like(d) for d, t in zip(densities, tops, strict=True)]
    return np.max(relative, axis=0)


def scaled(density: NDArray[np.float32], percent: float) -> NDArray[np.float32]:
    """Divide by the percentile (in percent) where that is above zero, and clip to 0 to 1.

    >>> scaled(np.array([0.0, 1.0, 2.0], np.float32), 50.0).tolist()
    [0.0, 1.0, 1.0]
    """
    top = percentile(density, percent)
    return np.clip(density / np.float32(top), 0.0, 1.0) if top > 0 else np.zeros_like(density)


def centre_of_mass(weights: NDArray[Any]) -> list[float]:
    """Compute the weighted mean index (z, y, x) of an array (Z, Y, X) that is not all zero.

    >>> centre_of_mass(np.array([[[0.0, 1.0, 3.0]]]))
    [0.0, 0.0, 1.75]
    """
    profiles = [weights.sum(axis=axes, dtype=np.float64) for axes in ((1, 2), (0, 2), (0, 1))]
    return [float(profile @ np.arange(len(profile)) / profile.sum()) for profile in profiles]


def _around_component(
    component: NDArray[np.bool_],
    weights: NDArray[np.float32] | None,
    working: Geometry,
    settings: LocalisationSettings,
) -> Region:
    box = Region.bounding(component)
    if box is None:
        raise ValueError("a component must have voxels, got an empty one")
    if settings.centre == "box":
        centre = [(a + b - 1) / 2 for a, b in zip(box.start, box.stop, strict=True)]
    else:
        mass = component if weights is None else np.where(component, weights, 0)
        centre = centre_of_mass(mass)
    margins = [settings.margin_mm / s for s in working.spacing_mm[1:]]
    # Twice the way from the centre to the farther side of the box, and the margin.
    reach = [max(c - a, b - 1 - c) for c, a, b in zip(centre, box.start, box.stop, strict=True)]
    wanted = [2 * (r + m) + 1 for r, m in zip(reach[1:], margins, strict=True)]
    height, width = settings.fixed or (_smallest_size(w, settings) for w in wanted)
    return _placed(centre, (settings.depth or working.shape[0], height, width), working, settings)


def _placed(
    centre: list[float], size: tuple[int, int, int], working: Geometry, settings: LocalisationSettings
) -> Region:
    region = Region.around(centre, size).shifted_inside(working.shape)
    if settings.depth is not None:
        return region
    return Region((0, *region.start[1:]), (working.shape[0], *region.stop[1:]))


def _smallest_size(wanted: float, settings: LocalisationSettings) -> int:
    """The smallest size that holds ``wanted`` voxels; a single size is fixed, whatever is wanted."""
    if len(settings.sizes) == 1:
        return settings.sizes[0]
    fitting = [n for n in settings.sizes if n >= wanted]
    return fitting[0] if fitting else _round_up(wanted, settings.multiple)


def _next_size(size: int, settings: LocalisationSettings) -> int:
    larger = [n for n in settings.sizes if n > size]
    return larger[0] if larger else size + 2 * settings.multiple


def _round_up(n: float, multiple: int) -> int:
    return int(-(-n // multiple)) * multiple
