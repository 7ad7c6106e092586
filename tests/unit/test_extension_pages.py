"""The code that the pages on extending Septum show is taken from there, linted, registered and used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from septum import measure
from septum.indices import DEFINITIONS, clinical_indices
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.outputs import OUTPUTS

ROOT = Path(__file__).parents[2]
#: Of each page: the package and the module that its first block of code is, and the module that names it.
MODULES = {
    "add-an-output": ("septum.workflows.outputs", "summary", "septum.workflows.outputs"),
    "add-a-network": ("septum.networks", "small", "septum.networks.registry"),
    "add-a-data-set": ("septum.datasets", "clinic", "septum.datasets.registry"),
    "add-a-command": ("septum.cli", "frames", "septum.cli.main"),
}
SMALL = PhantomSettings(frames=2, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)


def blocks(page):
    text = (ROOT / "docs" / "extend" / f"{page}.md").read_text(encoding="utf-8")
    return [part.split("```\n")[0] for part in text.split("```python\n")[1:]]


@pytest.fixture
def named(tmp_path, monkeypatch):
    """Give what a module holds after a page was followed to the end of its second step."""
    loaded = []

    def follow(page):
        package_name, name, registry = MODULES[page]
        package = importlib.import_module(package_name)
        code, line = blocks(page)[:2]
        folder = tmp_path / "added"
        folder.mkdir()
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        loaded.append((package, name))
        module = dict(vars(importlib.import_module(registry)))
        exec(f"from __future__ import annotations\n{line}", module)  # noqa: S102  # the page's own line
        return module

    yield follow
    for package, name in loaded:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)


@pytest.mark.parametrize("page", MODULES)
def test_the_file_passes_the_rules_of_the_house(page):
    package, name, _ = MODULES[page]
    place = ROOT / "src" / Path(*package.split(".")) / f"{name}.py"
    for rule in (["check", "--no-cache"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *rule, "--stdin-filename", place, "-"]
        done = subprocess.run(
            command, input=blocks(page)[0], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("frames", "told"), [(2, r" %"), (1, "not known")])
def test_the_output_is_written(named, monkeypatch, tmp_path, frames, told):
    monkeypatch.setitem(OUTPUTS, "summary", named("add-an-output")["OUTPUTS"]["summary"])
    heart = beating_heart(np.random.default_rng(0), SMALL.model_copy(update={"frames": frames}))
    result = measure(heart.truth)
    result.save(tmp_path / "out", ["summary"])
    text = (tmp_path / "out" / "heart_summary.txt").read_text(encoding="utf-8")
    assert text.endswith(f"{told}\n")
    value = result.indices.value("lv_ef_percent")
    assert value is None or f"{value:.1f} %" in text


def test_the_network_is_built_and_runs(named, monkeypatch):
    import torch

    from septum.networks import REGISTRY, NetworkSettings, build

    monkeypatch.setitem(REGISTRY, "small", named("add-a-network")["REGISTRY"]["small"])
    network = build(NetworkSettings(architecture="small", filters=2))
    image = torch.zeros(1, 1, *(2 * size for size in network.multiple))
    assert network(image).shape == image.shape


def test_the_data_set_lists_its_cases(named, tmp_path):
    for patient in ("a", "b"):
        for ending in ("image", "mask"):
            (tmp_path / f"{patient}_{ending}.nii.gz").touch()
    descriptor = named("add-a-data-set")["REGISTRY"]["clinic"]
    assert [case.name for case in descriptor.load(tmp_path).cases] == ["a", "b"]


def test_the_command_is_listed_after_those_that_there_are(named):
    from septum.cli.main import COMMANDS

    assert named("add-a-command")["COMMANDS"] == (*COMMANDS, "frames")


def test_the_index_has_its_value():
    definitions = dict(vars(importlib.import_module("septum.indices.definitions")))
    function, line = blocks("add-an-index")[:2]
    exec(function, definitions)  # noqa: S102  # the page's own function
    added = eval(line, definitions)  # noqa: S307  # the page's own line
    heart = beating_heart(np.random.default_rng(0), SMALL)
    found = clinical_indices(heart.truth, definitions=(*DEFINITIONS, added))
    ratio = found["LV"].mass_at_end_diastole_g / found["LV"].end_diastolic_volume_ml
    assert found.value(added.key) == pytest.approx(ratio)
