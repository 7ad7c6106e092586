"""The mean over mirror images, with an engine whose answer is known."""

import json
import shutil

import numpy as np
import pytest

from septum.core import BundleError, Geometry, Localisation, LocalisationPath, Region, Volume
from septum.inference import Segmenter, Stage, load_model, open_bundle
from septum.inference.bundle import MANIFEST
from septum.inference.mirroring import MirrorEngine
from septum.inference.out_of_distribution import flip_agreement
from septum.inference.steps import run_network, segment_frame
from septum.localisation import LocalisationSettings
from septum.preprocessing import PreprocessingSettings


class Slanted:
    """The image as logits, and more of it towards the right and the bottom of what it is given."""

    multiple = (1, 8, 8)

    def run(self, image):
        slant = np.linspace(0, 1, image.shape[4]) + np.linspace(0, 2, image.shape[3])[:, None]
        return {"logits": (image + slant).astype(np.float32)}


def test_flips_average_out_what_depends_on_the_side():
    rng = np.random.default_rng(0)
    volume = Volume(rng.normal(size=(3, 16, 24)).astype(np.float32), Geometry((3, 16, 24), (8.0, 1.4, 1.4)))
    region = Region.whole(volume.array.shape)

    def logits(engine):
        return run_network(volume, region, Stage(engine, PreprocessingSettings()))["logits"][0, 0]

    assert np.ptp(logits(Slanted()) - volume.array) == pytest.approx(3, abs=1e-5)
    np.testing.assert_allclose(logits(MirrorEngine(Slanted())), volume.array + 1.5, atol=1e-5)


def test_agreement_of_mirror_images_by_hand():
    # Four voxels in a row; the mean labels the first two. One image does the same (Dice 1), one labels the
    # first and the third (2 / 4), one nothing (0).
    images = np.array([[3, 3, -9, -9], [1, -9, 1, -9], [-1, -1, -1, -1]], np.float32).reshape(3, 1, 1, 1, 4)
    mean = np.array([1, 1, -3, -6], np.float32).reshape(1, 1, 1, 4)
    assert flip_agreement(list(images), mean) == pytest.approx(0.5)
    two = [np.concatenate([np.zeros_like(image), image]) for image in images]
    assert flip_agreement(two, np.concatenate([np.zeros_like(mean), mean])) == pytest.approx(0.5)
    assert flip_agreement(list(images[2:]), images[2]) is None


def test_a_region_is_told_how_far_its_mirror_images_agree():
    rng = np.random.default_rng(0)
    array = rng.normal(-1.5, 1, size=(3, 16, 24)).astype(np.float32)
    volume = Volume(array, Geometry((3, 16, 24), (8.0, 1.4, 1.4)))
    found = Localisation(Region.whole(array.shape), LocalisationPath.MAP)

    def agreement(engine):
        segmenter = Segmenter(Stage(engine, PreprocessingSettings()), (1,), LocalisationSettings())
        return segment_frame(volume, found, segmenter).evidence.flip_agreement

    assert agreement(Slanted()) is None
    assert 0 < agreement(MirrorEngine(Slanted())) < 1


def test_flips_of_a_model_that_has_not_learnt_from_mirror_images_are_refused(tmp_path):
    shutil.copytree(open_bundle("la").folder, tmp_path / "la")
    manifest = tmp_path / "la" / MANIFEST
    document = json.loads(manifest.read_text()) | {"mirror_images": False}
    manifest.write_text(json.dumps(document))
    with pytest.raises(BundleError, match="la has not learnt from mirror images"):
        load_model(tmp_path / "la", flips=True)
    assert load_model("cine", flips=True).options.flips
