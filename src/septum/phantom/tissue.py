"""How bright each tissue is in balanced SSFP, and what makes it uneven.

Signals are signed: at half the repetition time fat is opposed to water, so a voxel that holds some of
each is dark. Averaging signed signals before taking the magnitude gives the thin black lines between
fat and muscle by which such images are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

AIR = 0.0
LUNG = 42.0
BLOOD = 620.0
MYOCARDIUM = 215.0
MUSCLE = 165.0
LIVER = 175.0
STOMACH = 230.0
BONE = 150.0
FLUID = 560.0
FAT = -640.0

_EDGE = 64


@dataclass(frozen=True)
class Unevenness:
    """A smooth random field of mean 0 and standard deviation 1, the same again after 64 steps.

    Attributes:
        block: one period of the field, (64, 64, 64).
    """

    block: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, smoothness: float) -> Unevenness:
        """A field that stays alike over about ``smoothness`` steps."""
        white = rng.standard_normal((_EDGE, _EDGE, _EDGE), dtype=np.float32)
        smooth = gaussian_filter(white, smoothness, mode="wrap")
        return cls((smooth - smooth.mean()) / smooth.std())

    def at(self, x: Floats, y: Floats, z: Floats | float, step: float) -> Floats:
        """Read the field at places, which has the period of the block.

        Args:
            x: any shape, in any unit of length.
            y: the same shape and unit.
            z: likewise, or one number.
            step: length of one step of the block, in that unit.
        """
        i, j, k = (np.floor(np.asarray(v) / np.float32(step)).astype(np.int32) % _EDGE for v in (x, y, z))
        return self.block[i, j, k]
