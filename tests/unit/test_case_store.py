"""Prepared cases on disk: found again where nothing has changed, and made again where something has."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from septum.datasets import acdc
from septum.methods import case_store
from septum.methods.case_store import CaseStore
from septum.preprocessing import ClaheSettings, PreprocessingSettings
from support.miniature_training import spoil, write_patient

SETTINGS = PreprocessingSettings(slice_mm=10.0, in_plane_mm=5.0, clahe=ClaheSettings(), size=(4, 24, 40))


@pytest.fixture
def dataset(tmp_path):
    write_patient(tmp_path / "data", 1, np.random.default_rng(0))
    return acdc(tmp_path / "data")


@pytest.fixture
def prepared(monkeypatch):
    """Names of the cases that were prepared, not found."""
    names, prepare = [], case_store.prepare_case

    def watched(native, values, settings):
        names.append(native.case.name)
        return prepare(native, values, settings)

    monkeypatch.setattr(case_store, "prepare_case", watched)
    return names


def assert_equal(found, expected):
    assert (found.name, found.patient, found.geometry) == (expected.name, expected.patient, expected.geometry)
    for ours, theirs in ((found.image, expected.image), (found.classes, expected.classes)):
        assert ours.dtype == theirs.dtype
        assert ours.equal(theirs)


def test_prepared_case_from_disk_equals_a_fresh_one(dataset, tmp_path, prepared):
    case = dataset.cases[0]
    fresh = CaseStore(dataset).prepared(case, SETTINGS)
    assert_equal(CaseStore(dataset, tmp_path / "kept").prepared(case, SETTINGS), fresh)
    assert len(prepared) == 2
    assert_equal(CaseStore(dataset, tmp_path / "kept").prepared(case, SETTINGS), fresh)
    assert len(prepared) == 2, "found on disk"
    assert fresh.classes.unique().tolist() == [0, 1, 2, 3]


def test_without_a_folder_nothing_is_written(dataset, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    CaseStore(dataset).prepared(dataset.cases[0], SETTINGS)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "damage",
    [
        spoil,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_text("no archive"),
        lambda path: np.savez(path, image=np.zeros((2, 2, 2), np.float32)),
    ],
    ids=["flipped bits", "empty", "cut short", "text", "arrays missing"],
)
def test_damaged_file_is_made_again(dataset, tmp_path, prepared, damage):
    case, folder = dataset.cases[0], tmp_path / "kept"
    fresh = CaseStore(dataset, folder).prepared(case, SETTINGS)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    damage(file)
    assert file.read_bytes() != whole
    assert_equal(CaseStore(dataset, folder).prepared(case, SETTINGS), fresh)
    assert len(prepared) == 2
    CaseStore(dataset, folder).prepared(case, SETTINGS)
    assert len(prepared) == 2, "it is whole again"
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize(
    "change",
    [{"in_plane_mm": 6.0}, {"size": (4, 32, 40)}, {"clahe": None}, {"clahe": ClaheSettings(clip=99.0)}],
    ids=str,
)
def test_other_settings_prepare_anew(dataset, tmp_path, prepared, change):
    case, folder, changed = dataset.cases[0], tmp_path / "kept", SETTINGS.model_copy(update=change)
    first = CaseStore(dataset, folder).prepared(case, SETTINGS)
    found = CaseStore(dataset, folder).prepared(case, changed)
    assert len(prepared) == 2
    assert_equal(found, CaseStore(dataset).prepared(case, changed))
    assert not (found.image.shape == first.image.shape and found.image.equal(first.image))


@pytest.mark.parametrize("which", ["image", "mask"])
def test_changed_file_is_prepared_anew(dataset, tmp_path, prepared, which):
    case, folder = dataset.cases[0], tmp_path / "kept"
    first = CaseStore(dataset, folder).prepared(case, SETTINGS)
    path = getattr(case, which)
    stored = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(stored.dataobj)[::-1].copy(), stored.affine), path)
    found = CaseStore(dataset, folder).prepared(case, SETTINGS)
    assert len(prepared) == 2
    assert found.image.equal(first.image) == (which == "mask")
    assert found.classes.equal(first.classes) == (which == "image")


def test_cases_do_not_share_files(dataset, tmp_path):
    # Two names for the same images: each keeps its own.
    case, store = dataset.cases[0], CaseStore(dataset, tmp_path / "kept")
    names = [store.prepared(c, SETTINGS).name for c in (case, replace(case, name="other"))]
    assert names == [case.name, "other"]
    assert len(list((tmp_path / "kept").iterdir())) == 2
