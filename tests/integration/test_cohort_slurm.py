"""The job array of the documentation, run by a real Slurm of one node."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

from support.cohort_parts import write_phantoms
from support.slurm import PATIENCE_S, needs_slurm, slurm_at, submit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "run-a-cohort.md"


def job_script() -> str:
    (script,) = re.findall(
        r"^```bash\n(#!.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return script


def test_the_script_of_the_documentation_names_each_shard_once():
    script = job_script()
    assert re.search(r"^#SBATCH --array=1-\d+$", script, re.MULTILINE)
    assert '--shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"' in script


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    needs_slurm()
    folder = tmp_path_factory.mktemp("slurm")
    program = folder / "bin" / "septum"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m septum "$@"\n')
    program.chmod(0o755)
    with slurm_at(folder / "state") as environment:
        path = os.pathsep.join(filter(None, sys.path))
        yield environment | {"PATH": f"{program.parent}:{environment['PATH']}", "PYTHONPATH": path}


def states(septum, out: Path) -> list[tuple[str, str]]:
    assert septum("cohort", "table", out).code == 0
    with (out / "table.csv").open(newline="") as stream:
        return [(row["number"], row["state"]) for row in csv.DictReader(stream)]


def test_a_job_array_of_slurm_makes_one_table(septum, slurm, tmp_path):
    write_phantoms(tmp_path / "in", ["a", "b", "c"])
    out = tmp_path / "out"
    assert septum("cohort", "plan", tmp_path / "in", "-o", out, "--chunk", 1).code == 0
    script = tmp_path / "job.sh"
    script.write_text(job_script().replace("/data/cohort", str(out)))
    submit(script, slurm, array="1-2", output=str(tmp_path / "job-%a.txt"))
    said = [(tmp_path / f"job-{number}.txt").read_text() for number in (1, 2)]
    assert states(septum, out) == [("1", "done"), ("2", "done"), ("3", "done")], said


def test_workers_that_slurm_starts_make_one_table_and_their_logs_name_nobody(septum, slurm, tmp_path):
    pytest.importorskip("dask_jobqueue", reason="needs septum[cohort-slurm]")
    write_phantoms(tmp_path / "in", ["DOE^JANE", "DOE^JOHN"])
    out = tmp_path / "out"
    command = ["septum", "cohort", "run", tmp_path / "in", "-o", out, "--slurm", "--workers", "1"]
    done = subprocess.run(
        command, env=slurm, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert states(septum, out) == [("1", "done"), ("2", "done")]
    logs = [path.read_text() for path in (out / "logs").iterdir()]
    assert logs
    assert not [text for text in (*logs, done.stdout, done.stderr) if "DOE" in text]
