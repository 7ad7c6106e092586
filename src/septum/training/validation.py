"""Score a network on cases while it trains: to choose the best epoch, or only to show how it goes."""

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

    #: From a network in evaluation, an image (1, 1, Z, Y, X) and classes (1, Z, Y, X) to a score of each
    #: class, the higher the better.
    Measure = Callable[[nn.Module, Tensor, Tensor], dict[int, float]]

#: What a network of one channel finds, where the data has several structures.
FOREGROUND = "foreground"
#: So many cases are enough to show how a training goes.
SHOWN = 20


def dice_of_structures(network: nn.Module, image: Tensor, classes: Tensor) -> dict[int, float]:
    """Compute the Dice of each foreground class of one case, equation (6).

    Classes that are neither found nor true are left out. A network of one channel is scored on the union of
    the foreground, as class 1.
    """
    image, classes = padded(network, image, classes)
    logits = network(image).float()
    if logits.shape[1] == 1:
        found, classes, count = (logits[:, 0] > 0).to(classes.dtype), (classes > 0).to(classes.dtype), 2
    else:
        found, count = logits.argmax(dim=1).to(classes.dtype), int(logits.shape[1])
    scores = {}
    for k in range(1, count):
        a, b = found == k, classes == k
        total = int(a.sum()) + int(b.sum())
        if total > 0:
            scores[k] = 2 * int((a & b).sum()) / total
    return scores


@dataclass(frozen=True)
class Validation:
    """Cases that a network is scored on after an epoch, each as the product would see it.

    Attributes:
        sampler: the cases, with the centres of their regions.
        measure: scores of one case.
        names: of the classes 1, 2 and so on.
        chooses: whether the epoch with the best mean is the one whose weights are used; if not, the scores
            are only shown, and the training is the same without them.
        unseen: whether the network does not learn from these cases.
        quantity: what is measured, as it stands in the history.
    """

    sampler: PatchSampler
    measure: Measure = dice_of_structures
    names: tuple[str, ...] = ()
    chooses: bool = True
    unseen: bool = True
    quantity: str = "dice"

    def scores(self, network: nn.Module, device: torch.device) -> dict[int, list[float]]:
        """Score all cases; by class, in their order."""
        network.eval()
        scores: dict[int, list[float]] = {}
        with torch.inference_mode():
            for case in self.sampler.cases:
                for k, score in self.measure(network, *self.sampler.centred(case, device)).items():
                    scores.setdefault(k, []).append(score)
        return scores

    def named(self, scores: dict[int, list[float]]) -> dict[str, float]:
        """Give the mean of each class as a column of the history, such as ``validation_dice_LV``."""
        prefix = f"{'validation' if self.unseen else 'training'}_{self.quantity}"
        return {f"{prefix}_{self._name(k)}": statistics.fmean(scores[k]) for k in sorted(scores)}

    def _name(self, k: int) -> str:
        return self.names[k - 1] if k <= len(self.names) else f"class_{k}"


def mean_of(scores: dict[int, list[float]]) -> float:
    """Take the mean over all scores of all classes; 0 without any."""
    every = [score for of_class in scores.values() for score in of_class]
    return statistics.fmean(every) if every else 0.0


def to_show(sampler: PatchSampler, names: tuple[str, ...], *, unseen: bool) -> Validation | None:
    """Make a validation that only shows how a training goes, on a few cases spread over those of a sampler.

    Args:
        sampler: the cases, with their centres.
        names: of the structures.
        unseen: whether the network does not learn from them.

    Returns:
        The validation; ``None`` without a case.
    """
    if not sampler.cases:
        return None
    step = max(1, -(-len(sampler.cases) // SHOWN))
    few = type(sampler)(sampler.cases[::step], sampler.centres, sampler.settings)
    return Validation(few, names=names, chooses=False, unseen=unseen)
