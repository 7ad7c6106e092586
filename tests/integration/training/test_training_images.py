"""A bundle learns what its training images look like, and tells of others."""

import json

import nibabel as nib
import numpy as np

from septum.datasets import acdc
from septum.inference import load_model, open_bundle
from septum.methods.case_store import CaseStore
from septum.training.training_images import record_training_images
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_file


def test_training_cases_are_recorded_and_none_of_them_is_warned_of(bundle, data, tmp_path):
    dataset = acdc(data)
    cases = dataset.cases[:4]
    known = record_training_images(bundle, CaseStore(dataset), cases)
    manifest = open_bundle(bundle).manifest  # graphs are checked against their hashes
    assert manifest.training_images == known
    assert known.cases == 4
    assert known.slice_mm == (9.0, 9.0)
    evidence = [
        load_model(bundle).segment_volume(CaseStore(dataset).native(c).volume).evidence for c in cases
    ]
    assert known.least_agreement == min(one.agreement for one in evidence)
    assert known.least_confidence == min(one.confidence for one in evidence)
    result = segment_file(cases[0].image, LazyModel(bundle), tmp_path / "out")
    assert result.record.confidence == (evidence[0].confidence,)
    assert "unlike_training_images" not in [flag.key for flag in result.record.quality.flags]


def test_an_image_of_another_kind_is_warned_of_on_the_terminal_and_in_the_json(
    bundle, data, tmp_path, septum
):
    dataset = acdc(data)
    record_training_images(bundle, CaseStore(dataset), dataset.cases[:4])
    thin = np.random.default_rng(0).normal(300, 40, (40, 38, 60)).astype(np.float32)
    file = tmp_path / "thin.nii.gz"
    nib.save(nib.Nifti1Image(thin, np.diag([4.0, 4.0, 1.0, 1.0])), file)
    answer = septum("segment", file, "--model", bundle, "-o", tmp_path / "out")
    assert answer.code == 0
    (told,) = [
        flag["reason"]
        for flag in json.loads((tmp_path / "out" / "thin_seg.json").read_text("utf-8"))["quality"]["flags"]
        if flag["key"] == "unlike_training_images"
    ]
    assert "slices 1 mm apart instead of 9 mm" in told
    assert "learnt from" in " ".join((answer.out + answer.err).split())
