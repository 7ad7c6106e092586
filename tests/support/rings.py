"""A left ventricle of circles beside a right one, whose wall thickness and insertions are known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from septum.core import VENTRICLES, Geometry, Segmentation

RV, MYO, LV = VENTRICLES.values
#: Of a heart in its place: from the apex to the base is to the right, to the back and up.
BASE = np.array([-1.0, 1.0, 1.0]) / np.sqrt(3.0)
_ROWS = np.cross(BASE, np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0))
#: Array axes (Z, Y, X): slices from base to apex, rows and columns as displayed as seen from the apex.
SHORT_AXIS = tuple(map(tuple, np.stack([-BASE, _ROWS, np.cross(_ROWS, BASE)], axis=1).tolist()))


def ring_slice(
    *, size=96, inner=20.0, outer=30.0, shift=(0.0, 0.0), septum=np.pi, rv_radius=28.0, rv_away=38.0, mm=1.0
):
    """Labels (Y, X) of one slice with voxels of ``mm``; lengths in mm, angles from X towards Y.

    Args:
        size: of the slice, in voxels.
        inner: radius of the LV cavity.
        outer: radius of the epicardium, whose centre is that of the slice.
        shift: of the cavity's centre (y, x).
        septum: direction of the RV.
        rv_radius: of a disc, of which what is outside of the epicardium is the RV.
        rv_away: distance of its centre.
        mm: spacing.
    """
    y, x = np.indices((size, size)) * mm - (size - 1) * mm / 2.0
    labels = np.zeros((size, size), np.uint8)
    labels[np.hypot(y - rv_away * np.sin(septum), x - rv_away * np.cos(septum)) < rv_radius] = RV
    labels[np.hypot(y, x) < outer] = MYO
    labels[np.hypot(y - shift[0], x - shift[1]) < inner] = LV
    return labels


def heart(scales=(1.0, 1.0, 1.0, 0.95, 0.9, 0.8), *, direction=SHORT_AXIS, **circles):
    """One frame of slices from base to apex, smaller by these factors; other arguments as of one slice."""
    lengths = {"inner": 20.0, "outer": 30.0, "rv_radius": 28.0, "rv_away": 38.0} | circles
    slices = []
    for scale in scales:
        scaled = {k: v * scale for k, v in lengths.items() if k in {"inner", "outer", "rv_radius", "rv_away"}}
        slices.append(ring_slice(**(lengths | scaled)))
    labels = np.stack(slices)
    return Segmentation(
        labels[None], Geometry(labels.shape, (8.0, 1.0, 1.0), direction=direction), VENTRICLES
    )


def flipped(mask: Segmentation, axis: int) -> Segmentation:
    """The same mask in the patient, stored from the other end of an axis of (Z, Y, X)."""
    geometry = mask.geometry
    direction = np.array(geometry.direction)
    direction[:, axis] *= -1.0
    corner = [0, 0, 0]
    corner[axis] = geometry.shape[axis] - 1
    turned = replace(
        geometry,
        direction=tuple(map(tuple, direction.tolist())),
        origin_mm=tuple(geometry.to_patient_mm(corner).tolist()),
    )
    return Segmentation(np.flip(mask.labels, axis + 1), turned, mask.schema)


def permuted(mask: Segmentation, axes: tuple[int, int, int]) -> Segmentation:
    """The same mask in the patient with its array axes in another order."""
    labels = mask.labels.transpose(0, *(a + 1 for a in axes))
    return Segmentation(labels, mask.geometry.permuted(axes), mask.schema)


def as_cine(*masks: Segmentation) -> Segmentation:
    """Frames of one grid after each other."""
    return replace(masks[0], labels=np.concatenate([mask.labels for mask in masks]))
