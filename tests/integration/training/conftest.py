"""The miniature data set, and a run of it that nothing interrupted."""

import numpy as np
import pytest
import torch

from septum.training import sources
from septum.training.loop import Deadline
from support.miniature_training import PATIENTS, fixed_split, recipe_of, run_of, write_patient


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The split of the small data set, and one thread, since sums may depend on their number."""
    monkeypatch.setattr(sources, "load_split", fixed_split)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("acdc"), np.random.default_rng(0)
    for number in range(1, PATIENTS + 1):
        write_patient(root, number, rng)
    return root


@pytest.fixture(scope="session")
def uninterrupted(data, tmp_path_factory):
    """What a run gives that nothing interrupted."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("reference")
    return run_of(recipe_of(), data, folder).run(Deadline()), folder
