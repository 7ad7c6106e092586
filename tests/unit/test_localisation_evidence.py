"""Regions by other evidence than the map, and of a fixed size: the readings that the study compares."""

import numpy as np
import pytest

from septum.core import Geometry, Localisation, LocalisationPath, Region, Volume
from septum.localisation import LocalisationSettings, enlarge, locate, region_about

GRID = Geometry((4, 100, 120), (8.0, 2.0, 1.0))
NOTHING = np.zeros(GRID.shape, np.float32)


def blob(z, y, x, value=1.0):
    density = np.zeros(GRID.shape, np.float32)
    density[slice(*z), slice(*y), slice(*x)] = value
    return density


def find(density, coarse=NOTHING, **settings):
    return locate(Volume(density, GRID), Volume(coarse > 0, GRID), GRID, LocalisationSettings(**settings))


MAP, MASK = blob((0, 4), (40, 60), (50, 90)), blob((0, 4), (20, 40), (10, 40))


@pytest.mark.parametrize("fixed", [(24, 40), None])
def test_coarse_mask_decides_whatever_the_map_says(fixed):
    # Rows 20 to 39 and columns 10 to 39 of the mask: middles 29.5 and 24.5.
    found = find(MAP, MASK, evidence="coarse_mask", sizes=(24,), fixed=fixed)
    size = fixed or (24, 24)
    assert found.path is LocalisationPath.COARSE_MASK
    assert found.region.size == (4, *size)
    assert [(a + b - 1) / 2 for a, b in zip(found.region.start, found.region.stop, strict=True)][1:] == [
        29.5,
        24.5,
    ]


def test_empty_coarse_mask_falls_back_past_the_map():
    found = find(MAP, evidence="coarse_mask", training_centre=(0.5, 0.5, 0.5))
    assert found.path is LocalisationPath.TRAINING_CENTRE
    assert find(MAP, evidence="coarse_mask").path is LocalisationPath.IMAGE_CENTRE


def test_soft_argmax_is_the_centre_of_mass_of_all_voxels():
    # Two points, (20, 30) with weight 3 and (60, 70) with weight 1: (30, 40). No threshold, no component.
    density = blob((1, 2), (20, 21), (30, 31), 3.0) + blob((1, 2), (60, 61), (70, 71), 1.0)
    found = find(density, MASK, evidence="soft_argmax", fixed=(21, 31))
    assert found == Localisation(Region((0, 20, 25), (4, 41, 56)), LocalisationPath.SOFT_ARGMAX)


def test_soft_argmax_without_a_fixed_size_is_refused():
    with pytest.raises(ValueError, match="needs a fixed size"):
        LocalisationSettings(evidence="soft_argmax")


def test_fixed_size_is_a_rectangle_whatever_the_box_and_its_margin():
    found = find(blob((0, 4), (20, 80), (10, 110)), fixed=(24, 40), sizes=(96,), margin_mm=50.0)
    assert found == Localisation(Region((0, 38, 40), (4, 62, 80)), LocalisationPath.MAP)


def test_fixed_size_is_shifted_into_the_image():
    assert find(blob((0, 4), (0, 20), (100, 120)), fixed=(48, 64)).region == Region((0, 0, 56), (4, 48, 120))


@pytest.mark.parametrize("centre", [{"training_centre": (0.5, 0.5, 0.5)}, {}])
def test_fixed_size_holds_for_the_fallbacks_too(centre):
    # Middle of 100 rows and 120 columns: 49.5 and 59.5.
    assert find(NOTHING, fixed=(24, 40), sizes=(96,), **centre).region == Region((0, 38, 40), (4, 62, 80))


def test_fixed_size_is_never_widened():
    settings = LocalisationSettings(fixed=(24, 40), sizes=(24, 96))
    found = Localisation(Region((0, 38, 40), (4, 62, 80)), LocalisationPath.MAP)
    assert enlarge(found, GRID, settings) is None
    assert enlarge(found, GRID, settings.model_copy(update={"fixed": None})) is not None


def test_detected_box_is_read_as_a_share_of_the_grid_it_was_found_on():
    # The detector saw 20 rows of 10 mm and 30 columns of 4 mm. The middle of its extent in y is row 9.5, at
    # 95 mm, which is row 47.5 of 2 mm; a quarter of it in x is column .25 x 30 - .5 = 7, at 28 mm.
    seen = Geometry((4, 20, 30), (8.0, 10.0, 4.0))
    found = region_about((0.5, 0.5, 0.25), seen, GRID, LocalisationSettings(fixed=(22, 21)))
    assert found == Localisation(Region((0, 37, 18), (4, 59, 39)), LocalisationPath.DETECTOR)
