"""Whether the heart reaches the border of its region."""

import numpy as np
import pytest

from septum.core import Region
from septum.inference.steps import touches_border


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("end", [0, -1])
@pytest.mark.parametrize("channels", [1, 4])
def test_touched_borders_count_only_inside_the_image(axis, end, channels):
    logits = np.full((channels, 2, 6, 8), -1.0, np.float32)
    if channels > 1:
        logits[0] = 1.0
    inner, shape = Region((0, 3, 3), (2, 9, 11)), (2, 20, 20)
    assert not touches_border(logits, inner, shape)
    border = [slice(None)] * 3
    border[axis] = end
    logits[(channels - 1, *border)] = 2.0
    assert touches_border(logits, inner, shape)
    whole = Region((0, 0, 0), (2, 6, 8))
    assert not touches_border(logits, whole, whole.size)


def test_first_and_last_slice_are_no_border():
    logits = np.full((1, 2, 6, 8), -1.0, np.float32)
    logits[0, :, 2, 2] = 1.0
    assert not touches_border(logits, Region((0, 3, 3), (2, 9, 11)), (4, 20, 20))


@pytest.mark.parametrize("channels", [1, 4])
def test_a_speck_at_the_border_is_no_heart(channels):
    logits = np.full((channels, 2, 6, 8), -1.0, np.float32)
    if channels > 1:
        logits[0] = 1.0
    logits[channels - 1, :, 2:4, 3:5] = 2.0
    logits[channels - 1, 0, 0, 0] = 2.0
    inner, shape = Region((0, 3, 3), (2, 9, 11)), (2, 20, 20)
    assert not touches_border(logits, inner, shape)
    logits[channels - 1, 0, 1, 1:3] = 2.0  # now it hangs together with the rest
    assert touches_border(logits, inner, shape)
