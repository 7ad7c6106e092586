"""Bundles whose files have their hashes and do not do what the description says."""

import json

import pytest

from septum.core.files import sha256_of
from septum.inference import ENGINES


def rehash(bundle):
    """Write the hashes of the graphs as they are now."""
    manifest = json.loads((bundle / "model.json").read_text())
    for name in ("localiser", "segmenter"):
        manifest[name]["sha256"] = sha256_of(bundle / f"{name}.onnx")
    (bundle / "model.json").write_text(json.dumps(manifest))


def cut_graph(bundle):
    graph = bundle / "segmenter.onnx"
    graph.write_bytes(graph.read_bytes()[:-1000])


def localiser_as_segmenter(bundle):
    (bundle / "segmenter.onnx").write_bytes((bundle / "localiser.onnx").read_bytes())


def segmenter_as_localiser(bundle):
    (bundle / "localiser.onnx").write_bytes((bundle / "segmenter.onnx").read_bytes())


def one_structure_too_few(bundle):
    manifest = json.loads((bundle / "model.json").read_text())
    del manifest["labels"]["structures"][-1]
    (bundle / "model.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut_graph, "segmenter.onnx: expected an ONNX graph"),
        (localiser_as_segmenter, "segmenter.onnx: expected 4 channels (background, RV, MYO, LV), got 1"),
        (segmenter_as_localiser, "localiser.onnx: expected the outputs logits and map, got logits"),
        (one_structure_too_few, "segmenter.onnx: expected 3 channels (background, RV, MYO), got 4"),
    ],
    ids=["cut", "localiser twice", "segmenter twice", "labels"],
)
def test_a_bundle_that_cannot_work_ends_the_run_in_one_sentence(
    damage, told, engine, septum, bundle, write_study, tmp_path
):
    damage(bundle)
    rehash(bundle)
    for name in "ab":
        write_study(tmp_path / "data" / f"{name}.nii.gz")
    answer = septum(
        "segment", tmp_path / "data", "-o", tmp_path / "out", "--model", bundle, "--engine", engine
    )
    assert answer.code == 5
    (line,) = answer.err.splitlines()
    assert told in line
