"""How good a network is on the patients that validate: what the best checkpoint is chosen by."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from septum.training.objective import padded

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from septum.methods.patches import PatchSampler

    #: From a network in evaluation, an image (1, 1, Z, Y, X) and classes (1, Z, Y, X) to scores, the higher
    #: the better.
    Measure = Callable[[nn.Module, Tensor, Tensor], list[float]]


def dice_of_structures(network: nn.Module, image: Tensor, classes: Tensor) -> list[float]:
    """Dice of each foreground class of one case, equation (6); classes that nobody sees are left out.

    A network of one channel is scored on the union of the foreground.
    """
    image, classes = padded(network, image, classes)
    logits = network(image).float()
    if logits.shape[1] == 1:
        found, classes, count = (logits[:, 0] > 0).to(classes.dtype), (classes > 0).to(classes.dtype), 2
    else:
        found, count = logits.argmax(dim=1).to(classes.dtype), int(logits.shape[1])
    scores = []
    for k in range(1, count):
        a, b = found == k, classes == k
        total = int(a.sum()) + int(b.sum())
        if total > 0:
            scores.append(2 * int((a & b).sum()) / total)
    return scores


@dataclass(frozen=True)
class Validation:
    """The mean score over the cases of a sampler, each as the product would see it.

    Attributes:
        sampler: cases that validate, with the centres of their regions.
        measure: scores of one case.
    """

    sampler: PatchSampler
    measure: Measure = dice_of_structures

    def score(self, network: nn.Module, device: torch.device) -> float:
        """Mean over all scores of all cases; 0 without any."""
        network.eval()
        scores: list[float] = []
        with torch.inference_mode():
            for case in self.sampler.cases:
                scores += self.measure(network, *self.sampler.centred(case, device))
        return statistics.fmean(scores) if scores else 0.0
