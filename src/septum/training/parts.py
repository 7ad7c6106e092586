"""Trained networks below one folder, each known by a hash of all that it depends on."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from septum.core import PartReport, SeptumError
from septum.core.locks import lock
from septum.training import checkpoint
from septum.training.loop import Fit
from septum.training.weights import half_precision, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

    from septum.methods.patches import PatchSampler
    from septum.training.loop import Deadline, Initial
    from septum.training.objective import Task
    from septum.training.validation import Scoring

LOGGER = logging.getLogger(__name__)
DIGITS = 12
#: Raised when training itself changes (a loss, a network, a sampler), so that older parts are not taken over.
VERSION = 1
LOCK = ".lock"


class PartBusyError(SeptumError):
    """Another process trains a part that several recipes share; later it can be taken over."""


@dataclass
class Parts:
    """Where networks are trained, kept and found again.

    Attributes:
        folder: for checkpoints.
        device: to train on.
        shared: whether several recipes keep their parts here. Then a part's folder carries its hash, so that
            recipes which agree on a part share it, and a finished part is kept as its weights alone, in half
            precision. Otherwise a part has a fixed folder, and one of another recipe is refused.
        made_by: what trains here, for the record: device, version of torch, commit of the code.
        max_epochs: by the first word of a part's name (``localiser``, ``segmenter``), the most epochs to
            train it for, though its settings allow more.
        reports: of the parts fitted so far, by name.
        identities: the same parts' identities.
    """

    folder: Path
    device: torch.device
    shared: bool = False
    made_by: str = ""
    max_epochs: Mapping[str, int] = field(default_factory=dict)
    reports: dict[str, PartReport] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)

    def fit(
        self,
        name: str,
        task: Task,
        sampler: PatchSampler,
        seed: int,
        deadline: Deadline,
        *,
        scoring: Scoring | None = None,
        initial: Initial | None = None,
        depends_on: str = "",
    ) -> nn.Module:
        """Train a part, or go on with it, or take it as it is if it is finished.

        Args:
            name: of the part; its first word selects the cap on epochs.
            task: network and objective.
            sampler: what it learns from.
            seed: of weights and draws.
            deadline: when to stop.
            scoring: chooses the epoch, or monitors the training.
            initial: changes the fresh weights.
            depends_on: what else the result depends on, such as where the initial weights come from.

        Returns:
            The network in evaluation mode.

        Raises:
            Interrupted: the deadline came first.
            PartBusyError: the part is shared, and another process trains it now.
            RecipeError: the part is not shared, and its folder holds one of another recipe.
        """
        identity = self.identities[name] = _identity(task, sampler, seed, scoring, depends_on)

        def fit_in(folder: Path) -> Fit:
            return Fit(
                task, sampler, seed, folder, identity, self.device,
                scoring=scoring, max_epochs=self.cap(name), initial=initial, portable=self.shared,
                label=name,
            )  # fmt: skip

        if self.shared:
            return self._fit_shared(name, task, identity, fit_in, deadline)
        fit = fit_in(self.folder / name)
        network = fit.run(deadline)
        self.reports[name] = self._report(name, fit)
        return network

    def _fit_shared(
        self, name: str, task: Task, identity: str, fit_in: Callable[[Path], Fit], deadline: Deadline
    ) -> nn.Module:
        folder = self.folder / f"{name}-{identity[:DIGITS]}"
        with lock(folder / LOCK) as free:
            if not free:
                raise PartBusyError(f"{folder} is being trained by another process.")
            finished = self._finished(folder, identity, task)
            if finished is not None:
                network, self.reports[name] = finished
                return network
            fit = fit_in(folder)
            network = fit.run(deadline)
            report = self.reports[name] = self._report(name, fit)
            weights = half_precision(network)
            restore(network, weights)  # what is scored now is what is kept
            if report.stopped != "capped":
                checkpoint.finish(folder, {"identity": identity, "report": vars(report), "weights": weights})
            return network

    def cap(self, name: str) -> int | None:
        """The most epochs to train a part of this name for; ``None`` if only its settings limit them."""
        return self.max_epochs.get(name.partition("/")[0])

    def _report(self, name: str, fit: Fit) -> PartReport:
        return PartReport(
            name=name,
            epochs=fit.epoch,
            best_epoch=fit.epoch if fit.best is None else fit.best.epoch,
            validation=None if fit.best is None else fit.best.score,
            seconds=sum(entry["seconds"] for entry in fit.history),
            stopped=fit.stopped or "",
            parameters=sum(p.numel() for p in fit.network.parameters()),
            rounded=fit.rounded,
            made_by=self.made_by,
        )

    def _finished(self, folder: Path, identity: str, task: Task) -> tuple[nn.Module, PartReport] | None:
        state = checkpoint.load_finished(folder)
        if state is None or state["identity"] != identity:
            return None
        network = task.build().to(self.device)
        restore(network, state["weights"])
        return network.eval(), PartReport(**state["report"])


def _identity(task: Task, sampler: PatchSampler, seed: int, scoring: Scoring | None, depends_on: str) -> str:
    # The network and its loss are the task's to tell.
    settings = sampler.settings.model_dump_json(exclude_defaults=True, exclude={"network", "loss"})
    samplers: list[tuple[str, Any]] = [("training", sampler)]
    if scoring is not None and scoring.chooses:
        samplers.append(("validation", scoring.sampler))
    cases = [f"{use} {c.name} {c.content} {s.centres.get(c.name)}" for use, s in samplers for c in s.cases]
    return digest(str(VERSION), settings, task.identity, str(seed), depends_on, *cases)


def digest(*parts: str) -> str:
    """SHA-256 of everything that a result depends on, by which it is known again."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
