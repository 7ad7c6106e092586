"""Whether rounding to bfloat16 changes what a training learns by more than another seed does.

    OMP_NUM_THREADS=1 python benchmarks/precision_noise.py --work runs/precision --epochs 25

One network of the miniature study is trained on phantoms in float32 and with bfloat16, each from two seeds.
Printed and written is the Dice of the phantoms that validate, by structure, as a mean over the last epochs.
So that any processor can run it, bfloat16 is emulated as autocast rounds: weights, inputs and outputs of
every convolution and their gradients, with sums in float32.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from septum.cli.train import find_recipe
from septum.datasets import REGISTRY
from septum.methods.case_store import CaseStore
from septum.networks.convolution import Convolution, UpConvolution
from septum.training import loop
from septum.training.loop import Deadline
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.processor import BY_SLICES
from septum.training.recipe_file import load_recipe
from septum.training.single import WholeVolumeRun
from septum_study.bench import split_of
from septum_study.declaration import load_study
from septum_study.miniature import data_below

RECIPE = "miniature/acdc-dr-unet"
SEEDS = (1, 2)
#: So many of the last epochs are averaged.
LAST = 5
RESULT = Path(__file__).parent / "results" / "precision_noise.json"


class Round(torch.autograd.Function):
    """Round to bfloat16, forward and backward."""

    @staticmethod
    def forward(_ctx: object, values: Tensor) -> Tensor:
        """Round values."""
        return values.bfloat16().float()

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        """Round their gradient."""
        return gradient.bfloat16().float()


class Rounded(nn.Module):
    """A weight as a convolution under autocast sees it."""

    def forward(self, weight: Tensor) -> Tensor:
        """Round it."""
        return cast("Tensor", Round.apply(weight))


class Emulated:
    """The way of this processor, with convolutions that round to bfloat16."""

    bfloat16 = False  # no autocast

    def apply_to(self, network: nn.Module) -> None:
        """Let every convolution round what goes in and what comes out."""
        BY_SLICES.apply_to(network)
        for module in [m for m in network.modules() if isinstance(m, Convolution | UpConvolution)]:
            parametrize.register_parametrization(module, "weight", Rounded())
            module.register_forward_pre_hook(lambda _module, inputs: tuple(map(Round.apply, inputs)))
            module.register_forward_hook(lambda _module, _inputs, output: Round.apply(output))


def train(store: CaseStore, folder: Path, seed: int, epochs: int, *, bfloat16: bool) -> dict[str, float]:
    """Train one network; its Dice by structure on the cases that validate."""
    loop.way_for = lambda _device: Emulated() if bfloat16 else BY_SLICES  # type: ignore[assignment]
    recipe = load_recipe(find_recipe(RECIPE))
    optimisation = recipe.segmenter.optimisation.model_copy(update={"epochs": epochs, "patience": None})
    segmenter = recipe.segmenter.model_copy(update={"optimisation": optimisation})
    recipe = recipe.model_copy(update={"seed": seed, "segmenter": segmenter})
    split = split_of(load_study("miniature"), store.dataset, 0)
    partition = partition_of(store.dataset, split, 0, validate=True)
    parts = Parts(folder, torch.device("cpu"))
    WholeVolumeRun(recipe, TrainingData(store, partition), parts).pipeline(Deadline())
    lines = (folder / "segmenter" / "history.jsonl").read_text(encoding="utf-8").splitlines()[-LAST:]
    history = [json.loads(line) for line in lines]
    names = [name for name in history[-1] if name.startswith("validation_dice_")]
    found = {name.rpartition("_")[2]: statistics.fmean(e[name] for e in history) for name in names}
    return {"mean": statistics.fmean(found.values()), **found, "loss": history[-1]["loss"]}


def main() -> None:
    """Train all four, print and write what comes out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and trainings")
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = CaseStore(REGISTRY["acdc"].load(data_below(arguments.work)))
    runs = []
    for bfloat16 in (False, True):
        for seed in SEEDS:
            precision, started = "bfloat16" if bfloat16 else "float32", time.monotonic()
            folder = arguments.work / f"{precision}-{seed}-{arguments.epochs}"
            dice = train(store, folder, seed, arguments.epochs, bfloat16=bfloat16)
            runs.append({"precision": precision, "seed": seed, "dice": dice})
            print(runs[-1], f"{time.monotonic() - started:.0f} s", flush=True)
    means = {p: [r["dice"]["mean"] for r in runs if r["precision"] == p] for p in ("float32", "bfloat16")}
    result = {
        "recipe": RECIPE, "epochs": arguments.epochs, "runs": runs,
        "between_seeds_float32": abs(means["float32"][0] - means["float32"][1]),
        "between_seeds_bfloat16": abs(means["bfloat16"][0] - means["bfloat16"][1]),
        "bfloat16_minus_float32": statistics.fmean(means["bfloat16"]) - statistics.fmean(means["float32"]),
        "machine": {
            "processor": next(
                (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("model name")), platform.processor(),
            ),
            "instructions": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(),
            "torch": torch.__version__, "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
        },
    }  # fmt: skip
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
