"""What another protocol does to the grid of an image: field of view, slices, resolution, orientation.

Each function takes a scan, a level and a generator, and gives the scan of that level, or ``None`` where the
level cannot be had of it. Truth and geometry go through the same change as the image.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from septum.core import Geometry, Region
from septum.indices.slices import base_is_last
from septum.preprocessing import resample, resample_labels
from septum_study.scan import background, flipped, heart_slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum_study.scan import Scan

#: So many slices with foreground are left at least where slices are removed.
FEWEST_SLICES = 2
IN_PLANE = (1, 2)


def field_of_view(scan: Scan, edge_mm: float, rng: np.random.Generator) -> Scan:
    """A square field of view about the image's middle, moved (and, if need be, enlarged) to hold the heart.

    What lies beyond the image is drawn from its background.
    """
    shape, spacing = scan.geometry.shape, scan.geometry.spacing_mm
    start, stop = [0, 0, 0], list(shape)
    heart = Region.bounding(scan.labels > 0)
    for a in IN_PLANE:
        size = max(1, round(edge_mm / spacing[a]))
        start[a] = (shape[a] - size) // 2
        stop[a] = start[a] + size
        if heart is not None:
            moved = min(0, heart.start[a] - start[a]) or max(0, heart.stop[a] - stop[a])
            start[a], stop[a] = min(start[a] + moved, heart.start[a]), max(stop[a] + moved, heart.stop[a])
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    array = np.array(region.crop(scan.array), dtype=np.float32)
    beyond = ~region.crop(np.ones(shape, dtype=bool), fill=False)
    array[beyond] = background(scan.array, int(beyond.sum()), rng)
    return scan.moved(array, region.crop, scan.geometry.cropped(region))


def slice_thickness(scan: Scan, thickness_mm: float, _rng: np.random.Generator) -> Scan:
    """Slices of another thickness over the same stack, without gaps: averaged, or interpolated between."""
    return _resliced(scan, scan.geometry.resampled((thickness_mm, None, None)))


def skipped_slices(scan: Scan, step: float, rng: np.random.Generator) -> Scan | None:
    """Every n-th slice, with gaps between them; which is the first is drawn."""
    kept = np.arange(int(rng.integers(int(step))), scan.geometry.shape[0], int(step))
    geometry = scan.geometry.cropped(_slices(scan.geometry.shape, int(kept[0]), int(kept[-1]) + 1))
    z, y, x = geometry.spacing_mm
    geometry = replace(geometry, shape=(len(kept), *geometry.shape[1:]), spacing_mm=(z * int(step), y, x))
    left = scan.moved(scan.array[kept], lambda mask: mask[kept], geometry)
    return left if len(heart_slices(left.labels)) >= FEWEST_SLICES else None


def slice_count(scan: Scan, count: float, _rng: np.random.Generator) -> Scan:
    """A number of slices: fewer are those about the heart's middle; more are thinner, over the same stack."""
    present, wanted = scan.geometry.shape[0], int(count)
    if wanted > present:
        return _resliced(
            scan, scan.geometry.resampled((present * scan.geometry.spacing_mm[0] / wanted, None, None))
        )
    heart = heart_slices(scan.labels)
    middle = (heart[0] + heart[-1]) / 2 if len(heart) else (present - 1) / 2
    first = min(max(round(middle - (wanted - 1) / 2), 0), present - wanted)
    return _of_slices(scan, first, first + wanted)


def missing_base(scan: Scan, count: float, _rng: np.random.Generator) -> Scan | None:
    """Without so many slices of the heart at its base, and without all slices beyond them."""
    return _without_end(scan, int(count), first=not base_is_last(scan.labels > 0))


def missing_apex(scan: Scan, count: float, _rng: np.random.Generator) -> Scan | None:
    """Without so many slices of the heart at its apex, and without all slices beyond them."""
    return _without_end(scan, int(count), first=base_is_last(scan.labels > 0))


def rotation(scan: Scan, degrees: float, rng: np.random.Generator) -> Scan:
    """The grid turned in its plane about its middle, with the sense of ``numpy.rot90``.

    By a multiple of 90 degrees no value changes. Otherwise the image is interpolated linearly and the truth
    takes the nearest voxel; the grid keeps its number of voxels, or gets as many more as the heart needs; and
    what lies beyond the image is drawn from its background.
    """
    if degrees % 90:
        return _turned(scan, math.radians(degrees), rng)
    turns = int(degrees // 90)

    def turned(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.rot90(array, turns, axes=IN_PLANE))

    return scan.moved(turned(scan.array), turned, _rot90(scan.geometry, turns))


def reversal(scan: Scan, order: str, _rng: np.random.Generator) -> Scan:
    """The image stored in another order: ``mirrored`` along X, or with its ``slices reversed``."""
    axis = {"mirrored": 2, "slices reversed": 0}[order]

    def reverse(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.flip(array, axis))

    return scan.moved(reverse(scan.array), reverse, flipped(scan.geometry, axis))


def resolution(scan: Scan, spacing_mm: float, _rng: np.random.Generator) -> Scan:
    """Another spacing in plane, over the same field of view."""
    target = scan.geometry.resampled((None, spacing_mm, spacing_mm))

    def of_mask(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        values = [int(v) for v in np.unique(mask)]
        return resample_labels(mask, values, scan.geometry, target)

    return scan.moved(resample(scan.array, scan.geometry, target), of_mask, target)


def _resliced(scan: Scan, target: Geometry) -> Scan:
    """Other slices over the same stack: the image linear, the truth that of the nearest slice."""
    positions = [scan.geometry.to_index(target.to_patient_mm((z, 0, 0)))[0] for z in range(target.shape[0])]
    nearest = np.clip(np.rint(positions).astype(int), 0, scan.geometry.shape[0] - 1)
    return scan.moved(resample(scan.array, scan.geometry, target), lambda mask: mask[nearest], target)


def _without_end(scan: Scan, count: int, *, first: bool) -> Scan | None:
    heart, depth = heart_slices(scan.labels), scan.geometry.shape[0]
    if len(heart) - count < FEWEST_SLICES:
        return None
    return _of_slices(scan, int(heart[count]), depth) if first else _of_slices(scan, 0, int(heart[-count]))


def _of_slices(scan: Scan, start: int, stop: int) -> Scan:
    region = _slices(scan.geometry.shape, start, stop)
    return scan.moved(region.crop(scan.array), region.crop, scan.geometry.cropped(region))


def _slices(shape: tuple[int, int, int], start: int, stop: int) -> Region:
    return Region((start, 0, 0), (stop, *shape[1:]))


def _rot90(geometry: Geometry, turns: int) -> Geometry:
    """The grid of ``numpy.rot90(array, turns, axes=(1, 2))``."""
    for _ in range(turns % 4):
        geometry = flipped(geometry, 2).permuted((0, 2, 1))
    return geometry


def _turned(scan: Scan, angle: float, rng: np.random.Generator) -> Scan:
    """As :func:`rotation`, by any angle in radians."""
    spacing = np.array(scan.geometry.spacing_mm[1:])
    # Offsets from the middle in mm: of the old grid = turn @ of the new one.
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    old_middle = (np.array(scan.geometry.shape[1:]) - 1) / 2
    shape = _shape_for(scan, turn, old_middle, spacing)
    new_middle = (np.array(shape) - 1) / 2
    offsets = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1) - new_middle
    positions = np.moveaxis((offsets * spacing) @ turn.T / spacing + old_middle, -1, 0)  # (2, y, x)

    def read(stack: NDArray[Any], order: int, mode: str) -> NDArray[Any]:
        return np.stack([ndimage.map_coordinates(s, positions, order=order, mode=mode) for s in stack])

    array = read(np.asarray(scan.array, dtype=np.float32), 1, "nearest")
    last = np.array(scan.geometry.shape[1:]).reshape(2, 1, 1) - 1
    beyond = np.broadcast_to(((positions < -0.5) | (positions > last + 0.5)).any(axis=0), array.shape)
    array[beyond] = background(scan.array, int(beyond.sum()), rng)
    geometry = _turned_geometry(scan.geometry, shape, turn, (old_middle, new_middle))
    return scan.moved(array, lambda mask: read(mask, 0, "constant"), geometry)


def _shape_for(
    scan: Scan, turn: NDArray[np.float64], middle: NDArray[np.float64], spacing: NDArray[np.float64]
) -> tuple[int, int]:
    """The in-plane shape, or a larger one of the same parity about the same middle that holds the heart."""
    voxels = np.argwhere((scan.labels > 0).any(axis=0))
    if not len(voxels):
        return scan.geometry.shape[1:]
    reach = np.abs(((voxels - middle) * spacing) @ turn / spacing).max(axis=0)
    missing = np.maximum(0, np.ceil(reach + 1 - middle)).astype(int)
    y, x = (int(n + 2 * more) for n, more in zip(scan.geometry.shape[1:], missing, strict=True))
    return y, x


def _turned_geometry(
    geometry: Geometry,
    shape: tuple[int, int],
    turn: NDArray[np.float64],
    middles: Sequence[NDArray[np.float64]],
) -> Geometry:
    old_middle, new_middle = middles
    columns = np.array(geometry.direction)
    columns[:, 1:] = columns[:, 1:] @ turn
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in columns)
    spacing = np.array(geometry.spacing_mm[1:])
    corner = geometry.to_patient_mm((0, *old_middle)) - columns[:, 1:] @ (new_middle * spacing)
    x, y, z = (float(v) for v in corner)
    return replace(
        geometry,
        shape=(geometry.shape[0], *shape),
        origin_mm=(x, y, z),
        direction=(first, second, third),
    )
