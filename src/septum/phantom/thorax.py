"""What surrounds the heart in a short-axis image: chest wall, lungs, liver, stomach, spine, vessels.

Coordinates are in mm from the LV axis as the image is displayed: ``x`` to the right (the patient's
left), ``y`` downwards (the patient's back). ``towards_apex`` runs from 0 at the base to 1 at the apex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
        lung_vessels: (x, y, radius in mm, first and last height, angle), one row each.
        coarse, fine: random fields.
    """

    centre: tuple[float, float]
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float
    lung_vessels: NDArray[np.float32]
    coarse: Unevenness
    fine: Unevenness

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Thorax:
        """A slim to average adult."""
        count = 70
        vessels = np.stack(
            [
                rng.uniform(20.0, 150.0, count),
                rng.uniform(-70.0, 110.0, count),
                rng.uniform(0.8, 2.6, count),
                rng.uniform(-0.1, 0.9, count),
                rng.uniform(0.1, 0.35, count),
                rng.uniform(0.0, np.pi, count),
            ],
            axis=1,
        ).astype(np.float32)
        return cls(
            centre=(float(rng.uniform(-25.0, -10.0)), float(rng.uniform(12.0, 20.0))),
            half_width_mm=float(rng.uniform(150.0, 168.0)),
            half_depth_mm=float(rng.uniform(102.0, 110.0)),
            fat_mm=float(rng.uniform(6.0, 11.0)),
            muscle_mm=float(rng.uniform(9.0, 13.0)),
            lung_vessels=vessels,
            coarse=Unevenness.draw(rng, 3.0),
            fine=Unevenness.draw(rng, 1.3),
        )

    def paint(self, x: Floats, y: Floats, towards_apex: float) -> Floats:
        """Signed signal at these places, (Y, X), of one slice."""
        height = 40.0 * towards_apex
        rough = self.fine.at(x, y, height, 1.2)
        smooth = self.coarse.at(x, y, height, 2.5)
        signal = np.full_like(x, tissue.LUNG) + 5.0 * rough
        self._lung_vessels(signal, x, y, towards_apex)
        self._organs(signal, x, y, towards_apex, rough, smooth)
        self._spine_and_vessels(signal, x, y, rough)
        self._chest_wall(signal, x, y, towards_apex, rough)
        return signal

    def _lung_vessels(self, signal: Floats, x: Floats, y: Floats, towards_apex: float) -> None:
        for vx, vy, radius, middle, reach, angle in self.lung_vessels:
            rise = 1.0 - ((towards_apex - middle) / reach) ** 2
            if rise <= 0.0:
                continue
            u = (x - vx) * np.cos(angle) + (y - vy) * np.sin(angle)
            v = (y - vy) * np.cos(angle) - (x - vx) * np.sin(angle)
            signal[(u / 1.7) ** 2 + v**2 < radius**2 * rise] = 0.75 * tissue.BLOOD

    def _organs(
        self, signal: Floats, x: Floats, y: Floats, towards_apex: float, rough: Floats, smooth: Floats
    ) -> None:
        """Mediastinum, liver with its veins under the heart, stomach in its fat near the apex."""
        middle = _ellipse(x, y, (-42.0, 55.0), (42.0, 40.0)) + 0.15 * smooth < 1.0
        signal[middle] = np.where(smooth + 0.5 * rough > 0.7, tissue.FAT * 0.7, tissue.MUSCLE)[middle]
        right, top = -45.0 + 75.0 * towards_apex, 62.0 - 10.0 * towards_apex
        edge = _ellipse(x, y, (right - 75.0, top), (90.0, 62.0 + 12.0 * towards_apex)) + 0.04 * smooth
        signal[edge < 1.06] = tissue.FAT * 0.45
        liver = edge < 1.0
        signal[liver] = (tissue.LIVER + 10.0 * rough)[liver]
        signal[liver & (smooth > 1.35)] = 0.7 * tissue.BLOOD
        if towards_apex > 0.3:
            size = np.sqrt(min(1.0, (towards_apex - 0.3) / 0.4))
            distance = _ellipse(x, y, (42.0, 80.0), (46.0 * size, 34.0 * size)) + 0.05 * smooth
            signal[distance < 1.2] = tissue.FAT * 0.7
            signal[distance < 1.0] = (tissue.STOMACH * (1.0 + 0.15 * rough + 0.1 * smooth))[distance < 1.0]
        if towards_apex > 0.75:
            pad = _ellipse(x, y, (-8.0, -12.0), (48.0, 26.0)) + 0.2 * smooth < 1.0
            signal[pad] = tissue.FAT * 0.6

    def _spine_and_vessels(self, signal: Floats, x: Floats, y: Floats, rough: Floats) -> None:
        cx, cy = self.centre[0] - 40.0, self.centre[1] + self.half_depth_mm
        flesh = _ellipse(x, y, (cx, cy - 18.0), (62.0, 30.0)) < 1.0
        signal[flesh] = (tissue.MUSCLE + 12.0 * rough)[flesh]
        for place, radius, value in (
            ((cx, cy - 46.0), 20.0, tissue.BONE * 0.4),
            ((cx, cy - 46.0), 17.5, tissue.BONE * 1.3),
            ((cx, cy - 19.0), 8.5, tissue.BONE * 0.4),
            ((cx, cy - 19.0), 6.5, tissue.FLUID),
            ((-26.0, 58.0), 12.0, tissue.MUSCLE),
            ((-26.0, 58.0), 10.5, tissue.BLOOD * 1.1),
            ((-58.0, 30.0), 11.0, tissue.BLOOD * 0.8),
        ):
            round_ = np.hypot(x - place[0], y - place[1]) < radius
            signal[round_] = (value * (1.0 + 0.04 * rough))[round_]

    def _chest_wall(self, signal: Floats, x: Floats, y: Floats, towards_apex: float, rough: Floats) -> None:
        """Ribs and muscle under a rim of fat; the chest slopes away towards the apex."""
        u = (x - self.centre[0]) / np.float32(self.half_width_mm * (1.0 - 0.06 * towards_apex))
        v = (y - self.centre[1]) / np.float32(self.half_depth_mm * (1.0 - 0.05 * towards_apex))
        norm = (np.abs(u) ** np.float32(2.3) + np.abs(v) ** np.float32(2.3)) ** np.float32(1.0 / 2.3)
        distance = np.hypot(x - self.centre[0], y - self.centre[1])
        depth = distance * (1.0 / np.maximum(norm, 1e-3) - 1.0)
        phi = np.arctan2(v, u)
        ring = self.coarse.at(10.0 * np.cos(phi), 10.0 * np.sin(phi), 6.0 * towards_apex, 1.0)
        fat = self.fat_mm * (1.0 + 0.25 * ring + 0.35 * np.abs(np.cos(phi)))
        muscle = fat + self.muscle_mm * (1.0 + 0.3 * np.roll(ring, 40, axis=1))
        wall = (depth < muscle) & (depth >= fat)
        signal[wall] = (tissue.MUSCLE + 14.0 * rough)[wall]
        signal[wall & (np.abs(depth - muscle + 2.0) < 0.9)] = tissue.FAT * 0.5
        ribs = np.cos(17.0 * phi + 9.0 * towards_apex) + 0.4 * ring > 0.75
        inner = (depth > muscle - 8.0) & (depth < muscle - 2.5)
        signal[wall & ribs & inner] = tissue.BONE * 0.35
        signal[wall & ribs & (depth > muscle - 6.5) & (depth < muscle - 4.0)] = tissue.FAT * 0.45
        rim = (depth < fat) & (depth >= 1.5)
        signal[rim] = (tissue.FAT * (1.0 + 0.05 * rough))[rim]
        signal[(depth < 1.5) & (depth >= 0.0)] = tissue.MUSCLE
        signal[depth < 0.0] = tissue.AIR


def _ellipse(x: Floats, y: Floats, centre: tuple[float, float], half: tuple[float, float]) -> Floats:
    """Distance from the centre relative to the ellipse's border: 1 on it, less inside."""
    return np.hypot((x - np.float32(centre[0])) / np.float32(half[0]), (y - np.float32(centre[1])) / np.float32(half[1]))
