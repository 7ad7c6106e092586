"""The job array of the documentation, run by a real Slurm of one node."""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

from support.cohort_parts import write_phantoms
from support.slurm import needs_slurm, slurm_at, submit

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


def test_a_job_array_of_slurm_makes_one_table(septum, tmp_path):
    needs_slurm()
    write_phantoms(tmp_path / "in", ["a", "b", "c"])
    out = tmp_path / "out"
    assert septum("cohort", "plan", tmp_path / "in", "-o", out, "--chunk", 1).code == 0
    program = tmp_path / "bin" / "septum"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m septum "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "job.sh"
    script.write_text(job_script().replace("/data/cohort", str(out)))
    with slurm_at(tmp_path / "slurm") as environment:
        path = os.pathsep.join(filter(None, sys.path))
        environment |= {"PATH": f"{program.parent}:{environment['PATH']}", "PYTHONPATH": path}
        submit(script, environment, array="1-2", output=str(tmp_path / "job-%a.txt"))
    said = [(tmp_path / f"job-{number}.txt").read_text() for number in (1, 2)]
    assert septum("cohort", "table", out).code == 0, said
    with (out / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["number"], row["state"]) for row in rows] == [("1", "done"), ("2", "done"), ("3", "done")], (
        said
    )
