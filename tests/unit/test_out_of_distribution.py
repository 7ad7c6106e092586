"""Evidence of images unlike those that a model learnt from, and the margin before it is told."""

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, Geometry, Verdict
from septum.inference import Manifest, StageManifest
from septum.inference.out_of_distribution import Evidence, TrainingImages, evidence_of, foreground_of
from septum.localisation import LocalisationSettings
from septum.preprocessing import PreprocessingSettings
from septum.quality.evidence import unlike_training_images

KNOWN = TrainingImages(cases=64, slice_mm=(5.0, 10.0), least_confidence=0.9, least_agreement=0.8)
FAMILIAR = Evidence(0.95, 0.9)


def manifest(known):
    stage = StageManifest(
        graph="none.onnx", sha256="", preprocessing=PreprocessingSettings(), multiple=(1, 8, 8)
    )
    return Manifest(
        name="toy",
        title="left atrium in toys",
        labels=LEFT_ATRIUM,
        localiser=stage,
        localisation=LocalisationSettings(),
        segmenter=stage,
        provenance={},
        accuracy={},
        licence="none",
        training_images=known,
    )


@pytest.mark.parametrize("classes", [1, 2])
def test_evidence_of_four_voxels(classes):
    # Two voxels are labelled, with probabilities 3/4 and 9/10; the coarse mask has one of these and one more.
    foreground = np.log([3.0, 9.0, 0.1, 0.1]).astype(np.float32).reshape(1, 1, 1, 4)
    logits = np.concatenate([np.zeros_like(foreground), foreground])[-classes:]
    coarse = np.array([False, True, True, False]).reshape(1, 1, 4)
    found = evidence_of(foreground_of(logits), coarse)
    assert (found.confidence, found.agreement) == (0.825, 0.5)
    # Twice 1.65 that the mask holds, of 2 voxels of it and of 1.65 + 2 / 11 that are expected.
    assert found.soft_dice == (pytest.approx(3.3 / (3.65 + 2 / 11), abs=1e-4),)


def test_expected_overlaps_of_two_structures_and_of_one_without_a_voxel():
    # Softmax of the logarithms of 1, 2 and 1 is 1/4, 1/2 and 1/4, and the second decides.
    logits = np.zeros((3, 1, 1, 2), dtype=np.float32)
    logits[:, 0, 0, 0] = np.log([1, 2, 1])
    logits[1:, 0, 0, 1] = -20.0
    found = evidence_of(foreground_of(logits), None)
    assert found.soft_dice == (pytest.approx(2 * 0.5 / 1.5, abs=1e-4), None)


def test_a_frame_that_the_localiser_has_not_seen_has_no_agreement():
    logits = np.log([3.0, 9.0, 0.1, 0.1]).astype(np.float32).reshape(1, 1, 1, 4)
    assert evidence_of(foreground_of(logits), None).agreement is None


@pytest.mark.parametrize("coarse", [None, np.ones((2, 3, 3), dtype=bool)])
def test_no_evidence_where_nothing_is_labelled(coarse):
    logits = np.full((1, 2, 3, 3), -1.0, dtype=np.float32)
    assert evidence_of(foreground_of(logits), coarse) == Evidence(None, None, (None,))


def test_training_cases_leave_their_extremes():
    evidence = [Evidence(0.95, 0.8), Evidence(None, None), Evidence(0.9, 0.85)]
    assert TrainingImages.of([5.0, 10.0, 8.0], evidence) == TrainingImages(
        cases=3, slice_mm=(5.0, 10.0), least_confidence=0.9, least_agreement=0.8
    )
    assert TrainingImages.of([5.0], [Evidence(None, None)]) is None


@pytest.mark.parametrize(
    ("slice_mm", "evidence", "words"),
    [
        (8.0, FAMILIAR, None),
        (40.0, FAMILIAR, None),  # four times as far apart
        (41.0, FAMILIAR, "slices 41 mm apart instead of 5 to 10 mm"),
        (1.25, FAMILIAR, None),
        (0.625, FAMILIAR, "slices 0.625 mm apart instead of 5 to 10 mm"),
        (8.0, Evidence(0.86, 0.9), None),  # lacks 0.14, and 0.15 is 1.5 times what a training case lacked
        (8.0, Evidence(0.84, 0.9), "a mean confidence of 0.84"),
        (8.0, Evidence(0.95, 0.71), None),
        (8.0, Evidence(0.95, 0.69), "an agreement of 0.69"),
        (8.0, Evidence(None, None), None),  # that nothing was found has its own warning
    ],
)
def test_departures_are_told_beyond_the_margin_only(slice_mm, evidence, words):
    found = list(KNOWN.departures(slice_mm, [evidence]))
    assert len(found) == (words is not None)
    assert all(words in clause for clause in found)


def test_a_few_bad_frames_are_no_other_image():
    bad = Evidence(0.5, 0.1)
    assert list(KNOWN.departures(8.0, [FAMILIAR, bad, FAMILIAR])) == []
    assert len(list(KNOWN.departures(8.0, [bad, FAMILIAR, bad]))) == 2


def test_one_sentence_names_the_model_and_all_that_departs():
    axial = Geometry((88, 216, 256), (0.625, 0.625, 0.625))
    (flag,) = unlike_training_images(manifest(KNOWN), axial, [Evidence(0.6, 0.2)])
    for words in ("toy (left atrium in toys)", "0.625 mm apart", "confidence of 0.60", "agreement of 0.20"):
        assert words in flag.reason
    assert flag.key == "unlike_training_images"


@pytest.mark.parametrize(
    ("slice_mm", "evidence", "verdict"),
    [
        (1.2, FAMILIAR, Verdict.REJECT),
        (41.0, FAMILIAR, Verdict.REJECT),
        (8.0, Evidence(0.6, 0.2), Verdict.REVIEW),
    ],
)
def test_an_image_of_another_kind_is_rejected_and_one_that_is_only_odd_is_not(slice_mm, evidence, verdict):
    geometry = Geometry((10, 96, 96), (slice_mm, 1.1, 1.1))
    (flag,) = unlike_training_images(manifest(KNOWN), geometry, [evidence])
    assert flag.verdict is verdict


@pytest.mark.parametrize(("frames", "rejected"), [(1, False), (2, False), (5, True), (30, True)])
def test_a_cine_is_no_late_gadolinium(frames, rejected):
    axial = Geometry((88, 216, 256), (0.625, 0.625, 0.625))
    flags = list(unlike_training_images(manifest(None), axial, [FAMILIAR] * frames))
    verdicts = {flag.key: flag.verdict for flag in flags}
    assert verdicts == ({"cine_for_late_gadolinium": Verdict.REJECT} if rejected else {})


def test_a_bundle_that_tells_nothing_of_its_training_images_warns_of_nothing():
    axial = Geometry((88, 216, 256), (0.625, 0.625, 0.625))
    assert list(unlike_training_images(manifest(None), axial, [Evidence(0.1, 0.0)])) == []
