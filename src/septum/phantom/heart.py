"""The heart as the scanner would see it: blood, muscle, trabeculae, papillary muscles, fat, atria."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.phantom import tissue
from septum.phantom.tissue import Unevenness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.phantom.build import Build, Points
    from septum.phantom.shape import Borders, HeartShape

    Floats = NDArray[np.float32]

#: Thickness of the free wall of the RV, in mm.
RV_WALL_MM = 2.5
#: How far from the outer border the heart's own fat can reach, in mm.
COAT_MM = 9.0


@dataclass(frozen=True)
class Papillary:
    """A muscle that stands in the LV cavity.

    Attributes:
        phi: its direction, as in :class:`Points`.
        middle, half: depth of its middle and half of its length, as shares of the cavity's length.
        radius_mm: of its thickest place.
    """

    phi: float
    middle: float
    half: float
    radius_mm: float


@dataclass(frozen=True)
class Vessel:
    """A round cavity above the base: its centre (x, y), radius and wall, in mm."""

    x_mm: float
    y_mm: float
    radius_mm: float
    wall_mm: float


@dataclass(frozen=True)
class HeartTissue:
    """What fills the analytic shape.

    Attributes:
        build: of the heart.
        papillaries: of the LV.
        atria: what lies above the base, the later painted over the earlier.
        coarse, fine: random fields for blood flow and fat, and for trabeculae.
    """

    build: Build
    papillaries: tuple[Papillary, ...]
    atria: tuple[Vessel, ...]
    coarse: Unevenness
    fine: Unevenness

    @classmethod
    def draw(cls, build: Build, base_radius_mm: float, rng: np.random.Generator) -> HeartTissue:
        """Draw the tissue of one heart.

        Args:
            build: outlines of the heart.
            base_radius_mm: radius of the LV cavity at the base, in mm.
            rng: source of the draws.
        """
        size = base_radius_mm / 28.0
        papillaries = tuple(
            Papillary(
                phi=float(np.radians(degrees + rng.uniform(-10.0, 10.0))),
                middle=float(rng.uniform(0.46, 0.54)),
                half=float(rng.uniform(0.26, 0.32)),
                radius_mm=float(rng.uniform(4.4, 5.6)) * size,
            )
            for degrees in (165.0, -105.0)
        )
        places = (
            (42.0, -22.0, 28.0, 1.6),
            (38.0, 34.0, 19.0, 2.2),
            (-6.0, -8.0, 26.0, 1.6),
            (18.0, 14.0, 14.0, 2.0),
        )
        atria = tuple(Vessel(*(float(v * size * rng.uniform(0.95, 1.05)) for v in place)) for place in places)
        return cls(build, papillaries, atria, Unevenness.draw(rng, 4.0), Unevenness.draw(rng, 1.3))

    def paint(self, shape: HeartShape, points: Points, behind: Floats, beat: float) -> Floats:
        """Signed signal at each point.

        Args:
            shape: the heart at this moment.
            points: where.
            behind: signal of what surrounds the heart, at the same points.
            beat: moment in the beat, 0 to 1; moves the unevenness of flowing blood.

        Returns:
            ``behind`` with the heart painted over it.
        """
        borders = shape.borders(points)
        outside = borders.rv_mm + np.where(borders.rv_mm > borders.epi_mm + 0.1, np.float32(RV_WALL_MM), 0)
        signal = self._coat(shape, points, borders, outside, behind)
        below = borders.depth_mm > 0
        muscle = below & (points.r_mm < outside)
        grain = self.fine.at(points.x_mm, points.y_mm, points.z_mm / 3.0, 1.2)
        signal[muscle] = tissue.MYOCARDIUM * (1.0 + 0.09 * grain[muscle])
        flow = 1.0 + 0.07 * self.coarse.at(points.x_mm, points.y_mm, points.z_mm + 40.0 * beat, 1.5)
        self._fill_rv(signal, shape, points, borders, flow)
        self._fill_lv(signal, shape, points, borders, flow)
        above = ~below & (borders.depth_mm > -60.0)
        signal[above] = self._atria(points[above], behind[above], flow[above])
        return signal

    def _coat(
        self, shape: HeartShape, points: Points, borders: Borders, outside: Floats, behind: Floats
    ) -> Floats:
        """Fat upon the muscle, which ends at ``outside``: patchy, thickest where the RV begins."""
        groove = np.exp(-(((np.abs(points.phi) - self.build.rv_half_angle) / 0.28) ** 2))
        basal = np.clip(1.0 - borders.depth_mm / np.float32(shape.lv_length_mm), 0.0, 1.0)
        patches = self.coarse.at(20.0 * points.phi, points.z_mm / 2.0, 0.0, 1.0)
        septal = points.x_mm > 0
        thickness = 0.6 + 1.8 * patches + 5.0 * groove * (0.4 + 0.6 * basal) + 1.5 * septal
        fatty = (borders.epi_mm > 0) & (points.r_mm < outside + np.clip(thickness, 0.0, COAT_MM))
        return np.where(fatty, np.float32(tissue.FAT * 0.75), behind)

    def _fill_rv(
        self, signal: Floats, shape: HeartShape, points: Points, borders: Borders, flow: Floats
    ) -> None:
        inside = (borders.depth_mm > 0) & (points.r_mm >= borders.epi_mm) & (points.r_mm < borders.rv_mm)
        here, depth = points[inside], borders.depth_mm[inside] / np.float32(shape.lv_length_mm)
        width = np.maximum(borders.rv_mm[inside] - borders.epi_mm[inside], 1.0)
        across = (here.r_mm - borders.epi_mm[inside]) / width
        mesh = self.fine.at(here.x_mm, here.y_mm, here.z_mm / 2.0, 1.1)
        density = 1.1 * depth + 1.6 * np.clip(across - 0.7, 0.0, None) * (0.3 + depth)
        muscle = np.clip((mesh + 2.4 * density - 2.2) * 0.9, 0.0, 0.65)
        signal[inside] = 0.88 * flow[inside] * tissue.BLOOD * (1.0 - muscle) + muscle * tissue.MYOCARDIUM

    def _fill_lv(
        self, signal: Floats, shape: HeartShape, points: Points, borders: Borders, flow: Floats
    ) -> None:
        inside = (borders.depth_mm > 0) & (points.r_mm < borders.lv_mm)
        here, radius = points[inside], borders.lv_mm[inside]
        depth = borders.depth_mm[inside] / np.float32(shape.lv_length_mm)
        # The mesh is fastened to the wall: its coordinates shrink with the cavity.
        scale = np.float32(28.0 / shape.lv_radius_mm)
        mesh = self.fine.at(here.x_mm * scale, here.y_mm * scale, here.z_mm / 2.0, 0.9)
        rim = np.clip((here.r_mm / radius - 0.72) / 0.28, 0.0, 1.0)
        lateral = np.clip(0.5 - here.x_mm / np.maximum(radius, 1.0), 0.0, 1.0)
        muscle = rim * np.clip(
            (mesh + 1.6 * rim * (0.5 + depth) - 0.6 - 0.8 * (1.0 - lateral)) * 0.9, 0.0, 0.75
        )
        muscle += 0.22 * np.clip(depth - 0.55, 0.0, 0.5) * (1.0 + mesh)
        for papillary in self.papillaries:
            muscle = np.maximum(muscle, _papillary(papillary, here, depth, radius, shape.lv_radius_mm))
        signal[inside] = flow[inside] * tissue.BLOOD * (1.0 - muscle) + muscle * tissue.MYOCARDIUM

    def _atria(self, points: Points, behind: Floats, flow: Floats) -> Floats:
        """Atria and great vessels, in fat, above the base."""
        signal = behind.copy()
        shortest = np.min(
            [np.hypot(points.x_mm - v.x_mm, points.y_mm - v.y_mm) - v.radius_mm for v in self.atria], axis=0
        )
        bulge = 2.5 * self.coarse.at(points.x_mm, points.y_mm, points.z_mm, 2.0)
        patches = self.coarse.at(points.x_mm, points.y_mm, points.z_mm, 1.5)
        around = shortest < 2.5 + 2.0 * patches
        signal[around] = np.where(patches[around] > -0.4, tissue.FAT * 0.6, tissue.MUSCLE)
        for vessel in self.atria:
            distance = (
                np.hypot(points.x_mm - vessel.x_mm, points.y_mm - vessel.y_mm) - vessel.radius_mm + bulge
            )
            signal[distance < vessel.wall_mm] = tissue.MYOCARDIUM
            blood = distance < 0.0
            signal[blood] = 0.95 * tissue.BLOOD * flow[blood]
        return signal


def _papillary(
    muscle: Papillary, points: Points, depth: Floats, radius_mm: Floats, equator_mm: float
) -> Floats:
    """Where this papillary muscle is: 1 inside, 0 outside. It keeps its bulk while the cavity shrinks."""
    along = np.clip(1.0 - ((depth - muscle.middle) / muscle.half) ** 2, 0.0, None)
    thick = muscle.radius_mm * np.sqrt(along) + np.float32(1e-3)
    centre = np.maximum(radius_mm - 1.35 * muscle.radius_mm, 0.5 * np.float32(equator_mm) * along)
    x = points.r_mm * np.cos(points.phi - muscle.phi) - centre
    y = points.r_mm * np.sin(points.phi - muscle.phi)
    wobble = 1.0 + 0.25 * np.sin(3.0 * np.arctan2(y, x) + 9.0 * depth + muscle.phi)
    return np.asarray((x / (1.25 * thick)) ** 2 + (y / thick) ** 2 < wobble, np.float32)
