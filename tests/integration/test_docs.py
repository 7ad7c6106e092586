"""The documentation against the program: the tutorial runs as written, and what is named exists."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import click
import numpy as np
import pytest
from pydantic import BaseModel

import septum
from septum.cli.main import COMMANDS
from septum.cli.main import septum as command_line
from septum.core import Cine
from septum.inference import Manifest, StageManifest
from septum.inference.out_of_distribution import TrainingImages
from septum.inference.sliding_manifest import SlidingManifest
from septum.inference.windows import WindowSettings
from septum.io import write_image
from septum.localisation import LocalisationSettings
from septum.phantom import PhantomSettings, beating_heart
from septum.preprocessing.spline import SplineSettings
from septum.workflows.indices_table import COLUMNS
from septum.workflows.record import Record
from support.pages import FENCE, ROOT, blocks

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


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


def output_of(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_python_of_the_readme_runs_as_written(tmp_path):
    (code,) = blocks(ROOT / "README.md", "python")
    _, percent, _ = output_of(code, tmp_path).splitlines()
    assert 40 < float(percent.split(": ")[1]) < 75
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "heart_seg.nii.gz", "heart_seg.json", "heart_report.html",
    }  # fmt: skip


@pytest.mark.slow
def test_both_ways_to_an_ejection_fraction_from_two_files_come_to_the_same(tmp_path, environment):
    heart = beating_heart(np.random.default_rng(7), PhantomSettings(frames=4))
    for name, t in (("ed", heart.end_diastole), ("es", heart.end_systole)):
        write_image(tmp_path / f"{name}.nii.gz", Cine(heart.cine.array[t : t + 1], heart.cine.geometry))
    page = ROOT / "docs/how-to/ejection-fraction-from-two-files.md"
    (command,) = blocks(page, "console")
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    from_files, from_python = (output_of(code, tmp_path).splitlines() for code in blocks(page, "python"))
    assert from_files[0] == from_python[0]
    assert float(from_files[0].split()[-2]) > 20


def command_of(line: str) -> str:
    """The command that a line calls: ``segment``, or of a group also its subcommand, ``study run``."""
    words = line.partition("#")[0].split()[1:]
    group = isinstance(found_command(words[0]), click.Group) if words[0] in COMMANDS else False
    return " ".join(words[: 2 if group and not words[1].startswith("-") else 1])


def found_command(name: str) -> click.Command:
    """A command of the program; of a group also its subcommand, as in ``study run``."""
    found: click.Command = command_line
    for part in name.split():
        found = found.get_command(click.Context(found), part)
        assert found is not None, f"septum {name}"
    return found


@cache
def help_of(command: str) -> str:
    found = found_command(command)
    return found.get_help(click.Context(found, info_name=f"septum {command}"))


def septum_lines(page: Path) -> list[str]:
    return [
        line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("septum ")
    ]


@pytest.mark.parametrize("page", [p for p in PAGES if septum_lines(p)], ids=name_of)
def test_commands_and_options_that_a_page_names_exist(page):
    for line in septum_lines(page):
        command = command_of(line)
        if command.startswith("-"):
            continue
        options = re.findall(r"(?<=\s)--?[a-z][a-z-]*", line.split("#")[0])
        known = help_of(command)
        assert [o for o in options if not re.search(rf"(?<![\w-]){o}(?![\w-])", known)] == [], line


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_names_of_the_package_that_a_page_uses_exist(page):
    used = {name for block in blocks(page, "python") for name in re.findall(r"\bseptum\.([a-z]\w*)\(", block)}
    imports = [
        (module, name)
        for block in blocks(page, "python")
        for module, names in re.findall(r"^from (septum[\w.]*) import (.+)$", block, re.MULTILINE)
        for name in names.split(", ")
    ]
    assert used <= set(septum.__all__)
    made = re.findall(
        r"`src/(septum/[\w/]+)\.py`, ", page.read_text(encoding="utf-8")
    )  # by following the page
    there = [(m, name) for m, name in imports if m.replace(".", "/") not in made]
    assert [(m, name) for m, name in there if not hasattr(importlib.import_module(m), name)] == []


def fields_told(page: str) -> list[str]:
    """Names in the first column of the tables between the marks of a page."""
    told = (ROOT / "docs" / page).read_text(encoding="utf-8")
    tables = told.split("<!-- fields: begin -->")[1].split("<!-- fields: end -->")[0]
    firsts = re.findall(r"^\| ([^|]*) \|", tables, re.MULTILINE)
    return [name for first in firsts for name in re.findall(r"`([^`]+)`", first)]


def models_in(annotation: object) -> list[type]:
    """The pydantic models and dataclasses that a field's type is made of."""
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def stem_of(name: str, annotation: object) -> str:
    """A field's name; ``[]`` after that of a list, ``.*`` after that of a mapping from names."""
    kinds = {get_origin(part) for part in (annotation, *get_args(annotation))}
    return f"{name}.*" if dict in kinds else f"{name}[]" if tuple in kinds else name


def fields_of(model: type) -> dict[str, object]:
    """Names and types of the fields of a pydantic model or a dataclass."""
    if issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    return {field.name: types[field.name] for types in [get_type_hints(model)] for field in fields(model)}


def paths_of(model: type, above: tuple[type, ...] = ()) -> list[str]:
    """Every value of a model's JSON: ``input.shape``, or ``regions[].start`` within a list.

    A model that holds itself is told once.
    """
    paths, above = [], (*above, model)
    for name, annotation in fields_of(model).items():
        parts = [part for part in models_in(annotation) if part not in above]
        inner = [path for part in parts for path in paths_of(part, above)]
        paths += [f"{stem_of(name, annotation)}.{path}" for path in inner] if inner else [name]
    return paths


def test_the_page_on_json_lists_the_fields_of_the_record_and_no_others():
    assert fields_told("reference/json.md") == paths_of(Record)


def test_the_page_on_the_table_lists_its_columns_in_their_order():
    told = [name for name in fields_told("reference/csv.md") if not name.endswith("_17")]
    assert told == [name for name in COLUMNS if not re.search(r"^(wall|strain)_.*_([2-9]|1\d)$", name)]


def test_the_page_on_bundles_lists_the_fields_of_the_manifest_and_no_others():
    fields = [*Manifest.model_fields, *StageManifest.model_fields, *TrainingImages.model_fields]
    assert sorted(fields_told("reference/bundles.md")) == sorted(fields)


def test_the_page_on_bundles_lists_the_fields_of_models_that_see_the_whole_image():
    told = (ROOT / "docs" / "reference" / "bundles.md").read_text(encoding="utf-8")
    tables = told.split("<!-- sliding: begin -->")[1].split("<!-- sliding: end -->")[0]
    firsts = "\n".join(re.findall(r"^\| (`[^|]*) \|", tables, re.MULTILINE))
    own = SlidingManifest.model_fields.keys() - Manifest.model_fields.keys() | {"preprocessing"}
    fields = [*own, *SplineSettings.model_fields, *WindowSettings.model_fields]
    assert sorted(re.findall(r"`([^`]+)`", firsts)) == sorted(fields)


def test_the_page_on_the_node_lists_every_key_of_its_file_and_no_others():
    from septum.node.settings import NodeSettings

    settings: list[type] = [NodeSettings]
    found = set(settings)
    while settings:
        nested = {m for f in settings.pop().model_fields.values() for m in models_in(f.annotation)}
        settings += nested - found
        found |= nested
    keys = {name for model in found for name in model.model_fields}
    assert set(fields_told("reference/node.md")) == keys


def test_the_page_on_recipes_lists_every_key_and_no_others():
    pytest.importorskip("torch", reason="needs septum[train] to load the classes of recipes")
    from septum.training.recipe import AnyRecipe

    settings = models_in(AnyRecipe)
    found = set(settings)
    assert len(settings) == 5, "one class for each method"
    while settings:
        nested = {m for f in settings.pop().model_fields.values() for m in models_in(f.annotation)}
        settings += nested - found
        found |= nested
    inline = {model for model in found if model.__name__ == "ClaheSettings"}  # told within a line
    keys = {name for model in found - inline for name in model.model_fields}
    assert set(fields_told("how-to/write-a-recipe.md")) == keys | {"extends"}


def options_of(command: click.Command) -> set[str]:
    return {name for p in command.params if isinstance(p, click.Option) for name in p.opts}


def options_told(section: str) -> set[str]:
    """Options in the first column of the tables of a section."""
    told = re.findall(r"^\| (`-[^|]*) \|", section, re.MULTILINE)
    return {name for cell in told for name in re.findall(r"`(--?[a-z-]+)", cell)}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_on_the_command_line_tells_every_option_and_no_others(command):
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page, flags=re.MULTILINE)[1 + COMMANDS.index(command)]
    assert section.startswith(f"septum {command}\n")
    found = found_command(command)
    if not isinstance(found, click.Group):
        assert options_told(section) == options_of(found)
        return
    # A group: what several subcommands share is told first, with their names; then each tells its own.
    shared, *parts = re.split(r"^### ", section, flags=re.MULTILINE)
    everywhere, _, some = shared.partition("\nThose that train or segment (")
    excepted = re.findall(r"^All subcommands but `(\w+)` have:", everywhere, re.MULTILINE)
    some_names = re.findall(r"`(\w+)`", some.partition(")")[0])
    names = [part.split("\n")[0].removeprefix(f"septum {command} ") for part in parts]
    assert sorted(names) == sorted(found.list_commands(click.Context(found)))
    for name, part in zip(names, parts, strict=True):
        told = options_told(part) | (set() if name in excepted else options_told(everywhere))
        told |= options_told(some) if name in some_names else set()
        assert told == options_of(found_command(f"{command} {name}")), name


def test_the_page_on_python_tells_every_public_name():
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `septum\.(\w+)", page, re.MULTILINE)) == set(septum.__all__)


def test_the_page_on_the_method_tells_the_numbers_of_the_shipped_recipe():
    recipe, paper = (
        tomllib.loads((ROOT / f"src/septum/recipes/{name}.toml").read_text(encoding="utf-8"))
        for name in ("production/cine", "paper/acdc-multi-stage")
    )
    page = (ROOT / "docs/explanation/method.md").read_text(encoding="utf-8")
    localisation = LocalisationSettings.model_validate(recipe["localisation"])
    paper = tomllib.loads(
        (ROOT / "src/septum/recipes/paper/acdc-multi-stage.toml").read_text(encoding="utf-8")
    )
    literal = paper["localisation"]
    coarse, fine = recipe["localiser"], recipe["segmenter"]
    sizes, fine_mm = ", ".join(map(str, localisation.sizes)), fine["preprocessing"]["in_plane_mm"]
    for said in (
        f"| {coarse['preprocessing']['in_plane_mm']:g} mm in plane, native slices |",
        f"| the {localisation.percentile}th, where",
        f"| threshold | unstated, so: {literal['threshold']} | {localisation.threshold} |",
        "| one, fixed; unstated, so: ACDC {} × {} voxels (160 mm)".format(*literal["fixed"]),
        "{} × {} × {} voxels at {} mm in plane, LASC".format(
            *paper["localiser"]["preprocessing"]["size"], paper["localiser"]["preprocessing"]["in_plane_mm"]
        ),
        f"the smallest of {sizes} voxels at {fine_mm} mm",
        f"a margin of {localisation.margin_mm:g} mm on every side",
        f"{coarse['network']['filters']} and {fine['network']['filters']} filters",
        "{} × {} voxels at".format(*coarse["patch"]["size"]),
        "{} × {} at".format(*fine["patch"]["size"]),
    ):
        assert said in page
    assert (localisation.centre, localisation.depth) == ("box", None)
    assert recipe["postprocessing"]["largest_component"] is True


def test_the_readme_opens_with_the_two_commands_and_the_main_job():
    first, second, *_ = blocks(ROOT / "README.md", "console")
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]
    assert [line.split("#")[0].strip() for line in second.splitlines()] == [
        "septum segment your_study.nii.gz -o out/",
        "septum segment your_study.nii.gz -o out/ --report",
    ]
