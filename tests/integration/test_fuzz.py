"""Damaged inputs of every format: each ends in a result or in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fuzz.py"


def test_four_hundred_damaged_inputs_end_in_results_and_refusals():
    answer = subprocess.run(
        [sys.executable, str(TOOL), "--seed", "0", "--inputs", "400"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "0 finds" in answer.stderr


def test_an_input_follows_from_seed_and_number(tmp_path):
    command = [sys.executable, str(TOOL), "--seed", "3", "--only", "5", "--keep", str(tmp_path)]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in "ab")
    assert first.stdout == second.stdout
    assert first.stderr.split(":")[0] == second.stderr.split(":")[0]
