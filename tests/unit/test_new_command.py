"""A new command is a file and a name in ``COMMANDS``; here, the file that the documentation shows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from click import UsageError

import septum.cli
from septum.cli import main as command_line
from septum.cli.main import main
from septum.core import Cine, Geometry, InputError
from septum.io import write_image

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "add-a-command.md"
NAME, MODULE = "frames", "septum.cli.frames"


@pytest.fixture
def toy_file(monkeypatch, tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```\n")[0]
    (tmp_path / f"{NAME}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(septum.cli, "__path__", [*septum.cli.__path__, str(tmp_path)])
    yield
    sys.modules.pop(MODULE, None)
    vars(septum.cli).pop(NAME, None)


@pytest.fixture
def toy(toy_file, monkeypatch):  # noqa: ARG001  # the line stands for the file
    monkeypatch.setattr(command_line, "COMMANDS", (*command_line.COMMANDS, NAME))


@pytest.mark.usefixtures("toy")
def test_it_is_listed_after_the_others_with_its_first_sentence(capsys):
    assert main(["--help"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.split(maxsplit=1) == [NAME, "Print the number of frames of a study."]


@pytest.mark.usefixtures("toy")
def test_it_is_called_by_its_name(capsys, tmp_path):
    study = tmp_path / "heart.nii.gz"
    image = np.random.default_rng(0).integers(0, 90, (3, 2, 40, 40), dtype=np.int16)
    write_image(study, Cine(image, Geometry((2, 40, 40), (8.0, 3.0, 3.0))))
    assert main([NAME, str(study)]) == 0
    assert capsys.readouterr().out == "3\n"


@pytest.mark.usefixtures("toy")
def test_its_errors_are_one_sentence_and_an_exit_code(capsys, tmp_path):
    assert main([NAME, str(tmp_path / "nowhere.nii.gz")]) == InputError.exit_code
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert "nowhere.nii.gz" in told.err


@pytest.mark.usefixtures("toy_file")
def test_a_file_alone_is_no_command(capsys):
    assert main([NAME]) == UsageError.exit_code
    assert NAME in capsys.readouterr().err
