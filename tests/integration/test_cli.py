"""The command line: what each command prints, and what machines get."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from septum.cli.main import COMMANDS
from septum.phantom import PhantomSettings
from septum.workflows.demo import run_demo
from septum.workflows.info import axis_letters
from septum.workflows.lazy_model import LazyModel


def test_version(septum):
    import septum as package

    answer = septum("--version")
    assert (answer.code, answer.out) == (0, f"septum {package.__version__}\n")


def test_help_lists_the_commands(septum):
    answer = septum("--help")
    assert answer.code == 0
    listed = [line.split()[0] for line in answer.out.split("Commands:")[1].splitlines() if line]
    assert listed == list(COMMANDS)


def test_segment_for_machines(septum, bundle, write_study, tmp_path):
    write_study(tmp_path / "data/a.nii.gz", frames=2)
    (tmp_path / "data/b.nii.gz").write_text("no image")
    command = ("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle, "--json")
    answer = septum(*command)
    told = json.loads(answer.out)
    assert answer.code == told["exit_code"] == 1
    (result,), (failure,) = told["results"], told["failures"]
    assert result["mask"] == str(tmp_path / "out/a_seg.nii.gz")
    assert result["record"] == json.loads((tmp_path / "out/a_seg.json").read_text())
    assert result["skipped"] is False
    assert (failure["error"], failure["exit_code"]) == ("InputError", 3)
    assert json.loads(septum(*command).out)["results"][0]["skipped"] is True


def test_segment_is_quiet_where_there_is_nothing_to_say(septum, bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz", frames=2)
    answer = septum("segment", source, "-o", tmp_path / "out", "--model", bundle)
    assert answer.code == 0
    assert all(line.startswith("septum: ") for line in answer.err.splitlines())
    assert str(tmp_path / "out/a_seg.nii.gz") in answer.out
    assert "EF" in answer.out


def test_what_holds_for_many_files_is_said_once(septum, bundle, write_study, tmp_path):
    """Unit-scaled affines, as ACDC has them: pixdim is taken, and one line says so."""
    for i, name in enumerate("abc"):
        image = nib.load(write_study(tmp_path / "made.nii", seed=i))
        image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = np.eye(4)[:3]
        image.header["pixdim"][1:3] = 1.5 + 0.1 * i  # another spacing in each
        (tmp_path / "data").mkdir(exist_ok=True)
        content = image.header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes("F")
        (tmp_path / "data" / f"{name}.nii").write_bytes(content)
    command = ("segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle, "--overwrite")
    (line,) = [line for line in septum(*command).err.splitlines() if "affine" in line]
    assert line.startswith("septum: 3 files: The affine is scaled to voxels of 1 x 1 x 1 mm")
    alone = septum("segment", tmp_path / "data/b.nii", *command[2:])
    (line,) = [line for line in alone.err.splitlines() if "affine" in line]
    assert line.startswith(f"septum: {tmp_path / 'data/b.nii'}: The affine")
    told = json.loads((tmp_path / "out/b_seg.json").read_text())["input"]
    assert len(told["notes"]) == 1
    assert told["spacing_mm"] == [8.0, 1.6, 1.6]


def test_a_narrow_encoding_is_no_error(mask_pair):
    command = [sys.executable, "-m", "septum", "evaluate", *mask_pair]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.800" in done.stdout


def test_a_bar_is_drawn_on_a_terminal_and_only_there(bundle, write_study, tmp_path):
    source = write_study(tmp_path / "heart[bold].nii.gz", frames=3)
    command = [sys.executable, "-m", "septum", "segment", source, "-o", tmp_path / "out", "--model", bundle]
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run(command, env=environment, stderr=terminal, stdout=subprocess.DEVNULL, check=True)
    os.close(terminal)
    drawn = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while part := os.read(controller, 65536):
            drawn += part
    os.close(controller)
    assert b"heart[bold], frame 3 of 3" in drawn
    again = subprocess.run([*command, "--overwrite"], capture_output=True, text=True, check=True)
    assert "\x1b" not in again.stderr
    assert "frame 3" not in again.stderr


def test_both_engines_make_the_same_mask(septum, bundle, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz")
    masks = []
    for engine in ("openvino", "onnxruntime"):
        out = tmp_path / engine
        assert septum("segment", source, "-o", out, "--model", bundle, "--engine", engine).code == 0
        masks.append(np.asarray(nib.load(out / "a_seg.nii.gz").dataobj))
    assert (masks[0] == masks[1]).mean() > 0.999


@pytest.fixture
def mask_pair(tmp_path):
    """A folder of predictions and one of truths; the LV is off by 2 of 10 columns (Dice 0.8)."""
    labels = np.zeros((72, 64, 6), np.uint8)
    labels[10:20, 20:36, 1:5] = 1
    labels[24:50, 20:40, 1:5] = 2
    for folder, shift in (("pred", 2), ("true", 0)):
        moved = labels.copy()
        moved[30 + shift : 40 + shift, 26:34, 1:5] = 3
        (tmp_path / folder).mkdir()
        nib.save(nib.Nifti1Image(moved, np.diag([1.5, 2.0, 8.0, 1.0])), tmp_path / folder / "a_seg.nii.gz")
    return tmp_path / "pred", tmp_path / "true"


def test_evaluate_prints_means_with_denominators(septum, mask_pair):
    answer = septum("evaluate", *mask_pair)
    assert (answer.code, answer.err) == (0, "")
    in_mm, in_voxels = (line.split() for line in answer.out.splitlines() if line.split()[:2] == ["LV", "-"])
    dice, hausdorff, missed = in_mm[3], in_mm[4], in_mm[6]
    assert in_mm[:3] == in_voxels[:3] == ["LV", "-", "1"]
    assert (dice, hausdorff, missed) == ("0.800", "3.00", "0")
    assert in_voxels[3] == "2.00"


def test_evaluate_fits_a_terminal_of_80_columns(septum, mask_pair):
    for folder, shift in zip(mask_pair, (9, 0), strict=True):  # a spread in every mean, and a missed RV
        image = nib.load(folder / "a_seg.nii.gz")
        moved = np.roll(np.asarray(image.dataobj), shift, axis=0)
        if shift:
            moved[moved == 1] = 0
        nib.save(nib.Nifti1Image(moved, image.affine), folder / "b_seg.nii.gz")
    lines = septum("evaluate", *mask_pair).out.splitlines()
    assert sum("±" in line for line in lines) > 6
    assert "penalised" in "".join(lines)
    assert max(len(line) for line in lines) <= 80
    heads = [line.split() for line in lines if line.startswith("structure")]
    assert heads == [
        ["structure", "phase", "n", "Dice", "HD", "mm", "ASD", "mm", "missed"],
        ["structure", "phase", "n", "HD", "voxels", "ASD", "voxels", "not", "scored"],
    ]


def test_evaluate_for_machines(septum, mask_pair, tmp_path):
    answer = septum("evaluate", *mask_pair, "--json", "--csv", tmp_path / "scores.csv")
    told = json.loads(answer.out)
    scores = {row["structure"]: row["dice"] for row in told["scores"]}
    assert scores["LV"] == pytest.approx(0.8)
    assert scores["RV"] == 1.0
    with (tmp_path / "scores.csv").open() as stream:
        rows = {row["structure"]: row for row in csv.DictReader(stream)}
    assert float(rows["LV"]["hausdorff_mm"]) == pytest.approx(3.0)


def test_evaluate_takes_the_word_of_the_user_for_what_masks_show(septum, mask_pair):
    for folder in mask_pair:
        image = nib.load(folder / "a_seg.nii.gz")
        only_rv = (np.asarray(image.dataobj) == 1).astype(np.uint8)
        nib.save(nib.Nifti1Image(only_rv, image.affine), folder / "a_seg.nii.gz")
    guessed = septum("evaluate", *mask_pair, "--json")
    assert [row["structure"] for row in json.loads(guessed.out)["scores"]] == ["LA"]
    assert "labels are ventricles" in guessed.err
    told = septum("evaluate", *mask_pair, "--json", "--labels", "ventricles")
    assert [row["structure"] for row in json.loads(told.out)["scores"]] == ["RV", "MYO", "LV"]
    assert told.err == ""


def test_evaluate_prints_the_mean_with_the_diagonal_where_a_structure_is_missed(septum, mask_pair):
    assert "enalised" not in septum("evaluate", *mask_pair).out
    prediction = nib.load(mask_pair[0] / "a_seg.nii.gz")
    labels = np.asarray(prediction.dataobj)
    nib.save(
        nib.Nifti1Image(np.where(labels == 3, 0, labels).astype(np.uint8), prediction.affine),
        mask_pair[0] / "a_seg.nii.gz",
    )
    lines = septum("evaluate", *mask_pair).out.splitlines()
    in_mm, in_voxels = (i for i, line in enumerate(lines) if line.split()[:2] == ["LV", "-"])
    assert lines[in_mm].split() == ["LV", "-", "1", "0.000", "-", "-", "1"]
    assert lines[in_voxels].split() == ["LV", "-", "1", "-", "-", "0"]
    # 72 x 64 x 6 voxels of 1.5 x 2 x 8 mm: 108, 128 and 48 mm.
    assert lines[in_mm + 1].split() == ["penalised", "1", "174.22", "174.22"]
    assert lines[in_voxels + 1].split() == ["penalised", "1", "96.52", "96.52"]
    assert sum("penalised" in line for line in lines) == 4, "of the LV, and of all, in both tables"
    assert "diagonal of the volume" in lines[-1]


def test_evaluate_with_an_unpaired_mask_says_so_in_its_exit_code(septum, mask_pair):
    prediction, truth = mask_pair
    (truth / "b_seg.nii.gz").write_bytes((truth / "a_seg.nii.gz").read_bytes())
    answer = septum("evaluate", prediction, truth)
    assert answer.code == 1
    assert "b_seg.nii.gz has no prediction" in answer.err


def test_evaluate_of_nothing(septum, tmp_path):
    answer = septum("evaluate", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    assert (answer.code, len(answer.err.splitlines())) == (3, 1)


def test_info_on_a_bundle(septum, bundle):
    answer = septum("info", bundle)
    assert answer.code == 0
    assert "LV: 3, left ventricular cavity" in answer.out
    assert json.loads(septum("info", bundle, "--json").out)["name"] == "tiny"


def test_info_on_an_image_tells_the_grid_and_no_text_of_its_header(septum, write_study, tmp_path):
    source = write_study(tmp_path / "a.nii.gz", frames=2)
    image = nib.load(source)
    image.header["descrip"] = b"Somebody^Known"
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), source)
    answer = septum("info", source, "--json")
    told = json.loads(answer.out)
    assert (told["kind"], told["frames"], told["shape_zyx"]) == ("image", 2, [3, 44, 48])
    assert told["spacing_mm_zyx"] == [8.0, 1.5, 1.5]
    assert told["axes_zyx_run_towards"] == "SAR"  # a positive diagonal in RAS
    assert "Somebody" not in answer.out
    assert "8 x 1.5 x 1.5" in septum("info", source).out


def test_info_on_a_mask_tells_volumes(septum, mask_pair):
    told = json.loads(septum("info", mask_pair[1] / "a_seg.nii.gz", "--json").out)
    assert told["kind"] == "mask"
    # 4 x 8 x 10 voxels of 24 mm3.
    assert told["mean_volume_ml_by_label"]["3"] == pytest.approx(7.68)


def test_info_on_an_empty_mask_describes_it(septum, mask_pair):
    path = mask_pair[1] / "a_seg.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((72, 64, 6), np.uint8), nib.load(path).affine), path)
    told = json.loads(septum("info", path, "--json").out)
    assert (told["kind"], told["shape_zyx"]) == ("mask", [6, 64, 72])
    assert told["mean_volume_ml_by_label"] == {}
    assert septum("info", path).code == 0


def test_letters_of_the_axes():
    from septum.core import Geometry

    assert axis_letters(Geometry((1, 1, 1), (1.0, 1.0, 1.0))) == "SPL"


def test_info_on_a_folder_that_is_no_bundle(septum, tmp_path):
    assert septum("info", tmp_path).code == 5


@pytest.fixture
def small_phantom(monkeypatch):
    """The demo with a small phantom."""
    from septum.workflows import demo

    small = PhantomSettings(frames=3, slices=3, matrix=(100, 100), in_plane_mm=2.0)
    original = demo.beating_heart
    monkeypatch.setattr(demo, "beating_heart", lambda rng, _settings: original(rng, small))


@pytest.mark.usefixtures("small_phantom")
def test_demo(septum, bundle, tmp_path, files_in):
    answer = septum("demo", "-o", tmp_path / "demo", "--model", bundle)
    assert answer.code == 0
    files = ["heart.nii.gz", "heart_gt.nii.gz", "heart_report.html", "heart_seg.json", "heart_seg.nii.gz"]
    assert files_in(tmp_path / "demo") == files
    assert all(str(tmp_path / "demo" / name) in answer.out for name in files)
    assert "EF %" in answer.out
    lv, myo = (
        next(line for line in answer.out.splitlines() if name in line).split() for name in ("LV", "MYO")
    )
    assert len(lv) == len(myo) + 3, "the myocardium has no ejection fraction: blank, not - / -"
    truth = nib.load(tmp_path / "demo/heart_gt.nii.gz")
    assert (truth.shape, truth.get_data_dtype()) == ((100, 100, 3, 3), np.uint8)


@pytest.mark.usefixtures("small_phantom")
def test_a_second_demo_finds_its_mask_done_and_says_the_same(bundle, tmp_path):
    first = run_demo(tmp_path, LazyModel(bundle))
    second = run_demo(tmp_path, LazyModel(bundle))
    assert (first.result.skipped, second.result.skipped) == (False, True)
    assert second.dice == first.dice
    assert set(first.dice["LV"]) == {"ED", "ES", "all"}
    assert first.true_curve.ejection_fractions_percent["LV"] > 20


def test_info_lists_the_images_of_a_folder(septum, write_study, tmp_path):
    write_study(tmp_path / "a.nii.gz", frames=2)
    write_study(tmp_path / "below" / "b.nii.gz")
    (tmp_path / "c.nii.gz").write_text("no image")
    (tmp_path / "d.mgz").touch()
    answer = septum("info", tmp_path, "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["kind"]) == (0, "folder")
    assert list(told["images"]) == ["a.nii.gz", "below/b.nii.gz", "c.nii.gz"]
    assert "2 frames" in told["images"]["a.nii.gz"]
    assert told["images"]["c.nii.gz"].startswith("cannot be used")
    assert told["not_read"] == ["d.mgz"]
