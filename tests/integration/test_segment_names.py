"""Results of other files are never replaced unasked."""

from __future__ import annotations

import json

import pytest

from septum.core.errors import NameTakenError
from septum.inference import ModelOptions
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_file


def results(out):
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_another_patients_file_of_the_same_name(septum, bundle, write_study, tmp_path):
    out, options = tmp_path / "out", ("-o", tmp_path / "out", "--model", bundle)
    first, second = (write_study(tmp_path / n / "sax.nii.gz", seed=i) for i, n in enumerate("ab"))
    assert septum("segment", first, *options).code == 0
    before = results(out)
    answer = septum("segment", second, *options)
    assert answer.code == 4
    (line,) = answer.err.splitlines()
    assert line.startswith(f"septum: error: {out / 'sax_seg.json'} is the result of another file")
    assert str(second) in line
    assert "--overwrite" in line
    assert answer.out == "0 segmented, 1 failed.\n"
    assert results(out) == before
    assert septum("segment", second, *options, "--overwrite").code == 0
    assert results(out) != before


@pytest.mark.parametrize("added", [{}, {"a field of a later version": 1}])
def test_a_result_of_another_model_of_another_patient_stays_too(septum, bundle, write_study, tmp_path, added):
    out, options = tmp_path / "out", ("-o", tmp_path / "out", "--model", bundle)
    assert septum("segment", write_study(tmp_path / "a/sax.nii.gz"), *options).code == 0
    (out / "sax_seg.nii.gz").unlink()
    told = json.loads((out / "sax_seg.json").read_text())
    told["software"]["version"] = "0.0.1"
    told |= added
    (out / "sax_seg.json").write_text(json.dumps(told))
    before = results(out)
    assert septum("segment", write_study(tmp_path / "b/sax.nii.gz", seed=1), *options).code == 4
    assert results(out) == before


@pytest.mark.parametrize("json_text", [None, '{"format": 1, "cut of', '{"Modality": "MR"}'])
def test_a_mask_of_ones_own_is_not_replaced(septum, bundle, write_study, tmp_path, json_text):
    source, mask, sidecar = (tmp_path / name for name in ("a.nii.gz", "a_seg.nii.gz", "a_seg.json"))
    write_study(source)
    mask.write_text("drawn by hand")
    if json_text is not None:
        sidecar.write_text(json_text)
    command = ("segment", tmp_path, "-o", tmp_path, "--model", bundle)
    answer = septum(*command)
    assert answer.code == 4
    assert f"{mask}: a_seg.nii.gz" in answer.err
    assert "may be yours" in answer.err
    assert mask.read_text() == "drawn by hand"
    assert (sidecar.read_text() if sidecar.exists() else None) == json_text
    assert septum(*command, "--overwrite").code == 0


def test_the_other_cases_are_done(septum, bundle, write_study, tmp_path):
    options = ("-o", tmp_path / "out", "--model", bundle, "--json")
    write_study(tmp_path / "data/a.nii.gz")
    write_study(tmp_path / "data/b.nii.gz")
    assert septum("segment", write_study(tmp_path / "else/a.nii.gz", seed=1), *options).code == 0
    answer = septum("segment", tmp_path / "data", *options)
    assert answer.code == 1
    told = json.loads(answer.out)
    assert [(f["error"], f["exit_code"]) for f in told["failures"]] == [("NameTakenError", 4)]
    assert [result["mask"] for result in told["results"]] == [str(tmp_path / "out/b_seg.nii.gz")]


def test_from_python(bundle, write_study, tmp_path):
    model = LazyModel(bundle, ModelOptions(threads=1))
    segment_file(write_study(tmp_path / "a/sax.nii.gz"), model, tmp_path / "out")
    other = write_study(tmp_path / "b/sax.nii.gz", seed=1)
    with pytest.raises(NameTakenError, match="another file"):
        segment_file(other, model, tmp_path / "out")
    assert not segment_file(other, model, tmp_path / "out", overwrite=True).skipped
