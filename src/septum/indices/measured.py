"""What a mask gives to its indices: volumes by role and frame, phases, and the frames in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from septum.core import Role
from septum.indices.curve import LEAST_FOR_RATES, PeriodicCurve, peak_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from septum.core import CardiacPhases, Geometry, LabelSchema, Segmentation, Strain, StrainCurve
    from septum.indices.curve import PeakRates
    from septum.indices.time_base import TimeBase


@dataclass(frozen=True)
class Measured:
    """A measured mask, from which each index computes its value.

    Attributes:
        volumes_ml: of each structure with a role, one volume in ml a frame.
        phases: end-diastole and end-systole; ``None`` where they are not known.
        time: the frames in time, and the heart rate.
        still: of a single frame, the phase that the user gave, or ``unknown``; ``None`` for a cine.
        strain: of the LV wall; ``None`` where it cannot be measured.
    """

    volumes_ml: Mapping[Role, tuple[float, ...]]
    phases: CardiacPhases | None
    time: TimeBase
    still: Literal["end-diastole", "end-systole", "unknown"] | None = None
    strain: Strain | None = None

    def end_diastolic_ml(self, role: Role) -> float | None:
        """Volume at end-diastole; ``None`` where there is none, and for an empty structure."""
        if self.phases is None:
            return self._of_still(role, "end-diastole")
        return self._at(role, self.phases.end_diastole) or None

    def end_systolic_ml(self, role: Role) -> float | None:
        """Volume at end-systole; ``None`` where there is none.

        In a cine it may be 0. A single frame of that phase has one only if the structure is in it.
        """
        if self.phases is None:
            return self._of_still(role, "end-systole")
        return self._at(role, self.phases.end_systole)

    def still_ml(self, role: Role) -> float | None:
        """Volume in a single frame whose phase is not known; ``None`` for an empty structure."""
        return self._of_still(role, "unknown")

    def largest_ml(self, role: Role) -> float | None:
        """Largest volume of all frames; ``None`` for a structure that is in none."""
        return max(self.volumes_ml.get(role, ()), default=0.0) or None

    @cached_property
    def rates(self) -> PeakRates | None:
        """Peak ejection and filling of the LV; ``None`` where the frames do not give any."""
        times_ms, cycle_ms = self.time.times_ms, self.time.cycle_ms
        if self.phases is None or times_ms is None or cycle_ms is None or len(times_ms) < LEAST_FOR_RATES:
            return None
        if self.end_diastolic_ml(Role.LV) is None:
            return None
        curve = PeriodicCurve.fit(self.volumes_ml[Role.LV], times_ms, cycle_ms)
        return peak_rates(curve, times_ms[self.phases.end_diastole], times_ms[self.phases.end_systole])

    def strain_curve(self, name: str) -> StrainCurve | None:
        """Strain of the whole wall by its name; ``None`` where there is none."""
        return None if self.strain is None else self.strain.whole.get(name)

    def _at(self, role: Role, frame: int) -> float | None:
        return self.volumes_ml[role][frame] if role in self.volumes_ml else None

    def _of_still(self, role: Role, phase: str) -> float | None:
        return (self._at(role, 0) or None) if self.still == phase else None


def structure_volumes_ml(segmentation: Segmentation) -> dict[str, tuple[float, ...]]:
    """Sum the volume of each structure in ml, one a frame, by name, in the order of the schema.

    A volume is the sum over slices of area times the distance of slice centres, so that gaps between slices
    count.

    Source: Schulz-Menger et al., "Standardized image interpretation and post-processing in cardiovascular
    magnetic resonance - 2020 update", Journal of Cardiovascular Magnetic Resonance 22:19, 2020,
    doi 10.1186/s12968-020-00610-6.

    Args:
        segmentation: mask of one or more frames, (T, Z, Y, X).

    >>> from septum.core import LEFT_ATRIUM, Geometry, Segmentation
    >>> labels = np.ones((1, 2, 10, 10), np.uint8)  # 200 voxels of 10 x 1 x 1 mm are 2 ml
    >>> structure_volumes_ml(Segmentation(labels, Geometry((2, 10, 10), (10.0, 1.0, 1.0)), LEFT_ATRIUM))
    {'LA': (2.0,)}
    """
    counts = np.stack([np.bincount(frame.ravel(), minlength=256) for frame in segmentation.labels])
    return volumes_of_counts(counts, segmentation.schema, segmentation.geometry)


def volumes_of_counts(
    counts: NDArray[np.integer[Any]], schema: LabelSchema, geometry: Geometry
) -> dict[str, tuple[float, ...]]:
    """Turn numbers of voxels into the volume of each structure in ml, one a frame.

    Args:
        counts: voxels of each value in each frame, (T, 256).
        schema: which value means which structure.
        geometry: grid of each frame.
    """
    voxel_ml = geometry.voxel_volume_ml
    return {
        structure.name: tuple(float(count) * voxel_ml for count in counts[:, structure.value])
        for structure in schema.structures
    }


def by_role(
    volumes_ml: Mapping[str, tuple[float, ...]], schema: LabelSchema
) -> dict[Role, tuple[float, ...]]:
    """Take the volumes of the structures that have a role."""
    return {one.role: volumes_ml[one.name] for one in schema.structures if one.role is not None}
