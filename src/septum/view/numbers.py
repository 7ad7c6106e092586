"""The numbers of a mask for the page, and the counts of voxels from which its volumes follow at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.indices.measured import volumes_of_counts
from septum.report.bullseye import SEGMENTS
from septum.workflows.record_numbers import IndicesRecord, QualityRecord, verdict_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema

    Labels = NDArray[np.uint8]


class VoxelCounts:
    """How many voxels of each value every slice has: a stroke changes one slice, and no other is counted.

    Args:
        labels: (T, Z, Y, X).

    >>> counts = VoxelCounts(np.ones((1, 2, 2, 2), np.uint8))
    >>> int(counts.of_frames()[0, 1])
    8
    """

    def __init__(self, labels: Labels) -> None:
        frames, slices = labels.shape[:2]
        self._counts = np.zeros((frames, slices, 256), np.int64)
        self.count_again(labels, ((t, z) for t in range(frames) for z in range(slices)))

    def count_again(self, labels: Labels, places: Iterable[tuple[int, int]]) -> None:
        """Count these slices of a mask anew."""
        for t, z in places:
            self._counts[t, z] = np.bincount(labels[t, z].ravel(), minlength=256)

    def of_frames(self) -> NDArray[np.int64]:
        """Give the voxels of each value in each frame, (T, 256)."""
        frames: NDArray[np.int64] = self._counts.sum(axis=1)
        return frames

    def volumes_ml(self, schema: LabelSchema, geometry: Geometry) -> Mapping[str, tuple[float, ...]]:
        """Give the volume of each structure in ml, one a frame."""
        return volumes_of_counts(self.of_frames(), schema, geometry)


def numbers(indices: IndicesRecord, quality: QualityRecord) -> dict[str, Any]:
    """Put what is shown beside a mask into the form that the page reads.

    Args:
        indices: as the JSON has them.
        quality: the same.
    """
    wall = indices.wall
    return {
        "volumes_ml": indices.volumes_ml,
        "end_diastole": indices.end_diastole_frame,
        "end_systole": indices.end_systole_frame,
        "phases_given": indices.phases_given,
        "items": [
            {
                "key": key,
                "title": one.title,
                "value": one.value,
                "unit": one.unit,
                "indexed": one.indexed_a_m2,
            }
            for key, one in indices.items.items()
        ],
        "verdict": quality.verdict.value,
        "verdict_line": verdict_line(quality),
        "flags": [
            {"key": flag.key, "text": flag.reason, "level": flag.verdict.value, **_place_in(flag.reason)}
            for flag in quality.flags
        ],
        "ef_interval": {
            name: {"low": one.low_percent, "high": one.high_percent, "coverage": one.coverage}
            for name, one in quality.ejection_fraction_intervals.items()
        },
        "wall": None
        if wall is None
        else [
            {"segment": k, "name": name, "ed_mm": ed, "es_mm": es, "thickening_percent": thickening}
            for k, (name, ed, es, thickening) in enumerate(
                zip(
                    SEGMENTS,
                    wall.end_diastolic_mm,
                    wall.end_systolic_mm,
                    wall.thickening_percent,
                    strict=True,
                ),
                1,
            )
        ],
    }


def _place_in(reason: str) -> dict[str, int | None]:
    """Find the frame and the slice, from 0, that a sentence on a mask names.

    >>> _place_in("RV in frame 7, slice 3: there is nothing of it.")
    {'frame': 7, 'slice': 3}
    >>> _place_in("The volumes do not fit.")
    {'frame': None, 'slice': None}
    """
    found = {name: re.search(rf"\b{name}s? (\d+)", reason) for name in ("frame", "slice")}
    return {name: None if one is None else int(one.group(1)) for name, one in found.items()}
