"""In which order cases train: each as often as any other, like sizes together where that saves slices."""

import numpy as np
import pytest
import torch

from septum.core import Geometry
from septum.methods.patches import PatchSampler
from septum.methods.samples import PreparedCase
from septum.methods.settings import StageSettings


def sampler(*, stacked, depths):
    settings = StageSettings.model_validate(
        {
            "loss": "bce_dice",
            "network": {"filters": 2},
            "preprocessing": {},
            "patch": {"size": (8, 8)},
            "augmentation": {"rotation_deg": 90},
            "optimisation": {"batch": 4, "stacked": stacked},
        }
    )
    cases = []
    for number, depth in enumerate(depths):
        geometry = Geometry((depth, 8, 8), (8.0, 1.0, 1.0))
        image = torch.zeros(geometry.shape)
        cases.append(PreparedCase(f"{number}", f"{number}", geometry, image, image.to(torch.uint8)))
    return PatchSampler(cases, {}, settings)


DEPTHS = np.random.default_rng(0).integers(6, 19, 80).tolist()


@pytest.mark.parametrize("stacked", [False, True])
def test_every_case_trains_before_any_trains_again(stacked):
    made = sampler(stacked=stacked, depths=DEPTHS)
    order = made.order(160, np.random.default_rng(0))
    counts = [sum(case.name == one.name for case in order) for one in made.cases]
    assert set(counts) == {2}


def test_batches_that_are_cut_to_one_number_of_slices_lose_few():
    lost = {}
    for stacked in (False, True):
        order = sampler(stacked=stacked, depths=DEPTHS).order(80, np.random.default_rng(0))
        depths = np.array([case.geometry.shape[0] for case in order]).reshape(-1, 4)
        lost[stacked] = 1 - depths.min(axis=1).mean() / depths.mean()
    assert lost[True] < 0.08
    assert lost[False] > 0.25


def test_batches_of_like_cases_come_in_random_order():
    made = sampler(stacked=True, depths=DEPTHS)
    first = [made.order(80, np.random.default_rng(seed))[0].geometry.shape[0] for seed in range(30)]
    assert len(set(first)) > 5
