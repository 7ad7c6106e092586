"""Whatever is in a file, reading it ends in a study or in a sentence, in little time and memory."""

from __future__ import annotations

import gzip
import resource
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
from hypothesis import given, settings
from pydicom.uid import RLELossless

from septum.core import SeptumError
from septum.io import content_sha256, dicom_contents, read_study
from support.dicom_study import enhanced, flat, images, stored, write
from support.mutations import damaged, damages, elements, with_elements

MOST_SECONDS = 20.0
MOST_BYTES = 2 * 2**30
EXAMPLES = 20  # tools/fuzz.py makes more, and tests/integration/test_fuzz.py runs it


@pytest.fixture(autouse=True)
def bounded_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES


def survives(path: Path) -> None:
    started = time.perf_counter()
    for read in (read_study, content_sha256, *([dicom_contents] if path.is_dir() else [])):
        try:
            read(path)
        except SeptumError:
            continue
    assert time.perf_counter() - started < MOST_SECONDS


@cache
def image_bytes(name: str) -> bytes:
    array = np.random.default_rng(0).integers(0, 900, (64, 60, 4, 3)).astype(np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.nrrd" if "nrrd" in name else "a.nii")
        if "nrrd" in name:
            directions = [[1.5, 0, 0], [0, 1.5, 0], [0, 0, 8.0], [np.nan] * 3]
            header = {"space": "lps", "space directions": directions, "kinds": ["space"] * 3 + ["list"]}
            nrrd.write(str(path), array, {**header, "encoding": name.split(maxsplit=1)[0]})
        else:
            nib.save(nib.Nifti1Image(array, np.diag([1.5, 1.5, 8.0, 1.0])), path)
        content = path.read_bytes()
    return gzip.compress(content) if name == "packed nii" else content


@pytest.mark.parametrize("name", ["plain nii", "packed nii", "raw nrrd", "gzip nrrd"])
@settings(max_examples=EXAMPLES)
@given(changes=damages)
def test_damaged_images(name, changes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.nrrd" if "nrrd" in name else "a.nii" + ".gz" * name.startswith("packed"))
        content = image_bytes(name)
        if name == "packed nii":  # what is inside a whole gzip stream
            content = gzip.compress(damaged(gzip.decompress(content), 348, changes), 1)
        else:
            content = damaged(content, 400, changes)
        path.write_bytes(content)
        survives(path)


@cache
def study_folder(form: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="septum-fuzz-"))
    if form == "enhanced":
        return write(folder, [enhanced(stored(2, 3))])
    objects = flat(images(stored(2, 3)))
    if form == "compressed":
        for one in objects:
            one.compress(RLELossless)
    return write(folder, objects)


@pytest.fixture(scope="module", autouse=True)
def no_leftovers():
    yield
    for form in ("plain", "compressed", "enhanced"):
        shutil.rmtree(study_folder(form))
    study_folder.cache_clear()


@pytest.mark.parametrize("form", ["plain", "compressed", "enhanced"])
@settings(max_examples=EXAMPLES)
@given(changes=damages)
def test_damaged_dicom(form, changes):
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(sorted(study_folder(form).iterdir())):
            content = path.read_bytes()
            Path(folder, f"{i}.dcm").write_bytes(damaged(content, 2000, changes) if i % 2 == 0 else content)
        survives(Path(folder))


@pytest.mark.parametrize("everywhere", [True, False])
@settings(max_examples=EXAMPLES)
@given(changes=elements)
def test_headers_that_no_scanner_writes(everywhere, changes):
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(sorted(study_folder("plain").iterdir())):
            content = path.read_bytes()
            if everywhere or i == 2:
                content = with_elements(content, changes)
            Path(folder, f"{i}.dcm").write_bytes(content)
        survives(Path(folder))
