"""A method at test time: where the region comes from, and that the product's own steps are run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from septum.core import Geometry, LocalisationPath, Region, Volume
from septum.datasets import Case
from septum.inference import Segmenter, Stage
from septum.localisation import LocalisationSettings
from septum.methods.end_to_end import EndToEnd, EndToEndSettings
from septum.methods.pipeline import Pipeline, find_by_detector, find_by_localiser, find_by_truth, find_whole
from septum.methods.samples import NativeCase
from septum.methods.torch_engine import BoxEngine, TorchEngine
from septum.networks import NetworkSettings, activation_map, build
from septum.networks.activation_map import LAST
from septum.preprocessing import PreprocessingSettings, prepare, prepared_geometry

CASE = Case("p1_ED", "p1", "NOR", "ED", Path("image"), Path("mask"))
GEOMETRY = Geometry((3, 40, 48), (8.0, 2.0, 2.0), (1.0, 2.0, 3.0))
#: Pads rows and slices, and crops columns.
WORKING = PreprocessingSettings(size=(4, 56, 40))
COARSE = PreprocessingSettings(in_plane_mm=4.0, size=(4, 24, 24))
FIXED = LocalisationSettings(fixed=(16, 24), threshold=0.5)
#: Rows 8 to 15 and columns 24 to 35 of the native grid.
HEART = (slice(None), slice(8, 16), slice(24, 36))


def native_case(inside=HEART, value=2):
    """A bright box, labelled."""
    image, labels = np.zeros(GEOMETRY.shape, np.float32), np.zeros(GEOMETRY.shape, np.uint8)
    image[inside], labels[inside] = 1.0, value
    return NativeCase(CASE, Volume(image, GEOMETRY), labels)


class Bright(nn.Module):
    """Logits: how far an image is above zero, one channel."""

    multiple = (1, 8, 8)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image):
        return self.scale * image


class BrightMap(TorchEngine):
    """With a map beside it, as a localiser has."""

    def run(self, image):
        outputs = super().run(image)
        return outputs | {"map": outputs["logits"][:, 0].clip(0)}


def region_middle(region):
    return [(a + b - 1) / 2 for a, b in zip(region.start, region.stop, strict=True)]


def working_middle(inside=HEART):
    """In-plane middle of a native box on the working grid: rows move by 8, columns by -4."""
    _, rows, columns = inside
    return [(rows.start + rows.stop - 1) / 2 + 8, (columns.start + columns.stop - 1) / 2 - 4]


def test_truth_gives_a_region_about_the_truth():
    native, working = native_case(), prepared_geometry(GEOMETRY, WORKING)
    found = find_by_truth(FIXED, (1, 2), WORKING)(native, working)
    assert found.path is LocalisationPath.TRUTH
    assert found.region.size == (4, 16, 24)
    assert region_middle(found.region)[1:] == working_middle()


def test_truth_counts_only_the_structures_of_the_data_set():
    native, working = native_case(), prepared_geometry(GEOMETRY, WORKING)
    native.labels[:, 30:, :20] = 9
    assert (
        region_middle(find_by_truth(FIXED, (1, 2), WORKING)(native, working).region)[1:] == working_middle()
    )
    by_image = find_by_truth(FIXED, (1,), WORKING)(native, working)
    assert region_middle(by_image.region)[1:] == [27.5, 19.5], "nothing is labelled: the middle of the image"


@pytest.mark.parametrize(
    ("evidence", "path"),
    [
        ("map", LocalisationPath.MAP),
        ("coarse_mask", LocalisationPath.COARSE_MASK),
        ("soft_argmax", LocalisationPath.SOFT_ARGMAX),
    ],
)
def test_first_network_finds_the_bright_box_by_any_evidence(evidence, path):
    settings = FIXED.model_copy(update={"evidence": evidence})
    network = Bright()
    network.scale.data *= 20  # of a softmax over all voxels, nearly all lies in the box then
    find = find_by_localiser(Stage(BrightMap(network), COARSE), settings)
    found = find(native_case(), prepared_geometry(GEOMETRY, WORKING))
    assert found.path is path
    assert found.region.size == (4, 16, 24)
    assert region_middle(found.region)[1:] == pytest.approx(working_middle(), abs=1.0)


def test_detector_s_box_is_read_on_its_own_padded_grid():
    # Its grid has 24 rows and columns of 4 mm: native rows 8 to 15 are its rows 2 + 4 to 2 + 7, columns 24 to
    # 35 its columns 12 to 17. Their middles as shares: (2 + 6) / 24 and 15 / 24.
    class Detector(nn.Module):
        multiple = (1, 8, 8)

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, image):
            assert image.shape == (1, 1, 4, 24, 24)
            return torch.tensor([[0.5, (2 + 6) / 24, 15 / 24, 1.0, 0.2, 0.3]])

    find = find_by_detector(Stage(BoxEngine(Detector()), COARSE), FIXED)
    found = find(native_case(), prepared_geometry(GEOMETRY, WORKING))
    assert found.path is LocalisationPath.DETECTOR
    assert region_middle(found.region)[1:] == working_middle()


@pytest.mark.parametrize("finder", ["whole", "truth"])
def test_prediction_lands_on_the_native_grid_where_it_was(finder):
    native = native_case()
    find = find_whole if finder == "whole" else find_by_truth(FIXED, (2,), WORKING)
    found = Pipeline(find, Segmenter(Stage(TorchEngine(Bright()), WORKING), (2,))).predict(native)
    np.testing.assert_array_equal(found.labels, native.labels)
    assert found.working == prepared_geometry(GEOMETRY, WORKING)
    assert found.working_labels.shape == found.working.shape
    np.testing.assert_array_equal(found.working_labels[:3, 8:48], native.labels[:, :, 4:44])
    assert found.seconds > 0
    whole = Region.whole(found.working.shape)
    assert (found.localisation.path, found.localisation.region == whole) == (
        (LocalisationPath.WHOLE, True) if finder == "whole" else (LocalisationPath.TRUTH, False)
    )


def test_nothing_is_found_beyond_the_region():
    elsewhere = find_by_truth(LocalisationSettings(fixed=(8, 8)), (2,), WORKING)
    native = native_case()
    found = Pipeline(elsewhere, Segmenter(Stage(TorchEngine(Bright()), WORKING), (2,))).predict(native)
    assert found.labels.any()
    assert set(np.unique(np.nonzero(found.labels)[2])) == set(range(26, 34)), "8 of the 12 columns"


@pytest.mark.parametrize("layer", ["bottleneck", "decoder1", "decoder2", "decoder3"])
def test_map_of_any_layer_has_the_image_s_size(layer):
    torch.manual_seed(0)
    network = build(NetworkSettings(filters=2, keep_z=True, norm="instance"))
    image = np.random.default_rng(0).normal(size=(1, 1, 3, 16, 24)).astype(np.float32)
    outputs = TorchEngine(network, layer).run(image)
    assert outputs["map"].shape == (1, 3, 16, 24)
    assert outputs["map"].dtype == np.float32
    assert outputs["map"].min() >= 0
    assert outputs["map"].max() > 0
    small = activation_map(network, torch.from_numpy(image), 0, layer)
    assert outputs["map"].max() <= float(small.max()) + 1e-4, "enlarged linearly"
    same = np.allclose(outputs["map"], TorchEngine(network).run(image)["map"], atol=1e-4)
    assert same == (layer == LAST)


def test_end_to_end_network_runs_in_the_engine_and_gives_no_map():
    coarse = NetworkSettings(filters=1, keep_z=True)
    network = EndToEnd(EndToEndSettings(coarse=coarse, downsample=(1, 2, 2)), coarse)
    engine = TorchEngine(network.train())
    assert not network.training
    assert engine.multiple == (1, 16, 16)
    outputs = engine.run(
        prepare(native_case().volume, PreprocessingSettings(size=(2, 32, 16))).array[None, None]
    )
    assert set(outputs) == {"logits"}
    assert outputs["logits"].shape == (1, 1, 2, 32, 16)
