"""From signals to an image: receiver coils, blur, noise, magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from septum.phantom import tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Blur of the reconstruction, in voxels (standard deviation of a Gaussian, in plane).
BLUR_VOXELS = 0.5


def coil_shading(x_mm: Floats, y_mm: Floats, rng: np.random.Generator) -> Floats:
    """Sensitivity of the receiver coils, (Y, X), about 1 at the heart and larger near the front.

    Args:
        x_mm: places in mm from the heart, to the right, (Y, X).
        y_mm: the same downwards.
        rng: source of the coils' exact places.
    """
    front_x, back_x = rng.uniform(-30.0, 60.0), rng.uniform(-60.0, 0.0)
    front = np.exp(-(((x_mm - front_x) / 150.0) ** 2) - ((y_mm + 125.0) / 105.0) ** 2)
    back = np.exp(-(((x_mm - back_x) / 150.0) ** 2) - ((y_mm - 160.0) / 90.0) ** 2)
    left = np.exp(-(((x_mm - 190.0) / 90.0) ** 2) - (y_mm / 120.0) ** 2)
    shading = 0.75 + 0.8 * front + 0.45 * back + 0.5 * left
    return np.asarray(shading, np.float32)


def magnitude_image(signal: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """Blur, noise in both receiver channels, and magnitude; whole numbers, as scanners store them.

    Args:
        signal: signed signal of each voxel, (Z, Y, X).
        noise: standard deviation of the noise in each channel as a share of the signal of blood.
        rng: source of the noise.
    """
    real = gaussian_filter(signal, (0.0, BLUR_VOXELS, BLUR_VOXELS))
    sigma = np.float32(noise * tissue.BLOOD)
    # Scanners interpolate: neighbouring voxels share noise. The factor restores its spread.
    grain = rng.standard_normal((2, *signal.shape), dtype=np.float32)
    grain = gaussian_filter(grain, (0.0, 0.0, BLUR_VOXELS, BLUR_VOXELS))
    grain *= sigma / grain.std()
    return np.asarray(np.rint(np.hypot(real + grain[0], grain[1])), np.float32)
