"""Volumes by slice summation, ejection fraction and myocardial mass.

Source: Schulz-Menger et al., "Standardized image interpretation and post-processing in cardiovascular
magnetic resonance - 2020 update", Journal of Cardiovascular Magnetic Resonance 22:19, 2020,
doi 10.1186/s12968-020-00610-6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import VolumeCurve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Segmentation

#: The cavity whose volume says which frames are end-diastole and end-systole.
_TIMING_CAVITY = "LV"

#: The cavities that have an ejection fraction at those frames (an atrium fills while they empty).
_EJECTING_CAVITIES = ("LV", "RV")


def volume_curve(segmentation: Segmentation) -> VolumeCurve:
    """Volume of each structure in each frame, and the ventricles' ejection fractions.

    A volume is the sum over slices of area times the distance of slice centres, so that gaps between
    slices count. End-diastole and end-systole are the frames of the largest and the smallest LV volume
    (without an LV, of the first structure's volume), the earliest of several, and hold for both
    ventricles. A cavity that is empty at end-diastole has no ejection fraction.

    Args:
        segmentation: mask of one or more frames, (T, Z, Y, X).
    """
    volumes_ml = structure_volumes_ml(segmentation)
    timing = _TIMING_CAVITY if _TIMING_CAVITY in volumes_ml else segmentation.schema.names[0]
    end_diastole = int(np.argmax(volumes_ml[timing]))
    end_systole = int(np.argmin(volumes_ml[timing]))
    return VolumeCurve(
        volumes_ml=volumes_ml,
        end_diastole=end_diastole,
        end_systole=end_systole,
        ejection_fraction_percent=_ejection_fractions(volumes_ml, end_diastole, end_systole)
        if len(segmentation.labels) > 1
        else {},
    )


def structure_volumes_ml(segmentation: Segmentation) -> dict[str, tuple[float, ...]]:
    """Volume of each structure in ml, one a frame, in the order of the schema."""
    counts = np.stack([np.bincount(frame.ravel(), minlength=256) for frame in segmentation.labels])
    voxel_ml = segmentation.geometry.voxel_volume_ml
    return {
        structure.name: tuple(float(count) * voxel_ml for count in counts[:, structure.value])
        for structure in segmentation.schema.structures
    }


def _ejection_fractions(
    volumes_ml: Mapping[str, tuple[float, ...]], end_diastole: int, end_systole: int
) -> dict[str, float]:
    """(EDV - ESV) / EDV in percent for each ventricle that is not empty at end-diastole."""
    fractions = {}
    for name in _EJECTING_CAVITIES:
        if name in volumes_ml and volumes_ml[name][end_diastole] > 0:
            full, emptied = volumes_ml[name][end_diastole], volumes_ml[name][end_systole]
            fractions[name] = 100.0 * (full - emptied) / full
    return fractions
