"""The analytic heart: two cavities and a wall at one moment of the beat.

Heart coordinates are in mm: ``x`` from the LV axis towards the septum, ``y`` towards the anterior
insertion of the RV, ``z`` from the first slice towards the apex. The LV cavity and its outer border are
ellipsoids, cut above their equator by the base plane; the RV is a crescent on the septal side, given as
a width upon the LV's outer border. Cross-sections are slightly out of round, the axis leans and the base
plane is tilted, all in ways that leave the volumes as the formulas say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core.labels import VENTRICLES
from septum.phantom.build import Build, Points, septal_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from septum.phantom.settings import PhantomSettings

    Floats = NDArray[np.float32]

#: Depth of the ellipsoids' equator below the base, as a share of their length.
EQUATOR = 0.2
#: Volume of such a cut ellipsoid over pi r^2 l, with r at the equator: the integral of 1 - u^2.
FULLNESS = 1.0 - ((1.0 - EQUATOR) ** 3 + EQUATOR**3) / (3.0 * (1.0 - EQUATOR) ** 2)
#: Thickness of the LV wall at the apex in mm, in every phase.
APEX_WALL_MM = 6.0
#: Length of the RV cavity as a share of that of the LV.
RV_LENGTH = 0.95


@dataclass(frozen=True)
class Borders:
    """Where the heart's borders lie, seen from the LV axis through each of some points.

    Attributes:
        depth_mm: of the point below the (tilted) base plane; negative above it.
        lv_mm, epi_mm, rv_mm: distance from the axis to the border of the LV cavity, to the outer border
            of the LV wall, and to the free border of the RV cavity (``epi_mm`` where there is no RV).
    """

    depth_mm: Floats
    lv_mm: Floats
    epi_mm: Floats
    rv_mm: Floats


@dataclass(frozen=True)
class HeartShape:
    """The heart at one moment.

    Attributes:
        build: what does not change through the beat.
        base_mm: place of the base plane on the LV axis, along z.
        lv_length_mm, lv_radius_mm: length of the LV cavity below the base, and its radius at the equator.
        epi_length_mm, epi_radius_mm: the same of the outer border of the LV wall.
        rv_width_mm: largest width of the RV cavity at the base.
    """

    build: Build
    base_mm: float
    lv_length_mm: float
    lv_radius_mm: float
    epi_length_mm: float
    epi_radius_mm: float
    rv_width_mm: float

    @classmethod
    def at(cls, contraction: float, build: Build, settings: PhantomSettings) -> HeartShape:
        """Shape the heart between end-diastole and end-systole.

        Args:
            contraction: 0 at end-diastole, 1 at end-systole.
            build: outlines of the heart.
            settings: volumes in ml, and lengths in mm.
        """
        volumes = volumes_ml(contraction, settings)
        length = settings.lv_length_mm - contraction * settings.base_descent_mm
        partial = cls(
            build=build,
            base_mm=_base_mm(settings) + contraction * settings.base_descent_mm,
            lv_length_mm=length,
            lv_radius_mm=_radius_mm(volumes["LV"], length),
            epi_length_mm=length + APEX_WALL_MM,
            epi_radius_mm=_radius_mm(volumes["LV"] + volumes["MYO"], length + APEX_WALL_MM),
            rv_width_mm=0.0,
        )
        return _with_rv(partial, volumes["RV"])

    def borders(self, points: Points) -> Borders:
        """Distances of the borders in the directions of ``points``, at their depths."""
        depth = points.z_mm - np.float32(self.base_mm)
        lv = _ellipsoid(depth, self.lv_length_mm, self.lv_radius_mm) * points.lv_outline
        epi = _ellipsoid(depth, self.epi_length_mm, self.epi_radius_mm) * points.epi_outline
        share = np.clip(depth / np.float32(RV_LENGTH * self.lv_length_mm), 0.0, 1.0)
        width = self.rv_width_mm * _taper(share) * septal_profile(points.phi, share, self.build)
        return Borders(
            depth_mm=depth + np.float32(self.build.base_slope) * points.y_mm,
            lv_mm=lv,
            epi_mm=epi,
            rv_mm=epi + width.astype(np.float32),
        )

    def labels(self, points: Points) -> NDArray[np.uint8]:
        """Label of each point as in :data:`septum.core.labels.VENTRICLES`; 0 outside and above the base."""
        borders = self.borders(points)
        rv, myo, lv = VENTRICLES.values
        inside = np.select(
            [points.r_mm < borders.lv_mm, points.r_mm < borders.epi_mm, points.r_mm < borders.rv_mm],
            [np.uint8(lv), np.uint8(myo), np.uint8(rv)],
            np.uint8(0),
        )
        return np.where(borders.depth_mm > 0, inside, np.uint8(0))


def volumes_ml(contraction: float, settings: PhantomSettings) -> Mapping[str, float]:
    """Analytic volumes in ml by structure, in the order of the labels; the wall keeps its own."""
    cavity = np.pi * FULLNESS * _radius_mm(settings.lv_edv_ml, settings.lv_length_mm) ** 2
    outer = np.pi * FULLNESS * (np.sqrt(cavity / np.pi / FULLNESS) + settings.wall_mm) ** 2
    wall_ml = (outer * (settings.lv_length_mm + APEX_WALL_MM) - cavity * settings.lv_length_mm) / 1000.0
    return {
        "RV": settings.rv_edv_ml + contraction * (settings.rv_esv_ml - settings.rv_edv_ml),
        "MYO": float(wall_ml),
        "LV": settings.lv_edv_ml + contraction * (settings.lv_esv_ml - settings.lv_edv_ml),
    }


def _base_mm(settings: PhantomSettings) -> float:
    """Place of the base at end-diastole: between the first two slices, if the stack is long enough."""
    stack = settings.slices * settings.slice_spacing_mm
    heart = settings.lv_length_mm + APEX_WALL_MM
    if stack >= heart + settings.slice_spacing_mm:
        return settings.slice_spacing_mm / 2.0
    return (stack - settings.slice_spacing_mm - heart) / 2.0


def _radius_mm(volume_ml: float, length_mm: float) -> float:
    """Radius at the equator of a cut ellipsoid of this volume and length."""
    return float(np.sqrt(volume_ml * 1000.0 / (np.pi * FULLNESS * length_mm)))


def _ellipsoid(depth_mm: Floats, length_mm: float, radius_mm: float) -> Floats:
    """Compute the radius of a cut ellipsoid in mm; 0 beyond its tip.

    Args:
        depth_mm: below its base, any shape.
        length_mm: from base to tip.
        radius_mm: at the base.
    """
    u = (depth_mm / np.float32(length_mm) - np.float32(EQUATOR)) / np.float32(1.0 - EQUATOR)
    return np.float32(radius_mm) * np.sqrt(np.clip(1.0 - u * u, 0.0, None))


def _taper(share: Floats) -> Floats:
    """Width of the RV at a share of its length, relative to that at the base."""
    return (1.0 - share**2) ** np.float32(0.8)


def _with_rv(shape: HeartShape, volume_ml: float) -> HeartShape:
    """The same heart with the RV width that gives this volume.

    In polar coordinates a crescent of width w g(phi) upon a border e(phi) covers the integral of
    e w g + w^2 g^2 / 2, so the volume is a quadratic function of the width at the base.
    """
    step_mm = RV_LENGTH * shape.lv_length_mm / 200.0
    depth = (np.arange(200, dtype=np.float32) + 0.5) * np.float32(step_mm)
    angle = np.linspace(-np.pi, np.pi, 720, endpoint=False, dtype=np.float32)
    share = depth[:, None] / np.float32(RV_LENGTH * shape.lv_length_mm)
    width = _taper(share) * septal_profile(angle[None], share, shape.build)
    border = _ellipsoid(depth[:, None], shape.epi_length_mm, shape.epi_radius_mm) * shape.build.epi_outline(
        angle
    )
    cell = step_mm * 2.0 * np.pi / angle.size
    linear = float((border * width).sum()) * cell
    square = float((width * width).sum()) * cell / 2.0
    root = np.sqrt(linear**2 + 4.0 * square * volume_ml * 1000.0)
    return HeartShape(**{**shape.__dict__, "rv_width_mm": float((root - linear) / (2.0 * square))})
