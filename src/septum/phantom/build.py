"""What is a heart's own: its outlines, the lean of its axis, the span of its right ventricle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: (order, amplitude, phase in radians) of one term of an outline.
Harmonic = tuple[int, float, float]


@dataclass(frozen=True)
class Build:
    """What does not change through the beat.

    Attributes:
        lv_harmonics, epi_harmonics: deviations of the two borders of the LV wall from circles.
        lean: shift of the LV axis along (x, y) in mm for each mm of depth.
        base_slope: how much nearer to the first slice the base plane is for each mm along y.
        rv_half_angle: half of the angle that the RV spans at the base, in radians.
    """

    lv_harmonics: tuple[Harmonic, ...]
    epi_harmonics: tuple[Harmonic, ...]
    lean: tuple[float, float]
    base_slope: float
    rv_half_angle: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Build:
        """A heart of its own."""
        return cls(
            lv_harmonics=_draw_harmonics(rng, 0.045),
            epi_harmonics=_draw_harmonics(rng, 0.035),
            lean=(float(rng.uniform(-0.08, 0.0)), float(rng.uniform(-0.05, 0.05))),
            base_slope=float(rng.uniform(0.05, 0.09)),
            rv_half_angle=float(np.radians(rng.uniform(76.0, 84.0))),
        )

    def lv_outline(self, phi: Floats) -> Floats:
        """Radius of the LV cavity in direction ``phi`` relative to the circle of equal area."""
        return _outline(phi, self.lv_harmonics)

    def epi_outline(self, phi: Floats) -> Floats:
        """Radius of the outer border of the LV wall relative to the circle of equal area."""
        return _outline(phi, self.epi_harmonics)


@dataclass(frozen=True)
class Points:
    """Places in heart coordinates; flat arrays of one length.

    Attributes:
        x_mm, y_mm: from the leaning LV axis towards the septum and towards the anterior insertion.
        z_mm: from the first slice towards the apex.
        r_mm, phi: polar coordinates of (x, y); the septum is at 0, the anterior side is positive.
        lv_outline, epi_outline: relative radii of the LV's borders in direction ``phi``.
    """

    x_mm: Floats
    y_mm: Floats
    z_mm: Floats
    r_mm: Floats
    phi: Floats
    lv_outline: Floats
    epi_outline: Floats

    @classmethod
    def at(cls, x_mm: Floats, y_mm: Floats, z_mm: Floats, build: Build) -> Points:
        """Place points in the heart by where they lie in the image.

        Args:
            x_mm: from where the axis meets z = 0, towards the septum, in mm; any shape.
            y_mm: likewise, towards the anterior insertion; the same shape.
            z_mm: from the first slice towards the apex, in mm; the same shape.
            build: outlines and lean of the heart.
        """
        x = x_mm - np.float32(build.lean[0]) * z_mm
        y = y_mm - np.float32(build.lean[1]) * z_mm
        phi = np.arctan2(y, x)
        return cls(x, y, z_mm, np.hypot(x, y), phi, build.lv_outline(phi), build.epi_outline(phi))

    def __getitem__(self, which: NDArray[np.bool_]) -> Points:
        """The points where ``which`` is true."""
        return Points(**{name: values[which] for name, values in self.__dict__.items()})


def septal_profile(phi: Floats, share: Floats, build: Build) -> Floats:
    """Give the relative width of the RV in direction ``phi``, 0 to 1.

    Args:
        phi: in radians, 0 at the septum; any shape.
        share: of the RV's length, 0 to 1; the same shape.
        build: angle that the RV spans.
    """
    u = phi / (np.float32(build.rv_half_angle) * (1.0 - np.float32(0.25) * share))
    square = np.minimum(u * u, 1.0)
    return np.asarray((1.0 - square) ** np.float32(0.8) * (1.0 + np.float32(0.4) * square))


def _draw_harmonics(rng: np.random.Generator, amplitude: float) -> tuple[Harmonic, ...]:
    return tuple(
        (order, amplitude * float(rng.uniform(0.3, 1.0)) / (order - 1), float(rng.uniform(-np.pi, np.pi)))
        for order in (2, 3, 4)
    )


def _outline(phi: Floats, harmonics: tuple[Harmonic, ...]) -> Floats:
    """One plus the harmonics, scaled so that the area within is that of the unit circle."""
    radius = np.ones_like(phi)
    for order, amplitude, phase in harmonics:
        radius += np.float32(amplitude) * np.cos(np.float32(order) * phi - np.float32(phase))
    area = 1.0 + sum(amplitude**2 for _, amplitude, _ in harmonics) / 2.0
    return radius / np.float32(np.sqrt(area))
