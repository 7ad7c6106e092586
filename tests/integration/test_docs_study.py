"""The pages on the study and on recipes against their declarations."""

import re
import shutil
import tomllib

import pytest

from septum_study.declaration import load_study
from support.pages import ROOT, blocks


def test_the_recipes_that_the_page_shows_are_valid(tmp_path):
    pytest.importorskip("torch", reason="needs septum[train] to load recipes")
    from septum.training.recipe_file import load_recipe

    shown = [b for b in blocks(ROOT / "docs/how-to/write-a-recipe.md", "toml") if not b.startswith("--8<--")]
    shutil.copytree(ROOT / "src/septum/recipes/paper", tmp_path, dirs_exist_ok=True)
    for block in shown:
        (tmp_path / "shown.toml").write_text(block, encoding="utf-8")
        assert load_recipe(tmp_path / "shown.toml").name == tomllib.loads(block)["name"]
    assert shown


def test_the_study_that_the_page_shows_is_valid(tmp_path):
    (block,) = blocks(ROOT / "docs/how-to/run-the-study.md", "toml")
    (tmp_path / "mine.toml").write_text(block, encoding="utf-8")
    study = load_study(str(tmp_path / "mine.toml"))
    recipes = ROOT / "src/septum/recipes"
    assert [row.recipe for row in study.rows if not (recipes / f"{row.recipe}.toml").is_file()] == []


def test_the_page_on_the_study_tells_every_row_and_no_others():
    page = (ROOT / "docs/explanation/paper-study.md").read_text(encoding="utf-8")
    told = page.split("<!-- rows: begin -->")[1].split("<!-- rows: end -->")[0]
    rows = {row.key: row.origin for row in load_study("half").rows}
    found = {
        key: origin
        for cell, origin in re.findall(r"^\| (`[^|]*) \| (\w+) \|", told, re.MULTILINE)
        for key in re.findall(r"`([^`]+)`", cell)
    }
    assert found == rows
    assert f"{len(rows)} rows" in page


def test_the_page_on_running_the_study_tells_every_state():
    pytest.importorskip("torch", reason="needs septum[study] to load the states of units")
    from septum_study.plan import State
    from septum_study.plan_report import LETTER

    page = (ROOT / "docs/how-to/run-the-study.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\w+) \| `(.)` \|", page, re.MULTILINE))
    assert told == {str(state): LETTER[state] for state in State}
