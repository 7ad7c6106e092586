"""Localise, crop, segment, paste back, with engines whose answer is known."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import VENTRICLES, Geometry, InputError, LocalisationPath, Region, Volume
from septum.inference import (
    ENGINES,
    Bundle,
    Manifest,
    Model,
    Segmenter,
    Stage,
    StageManifest,
    find_region,
    paste_back,
)
from septum.inference.steps import run_network
from septum.localisation import LocalisationSettings
from septum.metrics import dice
from septum.preprocessing import PreprocessingSettings, prepare
from support.one_volume import segment_one

VALUES = (1, 2, 3)
#: Dice of what comes back through the 1.4 mm grid of the shipped model, at least.
THROUGH_RESAMPLING = 0.97


class Threshold:
    """Takes the brightness of the image for its class: background is dark, class 3 the brightest.

    Attributes:
        shapes: of the images that it was given.
    """

    def __init__(self, classes=4, multiple=(1, 8, 8)):
        self.multiple, self.classes, self.shapes = multiple, classes, []
        self.in_channels, self.channels = 1, {"logits": classes, "map": 1}

    def run(self, image):
        assert image.dtype == np.float32
        assert all(n % m == 0 for n, m in zip(image.shape[2:], self.multiple, strict=True))
        self.shapes.append(image.shape[2:])
        plane = image[:, :1]
        if self.classes == 1:
            return {"logits": plane - 0.5, "map": np.maximum(plane[:, 0] - 0.5, 0)}
        # Each class has the largest logit where the (normalised) image is nearest to its brightness.
        levels = np.linspace(image.min(), image.max(), self.classes).reshape(1, -1, 1, 1, 1)
        return {"logits": (-np.square(plane - levels)).astype(np.float32)}


def heart(geometry, centre_mm=None, radius_mm=30.0):
    """Three nested bodies about a point, as labels in (Z, Y, X)."""
    axes = [np.arange(n) * s for n, s in zip(geometry.shape, geometry.spacing_mm, strict=True)]
    middle = centre_mm or [(n - 1) * s / 2 for n, s in zip(geometry.shape, geometry.spacing_mm, strict=True)]
    z, y, x = (a - m for a, m in zip(axes, middle, strict=True))
    distance = np.sqrt((z[:, None, None] / 2) ** 2 + y[:, None] ** 2 + x**2) / radius_mm
    return np.select([distance < 0.4, distance < 0.7, distance < 1.0], [3, 2, 1], 0).astype(np.uint8)


def stages(in_plane_mm=None, localiser_mm=4.0):
    return (
        Stage(Threshold(classes=1), PreprocessingSettings(in_plane_mm=localiser_mm)),
        Stage(Threshold(), PreprocessingSettings(in_plane_mm=in_plane_mm)),
    )


LOCALISATION = LocalisationSettings(sizes=(48, 64), margin_mm=6.0, centre="box")


def test_labels_come_back_exactly_where_spacing_is_kept():
    geometry = Geometry((7, 90, 101), (9.0, 1.5, 1.5))
    truth = heart(geometry, (27.0, 60.0, 90.0))
    localiser, segmenter = stages()
    labels, found = segment_one(
        Volume(truth.astype(np.float32), geometry), localiser, Segmenter(segmenter, VALUES, LOCALISATION)
    )
    assert np.array_equal(labels, truth)
    assert labels.dtype == np.uint8
    assert found.path is LocalisationPath.MAP
    assert found.region.size[1:] != (90, 101), "a part of the image was segmented"


@pytest.mark.parametrize("spacing_mm", [(9.0, 1.5, 1.5), (6.0, 1.1, 1.9), (10.0, 0.8, 0.8)])
def test_labels_come_back_within_tolerance_through_another_grid(spacing_mm):
    geometry = Geometry((8, 120, 110), spacing_mm)
    truth = heart(geometry)
    localiser, segmenter = stages(in_plane_mm=1.4)
    labels, _ = segment_one(
        Volume(truth.astype(np.float32), geometry), localiser, Segmenter(segmenter, VALUES, LOCALISATION)
    )
    # Averaging bright and dark gives values between, which are other classes here: so the nested bodies are
    # scored, each with all that it holds.
    for value in VALUES:
        assert dice(labels >= value, truth >= value) > THROUGH_RESAMPLING


def test_only_the_region_reaches_the_segmenter_padded_to_its_multiple():
    geometry = Geometry((5, 90, 90), (9.0, 1.5, 1.5))
    localiser, segmenter = stages()
    segment_one(
        Volume(heart(geometry).astype(np.float32), geometry),
        localiser,
        Segmenter(segmenter, VALUES, LOCALISATION),
    )
    assert localiser.engine.shapes == [(5, 40, 40)]  # 34 x 34 voxels of 4 mm, padded to a multiple of 8
    assert segmenter.engine.shapes == [(5, 48, 48)]


def test_map_and_coarse_mask_come_from_the_localiser():
    geometry = Geometry((3, 80, 80), (9.0, 1.5, 1.5))
    image = Volume(heart(geometry, (9.0, 40.0, 80.0)).astype(np.float32), geometry)
    localiser, _ = stages()
    coarse = prepare(image, localiser.preprocessing)
    by_map, _ = find_region([coarse], localiser, geometry, LOCALISATION)
    assert by_map.path is LocalisationPath.MAP

    class NoMap(Threshold):
        def run(self, image):
            return {**super().run(image), "map": np.zeros_like(image[:, 0])}

    no_map = Stage(NoMap(1), localiser.preprocessing)
    by_mask, _ = find_region([coarse], no_map, geometry, LOCALISATION)
    assert by_mask.path is LocalisationPath.COARSE_MASK
    assert by_mask.region.holds(image.array > 0) == 1.0


def test_logits_of_a_region_lie_where_it_lies():
    geometry = Geometry((3, 40, 50), (9.0, 1.5, 1.5))
    array = np.random.default_rng(0).random(geometry.shape).astype(np.float32)

    class Echo(Threshold):
        def run(self, image):
            return {"logits": image}

    # 13 x 21 voxels: the padding to 16 x 24 is unequal on both sides.
    region = Region((0, 5, 30), (3, 18, 51))
    outputs = run_network(Volume(array, geometry), region, Stage(Echo(), PreprocessingSettings()))
    assert np.array_equal(outputs["logits"][0, 0], region.crop(array))


@pytest.mark.parametrize(("across_mm", "cut_off"), [(90.0, False), (120.0, True)])
def test_mask_at_the_border_widens_the_region_once_and_is_called_cut_off_if_that_was_not_enough(
    across_mm, cut_off
):
    geometry = Geometry((3, 96, 96), (9.0, 1.5, 1.5))
    truth = heart(geometry, radius_mm=across_mm / 2)  # 60 or 80 voxels across
    localiser, segmenter = stages()
    fixed = LocalisationSettings(sizes=(48,), multiple=8)
    labels, found = segment_one(
        Volume(truth.astype(np.float32), geometry), localiser, Segmenter(segmenter, VALUES, fixed)
    )
    assert found.enlarged
    assert found.cut_off is cut_off
    assert found.region.size == (3, 64, 64)
    assert segmenter.engine.shapes == [(3, 48, 48), (3, 64, 64)]
    assert np.array_equal(labels, truth) is not cut_off


def test_mask_at_the_images_own_border_widens_nothing():
    geometry = Geometry((3, 48, 48), (9.0, 1.5, 1.5))
    truth = heart(geometry, (9.0, 0.0, 36.0), radius_mm=25.0)
    localiser, segmenter = stages()
    _, found = segment_one(
        Volume(truth.astype(np.float32), geometry), localiser, Segmenter(segmenter, VALUES, LOCALISATION)
    )
    assert not found.enlarged


@given(
    st.integers(0, 2**31),
    st.tuples(st.floats(0.7, 2.0), st.floats(0.7, 2.0)),
    st.tuples(st.integers(-6, 20), st.integers(-6, 20)),
    st.tuples(st.integers(4, 20), st.integers(4, 20)),
)
def test_pasting_never_writes_outside_the_region(seed, spacing, start, size):
    rng = np.random.default_rng(seed)
    native = Geometry((3, 24, 28), (9.0, *spacing))
    working = native.resampled((None, 1.4, 1.4))
    region = Region((0, *start), (3, start[0] + size[0], start[1] + size[1])).shifted_inside(working.shape)
    logits = rng.normal(size=(4, *region.size)).astype(np.float32)
    logits[0] = -10.0  # foreground everywhere
    labels = paste_back(logits, region, working, native, VALUES)
    assert labels.shape == native.shape
    # A native voxel belongs to the region if its centre, in working voxels, lies within half a voxel of one.
    held = np.ones(native.shape, dtype=bool)
    for axis in (1, 2):
        shift = native.origin_mm[2 - axis] - working.origin_mm[2 - axis]
        place = (np.arange(native.shape[axis]) * native.spacing_mm[axis] + shift) / working.spacing_mm[axis]
        inside = (place >= region.start[axis] - 0.5 - 1e-5) & (place <= region.stop[axis] - 0.5 + 1e-5)
        held &= inside.reshape([-1 if a == axis else 1 for a in range(3)])
    assert np.array_equal(labels > 0, held)


def test_pasting_on_the_same_grid_is_exact_and_takes_the_values_given():
    native = Geometry((2, 6, 7), (9.0, 1.5, 1.5))
    region = Region((0, 2, -1), (2, 5, 4))
    winner = np.random.default_rng(0).integers(0, 3, region.size)
    logits = np.moveaxis(np.eye(3, dtype=np.float32)[winner], -1, 0)
    labels = paste_back(logits, region, native, native, (5, 200))
    expected = np.zeros(native.shape, np.uint8)
    region.paste(np.array([0, 5, 200], np.uint8)[winner], expected)
    assert np.array_equal(labels, expected)


def test_pasting_one_sigmoid_channel_decides_at_one_half():
    native = Geometry((1, 1, 4), (9.0, 1.5, 1.5))
    logits = np.array([-2.0, 0.5, 3.0, -0.1], np.float32).reshape(1, 1, 1, 4)
    assert paste_back(logits, Region.whole(native.shape), native, native, (7,)).tolist() == [[[0, 7, 7, 0]]]


def model_of(monkeypatch, in_plane_mm=None):
    """A model whose two graphs are thresholds."""
    classes = {"localiser.onnx": 1, "segmenter.onnx": 4}
    monkeypatch.setitem(
        ENGINES, "openvino", lambda graph, _multiple, _execution: Threshold(classes[graph.name])
    )

    def stage(name, spacing):
        return StageManifest(
            graph=name,
            sha256="",
            preprocessing=PreprocessingSettings(in_plane_mm=spacing),
            multiple=(1, 8, 8),
        )

    manifest = Manifest(
        name="threshold",
        title="brightness",
        labels=VENTRICLES,
        localiser=stage("localiser.onnx", 4.0),
        localisation=LOCALISATION,
        segmenter=stage("segmenter.onnx", in_plane_mm),
        provenance={},
        accuracy={},
        licence="none",
    )
    return Model(Bundle(Path(), manifest, "0" * 64))


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_volume_in_any_order_of_axes_comes_back_in_its_own(monkeypatch, axes):
    geometry = Geometry((7, 90, 101), (9.0, 1.5, 1.5), (10.0, 20.0, 30.0))
    truth = heart(geometry, (27.0, 60.0, 90.0))
    turned = Volume(truth.astype(np.float32).transpose(axes), geometry.permuted(axes))
    result = model_of(monkeypatch).segment_volume(turned)
    assert np.array_equal(result.labels, truth.transpose(axes))
    assert result.labels.flags.c_contiguous
    assert result.working_geometry.spacing_mm == geometry.spacing_mm


def test_model_segments_arrays_with_and_without_time(monkeypatch):
    geometry = Geometry((5, 64, 64), (9.0, 1.5, 1.5))
    truth = heart(geometry)
    model = model_of(monkeypatch)
    found = model.segment(truth, spacing_mm=geometry.spacing_mm)
    assert np.array_equal(found.labels, truth[None])
    assert found.schema == VENTRICLES
    beating = np.stack([truth, truth[:, ::-1], truth[::-1]]).astype(np.int16) * 100
    assert np.array_equal(model.segment(beating, spacing_mm=geometry.spacing_mm).labels, beating // 100)


@pytest.mark.parametrize(
    ("array", "spacing_mm", "said"),
    [
        (np.zeros((4, 4)), (8, 1, 1), "axes"),
        (np.zeros((0, 4, 4)), (8, 1, 1), "axes"),
        (np.zeros((2, 4, 4), complex), (8, 1, 1), "complex"),
        (np.full((2, 4, 4), np.nan), (8, 1, 1), "NaN"),
        (np.full((2, 4, 4), np.inf), (8, 1, 1), "infinity"),
        (np.ones((2, 4, 4)), (8, 0, 1), "three positive numbers"),
        (np.ones((2, 4, 4)), (8, np.nan, 1), "three positive numbers"),
        (np.ones((2, 4, 4)), (1.4, 1.4), "three positive numbers"),
        (np.ones((2, 4, 4)), None, "three positive numbers .* got None"),
        (np.ones((2, 4, 4)), 1.4, "three positive numbers .* got 1.4"),
        (np.ones((2, 4, 4)), ("a", 1, 1), "three positive numbers"),
        (np.ones((2, 4, 4)), (30, 8, 1.4, 1.4), "three positive numbers"),
        (np.full((2, 64, 64), 7.0), (8, 1.4, 1.4), "value 7 in every voxel"),
        (np.ones((2, 64, 64), bool), (8, 1.4, 1.4), "value 1 in every voxel"),
        (np.arange(2 * 64 * 64).reshape(2, 64, 64), (8, 14, 14), "fit a heart.*true spacing_mm"),
        (np.arange(10 * 64 * 64).reshape(10, 64, 64), (1, 1, 1), "10 slices in 10 mm"),
    ],
)
def test_arrays_that_are_no_image_are_refused(monkeypatch, array, spacing_mm, said):
    with pytest.raises(InputError, match=said):
        model_of(monkeypatch).segment(array, spacing_mm=spacing_mm)
