"""Score a network on cases while it trains: to choose the best epoch, or only to monitor how it goes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from septum.training.objective import padded
from septum.training.partition import few_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from septum.datasets import Case
    from septum.methods.patches import PatchSampler
    from septum.training.partition import Partition

    #: From a network in evaluation, an image (1, 1, Z, Y, X) and classes (1, Z, Y, X) to a score of each
    #: class, the higher the better.
    Measure = Callable[[nn.Module, Tensor, Tensor], dict[int, float]]

#: What a network of one channel finds, where the data has several structures.
FOREGROUND = "foreground"


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
class Scoring:
    """Cases that a network is scored on after an epoch, each as the product would see it.

    Attributes:
        sampler: the cases, with the centres of their regions.
        measure: scores of one case.
        names: of the classes 1, 2 and so on.
        quantity: what is measured, as it stands in the history.
        unseen: whether the network does not learn from these cases.
        chooses: whether the scores choose the epoch.
    """

    chooses: ClassVar[bool] = False

    sampler: PatchSampler
    measure: Measure = dice_of_structures
    names: tuple[str, ...] = ()
    quantity: str = "dice"
    unseen: bool = True

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


class Validation(Scoring):
    """A scoring that chooses: the weights of the epoch with the best mean are used."""

    chooses = True


class Monitoring(Scoring):
    """A scoring that only shows how a training goes; the weights are the same without it."""


def mean_of(scores: dict[int, list[float]]) -> float:
    """Take the mean over all scores of all classes; 0 without any."""
    every = [score for of_class in scores.values() for score in of_class]
    return statistics.fmean(every) if every else 0.0


def scoring_of(
    partition: Partition,
    training: PatchSampler,
    sampler_of: Callable[[Sequence[Case]], PatchSampler],
    names: tuple[str, ...],
) -> Scoring | None:
    """Score a training on the cases that choose the epoch, else on a few that only monitor it.

    The latter are cases that the network does not learn from, or, without any, some that it does.

    Args:
        partition: the cases.
        training: those that the network learns from, prepared.
        sampler_of: prepares cases; it is given those alone that are scored.
        names: of the structures.

    Returns:
        The scoring; ``None`` without a case.
    """
    if partition.validation:
        return Validation(sampler_of(partition.validation), names=names)
    if partition.monitoring:
        return Monitoring(sampler_of(few_of(partition.monitoring)), names=names)
    if not training.cases:
        return None
    few = type(training)(few_of(training.cases), training.centres, training.settings)
    return Monitoring(few, names=names, unseen=False)
