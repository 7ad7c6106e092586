"""Which end slices a model leaves out, and how it shifts a logit."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from septum.core import VENTRICLES, Geometry, Localisation, LocalisationPath, Region, Volume
from septum.inference import Segmenter, Stage, open_bundle
from septum.inference.bundle import Manifest
from septum.inference.decision import (
    SIGNS,
    Decider,
    Decision,
    SliceEvidence,
    SliceWeights,
    areas_cm2,
    improbable_ends,
    slice_probabilities,
    slice_signs,
)
from septum.inference.steps import segment_frame
from septum.preprocessing import PreprocessingSettings

GRID = Geometry((6, 16, 16), (10.0, 2.0, 2.0))
WHOLE = Localisation(Region((0, 0, 0), GRID.shape), LocalisationPath.WHOLE)


def weights(intercept=0.0, **by_sign):
    return SliceWeights(intercept=intercept, weights=tuple(by_sign.get(sign, 0.0) for sign in SIGNS))


class Sure:
    """Gives a slice's structure the log-odds that the image has there: 0 is background."""

    multiple, in_channels, channels = (1, 1, 1), 1, {"logits": 4}

    def run(self, image):
        logits = np.zeros((1, 4, *image.shape[2:]), np.float32)
        logits[0, 3] = np.where(image[0, 0] != 0, image[0, 0], -20.0)
        logits[0, 1:3] = -20.0
        return {"logits": logits}


def left_ventricle(log_odds):
    """An image whose slices hold an LV of these log-odds; 0 is none."""
    image = np.zeros(GRID.shape, np.float32)
    for z, one in enumerate(log_odds):
        image[z, 4:12, 4:12] = one
    return Volume(image, GRID)


def segmented(image, decider):
    stage = Stage(Sure(), PreprocessingSettings())
    segmenter = Segmenter(stage, VENTRICLES.values, decider=decider)
    return segmenter.mask_of(segment_frame(image, WHOLE, segmenter), GRID, GRID)


def slices_of(labels, value=3):
    return np.flatnonzero((labels == value).any(axis=(1, 2))).tolist()


def test_an_end_slice_that_is_improbable_is_left_out_and_the_probabilities_are_told():
    decision = Decision(patients=20, slices={"LV": weights(intercept=-2.0, largest=1.0)})
    labels, evidence = segmented(left_ventricle([0, 1.0, 5.0, 5.0, 3.0, 0]), Decider(decision, VENTRICLES))
    assert slices_of(labels) == [2, 3, 4]
    rv, _, lv = evidence.presence
    assert rv == (None,) * 6
    assert lv[1] == pytest.approx(1 / (1 + np.exp(1.0)), abs=1e-3)
    assert lv[4] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-3)


def test_without_a_decision_nothing_is_left_out_and_nothing_is_told():
    labels, evidence = segmented(left_ventricle([0, 1.0, 5.0, 5.0, 3.0, 0]), None)
    assert slices_of(labels) == [1, 2, 3, 4]
    assert evidence.presence == ()


def test_a_shift_changes_the_mask_where_it_turns_the_balance():
    shifted = Decider(Decision(patients=20, logit_shift={"LV": -1.5}), VENTRICLES)
    labels, _ = segmented(left_ventricle([0, 1.0, 5.0, 2.0, 0, 0]), shifted)
    assert slices_of(labels) == [2, 3]


@pytest.mark.parametrize(
    ("probability", "areas", "gone"),
    [
        ([0.1, 0.1, 0.9, 0.1, 0.1], [1, 1, 1, 1, 1], [0, 4]),  # one at each end, and no more
        ([0.9, 0.1, 0.9], [1, 1, 1], []),  # never one in the middle
        ([0.1, 0.9, 0.9], [0, 1, 1], []),  # what is not drawn cannot go
        ([0.0, 0.1, 0.0], [0, 1, 0], []),  # the only one stays
        ([0.2, 0.4], [1, 1], [0]),  # of two the likelier one stays
        ([0.1, 0.9, 0.1], [11, 12, 9], [2]),  # a large one stays
        ([np.nan, np.nan, np.nan], [1, 1, 1], []),  # where nothing is known
    ],
)
def test_which_slices_go(probability, areas, gone):
    found = improbable_ends(np.array([probability], float), np.array([areas], float))
    assert np.flatnonzero(found[0]).tolist() == gone


def test_signs_are_of_the_slice_and_of_its_neighbours():
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[0, :2], labels[1, :3] = 3, 3
    areas = areas_cm2(labels, VENTRICLES, pixel_cm2=0.5)
    assert areas.tolist() == [[0, 0, 0], [0, 0, 0], [4, 6, 0]]
    none = np.zeros((3, 3))
    evidence = SliceEvidence(none + 0.5, none, none + 8.0)
    signs = slice_signs(evidence, areas, VENTRICLES, voxel_cm2=0.25)[2]
    first, last = (dict(zip(SIGNS, signs[z], strict=True)) for z in (0, 2))
    assert first["largest"] == pytest.approx(0.0)
    assert first["mean"] == pytest.approx(np.log(3 / 7))  # no voxel has more than one half
    assert first["expected"] == pytest.approx(np.log(3.0))
    assert (first["inner"], first["outer"]) == pytest.approx((np.log(7.0), 0.0))
    assert last["ratio"] == pytest.approx(np.log(2.1 / 6.1))
    assert last["inner"] == pytest.approx(np.log(7.0))


def test_the_base_is_the_wide_end_however_the_slices_run():
    areas = np.array([[0, 0, 0, 0, 0], [0] * 5, [1, 2, 3, 4, 0]], float)
    none = np.zeros((3, 5))
    for turn in (1, -1):
        signs = slice_signs(SliceEvidence(none, none, none), areas[:, ::turn], VENTRICLES, voxel_cm2=1.0)
        basal = signs[2, ::turn, SIGNS.index("basal")]
        assert basal.tolist() == [0, 0, 1, 1, 1]


def test_evidence_moves_from_a_region_to_the_image():
    here = np.array([[1.0, 2.0, 3.0]])
    evidence = SliceEvidence(here, here, here)
    assert evidence.on(4, first=-1).largest.tolist() == [[2, 3, 0, 0]]
    assert evidence.on(4, first=2).largest.tolist() == [[0, 0, 1, 2]]


def test_structures_without_weights_have_no_probability():
    found = slice_probabilities(
        Decision(patients=1, slices={"RV": weights(intercept=1.0)}), np.zeros((3, 2, 7)), VENTRICLES
    )
    assert np.isnan(found[1:]).all()
    assert found[0] == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_a_bundle_that_decides_on_what_it_does_not_label_is_refused():
    manifest = open_bundle("cine").manifest
    assert manifest.decision is not None
    document = manifest.model_dump() | {"decision": {"patients": 1, "logit_shift": {"scar": 0.1}}}
    with pytest.raises(ValidationError, match="scar"):
        Manifest.model_validate(document)
    with pytest.raises(ValidationError, match="neither"):
        Manifest.model_validate(document | {"decision": {"patients": 1}})


def test_frames_of_one_grid_alone_are_decided():
    decider = Decider(Decision(patients=1, slices={"LV": weights(intercept=-9.0)}), VENTRICLES)
    stage = Stage(Sure(), PreprocessingSettings())
    segmenter = Segmenter(stage, VENTRICLES.values, decider=decider)
    frame = segment_frame(left_ventricle([0, 2.0, 5.0, 5.0, 0, 0]), WHOLE, segmenter)
    thin = replace(GRID, shape=(12, 16, 16), spacing_mm=(5.0, 2.0, 2.0))
    _, evidence = segmenter.mask_of(frame, GRID, thin)
    assert evidence.presence == ()
