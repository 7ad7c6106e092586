"""Seconds and operations of a recipe's training steps on a device, and how much of the time a GPU computes.

    python benchmarks/training_rate.py production/cine --device cuda --steps 50

Images are noise of the data sets' sizes: what they show makes no difference to the time. Printed is one JSON
object: seconds a step and an epoch, FLOP a second, and on a GPU its utilisation, kernel time over wall time.
On a CPU each step is also taken as version 0.9 computed it, in turn with the others, so that what else the
machine does slows both alike: ``times_faster`` is the quotient of the medians. For the rate of one core:

    OMP_NUM_THREADS=1 python benchmarks/training_rate.py production/cine-cpu
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from before import as_before
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from septum.cli.train import find_recipe
from septum.core import Geometry
from septum.methods.patches import PatchSampler
from septum.methods.samples import PreparedCase
from septum.training.device import choose_device, device_name, repeatable
from septum.training.objective import stage_task
from septum.training.processor import BY_SLICES, keep_freed_memory, way_for
from septum.training.recipe_file import load_recipe
from septum_study.cost import PASSES_OF_A_STEP, forward_flop

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.methods.settings import StageSettings

#: Slices, field of view in mm, distance of slices in mm, and number of the cases of a data set.
SIZES = {"acdc": ([6, 8, 9, 10, 10, 11, 12, 16], 350.0, 9.0, 160), "lasc": ([88], 115.0, 0.625, 64)}
WARM_UP = 3


def cases(dataset: str, settings: StageSettings, rng: np.random.Generator) -> list[PreparedCase]:
    """Noise in the sizes of a data set."""
    slices, field_mm, slice_mm, count = SIZES[dataset]
    spacing = settings.preprocessing.in_plane_mm or 1.4
    through = settings.preprocessing.slice_mm or slice_mm
    made = []
    for number in range(count):
        depth = round(slices[number % len(slices)] * slice_mm / through)
        side = round(field_mm / spacing)
        geometry = Geometry((depth, side, side), (through, spacing, spacing))
        image = torch.from_numpy(rng.standard_normal(geometry.shape, dtype=np.float32))
        made.append(PreparedCase(f"{number}", f"{number}", geometry, image, (image > 1).to(torch.uint8)))
    return made


def measure(recipe_name: str, stage: str, device: torch.device, steps: int) -> dict[str, object]:
    """Train for a few steps."""
    recipe = load_recipe(find_recipe(recipe_name))
    settings: StageSettings = getattr(recipe, stage)
    rng = np.random.default_rng(0)
    made = [case.on(device) for case in cases(recipe.dataset, settings, rng)]
    sampler, task = PatchSampler(made, {}, settings), stage_task(settings)
    keep_freed_memory()
    network, way = task.build().to(device).train(), way_for(device)
    way.apply_to(network)
    optimiser = torch.optim.AdamW(network.parameters())
    batch, flop = settings.optimisation.batch, 0.0

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        flop = 0.0
        for image, classes in sampler.step(sampler.order(batch, rng), rng, device):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=way.bfloat16):
                channels_last = image.contiguous(memory_format=torch.channels_last_3d)
                loss = task.objective(network, channels_last, classes)
            loss.backward()
            size = tuple(int(n) for n in image.shape[2:])
            flop += PASSES_OF_A_STEP * len(image) * forward_flop(settings.network, size)
        optimiser.step()
        return flop

    def timed(count: int) -> tuple[float, float]:
        done, started = 0.0, time.perf_counter()
        for _ in range(count):
            done += step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started, done

    with repeatable():
        timed(WARM_UP)
        seconds, flop = timed(steps)
        busy = _kernel_share(timed, steps) if device.type == "cuda" else None
        now, before = [], []
        for _ in range(steps if device.type == "cpu" else 0):
            way.apply_to(network)
            now.append(timed(1)[0])
            BY_SLICES.apply_to(network)
            autocast, way = way, BY_SLICES
            with as_before():
                before.append(timed(1)[0])
            way = autocast
    return {
        "recipe": recipe_name, "stage": stage, "device": device_name(device), "machine": platform.machine(),
        "torch": torch.__version__, "steps": steps, "seconds_a_step": seconds / steps,
        "seconds_an_epoch": seconds / steps * settings.optimisation.steps_per_epoch,
        "hours_of_training": seconds / steps * settings.optimisation.steps_per_epoch
        * settings.optimisation.epochs / 3600,
        "gflop_a_second": flop / seconds / 1e9, "kernel_time_over_wall_time": busy,
        "way": str(way), "median_seconds_a_step": statistics.median(now) if now else None,
        "median_seconds_a_step_before": statistics.median(before) if before else None,
        "times_faster": statistics.median(before) / statistics.median(now) if now else None,
    }  # fmt: skip


def _kernel_share(timed: Callable[[int], tuple[float, float]], steps: int) -> float:
    """Share of the wall time in which kernels run, by the profiler; steps are slower under it."""
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
        wall, _ = timed(steps)
    # Operators of the CPU and annotations carry the time of the kernels that they start, too.
    kernels = sum(
        event.self_device_time_total
        for event in profiler.key_averages()
        if event.device_type == DeviceType.CUDA and not event.is_user_annotation
    )
    return kernels / 1e6 / wall


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("recipe")
    parser.add_argument("--stage", choices=["localiser", "segmenter"], default="segmenter")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    print(json.dumps(measure(given.recipe, given.stage, choose_device(given.device), given.steps), indent=1))


if __name__ == "__main__":
    main()
