"""What a user installs: the wheel alone, in a clean environment without extras, segments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = (
    "torch", "torchvision", "matplotlib", "monai", "lightning_fabric", "onnx", "onnxscript", "onnxruntime",
    "starlette", "uvicorn",
)  # fmt: skip
ALLOWED = (
    r"septum(_study)?/([a-z_0-9]+/)*[a-z_0-9]+\.py",
    r"septum/py\.typed",
    r"septum/report/templates/report\.(html|css|js)",
    r"septum/view/static/(index\.html|(app|volume)\.js|app\.css|icon\.svg|manifest\.json|LICENSES\.txt)",
    r"septum/recipes/(ablation|half|miniature|paper|production)/[a-z0-9-]+\.toml",
    r"septum_study/declared/[a-z]+\.toml",
    r"septum/datasets/published/[a-z_0-9-]+\.json",
    r"septum/interpretation/tables/[a-z0-9]+\.json",
    r"septum/models/[a-z_0-9]+/(model\.json|quality\.json|seen_images\.json|[a-z_0-9]+\.onnx|LICENSE\.md|MODEL_CARD\.md)",
    r"septum-[0-9.a-z]+\.dist-info/(METADATA|WHEEL|RECORD|entry_points\.txt|licenses/.*LICENSE(\.md)?)",
)

MAKE_PHANTOM = """
from pathlib import Path
import numpy as np
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart
settings = PhantomSettings(frames=1, slices=8, matrix=(176, 176))
write_image(Path("heart.nii.gz"), beating_heart(np.random.default_rng(1), settings).cine)
"""

pytestmark = pytest.mark.slow


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder`` with no way to import from anywhere but its own environment."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    """The folder of programs of a clean environment in which the wheel is installed without extras."""
    environment = tmp_path_factory.mktemp("clean") / "environment"
    venv.create(environment, with_pip=False)
    folder = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--python", folder / "python", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-compile", wheel], environment)  # few modules are imported
    return folder


def test_the_wheel_holds_the_package_and_nothing_stray(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if not any(re.fullmatch(pattern, name) for pattern in ALLOWED)] == []


@pytest.mark.parametrize("model", ["cine", "la"])
def test_the_wheel_holds_the_shipped_models_with_their_cards_and_licences(wheel, model):
    names = zipfile.ZipFile(wheel).namelist()
    files = {Path(name).name for name in names if f"septum/models/{model}/" in name}
    assert {"model.json", "LICENSE.md", "MODEL_CARD.md"} <= files
    assert any(name.endswith(".onnx") for name in files)


def test_the_wheel_holds_the_template_of_the_report(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    endings = {Path(name).suffix for name in names if name.startswith("septum/report/templates/")}
    assert endings == {".html", ".css", ".js"}


def test_no_extra_is_installed(programs, tmp_path):
    code = f"import importlib.util as u; print([m for m in {EXTRAS} if u.find_spec(m)])"
    assert run([programs / "python", "-c", code], tmp_path).stdout.strip() == "[]"


def test_the_command_answers(programs, tmp_path):
    assert "segment" in run([programs / "septum", "--help"], tmp_path).stdout
    assert "LV" in run([programs / "septum", "info", "cine"], tmp_path).stdout


def test_a_phantom_is_segmented_by_the_wheel_alone(programs, tmp_path):
    run([programs / "python", "-c", MAKE_PHANTOM], tmp_path)
    run([programs / "septum", "segment", "heart.nii.gz", "-o", "out"], tmp_path)
    image, mask = (nib.load(tmp_path / name) for name in ("heart.nii.gz", "out/heart_seg.nii.gz"))
    assert mask.shape == image.shape
    assert np.allclose(mask.affine, image.affine)
    values, counts = np.unique(np.asarray(mask.dataobj), return_counts=True)
    assert values.tolist() == [0, 1, 2, 3]
    assert counts.min() > 100
    assert json.loads((tmp_path / "out" / "heart_seg.json").read_text(encoding="utf-8"))
