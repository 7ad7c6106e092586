"""The training loop: one network, one sampler, one loss; a checkpoint an epoch; resumes where it stopped."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from septum.core import RecipeError
from septum.core.files import write_text
from septum.losses import bce_dice, dice_cross_entropy, multiclass_dice
from septum.networks import Network, build
from septum.training import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from septum.methods.samples import PatchSampler
    from septum.methods.settings import OptimisationSettings
    from septum.networks import NetworkSettings

LOGGER = logging.getLogger(__name__)

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce_dice": bce_dice,
    "multiclass_dice": multiclass_dice,
    "dice_cross_entropy": dice_cross_entropy,
}


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


class Fit:
    """One network being trained. Once interrupted it is spent: another takes up its newest checkpoint.

    Args:
        sampler: patches and the settings of the stage.
        seed: of the weights and of every epoch's draws.
        folder: for checkpoints and the history.
        identity: hash of all that the result depends on; a checkpoint with another is refused.
        device: to train on.
    """

    def __init__(
        self, sampler: PatchSampler, seed: int, folder: Path, identity: str, device: torch.device
    ) -> None:
        self.sampler, self.seed, self.folder = sampler, seed, folder
        self.identity, self.device = identity, device
        self.settings: OptimisationSettings = sampler.settings.optimisation
        self.loss = LOSSES[sampler.settings.loss]
        torch.manual_seed(seed)
        self.network = _built(sampler.settings.network).to(device)
        self.optimiser = _optimiser(self.network, self.settings)
        average = get_ema_multi_avg_fn(self.settings.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.epoch = 0
        self.history: list[dict[str, float]] = []

    def run(self, deadline: Deadline) -> Network:
        """Train to the end, from the newest checkpoint if there is one.

        Returns:
            The network with the weights to be used: the running average, or the last ones without it.

        Raises:
            Interrupted: the next epoch would not end before the deadline, by the time of the last one, or
                the deadline came within an epoch, which is dropped.
            RecipeError: the folder holds a checkpoint of another recipe.
        """
        self._resume()
        while self.epoch < self.settings.epochs:
            deadline.require(self.history[-1]["seconds"] if self.history else 0.0)
            self._train_epoch(deadline)
            checkpoint.save(self.folder, self.epoch, self._state())
            write_text(self.folder / "history.json", json.dumps(self.history, indent=0))
        chosen = self.average.module if self.settings.ema > 0 else self.network
        return chosen.eval()  # type: ignore[return-value]

    def _train_epoch(self, deadline: Deadline) -> None:
        started = time.monotonic()
        rng = np.random.default_rng([self.seed, self.epoch])
        steps, batch = self.settings.steps_per_epoch, self.settings.batch
        cases = iter(self.sampler.order(steps * batch, rng))
        self.network.train()
        total, rate = 0.0, 0.0
        for step in range(steps):
            if step > 0:
                deadline.require((time.monotonic() - started) / step)
            rate = self._set_rate(self.epoch * steps + step)
            self.optimiser.zero_grad(set_to_none=True)
            for _ in range(batch):
                total += self._accumulate(*self.sampler.sample(next(cases), rng, self.device)) / steps
            if self.settings.gradient_norm > 0:
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_norm)
            self.optimiser.step()
            self.average.update_parameters(self.network)
        if not math.isfinite(total):
            raise RecipeError(
                f"training diverged in epoch {self.epoch + 1} (loss {total}); lower learning_rate or set "
                "gradient_norm in the recipe."
            )
        self.epoch += 1
        seconds = time.monotonic() - started
        self.history.append({"epoch": self.epoch, "loss": total, "learning_rate": rate, "seconds": seconds})
        LOGGER.info(
            "%s epoch %d/%d loss %.4f lr %.2e %.1f s",
            self.folder.name, self.epoch, self.settings.epochs, total, rate, seconds,
        )  # fmt: skip

    def _accumulate(self, image: Tensor, classes: Tensor) -> float:
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.network(image.contiguous(memory_format=torch.channels_last_3d))
        loss = self.loss(logits, classes) / self.settings.batch
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

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
        return {
            "identity": self.identity,
            "epoch": self.epoch,
            "history": self.history,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def _resume(self) -> None:
        state = checkpoint.load_newest(self.folder)
        if state is None:
            return
        if state["identity"] != self.identity:
            raise RecipeError(
                f"{self.folder} holds a run of another recipe; give another --run folder or remove this one."
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.history = int(state["epoch"]), list(state["history"])


def _built(settings: NetworkSettings) -> Network:
    try:
        return build(settings)
    except ValueError as error:
        raise RecipeError(f"the recipe's network cannot be built: {error}.") from error


def _optimiser(network: Network, settings: OptimisationSettings) -> torch.optim.Optimizer:
    if settings.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.999))
    return torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
