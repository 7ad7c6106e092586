"""Segmenting files: what is written fits the image, and the JSON says how it came about."""

from __future__ import annotations

import gzip
import hashlib
import json

import nibabel as nib
import nrrd
import numpy as np
import pytest

import septum
from septum.core import LocalisationPath, Region
from septum.inference import ModelOptions
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_file

FIELDS = {
    "format", "software", "model", "input", "settings", "mask_origin", "mask_sha256", "outputs", "labels",
    "indices", "quality", "regions", "confidence", "agreement", "soft_dice", "flip_agreement", "notes",
    "timings_s", "statement",
}  # fmt: skip


@pytest.fixture
def model(bundle):
    return LazyModel(bundle, ModelOptions(threads=1))


def test_a_cine_gives_a_mask_and_a_record(model, bundle, write_study, tmp_path):
    source = write_study(tmp_path / "cine.nii.gz", frames=3)
    result = segment_file(source, model, tmp_path / "out")
    assert (result.mask, result.json) == (
        tmp_path / "out" / "cine_seg.nii.gz",
        tmp_path / "out" / "cine_seg.json",
    )
    image, mask = nib.load(source), nib.load(result.mask)
    assert mask.shape == image.shape == (48, 44, 3, 3)
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, image.affine)
    labels = np.asarray(mask.dataobj)

    told = json.loads(result.json.read_text())
    assert set(told) == FIELDS
    assert told["input"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert told["model"]["sha256"] == hashlib.sha256((bundle / "model.json").read_bytes()).hexdigest()
    assert told["software"] == {"name": "septum", "version": septum.__version__}
    assert (told["input"]["shape"], told["input"]["spacing_mm"]) == ([3, 44, 48], [8.0, 1.5, 1.5])
    assert told["settings"] == {
        "engine": "openvino", "device": "cpu", "precision": "f32", "threads": 1, "flips": False,
        "spacing_mm": None, "indices": told["settings"]["indices"],
    }  # fmt: skip
    # A voxel of 8 x 1.5 x 1.5 mm is 0.018 ml.
    for name, value in (("RV", 1), ("MYO", 2), ("LV", 3)):
        counts = (labels == value).sum(axis=(0, 1, 2))
        assert told["indices"]["volumes_ml"][name] == pytest.approx(list(counts * 0.018), abs=1e-3)
    items = told["indices"]["items"]
    assert told["indices"]["end_diastole_frame"] == int(np.argmax((labels == 3).sum(axis=(0, 1, 2))))
    full, emptied = max(told["indices"]["volumes_ml"]["LV"]), min(told["indices"]["volumes_ml"]["LV"])
    assert full > emptied > 0
    assert items["lv_ef_percent"]["value"] == pytest.approx(100 * (full - emptied) / full, abs=0.05)
    myocardium = told["indices"]["volumes_ml"]["MYO"][told["indices"]["end_diastole_frame"]]
    assert items["lv_mass_ed_g"]["value"] == pytest.approx(1.05 * myocardium, abs=1e-2)
    assert [region["frame"] for region in told["regions"]] == [0, 1, 2]
    assert len(told["timings_s"]["frames"]) == 3
    assert "research" in told["statement"]


def test_the_mask_lies_inside_the_region_that_the_record_names(model, write_study, tmp_path):
    result = segment_file(write_study(tmp_path / "a.nii.gz"), model, tmp_path / "out")
    (region,) = result.record.regions
    labels = np.asarray(nib.load(result.mask).dataobj).transpose()
    inside = Region(region.start, region.stop).crop(labels)
    assert inside.any()
    assert np.count_nonzero(inside) == np.count_nonzero(labels)
    assert region.path in set(LocalisationPath)


def test_a_volume_has_no_phases(model, write_study, tmp_path):
    record = segment_file(write_study(tmp_path / "a.nii.gz"), model, tmp_path / "out").record
    assert numbers_of(record) == (None, None, {}, None)
    assert nib.load(tmp_path / "out" / "a_seg.nii.gz").shape == (48, 44, 3)


def test_slices_first_in_the_file_give_the_same_mask(model, write_study, tmp_path):
    plain = segment_file(write_study(tmp_path / "plain.nii.gz"), model, tmp_path / "out")
    image = nib.load(tmp_path / "plain.nii.gz")
    turned_affine = image.affine[:, [2, 0, 1, 3]]
    turned_voxels = np.asarray(image.dataobj).transpose(2, 0, 1)
    nib.save(nib.Nifti1Image(turned_voxels, turned_affine), tmp_path / "turned.nii.gz")
    turned = segment_file(tmp_path / "turned.nii.gz", model, tmp_path / "out")
    mask = nib.load(turned.mask)
    assert mask.shape == (3, 48, 44)
    np.testing.assert_allclose(mask.affine, turned_affine)
    expected = np.asarray(nib.load(plain.mask).dataobj).transpose(2, 0, 1)
    assert expected.any()
    np.testing.assert_array_equal(np.asarray(mask.dataobj), expected)
    (region,), (other,) = plain.record.regions, turned.record.regions
    assert region.stop[0] - region.start[0] == 3
    assert other.stop[2] - other.start[2] == 3


def test_a_unit_scaled_affine_keeps_its_true_spacing(model, write_study, tmp_path):
    image = nib.load(write_study(tmp_path / "plain.nii.gz"))
    unit = nib.Nifti1Image(np.asarray(image.dataobj), None)
    unit.header.set_sform(np.diag([-1.0, -1.0, 1.0, 1.0]), code=2)
    unit.header.set_zooms((1.5, 1.5, 8.0))
    raw = bytearray(unit.to_bytes())
    raw[76:92] = np.array([1.0, 1.5, 1.5, 8.0], "<f4").tobytes()
    (tmp_path / "unit.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    result = segment_file(tmp_path / "unit.nii.gz", model, tmp_path / "out")
    header, mask = nib.load(tmp_path / "unit.nii.gz").header, nib.load(result.mask).header
    assert mask["pixdim"][1:4].tolist() == [1.5, 1.5, 8.0]
    for field in ("srow_x", "srow_y", "srow_z", "sform_code", "qform_code", "dim"):
        np.testing.assert_array_equal(mask[field], header[field])
    assert result.record.input.spacing_mm == (8.0, 1.5, 1.5)
    assert any("affine" in note.text for note in result.record.input.notes)


def test_nrrd_in_nrrd_out(model, write_study, tmp_path):
    voxels = np.asarray(nib.load(write_study(tmp_path / "a.nii.gz")).dataobj)
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([1.5, 1.5, 8.0]),
        "space origin": np.array([1.0, 2.0, 3.0]),
        "content": "Somebody^Known",
    }
    nrrd.write(str(tmp_path / "a.nrrd"), voxels, header)
    result = segment_file(tmp_path / "a.nrrd", model, tmp_path / "out")
    assert result.mask == tmp_path / "out" / "a_seg.nrrd"
    labels, told = nrrd.read(str(result.mask))
    assert labels.shape == voxels.shape
    np.testing.assert_allclose(told["space directions"], header["space directions"])
    np.testing.assert_allclose(told["space origin"], header["space origin"])
    assert b"Somebody" not in result.mask.read_bytes()[:500]
    assert "Somebody" not in result.json.read_text()


def test_the_record_names_no_file_and_no_text_of_the_header(model, write_study, tmp_path):
    source = write_study(tmp_path / "Somebody_Known_19700101.nii.gz")
    image = nib.load(source)
    image.header["descrip"] = b"Somebody^Known"
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), source)
    told = segment_file(source, model, tmp_path / "out").json.read_text()
    assert "Somebody" not in told
    assert "1970" not in told
    assert str(tmp_path) not in told


@pytest.fixture
def paint(monkeypatch):
    """``paint({3: 5}, {})``: the model finds 5 voxels of label 3, then nothing."""
    from septum.inference import Model

    original = Model.segment_frames

    def paint(*frames):
        left = iter(frames)

        def segment_frames(self, cine):
            for found in original(self, cine):
                found.labels[:] = 0
                painted = np.repeat(*np.array(list(next(left).items()), int).reshape(-1, 2).T)
                found.labels.reshape(-1)[: len(painted)] = painted
                yield found

        monkeypatch.setattr(Model, "segment_frames", segment_frames)

    return paint


def numbers_of(record):
    """Frames of end-diastole and end-systole, ejection fractions, and mass at end-diastole."""
    indices = record.indices
    fractions = {name: indices.value(f"{name.lower()}_ef_percent") for name in ("LV", "RV")}
    known = {name: value for name, value in fractions.items() if value is not None}
    return indices.end_diastole_frame, indices.end_systole_frame, known, indices.value("lv_mass_ed_g")


def flags_of(record):
    return [flag.key for flag in record.quality.flags]


def recorded(write_study, model, folder, frames):
    return segment_file(write_study(folder / "a.nii.gz", frames=frames), model, folder / "out").record


def test_an_empty_mask_is_flagged(model, write_study, tmp_path, paint):
    paint({}, {})
    record = recorded(write_study, model, tmp_path, 2)
    assert flags_of(record) == ["nothing_found"]
    assert numbers_of(record) == (None, None, {}, None)


def test_a_structure_that_comes_and_goes_is_flagged(model, write_study, tmp_path, paint):
    paint({1: 9, 2: 9, 3: 9}, {1: 8, 2: 9}, {}, {1: 7, 2: 9, 3: 5})
    record = recorded(write_study, model, tmp_path, 4)
    found = {flag.key: (flag.verdict, flag.value) for flag in record.quality.flags}
    assert found["empty_frames"] == ("review", 1)
    assert found["structure_comes_and_goes"] == ("reject", 1)


@pytest.mark.parametrize("lv", [{}, {3: 5}])
def test_without_an_lv_that_changes_there_is_no_phase(model, write_study, tmp_path, paint, lv):
    paint({1: 9, 2: 9} | lv, {1: 7, 2: 9} | lv)
    record = recorded(write_study, model, tmp_path, 2)
    assert numbers_of(record) == (None, None, {}, None)
    assert ("missing_structure" in flags_of(record)) is not bool(lv)
    assert "no_beat" in flags_of(record)


def test_a_negative_ejection_fraction_is_flagged(model, write_study, tmp_path, paint):
    paint({1: 8, 2: 9, 3: 10}, {1: 10, 2: 9, 3: 5})
    record = recorded(write_study, model, tmp_path, 2)
    # RV (8 - 10) / 8, LV (10 - 5) / 10.
    assert numbers_of(record)[2] == {"LV": 50.0, "RV": -25.0}
    assert "negative_ejection_fraction" in flags_of(record)


def test_numbers_of_no_heart_are_flagged(model, write_study, tmp_path, paint):
    # A voxel of 8 x 1.5 x 1.5 mm is 0.018 ml: MYO 7.2 ml, LV 36 ml, in 3 slices.
    paint({1: 100, 2: 400, 3: 2000})
    record = recorded(write_study, model, tmp_path, None)
    found = {flag.key: flag.value for flag in record.quality.flags}
    assert found["little_myocardium"] == pytest.approx(0.2)
    assert found["small_myo"] == pytest.approx(7.2)
    assert found["few_slices"] == 3


def test_a_given_spacing_is_used_and_recorded(model, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    result = segment_file(source, model, tmp_path / "out", spacing_mm=(10.0, 1.6, 1.6))
    assert result.record.settings.spacing_mm == result.record.input.spacing_mm == (10.0, 1.6, 1.6)
    assert nib.load(result.mask).header.get_zooms() == pytest.approx((1.6, 1.6, 10.0))


def test_from_python_the_same_labels_without_files(bundle, model, write_study, tmp_path, files_in):
    source = write_study(tmp_path / "data" / "a.nii.gz", frames=2)
    with pytest.warns(septum.QualityWarning, match="few|LV"):
        result = septum.segment(source, model=bundle)
    assert files_in(tmp_path / "data") == ["a.nii.gz"]
    written = nib.load(segment_file(source, model, tmp_path / "out").mask)
    np.testing.assert_array_equal(result.labels, np.asarray(written.dataobj).transpose())
    with pytest.warns(septum.QualityWarning):
        again = septum.segment(str(source), model=septum.load_model(bundle))
    np.testing.assert_array_equal(again.labels, result.labels)
    assert result.schema.names == ("RV", "MYO", "LV")
