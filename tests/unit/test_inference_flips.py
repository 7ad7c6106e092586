"""The mean over mirror images, with an engine whose answer is known."""

import numpy as np
import pytest

from septum.core import BundleError, Geometry, Region, Volume
from septum.inference import Stage, load_model
from septum.inference.steps import segment_region
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
    stage = Stage(Slanted(), PreprocessingSettings())
    region = Region.whole(volume.array.shape)
    assert np.ptp(segment_region(volume, region, stage)[0] - volume.array) == pytest.approx(3, abs=1e-5)
    averaged = segment_region(volume, region, stage, flips=True)
    np.testing.assert_allclose(averaged[0], volume.array + 1.5, atol=1e-5)


def test_flips_of_a_model_that_has_not_learnt_from_mirror_images_are_refused():
    with pytest.raises(BundleError, match="la has not learnt from mirror images"):
        load_model("la", flips=True)
    assert load_model("cine", flips=True).flips
