"""Every method of the paper's study from recipe to table, in miniature."""

import csv
import json
import shutil

import nibabel as nib
import nrrd
import numpy as np
import pytest

from septum.cli.main import main
from septum.core import RecipeError
from septum.inference import load_model
from septum.io import read_mask, read_study
from septum.methods import mask_rcnn
from septum_study.commands import make_bench
from septum_study.declaration import load_study
from septum_study.ledger import Unit, read_entry
from septum_study.products import write_masks, write_unit_bundle
from septum_study.results import COLUMNS
from septum_study.tables import table_names
from support.study_processes import finished, septum

#: Two runs of one unit on one kind of CPU with as many threads are the same; on a GPU, whose sums have no
#: fixed order, docs/how-to/run-the-study.md states what to expect.
TOLERANCE_DICE = 1e-5


def lines_of(miniature, unit):
    row, fold = unit.split(":")
    with (miniature.results / row / f"fold{fold}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_two_processes_take_a_unit_each(miniature, runnable):
    assert sorted(finished(miniature.log)) == sorted(runnable[:2])
    assert {line.split("] ")[0] for line in miniature.log.splitlines()} == {"[1", "[2"}


def test_every_unit_is_scored_on_every_test_case(miniature, runnable):
    for unit in runnable:
        lines = lines_of(miniature, unit)
        structures = {"RV", "MYO", "LV"} if unit.startswith("acdc") else {"LA"}
        cases = {line["case"] for line in lines}
        assert len(cases) == (4 if unit.startswith("acdc") else 2)
        assert {(line["case"], line["structure"]) for line in lines} == {
            (c, s) for c in cases for s in structures
        }
        for line in lines:
            assert list(line) == list(COLUMNS)
            assert 0 <= float(line["dice"]) <= 1
            assert 0 <= float(line["foreground_inside"]) <= 1
            assert float(line["seconds"]) > 0
            assert float(line["peak_memory_mb"]) > 0
            assert f"{line['row']}:{line['fold']}" == unit


def test_test_patients_are_in_no_training_and_no_validation(miniature):
    tested = {line["patient"] for line in lines_of(miniature, "acdc-dr-unet:0")}
    split = [miniature.work / "phantoms" / "acdc" / "training" / patient for patient in tested]
    assert all(folder.is_dir() for folder in split)
    prepared = {path.name.split("_")[0] for path in (miniature.work / "prepared").glob("patient*.npz")}
    assert prepared
    assert not tested & prepared, "only what trains or validates is prepared for training"


def test_entry_says_how_it_was_made(miniature):
    entry = read_entry(miniature.results, "acdc-multi-stage-keep-z", 0)
    names = [part.name for part in entry.parts]
    assert names[-2:] == ["localiser/final", "segmenter"]
    assert all(1 <= part.best_epoch <= part.epochs <= 3 for part in entry.parts)
    assert {part.stopped for part in entry.parts} <= {"epochs", "patience"}
    assert not entry.preliminary
    assert entry.device.startswith("CPU")
    assert entry.commit
    assert entry.training_seconds == pytest.approx(sum(part.seconds for part in entry.parts))


def test_localisation_rows_differ_in_their_regions_alone(miniature):
    rows = {
        "acdc-multi-stage-keep-z": "map",
        "acdc-localisation-decoder2": "map",
        "acdc-localisation-bottleneck": "map",
        "acdc-localisation-soft-argmax": "soft_argmax",
        "acdc-localisation-coarse-mask": "coarse_mask",
        "acdc-multi-stage-keep-z-oracle": "truth",
    }
    trained = []
    for row, path in rows.items():
        found = {line["localisation"] for line in lines_of(miniature, f"{row}:0")}
        assert found <= {path, "coarse_mask", "training_centre"}
        assert path in found or row == "acdc-localisation-bottleneck"
        parts = {part.name: part for part in read_entry(miniature.results, row, 0).parts}
        trained.append((parts["localiser/final"], parts["segmenter"]))
    assert trained == [trained[0]] * len(trained), "the same two networks"


def test_mask_rcnn_runs_or_says_why_not(miniature):
    reason = mask_rcnn.unavailable()
    done = septum("study", "run", *miniature.folders, "acdc-mask-rcnn:0", check=False)
    if reason is None:
        assert read_entry(miniature.results, "acdc-mask-rcnn", 0) is not None
        return
    assert done.returncode == 1
    assert reason in done.stdout
    plan = json.loads(septum("study", "plan", *miniature.folders[:4], "--json").stdout)
    states = {unit["unit"]: unit["state"] for unit in plan["units"]}
    assert [u for u, s in states.items() if s == "unavailable"] == ["acdc-mask-rcnn:0", "acdc-mask-rcnn:1"]


def test_masks_of_a_unit_score_what_was_entered(miniature, tmp_path):
    septum("study", "predict", "acdc-end-to-end-keep-z:1", *miniature.folders, "-o", tmp_path)
    values = {"RV": 1, "MYO": 2, "LV": 3}
    for line in lines_of(miniature, "acdc-end-to-end-keep-z:1"):
        found = (
            np.asarray(nib.load(tmp_path / f"{line['case']}_seg.nii.gz").dataobj) == values[line["structure"]]
        )
        folder = miniature.work / "phantoms" / "acdc" / "training" / line["patient"]
        info = dict(text.split(": ") for text in (folder / "Info.cfg").read_text().split("\n") if text)
        truth_file = folder / f"{line['patient']}_frame{int(info[line['phase']]):02d}_gt.nii.gz"
        truth = np.asarray(nib.load(truth_file).dataobj) == values[line["structure"]]
        dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        assert float(line["dice"]) == pytest.approx(dice, abs=1e-5)


def test_masks_of_the_other_data_set_score_what_was_entered(miniature, tmp_path):
    septum("study", "predict", "lasc-yang-full:0", *miniature.folders, "-o", tmp_path)
    for line in lines_of(miniature, "lasc-yang-full:0"):
        found = nrrd.read(str(tmp_path / f"{line['case']}_seg.nrrd"))[0] > 0
        truth = (
            nrrd.read(str(miniature.work / "phantoms/lasc/training" / line["case"] / "laendo.nrrd"))[0] > 0
        )
        dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        assert float(line["dice"]) == pytest.approx(dice, abs=1e-5)


def test_a_unit_run_again_from_nothing_gives_the_same_numbers(miniature, tmp_path):
    unit = "lasc-yang:1"
    shutil.copytree(miniature.work / "phantoms", tmp_path / "work" / "phantoms")
    folders = ["--study", "miniature", "--results", tmp_path / "results", "--work", tmp_path / "work"]
    septum("study", "run", unit, *folders, "--threads", 1)
    row, fold = unit.split(":")
    with (tmp_path / "results" / row / f"fold{fold}.csv").open(encoding="utf-8") as stream:
        again = list(csv.DictReader(stream))
    for ours, theirs in zip(again, lines_of(miniature, unit), strict=True):
        assert (ours["case"], ours["structure"]) == (theirs["case"], theirs["structure"])
        assert float(ours["dice"]) == pytest.approx(float(theirs["dice"]), abs=TOLERANCE_DICE)
        assert float(ours["predicted_ml"]) == pytest.approx(float(theirs["predicted_ml"]), abs=1e-3)


def test_tables_figures_and_report_are_made_from_the_results(miniature, tmp_path, capsys):
    folders = miniature.folders[:4]
    assert main(["study", "report", *folders, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    for name in table_names(load_study("miniature")):
        for ending in (".md", ".csv", ".tex"):
            assert (tmp_path / f"table-{name}{ending}").stat().st_size > 100
        assert f"## Table {name}" in page
    for figure in ("figure7", "figure8"):
        assert f"({figure}.png)" in page
        assert (tmp_path / f"{figure}.svg").is_file()
    capsys.readouterr()
    assert main(["study", "table", "3", *folders]) == 0
    printed = capsys.readouterr().out
    assert "3D DR-UNet multi-stage (Keep Z)" in printed
    lines = lines_of(miniature, "acdc-dr-unet:0") + lines_of(miniature, "acdc-dr-unet:1")
    mean = np.mean([float(line["dice"]) for line in lines])
    row = next(line for line in printed.splitlines() if line.startswith("| 3D DR-UNet |"))
    assert f"{mean:.3f}" in row


def test_a_case_is_drawn_by_method(miniature, tmp_path):
    name = lines_of(miniature, "lasc-yang:0")[0]["case"]
    rows = ["--row", "lasc-yang", "--row", "lasc-multi-stage"]
    done = septum("study", "pictures", name, *miniature.folders, *rows, "-o", tmp_path)
    assert done.stdout.split() == [str(tmp_path / f"{name}_{kind}.png") for kind in ("overlay", "mesh")]
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())


def test_only_a_test_case_is_drawn(miniature, tmp_path):
    done = septum("study", "pictures", "patient000_ED", *miniature.folders, "-o", tmp_path, check=False)
    assert done.returncode == 5
    assert "no test case 'patient000_ED'" in done.stderr


def test_a_unit_becomes_a_bundle_that_makes_its_masks(miniature, tmp_path):
    bench = make_bench("miniature", miniature.results, None, miniature.work, "cpu", 1)
    unit = Unit("acdc-multi-stage-keep-z", 0)
    write_masks(bench, unit, tmp_path / "masks")
    write_unit_bundle(bench, unit, tmp_path / "bundle")
    model = load_model(tmp_path / "bundle")
    case = bench.test_cases("acdc", 0)[0]
    labels = model.segment_volume(read_study(case.image).cine.frame(0)).labels
    (path,) = (tmp_path / "masks").glob(f"{case.name}_seg.*")
    assert np.mean(labels != read_mask(path).cine.array[0]) < 1e-3
    with pytest.raises(RecipeError, match="expected a multi-stage recipe"):
        write_unit_bundle(bench, Unit("acdc-unet3d", 0), tmp_path / "none")
