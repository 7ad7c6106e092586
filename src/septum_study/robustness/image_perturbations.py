"""What another scanner does to the intensities of an image; its grid and its truth stay as they are.

Each function takes a scan, a level and a generator, and gives the scan of that level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum_study.scan import signal

if TYPE_CHECKING:
    from septum_study.scan import Scan

#: Numbers of ghosts to draw from, as in ``septum.augmentation``.
GHOSTS = (2, 3, 4, 5)


def scale(scan: Scan, factor: float, _rng: np.random.Generator) -> Scan:
    """All intensities times a factor."""
    return scan._replace(array=np.asarray(scan.array * factor, dtype=np.float32))


def offset(scan: Scan, share: float, _rng: np.random.Generator) -> Scan:
    """A constant added to all intensities, as a multiple of the image's signal."""
    return scan._replace(array=np.asarray(scan.array + share * signal(scan.array), dtype=np.float32))


def noise(scan: Scan, share: float, rng: np.random.Generator) -> Scan:
    """Rician noise: normal noise on the real and the imaginary part, of which the magnitude is taken.

    Source: Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", Magnetic Resonance in Medicine
    34(6), 1995.

    Args:
        scan: image and truth.
        share: standard deviation of each part, as a share of the image's signal.
        rng: source of the noise.
    """
    low = scan.array.min()
    real, imaginary = rng.normal(0, share * signal(scan.array), (2, *scan.array.shape))
    magnitude = np.hypot(scan.array - low + real, imaginary)
    return scan._replace(array=np.asarray(low + magnitude, dtype=np.float32))


def ghost(scan: Scan, strength: float, rng: np.random.Generator) -> Scan:
    """Copies of the image along one in-plane axis, as from a motion that recurs: weakened lines of k-space.

    Every n-th line but the middle one loses a share of its signal; n and the axis are drawn.

    Args:
        scan: image and truth.
        strength: the share that is lost.
        rng: source of the draw.
    """
    number, axis = int(rng.choice(GHOSTS)), int(rng.integers(1, 3))
    low = scan.array.min()
    factors = np.ones(scan.array.shape[axis])
    factors[::number] = 1 - strength
    factors[0] = 1.0
    shape = [-1 if a == axis else 1 for a in range(3)]
    lines = np.fft.fft(scan.array - low, axis=axis) * factors.reshape(shape)
    return scan._replace(array=np.asarray(low + np.abs(np.fft.ifft(lines, axis=axis)), dtype=np.float32))


def shading(scan: Scan, ratio: float, rng: np.random.Generator) -> Scan:
    """A smooth multiplicative field, as of surface coils: the exponential of a random quadratic polynomial.

    Args:
        scan: image and truth.
        ratio: between the field's largest and smallest value in the volume; their geometric mean is 1.
        rng: source of the polynomial.
    """
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in scan.array.shape]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    terms = (z, y, x, z * z, y * y, x * x, z * y, z * x, y * x)
    field = np.zeros(scan.array.shape)
    for coefficient, term in zip(rng.normal(size=len(terms)), terms, strict=True):
        field += coefficient * term
    span = max(float(field.max() - field.min()), float(np.finfo(float).tiny))
    log_gain = np.log(ratio) * ((field - field.min()) / span - 0.5)
    low = scan.array.min()
    return scan._replace(array=np.asarray(low + (scan.array - low) * np.exp(log_gain), dtype=np.float32))
