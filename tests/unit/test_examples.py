"""Every example in a docstring runs, and gives what it shows; every public name has one."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import septum

SRC = Path(__file__).parents[2] / "src"
#: What only extras install; examples run without.
EXTRAS = ("torch", "matplotlib")


def _with_examples() -> list[str]:
    """Modules of both packages that show an example, by their files; those without need not be loaded."""
    found = []
    for package in ("septum", "septum_study"):
        for path in sorted((SRC / package).rglob("*.py")):
            if ">>>" in path.read_text(encoding="utf-8"):
                parts = path.relative_to(SRC).with_suffix("").parts
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", _with_examples())
def test_examples_of_a_module_give_what_they_show(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    tests = [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]
    said: list[str] = []
    failed = sum(doctest.DocTestRunner(verbose=False).run(test, out=said.append).failed for test in tests)
    assert tests, f"{name}: an example is shown where no docstring of its own is"
    assert not failed, "".join(said)


def test_modules_with_examples_import_no_extra():
    importing = re.compile(rf"^(?:from|import) (?:{'|'.join(EXTRAS)})\b", re.MULTILINE)
    files = {name: Path(importlib.import_module(name).__file__) for name in _with_examples()}
    assert not [name for name, path in files.items() if importing.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", [n for n in septum.__all__ if callable(getattr(septum, n))])
def test_a_public_name_has_an_example(name):
    assert ">>>" in (getattr(septum, name).__doc__ or "")
