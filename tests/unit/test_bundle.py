"""Bundles: what is altered, missing or foreign is refused in one sentence, before anything runs."""

import hashlib
import json

import pytest

from septum.core import VENTRICLES, BundleError
from septum.core.files import sha256_of
from septum.inference import Manifest, StageManifest, open_bundle, shipped
from septum.inference.bundle import MANIFEST
from septum.localisation import LocalisationSettings
from septum.preprocessing import PreprocessingSettings

GRAPHS = {"localiser": b"first graph", "segmenter": b"second graph"}


@pytest.fixture
def folder(tmp_path):
    """A whole bundle, its graphs being any bytes: opening checks them, and does not load them."""
    folder = tmp_path / "cine"
    folder.mkdir()
    stages = {}
    for name, content in GRAPHS.items():
        (folder / f"{name}.onnx").write_bytes(content)
        stages[name] = StageManifest(
            graph=f"{name}.onnx",
            sha256=hashlib.sha256(content).hexdigest(),
            preprocessing=PreprocessingSettings(in_plane_mm=1.4),
            multiple=(1, 8, 8),
        )
    manifest = Manifest(
        name="cine",
        title="a test",
        labels=VENTRICLES,
        localisation=LocalisationSettings(),
        provenance={"seed": 1},
        accuracy={"dice": 0.9},
        licence="research",
        **stages,
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


def label(*names):
    return {"structures": [{"name": name, "value": value} for value, name in enumerate(names, start=1)]}


def edit(folder, **changes):
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    content.update(changes)
    (folder / MANIFEST).write_text(json.dumps(content), encoding="utf-8")


def name_graph(folder, graph, sha256=None):
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    content["segmenter"] |= {"graph": graph} | ({"sha256": sha256} if sha256 else {})
    (folder / MANIFEST).write_text(json.dumps(content), encoding="utf-8")


def refusal(folder):
    """The message, once it is known to be one sentence that names the place."""
    with pytest.raises(BundleError) as refused:
        open_bundle(folder)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert ". " not in message, "one sentence"
    assert str(folder) in message
    assert refused.value.exit_code == 5
    return message


@pytest.mark.parametrize(
    ("names", "given", "reads"),
    [
        (("LV", "MYO", "SCAR"), "late-gadolinium", "late-gadolinium"),
        (("LA",), "cine", "cine"),
        (("LV", "MYO", "SCAR"), None, "cine"),  # as bundles were written before the field
        (("LA",), None, "late-gadolinium"),
        (("LA", "RA"), None, "cine"),
    ],
)
def test_a_bundle_says_what_images_it_reads(folder, names, given, reads):
    edit(folder, labels=label(*names), input=given)
    assert open_bundle(folder).manifest.reads == reads


def test_the_shipped_bundles_read_what_they_were_trained_on():
    assert {name: open_bundle(name).manifest.reads for name in shipped()} == {
        "cine": "cine",
        "la": "late-gadolinium",
    }


def test_images_that_no_model_reads_are_refused(folder):
    edit(folder, input="perfusion")
    assert "input" in refusal(folder)


def test_whole_bundle_opens_and_is_known_by_its_description(folder):
    bundle = open_bundle(folder)
    assert bundle.sha256 == sha256_of(folder / MANIFEST)
    assert bundle.graph(bundle.manifest.localiser).read_bytes() == GRAPHS["localiser"]
    assert bundle.manifest.labels == VENTRICLES
    assert open_bundle(str(folder)).sha256 == bundle.sha256
    edit(folder, title="another")
    assert open_bundle(folder).sha256 != bundle.sha256


@pytest.mark.parametrize("name", GRAPHS)
def test_altered_graph(folder, name):
    (folder / f"{name}.onnx").write_bytes(GRAPHS[name] + b"!")
    message = refusal(folder)
    assert f"{name}.onnx" in message
    assert "SHA-256" in message


def test_cut_off_graph(folder):
    (folder / "segmenter.onnx").write_bytes(b"")
    assert "SHA-256" in refusal(folder)


@pytest.mark.parametrize("name", GRAPHS)
def test_missing_graph(folder, name):
    (folder / f"{name}.onnx").unlink()
    message = refusal(folder)
    assert f"{name}.onnx" in message
    assert "missing" in message


def test_missing_description(folder):
    (folder / MANIFEST).unlink()
    assert MANIFEST in refusal(folder)


def test_missing_folder(tmp_path):
    assert "bundle's folder" in refusal(tmp_path / "nowhere")


def test_unknown_name_says_what_there_is():
    with pytest.raises(BundleError, match="no model 'heart-of-gold'"):
        open_bundle("heart-of-gold")


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_unknown_format(folder, number):
    edit(folder, format=number)
    message = refusal(folder)
    assert "format" in message
    assert "reads format 1" in message


@pytest.mark.parametrize(
    "graph",
    ["../outside.onnx", "part/inside.onnx", "FOLDER/outside.onnx", "..", ".", "", "a/../segmenter.onnx"],
)
def test_graph_outside_of_the_folder(folder, graph):
    # The file exists and has the right hash, so nothing but the name speaks against it.
    content = b"outside"
    (folder.parent / "outside.onnx").write_bytes(content)
    (folder / "part").mkdir()
    (folder / "part" / "inside.onnx").write_bytes(content)
    name_graph(folder, graph.replace("FOLDER", str(folder.parent)), hashlib.sha256(content).hexdigest())
    message = refusal(folder)
    assert "file name" in message


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"no json at all", b"\xff\xfe\x00", b"[" * 50_000, b'{"a": 1e999}x'],
)
def test_description_that_is_no_json(folder, content):
    (folder / MANIFEST).write_bytes(content)
    assert "not valid JSON" in refusal(folder)


@pytest.mark.parametrize("content", ["[]", "null", "3"])
def test_description_of_another_kind(folder, content):
    (folder / MANIFEST).write_text(content, encoding="utf-8")
    message = refusal(folder)
    assert ": :" not in message
    assert "format 1" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"licence": None}, "licence: expected text in quotes, got None"),
        ({"license": "x"}, "license: there is no such key; write 'licence'"),
        ({"mirror_images": "perhaps"}, "mirror_images: expected true or false, got 'perhaps'"),
        ({"input": "cines"}, "input: expected 'cine' or 'late-gadolinium', got 'cines'"),
        ({"localiser": {}}, "localiser.graph"),
        ({"labels": {"structures": [{"name": "LV", "value": 0}]}}, "labels"),
    ],
)
def test_description_that_says_too_little_too_much_or_nonsense(folder, change, said):
    edit(folder, **change)
    assert said in refusal(folder)
