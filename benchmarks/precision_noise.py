"""Whether rounding to bfloat16 changes what a training learns by more than another seed does.

    OMP_NUM_THREADS=1 python benchmarks/precision_noise.py --work runs/precision --epochs 40

One network of the miniature study is trained on phantoms in float32 and under bfloat16 autocast, each from two
seeds, with convolutions in 3-D both times. Printed and written is the Dice of the phantoms that validate, by
structure, as a mean over the last epochs. A processor without bfloat16 units computes it all the same, slowly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import torch

from septum.cli.train import find_recipe
from septum.datasets import REGISTRY
from septum.methods.case_store import CaseStore
from septum.training import loop
from septum.training.loop import Deadline
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.processor import Way
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


def train(store: CaseStore, folder: Path, seed: int, epochs: int, *, bfloat16: bool) -> dict[str, float]:
    """Train one network; its Dice by structure on the cases that validate."""
    loop.way_for = lambda _device: Way(by_slices=False, bfloat16=bfloat16)  # type: ignore[assignment]
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
    parser.add_argument("--epochs", type=int, default=40)
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
