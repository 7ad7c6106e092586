"""How long the units of a study take on this device, at most: their operations over the device's rate."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from septum.datasets import (
    facts_of,
    is_cross_validated,
    load_cross_validation,
    load_split,
    published_keys,
)
from septum.networks import NetworkSettings, build
from septum.training.device import device_name
from septum_study.bench import recipe_of
from septum_study.cost import PASSES_OF_A_STEP, CaseNumbers, case_flop, cost_of, forward_flop
from septum_study.declaration import DrawnSplit
from septum_study.plan import State, to_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from septum.core import PartReport
    from septum_study.cost import PartCost
    from septum_study.declaration import Declaration
    from septum_study.ledger import Unit
    from septum_study.plan import Standing

#: Reading, preparing, pasting back and the distances of one test case, whatever the network: on one CPU core
#: 0.7 s for ACDC and 1.5 s for LASC.
CASE_SECONDS = 1.5
#: How long the rate is measured.
MEASURED_SECONDS = 1.0


@dataclass(frozen=True)
class Rate:
    """What a device does.

    Attributes:
        flop_per_second: in trainings as those of the study.
        device: in words.
        source: where the number comes from.
    """

    flop_per_second: float
    device: str
    source: str


@dataclass(frozen=True)
class TimeEstimate:
    """Time that is left, at most.

    Attributes:
        rate: of the device.
        minutes: by unit; those that are done or cannot run here are not in it.
    """

    rate: Rate
    minutes: Mapping[Unit, float]


def case_numbers(study: Declaration, patients: int | None = None) -> dict[str, CaseNumbers]:
    """Cases that validate and test, by data set on which the study can run, in the largest fold.

    Args:
        study: the declaration.
        patients: of each data set; ``None`` for those of the published splits.
    """
    numbers = {}
    for dataset in published_keys():
        if study.cross_validates and not is_cross_validated(dataset):
            continue
        split, cases = load_split(dataset), facts_of(dataset).cases_per_patient
        validation, test = max(len(fold) for fold in split.folds), len(split.test)
        if study.cross_validates:
            test, validation = max(len(part) for part in load_cross_validation(dataset).parts), 0
        elif isinstance(study.split, DrawnSplit):
            everyone = len(split.test + split.development) if patients is None else patients
            test = study.split.test
            validation = math.ceil((everyone - test) / study.split.folds)
        numbers[dataset] = CaseNumbers(validation * cases, test * cases)
    return numbers


def estimate(
    study: Declaration, found: Sequence[Standing], cases: Mapping[str, CaseNumbers], device: torch.device
) -> TimeEstimate:
    """Minutes at most of every unit that is still to be run, each network to its recipe's last epoch.

    A network that several units share counts with the first of them in the order of execution. Networks that
    the ledger reports as trained are taken to be kept in the work folder, and those that were cut short to be
    there to go on with. A running unit counts as if it had just begun.

    Args:
        study: the declaration.
        found: where its units stand.
        cases: by data set.
        device: to compute on.
    """
    costs = {row.key: cost_of(recipe_of(study, row.key), cases) for row in study.rows}
    rate = _known_rate(found, costs, device_name(device)) or measured_rate(device)
    trained = _epochs_trained(found, costs)
    running = [s.unit for s in found if s.state is State.RUNNING]
    minutes, counted = {}, set()
    for unit in [*running, *to_run(found, {})]:
        test = cases[study.row(unit.row).dataset].test
        flop = test * case_flop(costs[unit.row])
        for part in costs[unit.row]:
            network = (unit.fold, part.key)
            if network not in counted:
                flop += part.epoch_flop * max(0, part.epochs - trained.get(network, 0))
                counted.add(network)
        minutes[unit] = (flop / rate.flop_per_second + test * CASE_SECONDS) / 60
    return TimeEstimate(rate, minutes)


def measured_rate(device: torch.device) -> Rate:
    """From training steps of a small network, for about :data:`MEASURED_SECONDS`.

    Small networks use a device less well than large ones, so that this rather errs on the slow side.
    """
    large = device.type == "cuda"
    settings = NetworkSettings(filters=32 if large else 8, keep_z=True)
    batch, size = (4, (16, 128, 128)) if large else (1, (16, 64, 64))
    network = build(settings).to(device).train()
    image = torch.zeros(batch, 1, *size, device=device)
    steps, seconds = 0, 0.0
    _step(network, image)
    while seconds < MEASURED_SECONDS:
        seconds += _step(network, image)
        steps += 1
    flop = steps * batch * PASSES_OF_A_STEP * forward_flop(settings, size)
    return Rate(flop / seconds, device_name(device), "measured on a small network")


def _step(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Seconds of one forward and backward pass, in the precision of training."""
    started = time.perf_counter()
    with torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=image.device.type == "cuda"):
        loss = network(image.contiguous(memory_format=torch.channels_last_3d)).float().square().mean()
    loss.backward()
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
    return time.perf_counter() - started


def _known_rate(
    found: Sequence[Standing], costs: Mapping[str, Sequence[PartCost]], device: str
) -> Rate | None:
    """From the ledger's entries of this device, each network once; ``None`` if it has none."""
    known = {
        (fold, cost.key): (part.epochs * cost.epoch_flop, part.seconds)
        for fold, cost, part in _trained(found, costs)
        if part.made_by.startswith(f"{device}, torch ")
    }
    flop, seconds = (sum(values[i] for values in known.values()) for i in (0, 1))
    if flop <= 0 or seconds <= 0:
        return None
    return Rate(flop / seconds, device, f"from the {len(known)} networks that it has trained")


def _epochs_trained(
    found: Sequence[Standing], costs: Mapping[str, Sequence[PartCost]]
) -> dict[tuple[int, str], int]:
    """By fold and key of a network: epochs that need no more training, all of them where it is finished."""
    epochs: dict[tuple[int, str], int] = {}
    for fold, cost, part in _trained(found, costs):
        done = part.epochs if part.stopped == "capped" else cost.epochs
        epochs[fold, cost.key] = max(done, epochs.get((fold, cost.key), 0))
    return epochs


def _trained(
    found: Sequence[Standing], costs: Mapping[str, Sequence[PartCost]]
) -> Iterator[tuple[int, PartCost, PartReport]]:
    """Networks that the entries of today's recipes report, with their folds and costs."""
    for standing in found:
        if standing.entry is None or standing.state not in {State.DONE, State.PRELIMINARY}:
            continue
        by_name = {cost.name: cost for cost in costs[standing.unit.row]}
        for part in standing.entry.parts:
            if part.name in by_name:
                yield standing.unit.fold, by_name[part.name], part
