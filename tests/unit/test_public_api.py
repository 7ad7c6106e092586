"""The public surface is frozen: a change here is a change of the version."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pytest

import septum

NAMES = [
    "Geometry", "IndexSettings", "Model", "OutputWarning", "QualityWarning", "Result",
    "Segmentation", "SeptumError", "Study", "__version__", "evaluate", "load", "load_mask",
    "load_model", "measure", "segment", "write_image", "write_mask",
]  # fmt: skip
SIGNATURES = {
    "load": (
        "(path: 'str | Path', *, spacing_mm: 'Sequence[float] | None' = None, kind: 'StackKind' = 'cine')"
        " -> 'Study'"
    ),
    "load_model": "(model: 'str | Path' = 'cine', **options: 'Unpack[ModelKeywords]') -> 'Model'",
    "segment": (
        "(source: 'Source', *, model: 'str | Path | Model' = 'cine', spacing_mm: 'Sequence[float] | None' ="
        " None, indices: 'IndexSettings | None' = None, **options: 'Unpack[ModelKeywords]') -> 'Result'"
    ),
    "load_mask": (
        "(path: 'str | Path', *, labels: 'str | LabelSchema | None' = None,"
        " spacing_mm: 'Sequence[float] | None' = None) -> 'Segmentation'"
    ),
    "measure": (
        "(mask: 'str | Path | Segmentation', *, image: 'Source | None' = None,"
        " labels: 'str | LabelSchema | None' = None, spacing_mm: 'Sequence[float] | None' = None,"
        " indices: 'IndexSettings | None' = None) -> 'Result'"
    ),
    "evaluate": (
        "(prediction: 'str | Path', truth: 'str | Path', schema: 'LabelSchema | None' = None) -> 'Evaluation'"
    ),
    "write_image": "(path: 'Path', cine: 'Cine') -> 'None'",
    "write_mask": "(path: 'Path', segmentation: 'Segmentation', like: 'Study') -> 'None'",
    "Model.segment": "(self, array: 'NDArray[Any]', *, spacing_mm: 'Sequence[float]') -> 'Segmentation'",
    "Result.save": (
        "(self, folder: 'str | Path', outputs: 'Iterable[str] | Mapping[str, OutputOptions]' = (), *,"
        " name: 'str | None' = None, overwrite: 'bool' = False) -> 'OutputPaths'"
    ),
}


def test_names():
    assert sorted(septum.__all__) == sorted(NAMES)
    assert dir(septum) == sorted(NAMES)
    assert all(getattr(septum, name) is not None for name in NAMES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    target = septum
    for part in name.split("."):
        target = getattr(target, part)
    assert str(inspect.signature(target)) == SIGNATURES[name]


def test_fields():
    kinds = (septum.Result, septum.Segmentation, septum.Geometry)
    fields = {kind: [f.name for f in dataclasses.fields(kind)] for kind in kinds}
    assert fields[septum.Result][:5] == ["study", "segmentation", "indices", "quality", "provenance"]
    assert fields[septum.Segmentation] == ["labels", "geometry", "schema"]
    assert fields[septum.Geometry] == ["shape", "spacing_mm", "origin_mm", "direction"]
    assert issubclass(septum.SeptumError, Exception)
    assert septum.SeptumError.exit_code == 3


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        septum.nosuch  # noqa: B018


def test_star_import_works_in_a_fresh_interpreter():
    code = "from septum import *; print(load_model.__name__, segment.__name__, Model.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["load_model", "segment", "Model"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: septum.segment(""), "path"),
        (lambda: septum.segment("a.nii.gz", flip=True), "'flips'"),
        (lambda: septum.segment(np.ones((8, 96, 96)), spacing=(8, 1, 1)), "'spacing_mm'"),
        (lambda: septum.segment("a.nii.gz", indices={"hieght_m": 1.8}), "'height_m'"),
        (lambda: septum.segment(("a.nii.gz", "b.nii.gz"), indices={"hieght_m": 1.8}), "'height_m'"),
        (lambda: septum.segment(("a", "b", "c")), "two files.*3"),
        (lambda: septum.segment(["a", "b"]), "list"),
        (lambda: septum.load_model(flip=True), "'flips'"),
        (lambda: septum.load_model(""), "''"),
        (lambda: septum.measure(np.zeros((3, 4, 5))), "array"),
        (lambda: septum.load(None), "NoneType"),
        (lambda: septum.evaluate("", "a.nii.gz"), "path"),
        (lambda: septum.evaluate("nosuch.nii.gz", "a.nii.gz"), r"nosuch\.nii\.gz"),
        (lambda: septum.IndexSettings(hieght_m=1.8), "'height_m'"),
        (lambda: septum.IndexSettings(height_m=180), r"height_m.*0\.3 to 2\.6 m.*180"),
        (lambda: septum.IndexSettings(heart_rate_bpm=float("nan")), "heart_rate_bpm.*nan"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence_by_its_name(call, named):
    with pytest.raises(septum.SeptumError, match=named) as refused:
        call()
    assert "\n" not in str(refused.value)
