"""What surrounds the heart in a short-axis image: chest wall, lungs, liver, stomach, spine, vessels.

Coordinates are in mm from the LV axis as the image is displayed: ``x`` to the right (the patient's
left), ``y`` downwards (the patient's back). ``towards_apex`` runs from 0 at the base to 1 at the apex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from septum.phantom import tissue
from septum.phantom.tissue import Unevenness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thorax:
    """A chest of one's own.

    Attributes:
        centre: of the trunk, (x, y) in mm.
        half_width_mm, half_depth_mm: of the trunk at the base.
        fat_mm, muscle_mm: mean thickness of the two layers of the chest wall.
        vessels: (x, y, radius in mm, middle and half of the span of ``towards_apex``, angle), one row each,
            of the lungs and the liver.
        broad, fine: random fields, for the shapes of organs and for their texture.
    """

    centre: tuple[float, float]
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float
    vessels: NDArray[np.float32]
    broad: Unevenness
    fine: Unevenness

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Thorax:
        """A slim to average adult."""
        count = 160
        vessels = np.stack(
            [
                rng.uniform(-170.0, 150.0, count),
                rng.uniform(-80.0, 110.0, count),
                0.7 + rng.exponential(0.8, count),
                rng.uniform(-0.1, 0.9, count),
                rng.uniform(0.1, 0.35, count),
                rng.uniform(0.0, np.pi, count),
            ],
            axis=1,
        ).astype(np.float32)
        return cls(
            centre=(float(rng.uniform(-48.0, -30.0)), float(rng.uniform(16.0, 24.0))),
            half_width_mm=float(rng.uniform(170.0, 190.0)),
            half_depth_mm=float(rng.uniform(106.0, 114.0)),
            fat_mm=float(rng.uniform(6.0, 10.0)),
            muscle_mm=float(rng.uniform(13.0, 18.0)),
            vessels=vessels,
            broad=Unevenness.draw(rng, 7.0),
            fine=Unevenness.draw(rng, 1.3),
        )

    def paint(self, x: Floats, y: Floats, towards_apex: float) -> Floats:
        """Paint the signed signal (Y, X) of one slice.

        Args:
            x: places to the right of the LV axis, in mm, (Y, X).
            y: places below the LV axis, in mm, (Y, X).
            towards_apex: where the slice lies, from 0 at the base to 1 at the apex.
        """
        height = 16.0 * towards_apex
        rough = self.fine.at(x, y, height, 1.2)
        # Nothing in a body is an ellipse: bend the plane, widely and finely, before drawing.
        bend_x = 8.0 * self.broad.at(x, y, height, 4.0) + 1.2 * self.broad.at(y, x, height, 0.9)
        bend_y = 6.0 * self.broad.at(y + 90.0, x, height, 4.0) + 1.2 * self.broad.at(y + 90.0, x, height, 0.9)
        bend_x, bend_y = (uniform_filter(uniform_filter(bend, 6), 6) for bend in (bend_x, bend_y))
        mottle = 1.0 + 0.25 * rough + 0.25 * self.broad.at(x, y, height, 2.0)
        signal = (tissue.LUNG * mottle).astype(np.float32)
        vessels = self._vessels(x, y, towards_apex)
        signal[vessels] = 0.75 * tissue.BLOOD
        x, y = np.asarray(x + bend_x, np.float32), np.asarray(y + bend_y, np.float32)
        self._organs(signal, x, y, towards_apex, rough, vessels)
        self._spine_and_aorta(signal, x, y, rough)
        self._chest_wall(signal, x, y, towards_apex, rough)
        return signal

    def _vessels(self, x: Floats, y: Floats, towards_apex: float) -> Mask:
        """Vessels that this slice cuts, as short ellipses; ``x`` and ``y`` are a regular grid."""
        inside = np.zeros(x.shape, bool)
        for vx, vy, radius, middle, reach, angle in self.vessels:
            rise = 1.0 - ((towards_apex - middle) / reach) ** 2
            if rise <= 0.0:
                continue
            rows = slice(*np.searchsorted(y[:, 0], (vy - 2.0 * radius, vy + 2.0 * radius)))
            columns = slice(*np.searchsorted(x[0], (vx - 2.0 * radius, vx + 2.0 * radius)))
            dx, dy = x[rows, columns] - vx, y[rows, columns] - vy
            u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
            inside[rows, columns] |= (u / 1.8) ** 2 + v**2 < radius**2 * rise
        return inside

    def _organs(
        self, signal: Floats, x: Floats, y: Floats, towards_apex: float, rough: Floats, vessels: Mask
    ) -> None:
        """Mediastinum, liver with its veins under the heart, stomach in its fat near the apex."""
        patches = self.broad.at(x, y, 16.0 * towards_apex, 0.8)
        middle = _ellipse(x, y, (-45.0, 50.0), (38.0, 42.0)) < 1.0
        signal[middle] = np.where(patches + 0.4 * rough > -0.6, tissue.FAT * 0.7, tissue.MUSCLE)[middle]
        right, top = -45.0 + 70.0 * towards_apex, 66.0 - 8.0 * towards_apex
        edge = _ellipse(x, y, (right - 95.0, top), (110.0, 66.0 + 10.0 * towards_apex))
        signal[edge < 1.03] = tissue.FAT * 0.5
        liver = edge < 1.0
        flesh = tissue.LIVER + 25.0 * rough + 30.0 * patches
        signal[liver] = np.where(vessels, 0.6 * tissue.BLOOD, flesh)[liver]
        if towards_apex > 0.3:
            size = np.sqrt(min(1.0, (towards_apex - 0.3) / 0.4))
            distance = _ellipse(x, y, (42.0, 78.0), (46.0 * size, 34.0 * size))
            signal[distance < 1.0 + 0.12 * np.clip(1.0 + patches, 0.2, 2.0)] = tissue.FAT * 0.7
            stomach = distance < 1.0
            signal[stomach] = (tissue.STOMACH * (1.0 + 0.15 * rough + 0.12 * patches))[stomach]
        if towards_apex > 0.7:
            pad = _ellipse(x, y, (-14.0, -24.0), (50.0, 30.0 * (towards_apex - 0.2))) + 0.15 * patches < 1.0
            mixed = np.where(patches + 0.15 * rough > 0.1, tissue.FAT * 0.5, tissue.MUSCLE * 0.8)
            signal[pad] = mixed[pad]

    def _spine_and_aorta(self, signal: Floats, x: Floats, y: Floats, rough: Floats) -> None:
        cx, cy = self.centre[0] - 15.0, self.centre[1] + self.half_depth_mm
        flesh = _ellipse(x, y, (cx, cy - 18.0), (70.0, 32.0)) < 1.0
        signal[flesh] = np.where(rough > 1.7, tissue.FAT * 0.4, tissue.MUSCLE + 14.0 * rough)[flesh]
        for place, radius, value in (
            ((cx, cy - 48.0), 21.0, tissue.BONE * 0.5),
            ((cx, cy - 48.0), 19.0, tissue.BONE * 1.4),
            ((cx, cy - 20.0), 9.0, tissue.BONE * 0.4),
            ((cx, cy - 20.0), 6.5, tissue.FLUID),
            ((-2.0, 62.0), 11.0, tissue.BLOOD * 1.05),
            ((-62.0, 36.0), 7.5, tissue.BLOOD * 0.6),
        ):
            disc = np.hypot(x - place[0], y - place[1]) < radius
            signal[disc] = (value * (1.0 + 0.06 * rough))[disc]

    def _chest_wall(self, signal: Floats, x: Floats, y: Floats, towards_apex: float, rough: Floats) -> None:
        """Ribs and muscle under a rim of fat; the chest slopes away towards the apex."""
        u = (x - self.centre[0]) / np.float32(self.half_width_mm * (1.0 - 0.08 * towards_apex))
        v = (y - self.centre[1]) / np.float32(self.half_depth_mm * (1.0 - 0.05 * towards_apex))
        norm = (np.abs(u) ** np.float32(2.3) + np.abs(v) ** np.float32(2.3)) ** np.float32(1.0 / 2.3)
        depth = np.hypot(x - self.centre[0], y - self.centre[1]) * (1.0 / np.maximum(norm, 1e-3) - 1.0)
        phi = np.arctan2(v, u)
        # Layers thicken and thin along the wall.
        swell = self.broad.at(40.0 * np.cos(phi), 40.0 * np.sin(phi), 16.0 * towards_apex, 1.0)
        counter = self.broad.at(40.0 * np.sin(phi), 40.0 * np.cos(phi), 16.0 * towards_apex, 1.0)
        fat = self.fat_mm * np.clip(1.0 + 0.5 * swell + 0.5 * np.abs(np.cos(phi)), 0.4, None)
        muscle = fat + self.muscle_mm * np.clip(1.0 + 0.5 * counter, 0.6, None)
        wall = (depth < muscle) & (depth >= fat)
        signal[wall] = (tissue.MUSCLE + 18.0 * rough)[wall]
        between = np.abs(depth - fat - 0.35 * self.muscle_mm * (1.0 + 0.6 * counter)) < 0.8
        signal[wall & between & (swell > -0.6)] = tissue.FAT * 0.4
        ribs = np.cos(15.0 * phi + 9.0 * towards_apex + 1.5 * swell) > 0.55
        signal[wall & ribs & (depth > muscle - 7.5)] = tissue.BONE * 0.4
        signal[wall & ribs & (depth > muscle - 6.0) & (depth < muscle - 2.5)] = tissue.FAT * 0.4
        signal[wall & ~ribs & (depth > muscle - 1.6)] = tissue.FAT * 0.35
        rim = (depth < fat) & (depth >= 1.5)
        signal[rim] = (tissue.FAT * (1.0 + 0.07 * rough))[rim]
        signal[(depth < 1.5) & (depth >= 0.0)] = tissue.MUSCLE
        signal[depth < 0.0] = tissue.AIR


def _ellipse(x: Floats, y: Floats, centre: tuple[float, float], half: tuple[float, float]) -> Floats:
    """Measure the distance from the centre relative to the ellipse's border: 1 on it, less inside.

    Args:
        x: places, (Y, X), in mm.
        y: likewise.
        centre: of the ellipse, (x, y), in mm.
        half: its half axes along (x, y), in mm.
    """
    across = (x - np.float32(centre[0])) / np.float32(half[0])
    down = (y - np.float32(centre[1])) / np.float32(half[1])
    return np.asarray(np.hypot(across, down))
