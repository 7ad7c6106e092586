"""A trained nnU-Net becomes a bundle: it segments as torch does, and what Septum cannot run is refused."""

from __future__ import annotations

import json
import pickle
import sys

import numpy as np
import pytest
import torch

from septum.core import BundleError, Cine, Geometry
from septum.core.errors import MissingExtraError
from septum.inference import load_model
from septum.inference.bundle import open_bundle
from support.nnunet_results import PACKAGE, PlainConvUNet, configuration, install, write_results


@pytest.fixture(autouse=True)
def _architectures(monkeypatch):
    install(monkeypatch)


@pytest.fixture
def taken_over(tmp_path):
    """A function that writes small results and imports them: the bundle's folder and the networks."""
    from septum.training.nnunet_import import ImportOptions, import_nnunet

    def make(name="2d", **changes):
        folder = write_results(tmp_path / "results", name, **changes)
        import_nnunet(folder, tmp_path / "bundle", ImportOptions())
        return tmp_path / "bundle", networks_of(folder)

    return make


def networks_of(folder):
    """The networks of all folds, as torch has them."""
    kind = json.loads((folder / "plans.json").read_text())["configurations"]
    (settings,) = kind.values()
    classes = [getattr(torch.nn, settings["architecture"]["arch_kwargs"][key].split(".")[-1])
               for key in ("conv_op", "norm_op")]  # fmt: skip
    networks = []
    for path in sorted(folder.glob("fold_*/checkpoint_final.pth")):
        weights = torch.load(path, weights_only=False)["network_weights"]
        network = PlainConvUNet(
            1, 4, deep_supervision=False, conv_op=classes[0], norm_op=classes[1], features_per_stage=[4]
        )
        network.load_state_dict(weights)
        networks.append(network.eval())
    return networks


def cine_of(shape=(4, 32, 32), frames=1, spacing=(8.0, 1.6, 1.6)):
    """An image of the network's own grid, a single window: nothing is resampled."""
    array = np.random.default_rng(3).normal(300, 60, (frames, *shape)).astype(np.float32)
    return Cine(array, Geometry(shape, spacing))


def normalised(array):
    return (array - array.mean()) / array.std()


def labels_by_torch(networks, array):
    """Mask of one window by torch, the mean over networks."""
    image = torch.from_numpy(normalised(array))[None, None]
    with torch.inference_mode():
        if isinstance(networks[0].first, torch.nn.Conv2d):
            logits = [torch.stack([n(image[:, :, z])[0] for z in range(image.shape[2])], 1) for n in networks]
        else:
            logits = [network(image)[0] for network in networks]
    return torch.stack(logits).mean(0).argmax(0).numpy()


@pytest.mark.parametrize("name", ["2d", "3d_fullres"])
def test_a_window_is_segmented_as_by_torch(taken_over, name):
    bundle, networks = taken_over(name)
    cine = cine_of()
    (frame,) = load_model(bundle).segment_frames(cine)
    expected = labels_by_torch(networks, cine.array[0])
    middle = (slice(1, 3), slice(4, 28), slice(4, 28))  # half precision rounds in the corners
    assert len(np.unique(expected)) == 4
    assert (frame.labels[middle] == expected[middle]).mean() > 0.995


def test_folds_are_averaged(taken_over):
    bundle, networks = taken_over(folds=("0", "1"))
    assert len(networks) == 2
    assert len(open_bundle(bundle).manifest.networks) == 2
    cine = cine_of()
    (frame,) = load_model(bundle).segment_frames(cine)
    middle = (slice(1, 3), slice(4, 28), slice(4, 28))
    both = labels_by_torch(networks, cine.array[0])[middle]
    assert (frame.labels[middle] == both).mean() > 0.99
    assert (frame.labels[middle] == labels_by_torch(networks[:1], cine.array[0])[middle]).mean() < 0.97


def test_slices_are_found_along_any_axis_and_the_mask_comes_back(taken_over):
    bundle, _ = taken_over()
    model, cine = load_model(bundle), cine_of()
    (first,) = model.segment_frames(cine)
    turned = Cine(cine.array.transpose(0, 2, 3, 1), cine.geometry.permuted((1, 2, 0)))
    (second,) = model.segment_frames(turned)
    assert (second.labels == first.labels.transpose(1, 2, 0)).all()


def test_mirror_images_change_the_answer_and_are_refused_where_there_were_none(taken_over):
    bundle, _ = taken_over()
    cine = cine_of()
    (plain,) = load_model(bundle).segment_frames(cine)
    (mean,) = load_model(bundle, flips=True).segment_frames(cine)
    assert (plain.labels != mean.labels).any()
    document = json.loads((bundle / "model.json").read_text())
    document["mirror_images"] = False
    (bundle / "model.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="mirror"):
        load_model(bundle, flips=True)


def test_the_command_line_gives_mask_indices_and_verdict(septum, write_study, tmp_path):
    results = write_results(tmp_path / "results", "2d")
    made = septum("import-nnunet", results, "-o", tmp_path / "bundle")
    assert made.code == 0
    assert "MLV (MYO)" in made.out
    study = write_study(tmp_path / "a.nii.gz", frames=3)
    done = septum("segment", study, "-o", tmp_path / "out", "--model", tmp_path / "bundle", "--json")
    assert done.code == 0
    record = json.loads((tmp_path / "out" / "a_seg.json").read_text())
    assert record["labels"] == {"RV": 1, "MLV": 2, "LVC": 3}
    assert record["roles"] == {"MLV": "MYO", "LVC": "LV"}
    assert record["quality"]["verdict"] in ("fine", "review", "reject")
    assert record["indices"]["items"]["lv_edv_ml"]["value"] is not None
    assert record["regions"][0]["path"] == "whole"
    assert "localisation_fallback" not in [flag["key"] for flag in record["quality"]["flags"]]
    told = septum("info", tmp_path / "bundle")
    assert told.code == 0
    assert "sliding" in told.out or "window" in told.out


def test_the_bundle_says_where_it_is_from(taken_over):
    bundle, _ = taken_over()
    manifest = open_bundle(bundle).manifest
    assert manifest.kind == "sliding-window"
    assert manifest.licence == "CC BY 4.0"
    assert manifest.provenance["trainer"] == "nnUNetTrainer"
    assert manifest.provenance["folds"] == "0"
    assert manifest.window.size == (1, 32, 32)
    assert manifest.window.mirror_axes == (1, 2)
    assert manifest.preprocessing.spacing_mm == (None, 1.6, 1.6)
    assert (bundle / "MODEL_CARD.md").read_text().startswith("# nnU-Net 2d of Dataset900_Hearts")
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["bundle", "results"]


def test_what_a_cross_validation_found_is_done_to_the_mask(tmp_path, septum):
    folder = write_results(tmp_path / "results", "2d", folds=("0", "1"))
    (folder / "crossval_results_folds_0_1").mkdir()
    found = {
        "postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
        "postprocessing_kwargs": [{"labels_or_regions": [1, 2, 3], "background_label": 0}],
    }
    (folder / "crossval_results_folds_0_1" / "postprocessing.json").write_text(json.dumps(found))
    assert septum("import-nnunet", folder, "-o", tmp_path / "with").code == 0
    assert septum("import-nnunet", folder, "-o", tmp_path / "without", "--no-postprocessing").code == 0
    assert open_bundle(tmp_path / "with").manifest.keep_largest == ((1, 2, 3),)
    assert open_bundle(tmp_path / "without").manifest.keep_largest == ()
    cine = cine_of()
    masks = [next(load_model(tmp_path / name).segment_frames(cine)).labels for name in ("with", "without")]
    assert 0 < np.count_nonzero(masks[0]) <= np.count_nonzero(masks[1])


def test_parts_of_the_heart_can_be_given(tmp_path, septum):
    folder = write_results(tmp_path / "results", labels={"background": 0, "ring": 1, "pool": 2})
    made = septum("import-nnunet", folder, "-o", tmp_path / "none")
    assert made.code == 0
    assert "--role" in made.err
    made = septum("import-nnunet", folder, "-o", tmp_path / "some", "--role", "pool=LV", "--role", "ring=myo")
    assert made.code == 0
    schema = open_bundle(tmp_path / "some").manifest.labels
    assert {one.name: one.role for one in schema.structures} == {"ring": "MYO", "pool": "LV"}
    assert septum("import-nnunet", folder, "-o", tmp_path / "x", "--role", "pool").code == 2
    wrong = septum("import-nnunet", folder, "-o", tmp_path / "x", "--role", "apex=LV")
    assert (wrong.code, "apex" in wrong.err) == (5, True)
    twice = septum("import-nnunet", folder, "-o", tmp_path / "x", "--role", "pool=LV", "--role", "ring=LV")
    assert twice.code == 5


UNUSABLE = {
    "custom trainer": ({"trainer": "nnUNetTrainerMine"}, "nnUNetTrainerMine"),
    "regions": ({"labels": {"background": 0, "whole": [1, 2], "LV": [2]}}, "regions"),
    "channels": ({"channels": 2}, "one channel"),
    "cascade": ({"previous_stage": "3d_lowres"}, "cascade"),
    "preprocessor": ({"preprocessor_name": "MyPreprocessor"}, "MyPreprocessor"),
    "resampling": ({"resampling_fn_data": "resample_torch_fornnunet"}, "resample_torch_fornnunet"),
    "normalisation": ({"normalization_schemes": ["RGBTo01Normalization"]}, "RGBTo01Normalization"),
    "no architecture": ({"architecture": None}, "architecture"),
    "foreign code": (
        {"architecture": {**configuration(2)["architecture"], "network_class_name": "os.system"}},
        "os.system",
    ),
    "axes": ({"plans": {"transpose_forward": [2, 1, 0]}}, "transpose_forward"),
    "other weights": (
        {
            "architecture": {
                **configuration(2)["architecture"],
                "arch_kwargs": {
                    **configuration(2)["architecture"]["arch_kwargs"],
                    "features_per_stage": [8],
                },
            }
        },
        "do not fit",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_run_is_refused_in_one_sentence_and_nothing_is_left(kind, septum, tmp_path):
    changes, told = UNUSABLE[kind]
    folder = write_results(tmp_path / "results", "2d", **changes)
    answer = septum("import-nnunet", folder, "-o", tmp_path / "bundle")
    assert answer.code == 5
    assert told in answer.err
    assert "Traceback" not in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_folder_above_two_configurations_is_no_ensemble(septum, tmp_path):
    for name in ("2d", "3d_fullres"):
        write_results(tmp_path / "results", name)
    answer = septum("import-nnunet", tmp_path / "results", "-o", tmp_path / "bundle")
    assert answer.code == 5
    assert "ensemble" in answer.err


def test_a_folder_that_is_none_and_a_fold_that_is_not_there(septum, tmp_path):
    assert septum("import-nnunet", tmp_path / "missing", "-o", tmp_path / "bundle").code == 5
    folder = write_results(tmp_path / "results")
    answer = septum("import-nnunet", folder, "-o", tmp_path / "bundle", "--fold", "3")
    assert (answer.code, "fold_3" in answer.err) == (5, True)
    (folder / "plans.json").write_text("{")
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle").code == 5


class Evil:
    """Would run a command where it is unpickled."""

    def __reduce__(self):
        return print, ("run",)


def test_nothing_in_a_checkpoint_is_run(septum, tmp_path):
    folder = write_results(tmp_path / "results")
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": {}, "trainer_name": Evil()}, checkpoint)
    answer = septum("import-nnunet", folder, "-o", tmp_path / "bundle")
    assert answer.code == 5
    assert "run\n" not in answer.out
    checkpoint.write_bytes(pickle.dumps(Evil()))
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle").code == 5
    checkpoint.write_bytes(b"")
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle").code == 5


def test_what_is_there_is_not_replaced_unasked(septum, tmp_path):
    folder = write_results(tmp_path / "results")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    assert septum("import-nnunet", folder, "-o", tmp_path / "mine", "--overwrite").code == 4
    assert (tmp_path / "mine" / "a.txt").read_text() == "mine"
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle").code == 0
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle").code == 4
    assert septum("import-nnunet", folder, "-o", tmp_path / "bundle", "--overwrite").code == 0


def test_without_the_architectures_it_says_what_to_install(monkeypatch, tmp_path):
    from septum.training.nnunet_import import import_nnunet

    folder = write_results(tmp_path / "results")
    for name in (PACKAGE, f"{PACKAGE}.architectures", f"{PACKAGE}.architectures.unet"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingExtraError, match="dynamic-network-architectures"):
        import_nnunet(folder, tmp_path / "bundle")


def test_a_bundle_of_an_unknown_kind_is_refused(taken_over):
    bundle, _ = taken_over()
    document = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps({**document, "kind": "oracle"}))
    with pytest.raises(BundleError, match="oracle"):
        open_bundle(bundle)
    (bundle / "model.json").write_text(json.dumps({**document, "networks": []}))
    with pytest.raises(BundleError, match="networks"):
        open_bundle(bundle)
