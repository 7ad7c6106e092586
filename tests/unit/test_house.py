"""The house itself: one version, named rooms, short files, no image of a patient, a quick command line."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from septum.cli.main import COMMANDS
from septum.core import errors

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "septum"
DATA = {"models", "recipes"}
HEAVY = {
    "PIL",
    "monai",
    "nibabel",
    "nrrd",
    "numpy",
    "onnxruntime",
    "openvino",
    "pydantic",
    "pydicom",
    "scipy",
    "skimage",
    "torch",
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def contract_floors() -> list[list[str]]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    layers = contracts["importlinter:contract:floors"]["layers"].strip().splitlines()
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("needs a git checkout to tell the repository's files from others")
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def test_one_version_everywhere():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    cited = re.search(r"^version: (\S+)$", read("CITATION.cff"), re.MULTILINE)
    newest = re.search(r"^## \[(.+?)\] - ", read("CHANGELOG.md"), re.MULTILINE)
    assert cited is not None
    assert newest is not None
    assert (cited[1], newest[1]) == (version, version)


def test_every_room_is_on_a_floor_and_only_unbuilt_ones_are_in_parentheses():
    named = [room for floor in contract_floors() for room in floor]
    built = {room for room in named if not room.startswith("(")}
    planned = {room.strip("()") for room in named if room.startswith("(")}
    folders = {folder.name for folder in PACKAGE.iterdir() if any(folder.glob("*.py"))} - DATA
    assert folders == built
    assert not planned & folders
    assert len(named) == len(built | planned)


def test_the_floors_in_the_documentation_are_those_of_the_contract():
    drawn = re.findall(r"^ +\d+  (.+)$", read("docs/explanation/architecture.md"), re.MULTILINE)
    floors = [[room.strip("()") for room in floor] for floor in contract_floors()]
    assert [line.split(" | ") for line in drawn] == floors


def test_the_files_and_functions_in_the_picture_of_the_architecture_exist():
    drawn = re.findall(
        r"([a-z_]+/[a-z_/]*(?:\.py)?)(?: ([a-z_]+))?(?= ·|<|,|\.|:)", read("docs/pictures/architecture.svg")
    )
    drawn = [(name, function) for name, function in drawn if name.endswith((".py", "/"))]
    assert len(drawn) > 20
    for name, function in drawn:
        found = [
            path
            for path in (PACKAGE / name, PACKAGE / "workflows" / name, PACKAGE.parent / name)
            if path.exists()
        ]
        assert found, name
        assert not function or f"def {function}(" in found[0].read_text(encoding="utf-8"), function


def test_every_runtime_dependency_is_explained():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    needed = {re.split(r"[<>=!~ ]", requirement)[0] for requirement in project["dependencies"]}
    runtime = read("docs/explanation/dependencies.md").split("## Runtime")[1].split("##")[0]
    explained = set(re.findall(r"^\| ([a-z-]+) \|", runtime, re.MULTILINE)) - {"package"}
    assert explained == needed


def test_every_exit_code_is_documented():
    raised = {e.exit_code for e in vars(errors).values() if isinstance(e, type) and hasattr(e, "exit_code")}
    documented = re.findall(r"^\| (\d+) \|", read("docs/reference/exit-codes.md"), re.MULTILINE)
    assert raised | {0, 1, 2, 130} == {int(code) for code in documented}


def test_no_file_is_longer_than_450_lines():
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {str(s.relative_to(ROOT)): len(s.read_text(encoding="utf-8").splitlines()) for s in sources}
    assert {name: n for name, n in lengths.items() if n > 450} == {}


def test_no_function_is_longer_than_60_lines():
    lengths = {}
    for source in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths[f"{source.relative_to(ROOT)}:{node.lineno} {node.name}"] = length
    assert len(lengths) > 1000
    assert {name: n for name, n in lengths.items() if n > 60} == {}


def is_image_volume(file: Path) -> bool:
    """Whether a file is an image or array by its name or, whatever its name, by its first bytes."""
    endings = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".h5", ".npz", ".npy", ".img")
    with file.open("rb") as stream:
        start = stream.read(348)
    return (
        file.name.lower().endswith(endings)
        or start[344:347] in {b"n+1", b"ni1"}
        or start[128:132] == b"DICM"
        or start.startswith((b"NRRD", b"\x93NUMPY", b"\x89HDF", b"\x1f\x8b", b"PK\x03\x04"))
    )


def test_no_file_of_the_repository_is_an_image_volume():
    files = tracked_files()
    assert ROOT / "pyproject.toml" in files
    public = ROOT / "tests" / "data" / "sunnybrook"  # in the public domain, with its licence beside it
    found = [file for file in files if is_image_volume(file)]
    assert [str(file.relative_to(ROOT)) for file in found if not file.is_relative_to(public)] == []
    assert (public / "LICENCE.txt").is_file()
    assert sum(file.stat().st_size for file in public.rglob("*") if file.is_file()) < 3_000_000


@pytest.mark.parametrize("name", ["heart.nii.gz", "heart.NRRD", "frames.npz"])
def test_an_image_volume_is_known_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert is_image_volume(tmp_path / name)


@pytest.mark.parametrize(
    "start", [b"\0" * 344 + b"n+1\0", b"\0" * 128 + b"DICM", b"NRRD0004\n", b"\x1f\x8b\x08"]
)
def test_an_image_volume_is_known_by_its_content(tmp_path, start):
    (tmp_path / "notes.txt").write_bytes(start)
    assert is_image_volume(tmp_path / "notes.txt")
    (tmp_path / "notes.txt").write_bytes(b"notes")
    assert not is_image_volume(tmp_path / "notes.txt")


def run_and_list_modules(*arguments: str) -> tuple[str, set[str]]:
    """Standard output of ``septum ARGUMENTS``, and the top-level modules that it has loaded."""
    code = (
        "import json, sys\n"
        "from septum.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_loads_nothing_heavy(command):
    arguments = ["--help"] if command is None else [command, "--help"]
    shown, loaded = run_and_list_modules(*arguments)
    assert loaded & HEAVY == set()
    assert all(name in shown for name in (COMMANDS if command is None else ()))


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, septum; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()
