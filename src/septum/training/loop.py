"""The training loop: one network, one sampler, one objective; it goes on from the checkpoint of an epoch."""

from __future__ import annotations

import json
import logging
import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from septum.core import RecipeError
from septum.core.files import write_text
from septum.training import checkpoint
from septum.training.compact import is_compact
from septum.training.device import repeatable
from septum.training.processor import keep_freed_memory, way_for
from septum.training.weights import half_precision, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from septum.methods.patches import PatchSampler
    from septum.methods.settings import OptimisationSettings
    from septum.training.objective import Task
    from septum.training.validation import Validation

    Initial = Callable[[nn.Module], None]

LOGGER = logging.getLogger(__name__)
#: So many epochs tell how long the rest takes.
PACE = 9


@dataclass(frozen=True)
class Deadline:
    """When to stop, on the monotonic clock in s; infinite if there is no budget."""

    at: float = math.inf

    def require(self, seconds: float) -> None:
        """Raise :class:`Interrupted` unless something that takes this long still fits."""
        if time.monotonic() + seconds > self.at:
            raise Interrupted


class Interrupted(Exception):  # noqa: N818  # no error: the time budget is used up and all is saved
    """The time budget ended before the training did; what is done lies in checkpoints."""


@dataclass(frozen=True)
class Best:
    """The weights of the epoch with the highest validation score, the earliest of several.

    Attributes:
        epoch: which one, from 1.
        score: what it scored.
        weights: in half precision.
    """

    epoch: int
    score: float
    weights: dict[str, Tensor]


class Fit:
    """One network being trained. Once interrupted it is spent: another takes up its newest checkpoint.

    Args:
        task: the network and its objective.
        sampler: patches and the settings of the training.
        seed: of the weights and of every epoch's draws.
        folder: for checkpoints and the history.
        identity: hash of all that the result depends on; a checkpoint with another is refused.
        device: to train on.
        validation: scores the network after each epoch, and so chooses the weights; without one the last
            epoch's are used.
        max_epochs: stop after so many epochs, though the settings allow more. It is no part of the identity:
            a later run with a higher number, or none, goes on.
        label: what the log calls it; the folder's name by default.
        portable: whether a large checkpoint is written in the small form that can be moved, which rounds
            weights each time that the training is taken up from it.
        initial: called once with the network before its first epoch, to change the fresh weights.
    """

    def __init__(  # noqa: PLR0913  # what it trains, how long, and where it is kept
        self,
        task: Task,
        sampler: PatchSampler,
        seed: int,
        folder: Path,
        identity: str,
        device: torch.device,
        *,
        validation: Validation | None = None,
        max_epochs: int | None = None,
        initial: Initial | None = None,
        portable: bool = False,
        label: str = "",
    ) -> None:
        self.task, self.sampler, self.seed, self.folder = task, sampler, seed, folder
        self.identity, self.device = identity, device
        self.validation, self.max_epochs, self.initial = validation, max_epochs, initial
        self.portable, self.rounded, self.label = portable, 0, label or folder.name
        self.settings: OptimisationSettings = sampler.settings.optimisation
        torch.manual_seed(seed)
        keep_freed_memory()
        self.network = task.build().to(device)
        self.way = way_for(device)
        self.way.apply_to(self.network)
        self.optimiser = _optimiser(self.network, self.settings)
        self.average = _average(self.network, self.settings)
        self.best: Best | None = None
        self.epoch = 0
        self.history: list[dict[str, float]] = []

    @property
    def stopped(self) -> str | None:
        """Why training is over: ``patience``, ``epochs`` or ``capped``; ``None`` while it is not."""
        patience = self.settings.patience
        if patience is not None and self.best is not None and self.epoch - self.best.epoch >= patience:
            return "patience"
        if self.epoch >= self.settings.epochs:
            return "epochs"
        return "capped" if self.max_epochs is not None and self.epoch >= self.max_epochs else None

    def run(self, deadline: Deadline) -> nn.Module:
        """Train to the end, from the newest checkpoint if there is one.

        Returns:
            The network with the weights to be used: those of the best epoch on validation, or the running
            average, or the last ones. In evaluation mode.

        Raises:
            Interrupted: the next epoch would not end before the deadline, by the time of the last one, or
                the deadline came within an epoch, which is dropped.
            RecipeError: the folder holds a checkpoint of another recipe.
        """
        if not self._resume() and self.initial is not None:
            self.initial(self.network)
        with repeatable():
            while self.stopped is None:
                deadline.require(self.history[-1]["seconds"] if self.history else 0.0)
                self._train_epoch(deadline)
                checkpoint.save(self.folder, self.epoch, self._state(), portable=self.portable)
                write_text(self.folder / "history.json", json.dumps(self.history, indent=0))
        return self._chosen().eval()

    def _chosen(self) -> nn.Module:
        if self.best is not None:
            restore(self.network, self.best.weights)
            return self.network
        return self.network if self.average is None else self.average.module

    def _train_epoch(self, deadline: Deadline) -> None:
        started = time.monotonic()
        rng = np.random.default_rng([self.seed, self.epoch])
        torch.manual_seed(int(rng.integers(2**62)))  # for networks that draw while they train
        steps, batch = self.settings.steps_per_epoch, self.settings.batch
        cases = self.sampler.order(steps * batch, rng)
        self.network.train()
        total, rate = torch.zeros((), device=self.device), 0.0
        for step in range(steps):
            if step > 0:
                deadline.require((time.monotonic() - started) / step)
            rate = self._set_rate(self.epoch * steps + step)
            self.optimiser.zero_grad(set_to_none=True)
            of_step = cases[step * batch : (step + 1) * batch]
            for image, classes in self.sampler.step(of_step, rng, self.device):
                total += self._accumulate(image, classes) / steps
            if self.settings.gradient_norm > 0:
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_norm)
            self.optimiser.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
        loss = float(total)
        if not math.isfinite(loss):
            raise RecipeError(
                f"training diverged in epoch {self.epoch + 1} (loss {loss}); lower learning_rate or set "
                "gradient_norm in the recipe."
            )
        self.epoch += 1
        entry = {"epoch": self.epoch, "loss": loss, "learning_rate": rate}
        if self.validation is not None:
            entry["validation"] = self._validate(self.validation)
        self.history.append({**entry, "seconds": time.monotonic() - started})
        LOGGER.info("%s %s", self.label, _line(self.history, self.settings.epochs))

    def _accumulate(self, image: Tensor, classes: Tensor) -> Tensor:
        share = len(image) / self.settings.batch
        with self._autocast():
            channels_last = image.contiguous(memory_format=torch.channels_last_3d)
            loss = self.task.objective(self.network, channels_last, classes) * share
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _validate(self, validation: Validation) -> float:
        with self._autocast():
            score = validation.score(self.network, self.device)
        if self.best is None or score > self.best.score:
            self.best = Best(self.epoch, score, half_precision(self.network))
        return score

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.way.bfloat16)

    def _set_rate(self, step: int) -> float:
        peak, warmup = self.settings.learning_rate, self.settings.warmup_steps
        rate = peak * min(1.0, (step + 1) / warmup) if warmup else peak
        if self.settings.schedule == "cosine":
            rate *= 0.5 * (
                1 + math.cos(math.pi * step / (self.settings.epochs * self.settings.steps_per_epoch))
            )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def _state(self) -> dict[str, Any]:
        state = {
            "identity": self.identity,
            "epoch": self.epoch,
            "history": self.history,
            "rounded": self.rounded,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        if self.best is not None:
            state["best"] = {"epoch": self.best.epoch, "score": self.best.score, "weights": self.best.weights}
        return state

    def _resume(self) -> bool:
        """Take up the newest checkpoint; whether there was one."""
        state = checkpoint.load_newest(self.folder)
        if state is None:
            return False
        if state["identity"] != self.identity:
            raise RecipeError(
                f"{self.folder} holds a run of another recipe; give another --run folder or remove this one."
            )
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best = Best(**state["best"]) if "best" in state else None
        self.epoch, self.history = int(state["epoch"]), list(state["history"])
        self.rounded = int(state["rounded"]) + (1 if is_compact(state) else 0)
        return True


def _line(history: list[dict[str, float]], epochs: int) -> str:
    """Tell of the last epoch, and how long the rest takes by the median of the last few."""
    entry = history[-1]
    score = f" validation {entry['validation']:.4f}" if "validation" in entry else ""
    pace = statistics.median(one["seconds"] for one in history[-PACE:])
    hours, minutes = divmod(round(pace * (epochs - entry["epoch"]) / 60), 60)
    return (
        f"epoch {entry['epoch']:.0f}/{epochs} loss {entry['loss']:.4f}{score} "
        f"lr {entry['learning_rate']:.2e} {entry['seconds']:.1f} s, {hours} h {minutes:02} min left"
    )


def _average(network: nn.Module, settings: OptimisationSettings) -> AveragedModel | None:
    if settings.ema == 0:
        return None
    average = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)


def _optimiser(network: nn.Module, settings: OptimisationSettings) -> torch.optim.Optimizer:
    if settings.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.999))
    return torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
