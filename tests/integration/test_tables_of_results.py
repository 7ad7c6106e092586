"""The tables that commands write: what they replace, what they lose, and what they can be had of."""

from __future__ import annotations

import errno
import json
import os
import tempfile

import nibabel as nib
import numpy as np

from septum.workflows import lazy_model


def test_evaluate_replaces_only_a_table_of_scores_unasked(septum, tmp_path):
    voxels = np.zeros((12, 12, 4), np.uint8)
    voxels[2:8, 2:8], voxels[4:6, 4:6] = 2, 3
    pair = [tmp_path / "a_seg.nii.gz", tmp_path / "a_gt.nii.gz"]
    for path in pair:
        nib.save(nib.Nifti1Image(voxels, np.diag([1.5, 1.5, 8, 1])), path)
    truth = pair[1]
    before = truth.read_bytes()
    answer = septum("evaluate", *pair, "--csv", truth)
    assert (answer.code, answer.out, truth.read_bytes()) == (4, "", before)
    assert "is not recognised as a table of Septum's scores" in answer.err
    own = tmp_path / "own.csv"
    own.write_text("case,ef\na,60\n")
    assert septum("evaluate", *pair, "--csv", own).code == 4
    for option in (["--overwrite"], []):
        assert septum("evaluate", *pair, "--csv", own, *option).code == 0
    assert own.read_text().startswith("case,phase,structure,dice,")


def test_what_is_done_in_a_folder_that_is_read_only_is_told(
    septum, bundle, write_study, tmp_path, monkeypatch
):
    command = ("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle)
    write_study(tmp_path / "data/a.nii.gz")
    assert septum(*command).code == 0
    monkeypatch.setattr(lazy_model, "Model", None)  # it is not needed

    def read_only(dir):  # noqa: A002  # its name
        if dir == tmp_path / "out":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return original(dir=dir)

    original = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    answer = septum(*command, "--csv", tmp_path / "all.csv")
    assert (answer.code, answer.err) == (0, "")
    assert "(already done)" in answer.out
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 2
    write_study(tmp_path / "data/b.nii.gz", seed=1)
    answer = septum(*command)
    assert answer.code == 4
    assert f"{tmp_path / 'out'} cannot be used for results: Permission denied" in answer.err
    assert "0 segmented, 1 already done, 1 failed." in answer.out


def test_what_a_table_loses_is_said_and_no_result_leaves_it(septum, bundle, write_study, tmp_path):
    def case(*options, source=tmp_path / "a.nii.gz"):
        return septum("segment", source, "-o", tmp_path / "out", "--model", bundle, *options)

    write_study(tmp_path / "a.nii.gz")
    table = tmp_path / "all.csv"
    write_study(tmp_path / "b.nii.gz", seed=1)
    nothing = case("--csv", table, source=tmp_path / "typo.nii.gz")
    assert (nothing.code, table.exists()) == (3, False)
    assert "the table is not written" in nothing.err
    assert case("--csv", table).code == 0
    before = table.read_text()
    case("--csv", table, source=tmp_path / "typo.nii.gz")
    assert table.read_text() == before
    assert case("--csv", table).err == ""
    answer = case("--csv", table, "--json", source=tmp_path / "b.nii.gz")
    assert [row.split(",")[0] for row in table.read_text().splitlines()] == ["study", "b"]
    assert f"{table} was replaced, and no longer has the study a:" in answer.err
    assert json.loads(answer.out)["notices"][-1] in answer.err
