"""A tiny bundle with random weights, tiny studies, the command line in this process, and a browser."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from septum.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.browser import Page

#: With these weights every label occurs.
SEED = 9
SPACING_MM = (8.0, 1.5, 1.5)


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Page]:
    """A page of Chromium without a window."""
    from support.browser import browser_page, chromium

    program = chromium()
    if program is None:
        pytest.skip("needs chromium")
    with browser_page(program, tmp_path_factory.mktemp("browser") / "profile") as page:
        page.width(1440)
        yield page


@pytest.fixture(scope="session")
def made_bundle(tmp_path_factory) -> Path:
    """A bundle of two networks with random weights; its masks are nonsense with all labels."""
    torch = pytest.importorskip("torch", reason="needs septum[train] to make a bundle")
    from septum.core import VENTRICLES
    from septum.inference.bundle import Manifest, StageManifest
    from septum.localisation import LocalisationSettings
    from septum.networks import NetworkSettings
    from septum.networks.registry import build
    from septum.preprocessing import PreprocessingSettings
    from septum.training.export import write_bundle

    torch.manual_seed(SEED)
    small = {"filters": 2, "keep_z": True, "residual": "add", "norm": "instance"}
    networks = {
        "localiser": build(NetworkSettings(**small)),
        "segmenter": build(NetworkSettings(**small, out_channels=4)),
    }
    stages = {
        name: StageManifest(
            graph=f"{name}.onnx",
            sha256="",
            preprocessing=PreprocessingSettings(in_plane_mm=in_plane_mm),
            multiple=networks[name].multiple,
        )
        for name, in_plane_mm in (("localiser", 4.0), ("segmenter", 2.0))
    }
    manifest = Manifest(
        name="tiny",
        title="random weights, for tests",
        labels=VENTRICLES,
        localisation=LocalisationSettings(sizes=(16, 24)),
        provenance={"data": "none"},
        accuracy={},
        licence="none",
        **stages,
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_bundle(folder, manifest, networks, {})
    return folder


@pytest.fixture
def bundle(made_bundle, tmp_path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(made_bundle, tmp_path / "tiny"))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Grey values with the file's own axes (X, Y, Z[, T]): a bright ball in noise."""
    x, y = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    ball = (np.hypot(x, y) < 0.5).reshape(shape[0], shape[1], *(1,) * (len(shape) - 2))
    grey = np.random.default_rng(seed).normal(300.0, 40.0, shape) + 500.0 * ball
    return grey.astype(np.float32)


@pytest.fixture
def write_study():
    """A function that writes a small NIfTI image: ``write_study(path, frames=2, seed=1)``."""

    def write(path: Path, *, frames: int | None = None, seed: int = 0, affine=None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (48, 44, 3) if frames is None else (48, 44, 3, frames)
        nib.save(
            nib.Nifti1Image(
                noise(*shape, seed=seed), np.diag([*SPACING_MM[::-1], 1.0]) if affine is None else affine
            ),
            path,
        )
        return path

    return write


@dataclass(frozen=True)
class Answer:
    """What a command line answers."""

    code: int
    out: str
    err: str


@pytest.fixture
def septum(capfd):
    """The command line: ``septum("segment", file, "-o", out)``."""

    def run(*arguments: object) -> Answer:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def files_in(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too; none if it is not there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(name="files_in")
def files_in_fixture():
    return files_in
