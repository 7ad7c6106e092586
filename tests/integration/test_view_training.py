"""A folder that was corrected in the viewer is data of one's own for `septum train`, as it lies there."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core import RecipeError
from septum.datasets import REGISTRY
from septum.io import read_mask
from septum.methods.samples import read_case
from septum.training.recipe_file import load_recipe
from septum.training.sources import dataset_of, split_of
from support.dicom_study import heart as dicom_heart
from support.dicom_study import write_cine
from support.view_studies import Page, write_result

RECIPE = """
extends = "production/cine-cpu"
name = "mine"
title = "corrected cines"
dataset = "reviewed"
segmenter.network.out_channels = 4
"""


@pytest.fixture
def folder(tmp_path):
    """Four results: one accepted, one corrected in a frame that is no phase, one rejected, one unseen."""
    out = tmp_path / "out"
    out.mkdir()
    image = write_result(tmp_path, "accepted")
    for name in ("corrected", "rejected", "unseen"):
        (tmp_path / f"{name}.nii.gz").write_bytes(image.read_bytes())
    for name in ("accepted", "corrected", "rejected", "unseen"):
        write_result(out, name, image=tmp_path / f"{name}.nii.gz")
    page = Page.of(out)
    keys = {one["name"]: one["id"] for one in page.studies()}
    for name in ("accepted", "rejected"):
        page.key = keys[name]
        page.post("review", state=name, reader="R", comment="")
    page.key = keys["corrected"]
    page.edit("slice", frames=[1], slices=[8], structures=None, present=False)
    page.now("save", reader="R")
    return out


def test_frames_that_a_reader_vouches_for_are_read_with_their_corrections(folder, tmp_path):
    (tmp_path / "mine.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "mine.toml")
    dataset = dataset_of(recipe, folder)
    assert {case.name: case.phase for case in dataset.cases} == {
        "accepted_000": "ED", "accepted_002": "ES",
        "corrected_000": "ED", "corrected_001": "", "corrected_002": "ES",
    }  # fmt: skip
    assert set(dataset.patients()) == {"accepted", "corrected"}
    assert dataset.schema.names == ("RV", "MYO", "LV")
    case = read_case(next(case for case in dataset.cases if case.name == "corrected_001"), dataset)
    assert not case.labels[8].any()
    assert (case.labels == read_mask(folder / "corrected_seg.nii.gz").cine.array[1]).all()
    assert case.volume.array.shape == case.labels.shape
    with pytest.raises(RecipeError, match="3 patients"):
        split_of(recipe, dataset)


def test_a_corrected_dicom_study_is_read_from_its_images(tmp_path):
    write_cine(tmp_path / "study")
    out = tmp_path / "out"
    write_result(out, "study", image=tmp_path / "study", mask=dicom_heart().truth)
    page = Page.of(out)
    page.post("review", state="accepted", reader="R", comment="")
    dataset = REGISTRY["reviewed"].load(out)
    case = read_case(dataset.cases[0], dataset)
    assert np.isin(case.labels, (0, 1, 2, 3)).all()
    assert case.labels.any()


def test_a_mask_that_was_made_again_after_its_decision_is_not_learnt_from(folder):
    (folder / "accepted_seg.nii.gz").write_bytes((folder / "corrected_seg.nii.gz").read_bytes())
    assert set(REGISTRY["reviewed"].load(folder).patients()) == {"corrected"}


def test_what_cannot_be_learnt_from_is_refused_with_a_reason(folder, tmp_path):
    load = REGISTRY["reviewed"].load
    with pytest.raises(RecipeError, match="accepted or corrected"):
        load(tmp_path / "nowhere")
    (tmp_path / "accepted.nii.gz").unlink()
    with pytest.raises(RecipeError, match=r"accepted_seg\.json"):
        load(folder)
