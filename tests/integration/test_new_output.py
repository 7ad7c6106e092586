"""A new output is one class and one line: the command line, the JSON, reruns and the guard know it."""

from __future__ import annotations

import importlib
import json
from typing import ClassVar

import pytest

from septum.core.files import write_text
from septum.inference import ModelOptions
from septum.workflows.lazy_model import LazyModel
from septum.workflows.outputs import OUTPUTS, Option, Output
from septum.workflows.segment import segment_inputs


class Summary(Output):
    """``NAME_summary.txt``: one line with the ejection fraction."""

    key: ClassVar[str] = "summary"
    option: ClassVar[Option] = Option("summary", "Write one line of text, too.", ("short", "long"), "length")
    modifiers: ClassVar[tuple[Option, ...]] = (Option("shout", "Write it in capitals.", sets="shout"),)
    defaults: ClassVar[dict[str, bool | str]] = {"length": "short", "shout": False}
    endings: ClassVar[tuple[str, ...]] = ("_summary.txt",)

    def write(self, result, paths, options):
        percent = next(item.value for item in result.indices.items if item.key == "lv_ef_percent")
        text = f"{options['length']}: {percent}"
        write_text(self.reserved(paths)[0], text.upper() if options["shout"] else text)


@pytest.fixture
def summary(monkeypatch):
    monkeypatch.setitem(OUTPUTS, "summary", Summary())


@pytest.fixture
def command(summary, monkeypatch):  # noqa: ARG001
    """The command line, built with the new output in the registry."""
    module = importlib.import_module("septum.cli.segment")
    importlib.reload(module)
    yield
    monkeypatch.undo()
    importlib.reload(module)


@pytest.mark.usefixtures("summary")
def test_from_python_it_is_written_recorded_and_found_done(bundle, write_study, tmp_path, files_in):
    source, out = write_study(tmp_path / "a.nii.gz", frames=2), tmp_path / "out"

    def run(**options):
        model = LazyModel(bundle, ModelOptions(threads=1))
        return segment_inputs([source], out, model=model, outputs=options).results[0]

    asked = {"summary": {"length": "long", "shout": False}}
    first = run(**asked)
    assert first.outputs == (out / "a_summary.txt",)
    assert (out / "a_summary.txt").read_text().startswith("long: ")
    assert json.loads(first.json.read_text())["outputs"] == asked
    assert run(**asked).skipped
    (out / "a_summary.txt").unlink()
    again = run(**asked)
    assert (again.skipped, again.mask_kept) == (False, True)
    assert files_in(out) == ["a_seg.json", "a_seg.nii.gz", "a_summary.txt"]


@pytest.mark.usefixtures("command")
def test_from_the_command_line_it_has_its_options_and_the_rules_of_every_output(
    septum, bundle, write_study, tmp_path, files_in
):
    source, out = write_study(tmp_path / "a.nii.gz", frames=2), tmp_path / "out"
    call = ("segment", source, "-o", out, "--model", bundle)
    assert "--summary [short|long]" in septum("segment", "--help").out
    assert septum(*call, "--shout").code == 2, "it goes with --summary"
    assert septum(*call, "--summary", "short").code == 0
    assert (out / "a_summary.txt").read_text().startswith("short: ")
    assert "mask kept" in septum(*call, "--summary", "short", "--shout").out
    assert (out / "a_summary.txt").read_text().startswith("SHORT: ")
    assert "already done" in septum(*call, "--summary", "short", "--shout").out
    answer = septum(*call, "--es", 1, "--ed", 0)
    assert "a_summary.txt" in answer.err, "it shows the indices, and goes with them"
    assert files_in(out) == ["a_seg.json", "a_seg.nii.gz"]
    (out / "a_summary.txt").write_text("the user's")
    answer = septum(*call, "--es", 1, "--ed", 0, "--summary", "long")
    assert (answer.code, (out / "a_summary.txt").read_text()) == (4, "the user's")
