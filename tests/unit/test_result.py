"""A result in Python: one line of numbers, no error where two are compared, and files that hold it."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from septum.core import InputError, Segmentation, Study, Verdict
from septum.core.errors import NameTakenError, OutputWarning
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.record import ModelFacts, Settings, read_record, write_record

SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def heart():
    return beating_heart(np.random.default_rng(0), SMALL)


@pytest.fixture
def result(heart):
    study = Study(heart.cine, "a" * 64)
    return measured(study, heart.truth, Provenance.of_given_mask(Settings()), None, name="heart")


def test_it_is_told_in_one_line_with_its_numbers(result):
    line = repr(result)
    assert "\n" not in line
    assert len(line) < 300
    percent = next(item.value for item in result.indices.items if item.key == "lv_ef_percent")
    assert f"{percent:.1f} %" in line
    assert str(result.verdict) in line


def test_parts_are_at_hand(result, heart):
    assert result.labels is heart.truth.labels
    assert result.geometry == heart.cine.geometry
    assert result.schema.names == ("RV", "MYO", "LV")
    assert result.verdict in Verdict
    assert result.flags == result.quality.flags
    assert {note.key for note in result.notes}


def test_images_and_masks_are_told_in_one_line_and_can_be_compared(result, heart):
    for one, words in (
        (heart.cine, "3 x 6 x 72 x 72 float32, 14 x 3 x 3 mm"),
        (heart.truth, "RV, MYO, LV; 3 x 6 x 72 x 72 uint8"),
        (result.study, "notes: 0"),
        (heart.cine.frame(0), "Volume(6 x 72 x 72"),
    ):
        assert words in repr(one)
        assert "\n" not in repr(one)
        assert one == one  # noqa: PLR0124
        assert one != result


def test_two_results_can_be_compared_and_kept_in_a_set(result, heart):
    other = measured(Study(heart.cine, "b" * 64), heart.truth, result.provenance, None, name="b")
    assert result == result  # noqa: PLR0124
    assert (result == other) is False
    assert len({result, other}) == 2


def test_a_key_among_structures_is_refused_with_where_its_value_is(result):
    with pytest.raises(KeyError, match=r"value\('lv_ef_percent'\)"):
        result.indices["lv_ef_percent"]


def test_saved_again_it_keeps_its_outputs_and_drops_those_of_another_mask(result, heart, tmp_path):
    out = tmp_path / "out"
    result.save(out, ["report", "mesh"])
    files, json_text = names_in(out), (out / "heart_seg.json").read_text()
    assert any(name.endswith("_report.html") for name in files)
    result.save(out)
    assert names_in(out) == files
    assert (out / "heart_seg.json").read_text() == json_text
    emptied = replace(heart.truth, labels=np.where(heart.truth.labels == 1, 0, heart.truth.labels))
    other = measured(result.study, emptied, result.provenance, None, name="heart")
    other.save(out, overwrite=True)
    assert names_in(out) == ["heart_seg.json", "heart_seg.nii.gz"]


def test_saved_with_other_indices_only_what_shows_none_stays(result, tmp_path):
    out = tmp_path / "out"
    result.save(out, {"report": {}, "mesh": {"all_frames": True}})
    settings = Settings(indices=IndexSettings(height_m=1.7))
    other = Provenance.of_given_mask(settings)
    measured(result.study, result.segmentation, other, None, name="heart").save(out)
    assert "heart_report.html" not in names_in(out)


def test_nothing_is_saved_into_a_folder_without_a_name(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="path"):
        result.save("")
    assert not list(tmp_path.iterdir())


def test_saved_files_hold_it(result, tmp_path):
    paths = result.save(tmp_path / "out", ["report", "mesh"])
    assert np.array_equal(np.asarray(nib.load(paths.mask).dataobj).transpose(), result.labels)
    record = read_record(paths.record)
    assert record == result.record(mask_sha256=record.mask_sha256, outputs=record.outputs).model_copy(
        update={"timings_s": record.timings_s}
    )
    assert (record.mask_origin, record.model) == ("given", None)
    assert (tmp_path / "out/heart_report.html").is_file()
    assert len(list((tmp_path / "out/heart_mesh").iterdir())) == 6
    assert str(tmp_path) not in paths.record.read_text()


def test_a_second_save_makes_anew_what_it_names_otherwise_and_keeps_the_rest(result, tmp_path):
    result.save(tmp_path, ["report", "mesh"])
    result.save(tmp_path, {"mesh": {"format": "ply"}})
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert "heart_report.html" in names
    assert not any(name.endswith(".stl") for name in names)
    assert sum(name.endswith(".ply") for name in names) == 6


def test_another_input_of_that_name_is_not_replaced_unasked(result, heart, tmp_path):
    paths = result.save(tmp_path)
    before = paths.record.read_bytes()
    other = measured(Study(heart.cine, "b" * 64), heart.truth, result.provenance, None, name="heart")
    with pytest.raises(NameTakenError):
        other.save(tmp_path)
    assert paths.record.read_bytes() == before
    other.save(tmp_path, overwrite=True)
    assert json.loads(paths.record.read_text())["input"]["sha256"] == "b" * 64
    assert other.save(tmp_path, name="second").record.name == "second_seg.json"


def by_a_model(result, changed=0):
    """The result as a model made it, but for voxels of background in so many slices."""
    labels = result.labels.copy()
    labels[:, :changed] = 0
    segmentation = Segmentation(labels, result.geometry, result.schema)
    facts = ModelFacts(name="tiny", title="t", sha256="c" * 64, licence="none")
    provenance = replace(result.provenance, model=facts, origin="model")
    return replace(result, segmentation=segmentation, provenance=provenance)


@pytest.mark.parametrize("origin", ["corrected", "given"])
def test_a_correction_that_was_measured_is_not_replaced_unasked(result, tmp_path, origin):
    first = by_a_model(result, changed=3)
    paths = first.save(tmp_path)
    assert read_record(first.save(tmp_path).record).mask_origin == "model", "what no one corrected is"
    drawn = replace(by_a_model(result), provenance=replace(first.provenance, origin=origin))
    drawn.save(tmp_path, overwrite=True)
    before = paths.mask.read_bytes(), paths.record.read_bytes()
    again = replace(drawn, segmentation=by_a_model(result, changed=2).segmentation)
    for other in (first, by_a_model(result), again):
        with pytest.raises(NameTakenError):
            other.save(tmp_path)
        assert (paths.mask.read_bytes(), paths.record.read_bytes()) == before
    drawn.save(tmp_path, ["mesh"])
    assert paths.mask.read_bytes() == before[0], "its own result is saved again"
    first.save(tmp_path, overwrite=True)
    assert read_record(paths.record).mask_origin == "model"


def test_a_correction_in_another_format_is_not_removed_unasked(result, tmp_path):
    first = by_a_model(result, changed=3)
    paths = first.save(tmp_path)
    mask = paths.mask.rename(tmp_path / "heart_seg.mha")
    record = read_record(paths.record)
    write_record(paths.record, record.model_copy(update={"mask_origin": "corrected"}))
    with pytest.raises(NameTakenError, match=r"heart_seg\.mha"):
        first.save(tmp_path)
    assert mask.is_file()
    assert not paths.mask.exists()


def test_a_corrected_mask_with_other_axes_is_the_mask_of_its_result(result, tmp_path):
    drawn = replace(by_a_model(result), provenance=replace(result.provenance, origin="corrected"))
    paths = drawn.save(tmp_path)
    saved = nib.load(paths.mask)
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = saved.shape[0] - 1
    nib.save(nib.Nifti1Image(np.asarray(saved.dataobj)[::-1], saved.affine @ flip), paths.mask)
    drawn.save(tmp_path)
    assert np.array_equal(np.asarray(nib.load(paths.mask).dataobj).transpose(), drawn.labels)


@pytest.mark.parametrize(
    "outputs",
    [["nosuch"], {"mesh": {"format": "doc"}}, {"mesh": {"colour": "red"}}, {"report": {"identify": "yes"}}],
)
def test_an_output_that_there_is_not_is_refused_before_anything_is_written(result, tmp_path, outputs):
    with pytest.raises(InputError):
        result.save(tmp_path / "out", outputs)
    assert not (tmp_path / "out").exists()


def test_dicom_of_what_is_not_dicom_is_a_note_and_a_warning(result, tmp_path):
    with pytest.warns(OutputWarning, match="heart: No DICOM objects"):
        paths = result.save(tmp_path, ["dicom"])
    record = read_record(paths.record)
    assert [note.key for note in record.notes] == ["no_dicom_objects"]
    assert record.outputs == {}
