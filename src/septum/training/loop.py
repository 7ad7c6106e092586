"""The training loop: one network, one sampler, one objective; it goes on from the checkpoint of an epoch."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from septum.core import RecipeError
from septum.training import checkpoint
from septum.training.compact import is_compact
from septum.training.device import repeatable
from septum.training.history import Events, epochs_between, is_due, line_of, write_history
from septum.training.processor import keep_freed_memory, way_for
from septum.training.validation import mean_of
from septum.training.weights import half_precision, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from septum.methods.patches import PatchSampler
    from septum.methods.settings import OptimisationSettings
    from septum.training.objective import Task
    from septum.training.validation import Scoring

    Initial = Callable[[nn.Module], None]

LOGGER = logging.getLogger(__name__)
#: A training that is killed loses so many seconds of work at most, and one step or one scoring.
SAVE_EVERY_S = 300.0


@dataclass(frozen=True)
class Deadline:
    """When to stop, on the monotonic clock in s; infinite if there is no budget."""

    at: float = math.inf

    def allows(self, seconds: float) -> bool:
        """Tell whether something that takes this long still fits."""
        return time.monotonic() + seconds <= self.at

    def require(self, seconds: float) -> None:
        """Raise :class:`Interrupted` unless something that takes this long still fits."""
        if not self.allows(seconds):
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


@dataclass(frozen=True)
class Begun:
    """How far an epoch has come that a checkpoint was written in.

    Attributes:
        step: number of steps that are done; with all of them, only the scoring is left.
        total: sum of their losses.
        seconds: that they took.
        draws: states of the generators, by their names.
    """

    step: int
    total: Tensor
    seconds: float
    draws: dict[str, Any]


class Fit:
    """One network being trained. Once interrupted it is spent: another takes up its newest checkpoint.

    Args:
        task: the network and its objective.
        sampler: patches and the settings of the training.
        seed: of the weights and of every epoch's draws.
        folder: for checkpoints and the history.
        identity: hash of all that the result depends on; a checkpoint with another is refused.
        device: to train on.
        scoring: a :class:`Validation` scores the network after each epoch, and so chooses the weights. Any
            other only monitors, after so few epochs that it takes little time. Then, or without one, the last
            epoch's weights are used.
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
        scoring: Scoring | None = None,
        max_epochs: int | None = None,
        initial: Initial | None = None,
        portable: bool = False,
        label: str = "",
    ) -> None:
        self.task, self.sampler, self.seed, self.folder = task, sampler, seed, folder
        self.identity, self.device = identity, device
        self.scoring, self.max_epochs, self.initial = scoring, max_epochs, initial
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
        self.begun: Begun | None = None
        self.history: list[dict[str, float]] = []
        self.saved = time.monotonic()
        self.events = Events(folder)

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

        A checkpoint is written after each epoch, within one after :data:`SAVE_EVERY_S`, before a scoring that
        would end later than that, and when the time budget ends.

        Returns:
            The network with the weights to be used: those of the best epoch on validation, or the running
            average, or the last ones. In evaluation mode.

        Raises:
            Interrupted: the next step or scoring would not end before the deadline, by the time of those
                before it. The first scoring of a network has none before it, and is begun whatever is left.
            RecipeError: the folder holds a checkpoint of another recipe.
        """
        if not self._resume() and self.initial is not None:
            self.initial(self.network)
        with repeatable():
            try:
                while self.stopped is None:
                    deadline.require(self._step_seconds())
                    self._train_epoch(deadline)
                    self._save()
                    self._show()
            finally:
                self.events.close()
        return self._chosen().eval()

    def _step_seconds(self) -> float:
        """Tell how long a step of the last epoch took, without its scoring; 0 before the first."""
        if not self.history:
            return 0.0
        last = self.history[-1]
        return (last["seconds"] - last.get("scoring_seconds", 0.0)) / self.settings.steps_per_epoch

    def _save(self) -> None:
        """Write a checkpoint of this moment."""
        step = 0 if self.begun is None else self.begun.step
        checkpoint.save(self.folder, self.epoch, self._state(), step=step, portable=self.portable)
        self.saved = time.monotonic()

    def _show(self) -> None:
        """Tell the last epoch to everybody who may look."""
        LOGGER.info("%s %s", self.label, line_of(self.history, self._last))
        every = epochs_between(self.history)
        if len(self.history) == 1 and every > 1 and not (self.scoring and self.scoring.chooses):
            LOGGER.info("%s is scored again every %d epochs, since that takes time", self.label, every)
        write_history(self.folder, self.label, self.history)
        self.events.add(self.history[-1])

    @property
    def _last(self) -> int:
        """Number of the last epoch."""
        return min(self.settings.epochs, self.max_epochs or self.settings.epochs)

    def _chosen(self) -> nn.Module:
        if self.best is not None:
            restore(self.network, self.best.weights)
            return self.network
        return self.network if self.average is None else self.average.module

    def _train_epoch(self, deadline: Deadline) -> None:
        rng = np.random.default_rng([self.seed, self.epoch])
        torch.manual_seed(int(rng.integers(2**62)))  # for networks that draw while they train
        steps, batch = self.settings.steps_per_epoch, self.settings.batch
        cases = self.sampler.order(steps * batch, rng)
        begun = self.begun or Begun(0, torch.zeros(()), 0.0, {})
        _set_draws(begun.draws, rng, self.device)
        started = self.saved = time.monotonic()
        self.network.train()
        total = begun.total.to(self.device)
        for step in range(begun.step, steps):
            now = time.monotonic()
            spent = begun.seconds + now - started
            if step > begun.step:
                save = partial(self._save_within, step, total, spent, rng)
                _require(spent / step, deadline, save)
                if now - self.saved > SAVE_EVERY_S:
                    save()
            self._set_rate(self.epoch * steps + step)
            self.optimiser.zero_grad(set_to_none=True)
            of_step = cases[step * batch : (step + 1) * batch]
            for image, classes in self.sampler.step(of_step, rng, self.device):
                total += self._accumulate(image, classes) / steps
            if self.settings.gradient_norm > 0:
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_norm)
            self.optimiser.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
        self._end_epoch(total, begun.seconds + time.monotonic() - started, rng, deadline)

    def _save_within(self, step: int, total: Tensor, seconds: float, rng: np.random.Generator) -> None:
        """Write a checkpoint within an epoch, before the step of this number, from 0, or after the last."""
        self.begun = Begun(step, total.cpu(), seconds, _draws_of(rng, self.device))
        self._save()

    def _end_epoch(self, total: Tensor, seconds: float, rng: np.random.Generator, deadline: Deadline) -> None:
        """Score the network if its turn has come, and enter the epoch into the history."""
        loss = float(total)
        if not math.isfinite(loss):
            raise RecipeError(
                f"training diverged in epoch {self.epoch + 1} (loss {loss}); lower learning_rate or set "
                "gradient_norm in the recipe."
            )
        due = self.scoring is not None and (
            self.scoring.chooses or is_due(self.history, self.epoch + 1, self._last)
        )
        if due:
            self._before_scoring(total, seconds, rng, deadline)
        self.epoch, self.begun = self.epoch + 1, None
        entry = {"epoch": self.epoch, "loss": loss, "learning_rate": self.optimiser.param_groups[0]["lr"]}
        started = time.monotonic()
        scores = self._scores() if due else {}
        scoring = time.monotonic() - started
        entry |= scores | ({"scoring_seconds": scoring} if scores else {})
        self.history.append({**entry, "seconds": seconds + scoring})

    def _before_scoring(
        self, total: Tensor, seconds: float, rng: np.random.Generator, deadline: Deadline
    ) -> None:
        """Write a checkpoint if the last would be old after a scoring, or if there is no time for one."""
        last = next((e["scoring_seconds"] for e in reversed(self.history) if "scoring_seconds" in e), 0.0)
        fits = deadline.allows(last)
        if not fits or time.monotonic() + last - self.saved > SAVE_EVERY_S:
            self._save_within(self.settings.steps_per_epoch, total, seconds, rng)
        if not fits:
            LOGGER.info("%s is scored next, which took %.0f s the last time", self.label, last)
            raise Interrupted

    def _accumulate(self, image: Tensor, classes: Tensor) -> Tensor:
        share = len(image) / self.settings.batch
        with self._autocast():
            channels_last = image.contiguous(memory_format=torch.channels_last_3d)
            loss = self.task.objective(self.network, channels_last, classes) * share
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _scores(self) -> dict[str, float]:
        """Score the network, and keep its weights if scores choose them and these are the best yet."""
        scoring = self.scoring
        if scoring is None:
            return {}
        with self._autocast():
            scores = scoring.scores(self.network if scoring.chooses else self._chosen(), self.device)
        if not scoring.chooses:
            return scoring.named(scores)
        mean = mean_of(scores)
        if self.best is None or mean > self.best.score:
            self.best = Best(self.epoch, mean, half_precision(self.network))
        return {"validation": mean, **scoring.named(scores)}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.way.bfloat16)

    def _set_rate(self, step: int) -> None:
        peak, warmup = self.settings.learning_rate, self.settings.warmup_steps
        rate = peak * min(1.0, (step + 1) / warmup) if warmup else peak
        if self.settings.schedule == "cosine":
            rate *= 0.5 * (
                1 + math.cos(math.pi * step / (self.settings.epochs * self.settings.steps_per_epoch))
            )
        for group in self.optimiser.param_groups:
            group["lr"] = rate

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
        if self.begun is not None:
            state["begun"] = vars(self.begun)
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
                f"{self.folder} holds a run of another recipe; give another folder, or remove this one."
            )
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best = Best(**state["best"]) if "best" in state else None
        self.begun = Begun(**state["begun"]) if "begun" in state else None
        self.epoch, self.history = int(state["epoch"]), list(state["history"])
        self.rounded = int(state["rounded"]) + (1 if is_compact(state) else 0)
        return True


def _require(seconds: float, deadline: Deadline, save: Callable[[], None]) -> None:
    """Save and raise :class:`Interrupted`, unless so much time is left."""
    try:
        deadline.require(seconds)
    except Interrupted:
        save()
        raise


def _draws_of(rng: np.random.Generator, device: torch.device) -> dict[str, Any]:
    """Give the states of all generators that a step draws from."""
    draws: dict[str, Any] = {"numpy": json.dumps(rng.bit_generator.state), "torch": torch.get_rng_state()}
    return draws | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def _set_draws(draws: dict[str, Any], rng: np.random.Generator, device: torch.device) -> None:
    """Put the generators into states of :func:`_draws_of`; of none, they are left as they are."""
    if draws:
        rng.bit_generator.state = json.loads(draws["numpy"])
        torch.set_rng_state(draws["torch"])
    if "cuda" in draws and device.type == "cuda":
        torch.cuda.set_rng_state(draws["cuda"], device)


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
