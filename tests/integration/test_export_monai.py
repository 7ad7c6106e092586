"""A MONAI bundle of a model: MONAI reads it, finds nothing missing, and runs it to the same mask."""

from __future__ import annotations

import json
import warnings
from importlib.metadata import version

import nibabel as nib
import numpy as np
import pytest

import septum as package
from septum.inference import open_bundle
from septum.workflows import monai_bundle
from septum.workflows.monai_bundle import METADATA, Evaluator

FILES = {"LICENSE", METADATA, "configs/inference.json", "docs/README.md", "models/model.json"}


@pytest.fixture
def workflow():
    """A function that opens an exported bundle as MONAI does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.bundle import ConfigWorkflow

    def opened(folder, **values):
        return ConfigWorkflow(
            config_file=str(folder / "configs/inference.json"),
            meta_file=str(folder / METADATA),
            logging_file=False,
            workflow_type="infer",
            bundle_root=str(folder),
            **values,
        )

    return opened


def test_the_shipped_model_has_every_file_of_a_monai_bundle(septum, tmp_path, files_in):
    assert septum("export", "cine", "--monai", "-o", tmp_path / "cine").code == 0
    names = files_in(tmp_path / "cine")
    assert set(names) >= FILES | {"models/localiser.onnx", "models/segmenter.onnx"}
    assert open_bundle(tmp_path / "cine" / "models").sha256 == open_bundle("cine").sha256
    assert "research" in (tmp_path / "cine" / "LICENSE").read_text().lower()


def test_monai_finds_all_that_it_asks_for(septum, workflow, bundle, tmp_path):
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out").code == 0
    opened = workflow(tmp_path / "out", dataset_dir=str(tmp_path), output_dir=str(tmp_path))
    opened.initialize()
    assert opened.check_properties() == []


def test_the_description_has_what_the_specification_demands(septum, bundle, tmp_path):
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out").code == 0
    told = json.loads((tmp_path / "out" / METADATA).read_text())
    for key in ("version", "monai_version", "pytorch_version", "numpy_version", "task", "description",
                "authorship", "copyright", "network_data_format"):  # fmt: skip
        assert told[key], key
    assert told["required_packages_version"] == {"septum": package.__version__}
    image = told["network_data_format"]["inputs"]["image"]
    assert (image["num_channels"], len(image["spatial_shape"]), image["modality"]) == (1, 3, "MR")
    labels = open_bundle(bundle).manifest.labels
    channels = told["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert set(channels) == {"0", *map(str, labels.values)}


def test_the_versions_named_are_those_it_is_tried_with():
    assert version("monai") == monai_bundle.MONAI_VERSION
    assert version("torch").split("+")[0] == monai_bundle.PYTORCH_VERSION


def test_monai_runs_it_to_the_same_mask(septum, workflow, bundle, write_study, tmp_path):
    study = write_study(tmp_path / "in" / "a.nii.gz", frames=2)
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out").code == 0
    opened = workflow(tmp_path / "out", dataset_dir=str(tmp_path / "in"), output_dir=str(tmp_path / "monai"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.initialize()
        ((mask,),) = opened.run()
    assert septum("segment", study, "-o", tmp_path / "own", "--model", bundle).code == 0
    own = tmp_path / "own" / "a_seg.nii.gz"
    assert (np.asarray(nib.load(mask).dataobj) == np.asarray(nib.load(own).dataobj)).all()


def test_what_is_there_is_not_replaced_unasked(septum, bundle, tmp_path, files_in):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    assert septum("export", bundle, "--monai", "-o", tmp_path / "mine", "--overwrite").code == 4
    assert files_in(tmp_path / "mine") == ["a.txt"]
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out").code == 0
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out").code == 4
    assert septum("export", bundle, "--monai", "-o", tmp_path / "out", "--overwrite").code == 0


def test_what_cannot_be_exported_is_refused(septum, tmp_path):
    assert septum("export", "cine", "-o", tmp_path / "out").code == 2
    assert septum("export", "nobody", "--monai", "-o", tmp_path / "out").code == 5
    assert list(tmp_path.iterdir()) == []


def test_an_evaluator_without_images_writes_nothing(tmp_path):
    assert Evaluator([], None, str(tmp_path)).run() == []
