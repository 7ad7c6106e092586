"""Frames of a cine made consistent: what the filter keeps, what it smooths, and what it leaves alone."""

import numpy as np
import pytest

from septum.core import Localisation, LocalisationPath, Region
from septum.inference.out_of_distribution import Evidence
from septum.inference.temporal import LEAST_FRAMES_SMOOTHED, FrameLogits, consistent

PLACE, ELSEWHERE = Region.whole((1, 2, 2)), Region((0, 1, 0), (1, 3, 2))


def frames(values, places=None):
    places = places or [PLACE] * len(values)
    return [
        FrameLogits(
            np.full((2, 1, 2, 2), value, np.float32),
            Localisation(place, LocalisationPath.MAP),
            Evidence(t / 100, None),
        )
        for t, (value, place) in enumerate(zip(values, places, strict=True))
    ]


def smoothed(values, places=None):
    given = frames(values, places)
    found = list(consistent(iter(given), len(given)))
    assert [one.evidence for one in found] == [one.evidence for one in given], "in order, none lost"
    return [float(one.logits[0, 0, 0, 0]) for one in found]


def test_a_parabola_comes_through_unchanged_its_turning_point_too():
    values = [(t - 12) ** 2 / 10 for t in range(25)]
    assert smoothed(values) == pytest.approx(values, abs=1e-4)


def test_a_single_wrong_frame_by_hand():
    values = [0.0] * 24
    values[10] = 35.0
    assert smoothed(values)[7:14] == pytest.approx([0, -3, 12, 17, 12, -3, 0], abs=1e-5)


def test_the_ends_and_short_cines_are_left_as_they_are():
    noise = list(np.random.default_rng(0).normal(size=LEAST_FRAMES_SMOOTHED))
    found = smoothed(noise)
    assert found[:2] + found[-2:] == pytest.approx(noise[:2] + noise[-2:])
    assert found[2:-2] != pytest.approx(noise[2:-2])
    assert smoothed(noise[:-1]) == pytest.approx(noise[:-1])


def test_frames_near_one_of_another_region_are_left_as_they_are():
    noise = list(np.random.default_rng(0).normal(size=LEAST_FRAMES_SMOOTHED))
    places = [PLACE] * LEAST_FRAMES_SMOOTHED
    places[10] = ELSEWHERE
    found = smoothed(noise, places)
    assert found[8:13] == pytest.approx(noise[8:13])
    assert found[7] != pytest.approx(noise[7])
