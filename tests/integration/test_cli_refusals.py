"""Bad inputs at the command line: one sentence, the documented exit code, and nothing written."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


def save(path: Path, voxels: np.ndarray, **header: object) -> Path:
    image = nib.Nifti1Image(voxels, AFFINE)
    raw = bytearray(image.to_bytes())
    if "pixdim" in header:
        raw[80:92] = np.asarray(header["pixdim"], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))
    return path


def grey(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(300, 50, shape).astype(np.float32)


def missing(folder):
    return folder / "missing.nii.gz"


def truncated(folder):
    path = save(folder / "truncated.nii.gz", grey(48, 44, 3))
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def text(folder):
    path = folder / "text.nii.gz"
    path.write_text("this is no image")
    return path


def zipped_text(folder):
    path = folder / "zipped.nii.gz"
    path.write_bytes(gzip.compress(b"this is no image, but it is zipped"))
    return path


def not_a_number(folder):
    voxels = grey(48, 44, 3)
    voxels[0, 0, 0] = np.nan
    return save(folder / "nan.nii.gz", voxels)


def infinite(folder):
    voxels = grey(48, 44, 3)
    voxels[0, 0, 0] = np.inf
    return save(folder / "inf.nii.gz", voxels)


def constant(folder):
    return save(folder / "constant.nii.gz", np.full((48, 44, 3), 7, np.int16))


def coloured(folder):
    colours = np.zeros((48, 44, 3), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    return save(folder / "rgb.nii.gz", colours)


def zero_spacing(folder):
    return save(folder / "zero.nii.gz", grey(48, 44, 3), pixdim=(0.0, 1.5, 8.0))


def negative_spacing(folder):
    return save(folder / "negative.nii.gz", grey(48, 44, 3), pixdim=(1.5, -1.5, 8.0))


def wild_spacing(folder):
    return save(folder / "wild.nii.gz", grey(48, 44, 3), pixdim=(150.0, 150.0, 800.0))


def mask_as_image(folder):
    labels = np.zeros((48, 44, 3), np.uint8)
    labels[10:30, 10:30] = 1
    labels[15:25, 15:25] = 3
    return save(folder / "study.nii.gz", labels)


def empty_folder(folder):
    path = folder / "empty"
    path.mkdir()
    return path


def only_masks(folder):
    path = folder / "masks"
    path.mkdir()
    save(path / "a_gt.nii.gz", grey(48, 44, 3))
    return path


BAD = [
    missing, truncated, text, zipped_text, not_a_number, infinite, constant, coloured, zero_spacing,
    negative_spacing, wild_spacing, mask_as_image, empty_folder, only_masks,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_input(make, septum, bundle, tmp_path):
    bad, out = make(tmp_path), tmp_path / "out"
    answer = septum("segment", bad, "-o", out, "--model", bundle)
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert line.startswith("septum: error: ")
    assert bad.name in line
    assert not out.exists()


@pytest.mark.parametrize("command", ["segment", "convert"])
@pytest.mark.parametrize("name", ["typo", "typo.dcm", "typo.nii.gz"])
def test_what_is_not_there_is_said_to_be_missing(septum, tmp_path, command, name):
    answer = septum(command, tmp_path / name, "-o", tmp_path / "out.nii.gz")
    assert answer.code == 3
    assert f"{name} is missing: expected a file or a folder there" in answer.err


def test_an_archive_is_to_be_unpacked(septum, tmp_path):
    (tmp_path / "study.zip").write_bytes(b"PK")
    answer = septum("convert", tmp_path / "study.zip", "-o", tmp_path / "a.nii")
    assert "unpack an archive and give the folder" in answer.err


def test_a_wild_spacing_asks_for_the_true_one_and_takes_it(septum, bundle, tmp_path):
    bad = wild_spacing(tmp_path)
    command = ("segment", bad, "-o", tmp_path / "out", "--model", bundle)
    assert "--spacing" in septum(*command).err
    assert septum(*command, "--spacing", "8,1.5,1.5").code == 0


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/septum"])
def test_an_output_folder_that_cannot_be_written(out, septum, bundle, write_study, tmp_path, monkeypatch):
    from septum.workflows import lazy_model

    monkeypatch.setattr(lazy_model, "Model", None)  # loading a model would fail otherwise
    (tmp_path / "file").write_text("not a folder")
    answer = septum("segment", write_study(tmp_path / "a.nii.gz"), "-o", tmp_path / out, "--model", bundle)
    assert answer.code == 4
    (line,) = answer.err.splitlines()
    assert line.startswith("septum: error: ")
    assert (tmp_path / "file").read_text() == "not a folder"


def wrong_hash(bundle):
    graph = bundle / "segmenter.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")


def missing_graph(bundle):
    (bundle / "localiser.onnx").unlink()


def missing_manifest(bundle):
    (bundle / "model.json").unlink()


def unknown_format(bundle):
    manifest = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps(manifest | {"format": 2}))


def cut_manifest(bundle):
    (bundle / "model.json").write_text((bundle / "model.json").read_text()[:100])


@pytest.mark.parametrize(
    "damage",
    [wrong_hash, missing_graph, missing_manifest, unknown_format, cut_manifest],
    ids=lambda f: f.__name__,
)
def test_a_bad_bundle(damage, septum, bundle, write_study, tmp_path):
    damage(bundle)
    source = write_study(tmp_path / "a.nii.gz")
    for command in (("segment", source, "-o", tmp_path / "out", "--model", bundle), ("info", bundle)):
        answer = septum(*command)
        assert answer.code == 5
        (line,) = answer.err.splitlines()
        assert line.startswith("septum: error: ")
        assert str(bundle) in line
    assert not (tmp_path / "out").exists()


def test_an_unknown_model(septum, write_study, tmp_path):
    answer = septum(
        "segment", write_study(tmp_path / "a.nii.gz"), "-o", tmp_path / "out", "--model", "nosuch"
    )
    assert answer.code == 5
    assert "nosuch" in answer.err


def test_a_missing_engine_is_one_sentence_for_all_files(septum, bundle, write_study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for name in "ab":
        write_study(tmp_path / "data" / f"{name}.nii.gz")
    answer = septum(
        "segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle, "--engine", "onnxruntime"
    )
    assert answer.code == 6
    (line,) = answer.err.splitlines()
    assert "septum[onnx]" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("segment",),
        ("segment", "a.nii.gz"),
        ("segment", "a.nii.gz", "-o", "out", "--spacing", "1,2"),
        ("segment", "a.nii.gz", "-o", "out", "--spacing", "0,1,1"),
        ("segment", "a.nii.gz", "-o", "out", "--threads", "0"),
        ("segment", "a.nii.gz", "-o", "out", "--engine", "abacus"),
        ("train", "production/cine", "--data", "d", "--run", "r", "--time-budget", "soon"),
        ("train", "production/cine", "--data", "d", "--run", "r", "--time-budget", "50"),
        ("segment", "a.nii.gz", "-o", "out", "--heart-rate", "nan"),
        ("segment", "a.nii.gz", "-o", "out", "--height", "nan"),
        ("segment", "a.nii.gz", "-o", "out", "--weight", "inf"),
        ("segment", "", "-o", "out"),
        ("segment", "a.nii.gz", "-o", ""),
        ("segment", "a.nii.gz", "--out="),
        ("segment", "a.nii.gz", "-o", "out", "--csv", ""),
        ("evaluate", "", "truth"),
        ("convert", "", "-o", "out/a.nii.gz"),
        ("info", ""),
        ("demo", "-o", ""),
        ("nosuch",),
    ],
)
def test_a_wrong_command_line(arguments, septum, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = septum(*arguments)
    assert answer.code == 2
    assert "Error:" in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 3, "memory"),
        (RuntimeError("Somebody^Known"), 70, "unexpected RuntimeError"),
    ],
)
def test_no_traceback_reaches_the_user(raised, code, words, septum, monkeypatch):
    from septum.workflows import info

    def fail(_target):
        raise raised

    monkeypatch.setattr(info, "describe", fail)
    answer = septum("info", "cine")
    assert answer.code == code
    (line,) = answer.err.strip().splitlines()
    assert words in line
    assert "Somebody" not in line
    if code == 70:
        monkeypatch.setenv("SEPTUM_DEBUG", "1")
        assert "Traceback" in septum("info", "cine").err


def test_training_without_torch_names_the_extra(septum, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("septum.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = septum("train", "production/cine", "--data", tmp_path, "--run", tmp_path / "run")
    assert answer.code == 6
    (line,) = answer.err.splitlines()
    assert "pip install 'septum[train]'" in line


def test_an_unknown_recipe_names_those_that_there_are(septum, tmp_path):
    answer = septum("train", "nosuch", "--data", tmp_path, "--run", tmp_path / "run")
    assert answer.code == 5
    assert "production/cine" in answer.err


def test_a_reader_that_goes_away_is_no_error(bundle):
    command = f"{sys.executable} -m septum info {bundle}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


@pytest.mark.parametrize("options", [("--stack", "2"), ("--kind", "late-gadolinium")])
def test_a_choice_among_the_stacks_of_one_image_is_refused(options, septum, write_study, tmp_path):
    image = write_study(tmp_path / "a.nii.gz")
    assert septum("convert", image, "-o", tmp_path / "b.nii.gz", *options).code == 3
    assert not (tmp_path / "b.nii.gz").exists()


def test_a_command_or_recipe_that_is_mistyped_is_told_with_the_one_that_is_meant(septum, tmp_path):
    answer = septum("segmnt")
    assert (answer.code, "'segment'" in answer.err) == (2, True)
    answer = septum("train", "production/cina", "--data", tmp_path)
    assert (answer.code, "production/cine" in answer.err) == (5, True)
    answer = septum("train", "nosuch.toml", "--data", tmp_path)
    assert "production/cine" in answer.err
    assert len(answer.err) < 300


def test_a_photo_is_told_from_an_image(septum, tmp_path):
    photo = tmp_path / "photo.JPG"
    photo.write_bytes(b"\xff\xd8\xff\xe0 and so on")
    for given in (photo, tmp_path):
        answer = septum("segment", given, "-o", tmp_path / "out")
        assert answer.code == 3
        assert "picture" in answer.err
        assert "photo.JPG" in answer.err
    save(tmp_path / "heart.nii.gz", grey(8, 8, 1))
    answer = septum("segment", tmp_path, "-o", tmp_path / "out")
    assert [line for line in answer.err.splitlines() if "passed over" in line and "photo.JPG" in line]


def test_help_cuts_no_sentence(septum):
    listed = septum("--help").out.split("Commands:\n")[1].splitlines()
    assert listed
    assert not [line for line in listed if line.endswith("...")]
