"""Networks that pool along z learn from stacks of any number of slices."""

import pytest
import torch

from septum.methods.settings import StageSettings
from septum.training.objective import padded, stage_task
from septum.training.validation import dice_of_structures

SETTINGS = StageSettings.model_validate(
    {
        "loss": "bce_dice",
        "network": {"filters": 2, "norm": "instance"},
        "preprocessing": {},
        "patch": {"size": (16, 16)},
        "optimisation": {},
    }
)


@pytest.mark.parametrize("weights", [(), (0.25, 0.5)])
def test_a_number_of_slices_that_cannot_be_halved_is_trained_on_and_validated(weights):
    task = stage_task(SETTINGS.model_copy(update={"side_weights": weights}))
    network = task.build()
    image, classes = torch.randn(2, 1, 11, 16, 16), torch.ones(2, 11, 16, 16, dtype=torch.uint8)
    loss = task.objective(network, image, classes)
    loss.backward()
    assert torch.isfinite(loss)
    assert dice_of_structures(network, image[:1], classes[:1])


def test_padding_is_background_about_the_middle_and_only_where_it_is_needed():
    network = stage_task(SETTINGS).build()
    image, classes = torch.ones(1, 1, 5, 16, 16), torch.ones(1, 5, 16, 16, dtype=torch.uint8)
    wider, also = padded(network, image, classes)
    assert wider.shape[2:] == also.shape[1:] == (8, 16, 16)
    assert wider.sum() == image.sum()
    assert also[0, :, 0, 0].tolist() == wider[0, 0, :, 0, 0].tolist()
    again = padded(network, wider, also)
    assert again[0] is wider
    assert again[1] is also
