"""Volumes by slice summation.

Source: Schulz-Menger et al., "Standardized image interpretation and post-processing in cardiovascular
magnetic resonance - 2020 update", Journal of Cardiovascular Magnetic Resonance 22:19, 2020,
doi 10.1186/s12968-020-00610-6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from septum.core import Segmentation


def structure_volumes_ml(segmentation: Segmentation) -> dict[str, tuple[float, ...]]:
    """Sum the volume of each structure in ml, one a frame, in the order of the schema.

    A volume is the sum over slices of area times the distance of slice centres, so that gaps between slices
    count.

    Args:
        segmentation: mask of one or more frames, (T, Z, Y, X).
    """
    counts = np.stack([np.bincount(frame.ravel(), minlength=256) for frame in segmentation.labels])
    voxel_ml = segmentation.geometry.voxel_volume_ml
    return {
        structure.name: tuple(float(count) * voxel_ml for count in counts[:, structure.value])
        for structure in segmentation.schema.structures
    }
