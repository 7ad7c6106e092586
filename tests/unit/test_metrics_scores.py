"""Scores of labelled volumes: units, structures, and the empty-mask policy."""

import numpy as np
import pytest

from septum.core import VENTRICLES, Geometry, InputError
from septum.metrics import score

GEOMETRY = Geometry(shape=(4, 6, 8), spacing_mm=(10.0, 2.0, 1.0))


def test_scores_each_structure_in_mm_and_in_voxels():
    truth, predicted = np.zeros((2, *GEOMETRY.shape), dtype=np.uint8)
    truth[1, 1, 1] = 1
    predicted[3, 1, 1] = 1  # two slices of 10 mm away
    truth[1, 3, 2:4] = 3
    predicted[1, 3, 2:5] = 3  # one voxel of 1 mm too many
    rv, myo, lv = score(predicted, truth, VENTRICLES, GEOMETRY)

    assert (rv.structure, myo.structure, lv.structure) == ("RV", "MYO", "LV")
    assert (rv.dice, rv.hausdorff_mm, rv.hausdorff_voxels) == (0.0, 20.0, 2.0)
    assert not rv.missed  # found, although in the wrong place
    assert lv.dice == pytest.approx(2 * 2 / 5)
    assert (lv.hausdorff_mm, lv.hausdorff_voxels) == (1.0, 1.0)
    assert lv.asd_mm == pytest.approx(1 / 5)
    # A voxel is 10 x 2 x 1 = 20 mm3 = 0.02 ml.
    assert (lv.predicted_ml, lv.true_ml) == (pytest.approx(0.06), pytest.approx(0.04))
    # Edges of 40, 12 and 8 mm; 4, 6 and 8 voxels.
    assert lv.diagonal_mm == pytest.approx(np.sqrt(1600 + 144 + 64))
    assert lv.diagonal_voxels == pytest.approx(np.sqrt(16 + 36 + 64))


def test_a_structure_in_neither_mask_is_not_scored():
    empty = np.zeros(GEOMETRY.shape, dtype=np.uint8)
    for entry in score(empty, empty, VENTRICLES, GEOMETRY):
        assert entry.dice is None
        assert not entry.missed
        assert entry.hausdorff_mm is None
        assert entry.asd_voxels is None
        assert (entry.predicted_ml, entry.true_ml) == (0.0, 0.0)


@pytest.mark.parametrize("swap", [False, True])
def test_a_structure_in_one_mask_only_is_missed(swap):
    empty, full = np.zeros(GEOMETRY.shape, np.uint8), np.full(GEOMETRY.shape, 2, np.uint8)
    predicted, truth = (full, empty) if swap else (empty, full)
    myo = score(predicted, truth, VENTRICLES, GEOMETRY)[1]
    assert myo.missed
    assert myo.dice == 0.0
    assert (myo.hausdorff_mm, myo.asd_mm, myo.hausdorff_voxels, myo.asd_voxels) == (None,) * 4


def test_refuses_masks_off_the_grid():
    on_grid = np.zeros(GEOMETRY.shape, np.uint8)
    with pytest.raises(InputError, match="same shape"):
        score(on_grid[:3], on_grid, VENTRICLES, GEOMETRY)
    with pytest.raises(InputError, match="same shape"):
        score(on_grid[:3], on_grid[:3], VENTRICLES, GEOMETRY)
