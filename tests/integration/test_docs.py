"""The documentation against the program: the tutorial runs as written, and what is named exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import septum

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(console|bash|python|text|json|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in some languages, in order."""
    return [
        body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Variables with which `septum` and `python` are those under test."""
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "110"}


@pytest.mark.slow
def test_the_tutorial_runs_as_written(tmp_path, environment):
    steps = FENCE.findall((ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))
    runnable = [(language, body) for language, body in steps if language in {"console", "python"}]
    assert {language for language, _ in runnable} == {"console", "python"}
    for language, body in runnable:
        command = (
            ["bash", "-euo", "pipefail", "-c", body]
            if language == "console"
            else [sys.executable, "-c", body]
        )
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"
    named = set(
        re.findall(r"`(demo/[^`*]+|out/[^`*]+)`", (ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))
    )
    assert named
    assert [name for name in sorted(named) if not (tmp_path / name).exists()] == []


@cache
def help_of(command: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "septum", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"septum {command} --help: {done.stderr}"
    return done.stdout


def septum_lines(page: Path) -> list[str]:
    return [
        line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("septum ")
    ]


@pytest.mark.parametrize("page", [p for p in PAGES if septum_lines(p)], ids=name_of)
def test_commands_and_options_that_a_page_names_exist(page):
    for line in septum_lines(page):
        command = line.split("#")[0].split()[1]
        if command.startswith("-"):
            continue
        options = re.findall(r"(?<=\s)--?[a-z][a-z-]*", line.split("#")[0])
        known = help_of(command)
        assert [o for o in options if not re.search(rf"(?<![\w-]){o}(?![\w-])", known)] == [], line


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_names_of_the_package_that_a_page_uses_exist(page):
    used = {name for block in blocks(page, "python") for name in re.findall(r"\bseptum\.([a-z]\w*)\(", block)}
    assert used
    assert used <= set(septum.__all__)


def test_the_readme_opens_with_the_two_commands_and_the_main_job():
    first, second, *_ = blocks(ROOT / "README.md", "console")
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]
    assert second.strip() == "septum segment your_study.nii.gz -o out/"
