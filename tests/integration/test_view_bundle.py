"""The viewer's page as it is committed: made from the sources beside it, complete, small, asking nobody."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
STATIC = Path(__file__).parents[2] / "src" / "septum" / "view" / "static"
MOST_BYTES = 4 * 1024 * 1024
SINGLE = ("build.mjs", "icon.svg", "index.html", "package-lock.json", "package.json", "tsconfig.json")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest() -> dict[str, object]:
    return dict(json.loads((STATIC / "manifest.json").read_bytes()))


def built() -> None:
    """Skip where the page cannot be built."""
    if shutil.which("node") is None or not (WEB / "node_modules" / "esbuild").is_dir():
        pytest.skip("needs node, and npm ci in web/ (make web)")


def node(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=WEB, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_was_built_from_the_sources_that_are_here():
    below = (path for folder in ("src", "licences") for path in (WEB / folder).rglob("*") if path.is_file())
    names = sorted([*SINGLE, *(path.relative_to(WEB).as_posix() for path in below)])
    lines = "".join(f"{name} {sha256(WEB / name)}\n" for name in names)
    told = manifest()["sources_sha256"]
    assert told == hashlib.sha256(lines.encode()).hexdigest(), "run make web, and commit what it writes"


def test_it_is_complete_and_small():
    listed = manifest()["files"]
    assert isinstance(listed, dict)
    there = {path.name: path for path in STATIC.iterdir()}
    assert set(listed) | {"manifest.json"} == set(there)
    for name, told in listed.items():
        assert (told["sha256"], told["bytes"]) == (sha256(there[name]), there[name].stat().st_size), name
    assert sum(path.stat().st_size for path in there.values()) <= MOST_BYTES


def test_it_names_no_other_place_and_has_nothing_inline():
    page = (STATIC / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page) == []
    for name in ("index.html", "app.js", "app.css"):
        places = re.findall(r"https?://[^\s\"'`<>)]+", (STATIC / name).read_text())
        assert set(places) <= {"http://www.w3.org/2000/svg"}, name


def test_every_package_inside_comes_with_its_licence():
    told = (STATIC / "LICENSES.txt").read_text()
    inside = {
        "@niivue/niivue",
        "fflate",
        "gl-matrix",
        "nifti-reader-js",
        "zarrita",
        "@lukeed/uuid",
        "array-equal",
    }
    heads = set(re.findall(r"^(\S+) [\d.]+ \((?:MIT|BSD-2-Clause|ISC)\)$", told, re.MULTILINE))
    assert inside <= heads


def test_versions_are_exact():
    package = json.loads((WEB / "package.json").read_bytes())
    lock = json.loads((WEB / "package-lock.json").read_bytes())
    for kind in ("dependencies", "devDependencies"):
        for name, version in package[kind].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
            assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_building_again_gives_the_same_bytes(tmp_path):
    built()
    node("node", "build.mjs", SEPTUM_STATIC=str(tmp_path / "static"))
    made = {path.name: sha256(path) for path in (tmp_path / "static").iterdir()}
    assert made == {path.name: sha256(path) for path in STATIC.iterdir()}


def test_types_and_unit_tests_of_the_page_pass():
    built()
    node("npm", "run", "--silent", "check")
    told = node("npm", "test", "--silent")
    assert re.search(r"^\S fail 0$", told, re.MULTILINE)
    assert re.search(r"^\S pass [1-9]\d*$", told, re.MULTILINE)
