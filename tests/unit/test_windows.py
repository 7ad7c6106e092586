"""Windows over an image: where they lie, how much they count, and what comes of them."""

from __future__ import annotations

import numpy as np
import pytest

from septum.inference.windows import WindowSettings, average_over_windows, window_weights, windows


class Constant:
    """A network that answers the same everywhere."""

    multiple = (1, 1, 1)

    def run(self, image):
        shape = (1, 2, *image.shape[2:])
        return {"logits": np.broadcast_to(np.array([1.5, -2.0], np.float32).reshape(1, 2, 1, 1, 1), shape)}


class Same:
    """A network that answers with the image, and with how far along X each voxel is."""

    multiple = (1, 1, 1)

    def __init__(self):
        self.seen = []

    def run(self, image):
        self.seen.append(image[0, 0].copy())
        along = np.broadcast_to(np.arange(image.shape[-1], dtype=np.float32), image.shape[1:])
        return {"logits": np.concatenate([image[0], along])[None]}


def clear_of_corners(size):
    """Where weights are large enough for half precision to keep what they weigh."""
    return window_weights(size).astype(float) > 1e-2


def test_windows_overlap_by_half_at_least_and_reach_both_ends():
    settings = WindowSettings(size=(4, 32, 32))
    for shape in ((4, 32, 32), (9, 33, 64), (5, 100, 47)):
        covered = np.zeros(shape, int)
        for window in windows(shape, settings):
            assert window.size == settings.size
            assert all(a >= 0 and b <= n for a, b, n in zip(window.start, window.stop, shape, strict=True))
            covered[tuple(slice(a, b) for a, b in zip(window.start, window.stop, strict=True))] += 1
        assert covered.min() >= 1
    starts = [window.start[2] for window in windows((4, 32, 80), settings)]
    assert starts == [0, 16, 32, 48]


def test_an_image_of_one_window_has_one():
    assert [w.start for w in windows((1, 64, 64), WindowSettings(size=(1, 64, 64)))] == [(0, 0, 0)]


def test_weights_are_a_bell_and_nowhere_zero():
    weights = window_weights((4, 32, 48))
    assert weights.dtype == np.float16
    assert weights.max() == weights[2, 16, 24] == 10.0
    assert weights.min() > 0
    # one standard deviation, an eighth of the size, from the middle
    assert weights[2, 16, 30] / 10.0 == pytest.approx(np.exp(-0.5), rel=0.01)


def test_what_is_the_same_in_all_windows_stays():
    logits = average_over_windows(
        Constant(), np.zeros((7, 50, 61), np.float32), WindowSettings(size=(4, 32, 32))
    )
    assert logits.shape == (2, 7, 50, 61)
    middle = (slice(2, 5), slice(12, 38), slice(12, 49))
    assert np.allclose(logits[0][middle], 1.5, atol=5e-3)
    assert np.allclose(logits[1][middle], -2.0, atol=5e-3)
    assert (logits.argmax(axis=0) == 0).all()


def test_an_image_smaller_than_a_window_is_padded_about_its_middle_and_cut_out_again():
    image = np.random.default_rng(0).normal(size=(3, 20, 31)).astype(np.float32)
    network = Same()
    logits = average_over_windows(network, image, WindowSettings(size=(4, 32, 32)))
    (seen,) = network.seen
    assert seen.shape == (4, 32, 32)
    assert (seen[0:3, 6:26, 0:31] == image).all()
    assert seen.sum() == pytest.approx(image.sum(), rel=1e-4)
    clear = clear_of_corners((4, 32, 32))[0:3, 6:26, 0:31]
    assert np.allclose(logits[0][clear], image[clear], atol=5e-3)
    assert np.allclose(logits[1], np.arange(31), atol=0.5)


def test_mirror_images_are_seen_and_their_answers_turned_back():
    network = Same()
    image = np.random.default_rng(0).normal(size=(4, 32, 32)).astype(np.float32)
    settings = WindowSettings(size=(4, 32, 32), mirror_axes=(1, 2))
    logits = average_over_windows(network, image, settings, mirrored=True)
    assert len(network.seen) == 4
    assert {seen.tobytes() for seen in network.seen} == {
        np.ascontiguousarray(np.flip(image, axes) if axes else image).tobytes()
        for axes in ((), (1,), (2,), (1, 2))
    }
    clear = clear_of_corners((4, 32, 32))
    assert np.allclose(logits[0][clear], image[clear], atol=5e-3)
    assert np.allclose(logits[1], 15.5, atol=0.5)  # the mean over an image and its mirror image
