"""What goes wrong while a study runs: kills, missing and damaged files, a full disk, two at once."""

import os
import shutil
import signal
import subprocess
import sys
import time

import nibabel as nib
import numpy as np
import pytest
import torch

from septum.core import InputError, OutputError
from septum.training import checkpoint
from septum.training.loop import Deadline, Interrupted
from septum_study.commands import make_bench
from septum_study.ledger import Unit, claim, is_being_run, read_entry
from septum_study.plan import State, standings
from septum_study.running import run_next, run_units
from support.full_disk import full_disk
from support.study_processes import septum

UNIT = Unit("acdc-dr-unet", 0)


@pytest.fixture(scope="session")
def phantoms(miniature):
    return miniature.work / "phantoms"


@pytest.fixture
def folders(phantoms, tmp_path):
    """Options of a study of its own, on a copy of the phantoms."""
    shutil.copytree(phantoms, tmp_path / "data")
    return [
        "--study", "miniature", "--results", tmp_path / "results", "--work", tmp_path / "work",
        "--data", tmp_path / "data", "--threads", 1,
    ]  # fmt: skip


@pytest.fixture
def bench(phantoms, tmp_path):
    threads = torch.get_num_threads()
    yield make_bench("miniature", tmp_path / "results", phantoms, tmp_path / "work", "cpu", 1)
    torch.set_num_threads(threads)


def numbers(folder, unit):
    """Results without what is measured anew each time."""
    lines = (folder / unit.row / f"fold{unit.fold}.csv").read_text().splitlines()
    return [line.split(",")[:-2] for line in lines]


def start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "septum", "study", "run", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_kill_costs_at_most_one_epoch_and_never_a_result(miniature, folders, tmp_path, epochs):
    parts = tmp_path / "work" / "parts"
    with start(UNIT, *folders) as process:
        give_up = time.monotonic() + 120
        while time.monotonic() < give_up and process.poll() is None:
            found = sorted(parts.glob("segmenter-*/epoch-*.pt"))
            if (epochs == 0 and parts.is_dir()) or (found and f"epoch-{epochs:05d}" in found[-1].name):
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    states = [checkpoint.load_newest(folder) for folder in parts.glob("segmenter-*")]
    assert all(state is None or state["epoch"] >= epochs for state in states)
    assert read_entry(tmp_path / "results", *UNIT) is None
    septum("study", "run", UNIT, *folders)
    assert numbers(tmp_path / "results", UNIT) == numbers(miniature.results, UNIT)
    assert not list(tmp_path.rglob(".septum-*")), "nothing half-written is left"


def test_a_time_budget_that_ends_while_cases_are_scored_keeps_those_that_are(miniature, bench, monkeypatch):
    from septum.methods.pipeline import Pipeline

    predict, done = Pipeline.predict, []

    def interrupted(self, native):
        if len(done) == 2:
            raise Interrupted
        done.append(native.case.name)
        return predict(self, native)

    monkeypatch.setattr(Pipeline, "predict", interrupted)
    assert run_units(bench, [UNIT], Deadline()).interrupted == UNIT
    monkeypatch.setattr(Pipeline, "predict", lambda *a: done.append(a[1].case.name) or predict(*a))
    assert len(run_units(bench, [UNIT], Deadline()).finished) == 1
    assert len(done) == len(set(done)) == 4, "each case is segmented once"
    assert numbers(bench.results, UNIT) == numbers(miniature.results, UNIT)


def test_a_unit_that_another_process_runs_is_left_to_it(bench):
    with claim(bench.results, UNIT) as free:
        assert free
        assert is_being_run(bench.results, UNIT)
        with claim(bench.results, UNIT) as again:
            assert not again
        assert run_units(bench, [UNIT], Deadline()).busy == [UNIT]
        assert {s.state for s in standings(bench.study, bench.results) if s.unit == UNIT} == {State.RUNNING}
    assert not is_being_run(bench.results, UNIT)


def test_a_missing_patient_is_named(folders, tmp_path):
    shutil.rmtree(next((tmp_path / "data" / "acdc" / "training").glob("patient*")))
    for path in (tmp_path / "data" / "acdc" / "training").glob("patient00[2-9]"):
        shutil.rmtree(path)
    done = septum("study", "run", UNIT, *folders, check=False)
    assert done.returncode in (1, 5)
    assert "patient" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_mask_that_does_not_fit_its_image_fails_its_units_and_no_others(folders, tmp_path):
    mask = next((tmp_path / "data" / "acdc" / "training").rglob("*_gt.nii.gz"))
    nib.save(nib.Nifti1Image(np.ones((9, 9, 4), np.uint8), np.diag([4.0, 4.0, 9.0, 1.0])), mask)
    done = septum("study", "run", UNIT, "lasc-dr-unet:0", *folders, "--max-epochs", 1, check=False)
    assert done.returncode == 1
    assert mask.name in done.stdout
    assert read_entry(tmp_path / "results", "lasc-dr-unet", 0).preliminary
    assert read_entry(tmp_path / "results", *UNIT) is None


def test_a_preliminary_unit_goes_on_past_a_damaged_checkpoint_to_what_an_uncut_one_gives(
    miniature, folders, tmp_path
):
    septum("study", "run", UNIT, *folders, "--max-epochs", "segmenter=2")
    entry = read_entry(tmp_path / "results", *UNIT)
    assert entry.preliminary
    assert entry.max_epochs == {"segmenter": 2}
    assert [part.stopped for part in entry.parts] == ["capped"]
    newest = max((tmp_path / "work" / "parts").glob("segmenter-*/epoch-*.pt"))
    newest.write_bytes(newest.read_bytes()[:-100])
    done = septum("study", "run", UNIT, *folders)
    assert newest.name in done.stderr
    assert not read_entry(tmp_path / "results", *UNIT).preliminary
    assert numbers(tmp_path / "results", UNIT) == numbers(miniature.results, UNIT)


def test_a_full_disk_ends_the_run_with_a_sentence_and_leaves_no_entry(bench):
    with full_disk(room_bytes=20_000), pytest.raises(OutputError, match="cannot be written"):
        run_next(bench, Deadline(), limit=1)
    assert not list(bench.results.rglob("*.json"))
    assert not list(bench.work.rglob(".septum-*"))


def test_results_that_were_changed_are_not_believed(miniature, tmp_path):
    shutil.copytree(miniature.results, tmp_path / "results")
    file = tmp_path / "results" / UNIT.row / f"fold{UNIT.fold}.csv"
    file.write_text(file.read_text().replace("0.", "0.9", 1))
    with pytest.raises(InputError, match=r"fold0\.json"):
        read_entry(tmp_path / "results", *UNIT)
    done = septum(
        "study", "table", "3", "--study", "miniature", "--results", tmp_path / "results", check=False
    )
    assert done.returncode == 3
    assert str(file) in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["run", "acdc-dr-unet"], "ROW:FOLD", 5),
        (["run", "acdc-dr-unet:7"], "from 0 to 1", 5),
        (["run", "nothing:0"], "'nothing'", 5),
        (["run", "acdc-dr-unet:0", "--max-epochs", "0"], "PART=N", 5),
        (["run", "acdc-dr-unet:0", "--max-epochs", "decoder=3"], "localiser, segmenter, transfer", 5),
        (["run"], "--next or --all", 2),
        (["run", "acdc-dr-unet:0", "--next"], "--next or --all", 2),
        (["run", "acdc-dr-unet:0", "--parallel", "2"], "--parallel", 2),
        (["table", "9"], "'9'", 5),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(miniature, arguments, said, code):
    folders = miniature.folders[: 6 if "run" in arguments else 4]
    done = septum("study", *arguments, *folders, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
