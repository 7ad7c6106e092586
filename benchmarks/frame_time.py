"""Time of one frame, stage by stage, from an array to a mask on its own grid, with both engines.

``make bench`` measures the shipped model on a synthetic heart of ten slices of 256 x 256 voxels, 1.4 mm in
plane, and writes ``benchmarks/results/frame_time.json``. Loading the model is not in the time of a frame, and
is told apart. Engines take turns, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import platform
import time
from collections import defaultdict
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import click
import numpy as np
from frame_time_result import EngineTimes, ImageFacts, Result, Spread, bundle_facts, machine_facts

from septum.core import SeptumError
from septum.core.files import write_text
from septum.inference import ENGINES, load_model, model, open_bundle, steps
from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from septum.core import Cine
    from septum.inference import Bundle, Model

SEED = 0
PHANTOM = PhantomSettings(frames=1, slices=10, matrix=(256, 256), in_plane_mm=1.4)
LOADS = 3
RESULT = Path(__file__).parent / "results" / "frame_time.json"
LIBRARIES = ("septum", "numpy", "scipy", "openvino", "onnxruntime")

#: What is timed of a frame: module, function, and the name that its own time goes under.
STAGES = (
    (model, "prepare", "resample and normalise"),
    (steps, "prepare", "resample and normalise"),
    (steps, "_density_and_mask", "map"),
    (steps, "locate", "map to region"),
    (steps, "run_network", "crop and pad"),
    (steps, "touches_border", "check the border"),
    (steps, "evidence_of", "confidence and agreement"),
    (steps, "paste_back", "paste back"),
    (steps, "postprocess", "largest components"),
)
#: The networks' own time, by the stage that runs them.
NETWORKS = {"map": "localiser network", "crop and pad": "segmenter network"}
REST = "rest"


class Stopwatch:
    """Seconds by stage, each without the stages within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[tuple[str, list[float]]] = []

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time taken under a name, or under that of the network it runs."""

        def run(*args: Any, **named: Any) -> Any:
            own = NETWORKS[self._open[-1][0]] if name == "network" else name
            inner: list[float] = []
            self._open.append((own, inner))
            started = time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                took = time.perf_counter() - started
                self._open.pop()
                self.seconds[own] += took - sum(inner)
                if self._open:
                    self._open[-1][1].append(took)

        return run


def time_frame(loaded: Model, cine: Cine) -> dict[str, float]:
    """Seconds of each stage of one frame; together they are the whole time."""
    watch = Stopwatch()
    engine: Any = ENGINES[loaded.options.engine_name]
    with ExitStack() as patches:
        for room, function, name in STAGES:
            timed = watch.timed(name, getattr(room, function))
            patches.enter_context(mock.patch.object(room, function, timed))
        run = watch.timed("network", engine.run)
        patches.enter_context(mock.patch.object(engine, "run", run))
        whole = watch.timed(REST, loaded.segment)
        whole(cine.array[0], spacing_mm=cine.geometry.spacing_mm)
    return dict(watch.seconds)


def measure(bundle: Bundle, cine: Cine, engines: Sequence[str], threads: int | None, repeats: int) -> Result:
    """Load each engine a few times, then time the frame, the engines in turn.

    Args:
        bundle: the model.
        cine: whose first frame is segmented.
        engines: keys of ``ENGINES``.
        threads: of the CPU, or ``None`` for the engine's choice.
        repeats: number of times that are kept; one more before them is not.
    """
    machine = machine_facts()
    loads: dict[str, list[float]] = {engine: [] for engine in engines}
    models = {}
    for _ in range(1 + LOADS):
        for engine in engines:
            started = time.perf_counter()
            models[engine] = load_model(bundle.folder, engine=engine, threads=threads)
            loads[engine].append(time.perf_counter() - started)
    frames: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    for _ in range(1 + repeats):
        for engine in engines:
            frames[engine].append(time_frame(models[engine], cine))
    return Result(
        machine=machine,
        python=platform.python_version(),
        versions={name: version(name) for name in LIBRARIES if name != "onnxruntime" or name in engines},
        bundle=bundle_facts(bundle),
        image=ImageFacts(shape=cine.array.shape[1:], spacing_mm=cine.geometry.spacing_mm, seed=SEED),
        threads=threads,
        repeats=repeats,
        engines={engine: engine_times(loads[engine], frames[engine][1:]) for engine in engines},
    )


def engine_times(loads: Sequence[float], frames: Sequence[Mapping[str, float]]) -> EngineTimes:
    """Spread over the repeats of the whole and of each stage."""
    return EngineTimes(
        first_load_s=round(loads[0], 5),
        load_s=Spread.of(loads[1:]),
        frame_s=Spread.of([sum(frame.values()) for frame in frames]),
        stages_s={name: Spread.of([frame[name] for frame in frames]) for name in frames[0]},
    )


def told(result: Result) -> str:
    """The result in lines for a terminal."""
    bundle, machine = result.bundle, result.machine
    threads = result.threads or "as the engine chooses"
    lines = [f"{machine.processor}, {machine.cores} cores, load average {machine.load_average} at the start"]
    lines += [f"{bundle.name} ({bundle.sha256[:12]}): {bundle.bytes / 1e6:.2f} MB"]
    lines += [f"image {result.image.shape}; threads: {threads}; {result.repeats} repeats"]
    for engine, times in result.engines.items():
        lines += [f"{engine}: first load {times.first_load_s:.2f} s, then {times.load_s.median:.2f} s"]
        stages = {"one frame": times.frame_s} | times.stages_s
        lines += [f"  {name:24}{_milliseconds(spread)}" for name, spread in stages.items()]
    return "\n".join(lines)


def _milliseconds(spread: Spread) -> str:
    median, lower, upper = (1000 * s for s in (spread.median, spread.lower_quartile, spread.upper_quartile))
    return f"{median:8.1f} ms  ({lower:.1f} to {upper:.1f})"


@click.command()
@click.option("--model", "named", default="cine", show_default=True, help="Shipped model or bundle folder.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), help="Both by default.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; the engine's choice by default.")
@click.option("--repeats", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULT)
def main(named: str, engines: tuple[str, ...], threads: int | None, repeats: int, output: Path) -> None:
    """Time one frame of a synthetic heart, and write the result as JSON."""
    cine = beating_heart(np.random.default_rng(SEED), PHANTOM).cine
    try:
        result = measure(open_bundle(named), cine, engines or tuple(ENGINES), threads, repeats)
    except SeptumError as error:
        raise click.ClickException(str(error)) from error
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, result.model_dump_json(indent=2) + "\n")
    click.echo(f"{told(result)}\nwritten to {output}")


if __name__ == "__main__":
    main()
