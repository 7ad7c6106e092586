"""OpenVINO and ONNX Runtime against torch, and a bundle from networks to masks."""

import itertools
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from septum.core import (
    VENTRICLES,
    BundleError,
    Geometry,
    MissingExtraError,
    OutputError,
    SeptumError,
    Volume,
)
from septum.core.files import sha256_of
from septum.inference import ENGINES, Manifest, ModelOptions, Segmenter, Stage, load_model, open_bundle
from septum.inference.bundle import MANIFEST
from septum.localisation import LocalisationSettings
from septum.methods.settings import OptimisationSettings, PatchSettings, StageSettings
from septum.methods.torch_engine import TorchEngine
from septum.networks import NetworkSettings, build
from septum.preprocessing import PreprocessingSettings
from septum.training import export
from septum.training.export import export_graph, stage_manifest, write_bundle
from support.full_disk import full_disk
from support.one_volume import segment_one

#: Largest difference of a logit, as documented.
TOLERANCE = 1e-3

NETWORKS = {
    "localiser": NetworkSettings(
        filters=4,
        keep_z=True,
        flat_levels=2,
        residual="add",
        norm="instance",
        upsampling="transposed",
        dilate_z=False,
    ),
    "segmenter": NetworkSettings(
        out_channels=4,
        filters=4,
        keep_z=True,
        flat_levels=2,
        residual="add",
        norm="instance",
        upsampling="transposed",
        dilate_z=False,
    ),
    "literal": NetworkSettings(out_channels=4, filters=4),
    "literal_keep_z": NetworkSettings(out_channels=1, filters=4, keep_z=True),
}


def network_of(settings, seed=0):
    """Random weights; normalisations with weights and biases other than 1 and 0, and used statistics."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = build(settings)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() == 1:
                middle = 1.0 if name.endswith("weight") else 0.0
                parameter.copy_(middle + 0.3 * torch.randn(parameter.shape, generator=generator))
        network.train()(torch.randn(2, 1, 8, 32, 32, generator=generator))
    return network.eval()


@pytest.mark.parametrize(("engine", "name"), list(itertools.product(ENGINES, NETWORKS)))
def test_engine_gives_the_logits_of_torch_at_any_depth_and_size(engine, name, tmp_path):
    network = network_of(NETWORKS[name])
    with_map = network.settings.out_channels == 1
    export_graph(network, tmp_path / "graph.onnx", with_map=with_map)
    runner, reference = (
        ENGINES[engine](tmp_path / "graph.onnx", network.multiple, ModelOptions(threads=1)),
        TorchEngine(network),
    )
    assert runner.multiple == network.multiple
    rng = np.random.default_rng(1)
    z, y, x = network.multiple
    for depth, height, width in ((6, 4, 5), (1, 6, 4), (3, 2, 7), (6, 4, 5)):
        image = rng.normal(size=(1, 1, depth * z, height * y, width * x)).astype(np.float32)
        ours, theirs = runner.run(image), reference.run(image)
        assert set(ours) == set(theirs) == ({"logits", "map"} if with_map else {"logits"})
        for output, expected in theirs.items():
            assert ours[output].shape == expected.shape
            assert ours[output].dtype == np.float32
            np.testing.assert_allclose(ours[output], expected, rtol=0, atol=TOLERANCE)
        assert np.ptp(theirs["logits"]) > 0.1


@pytest.mark.parametrize("engine", ENGINES)
def test_results_of_one_image_outlive_the_next(engine, tmp_path):
    network = network_of(NETWORKS["segmenter"])
    export_graph(network, tmp_path / "graph.onnx", with_map=False)
    runner = ENGINES[engine](tmp_path / "graph.onnx", network.multiple, ModelOptions(threads=1))
    first = runner.run(np.ones((1, 1, 2, 16, 16), np.float32))["logits"]
    kept = first.copy()
    runner.run(np.random.default_rng(0).normal(size=(1, 1, 2, 16, 16)).astype(np.float32))
    assert np.array_equal(first, kept)


def stage_settings(name, in_plane_mm):
    return StageSettings(
        network=NETWORKS[name],
        preprocessing=PreprocessingSettings(in_plane_mm=in_plane_mm),
        patch=PatchSettings(size=(32, 32)),
        loss="bce_dice",
        optimisation=OptimisationSettings(),
    )


@pytest.fixture(scope="module")
def networks():
    return {name: network_of(NETWORKS[name], seed) for seed, name in enumerate(("localiser", "segmenter"))}


@pytest.fixture(scope="module")
def manifest(networks):
    return Manifest(
        name="tiny",
        title="a test",
        labels=VENTRICLES,
        localiser=stage_manifest("localiser", stage_settings("localiser", 4.0), networks["localiser"]),
        localisation=LocalisationSettings(sizes=(32, 48), margin_mm=2.0),
        segmenter=stage_manifest("segmenter", stage_settings("segmenter", 1.5), networks["segmenter"]),
        provenance={"seed": 1},
        accuracy={"dice": 0.5},
        licence="none",
    )


@pytest.fixture(scope="module")
def bundle(networks, manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_bundle(folder, manifest, networks, {"LICENSE": "none\n", "README.md": "a test\n"})
    return folder


def test_written_bundle_is_whole_and_says_what_is_in_it(bundle, manifest):
    found = open_bundle(bundle)
    assert sorted(p.name for p in bundle.iterdir()) == [
        "LICENSE",
        "README.md",
        "localiser.onnx",
        "model.json",
        "segmenter.onnx",
    ]
    assert found.manifest.localisation == manifest.localisation
    assert found.manifest.segmenter.sha256 == sha256_of(bundle / "segmenter.onnx")
    assert json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))["format"] == 1
    assert [p for p in bundle.parent.iterdir() if p != bundle] == []


def test_failing_export_leaves_the_former_bundle_alone(networks, manifest, tmp_path, monkeypatch):
    folder = tmp_path / "tiny"
    write_bundle(folder, manifest, networks, {})
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fail(*_args, **_named):
        raise RuntimeError("half-way")

    monkeypatch.setattr(export, "sha256_of", fail)
    with pytest.raises(RuntimeError, match="half-way"):
        write_bundle(folder, manifest, networks, {})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_full_disk_is_told_as_such_and_leaves_the_former_bundle_alone(networks, manifest, tmp_path):
    folder = tmp_path / "tiny"
    write_bundle(folder, manifest, networks, {})
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with full_disk(), pytest.raises(OutputError, match="tiny cannot be written"):
        write_bundle(folder, manifest, networks, {})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="bundle cannot be written"):
        write_bundle(tmp_path / "file" / "bundle", manifest, networks, {})


def test_former_bundle_is_replaced(networks, manifest, tmp_path):
    folder = tmp_path / "tiny"
    write_bundle(folder, manifest, networks, {"OLD": "x"})
    write_bundle(folder, manifest.model_copy(update={"title": "new"}), networks, {"NEW": "x"})
    assert open_bundle(folder).manifest.title == "new"
    assert not (folder / "OLD").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_every_engine_gives_the_mask_of_torch(bundle, networks, manifest):
    rng = np.random.default_rng(2)
    geometry = Geometry((5, 70, 64), (9.0, 1.8, 1.8))
    volume = Volume(rng.gamma(2, 100, geometry.shape).astype(np.float32), geometry)
    stages = [
        Stage(TorchEngine(networks[name]), getattr(manifest, name).preprocessing)
        for name in ("localiser", "segmenter")
    ]
    segmenter = Segmenter(stages[1], manifest.labels.values, manifest.localisation)
    expected, found = segment_one(volume, stages[0], segmenter)
    assert len(np.unique(expected)) > 1
    for engine in ENGINES:
        result = load_model(bundle, engine=engine, threads=1).segment_volume(volume)
        assert result.localisation == found
        # Where two classes are as likely as each other, the last digit decides.
        assert (result.labels == expected).mean() > 0.999


@pytest.mark.parametrize("engine", ENGINES)
def test_one_model_in_several_threads_gives_each_its_own_mask(bundle, engine):
    model = load_model(bundle, engine=engine, threads=1)
    volumes = [
        Volume(
            np.random.default_rng(seed).normal(300, 60, (6, 64, 60)).astype(np.float32),
            Geometry((6, 64, 60), (8.0, 1.5, 1.5)),
        )
        for seed in range(4)
    ]
    alone = [model.segment_volume(volume).labels for volume in volumes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.segment_volume, volumes * 2))
    for result, labels in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(result.labels, labels)


def test_altered_bundle_is_not_loaded(bundle, tmp_path):
    copy = tmp_path / "tiny"
    copy.mkdir()
    for file in bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with (copy / "segmenter.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BundleError, match="SHA-256"):
        load_model(copy)


def test_missing_engine_says_how_to_get_it(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"septum\[onnx\]"):
        load_model(bundle, engine="onnxruntime")
    with pytest.raises(SeptumError, match="openvino or onnxruntime"):
        load_model(bundle, engine="abacus")
