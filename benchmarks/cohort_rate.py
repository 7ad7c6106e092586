"""The rate of ``septum cohort`` beside that of ``septum segment``, and a study's cost in large cohorts.

    python benchmarks/cohort_rate.py --out benchmarks/results/cohort_rate.json

Two measurements, each in whole processes:

- A folder of phantoms by ``segment`` and by ``cohort`` in turns, with the shipped model. ``cohort`` runs
  with and without masks; with them it writes what ``segment`` writes. The rate is studies over the time of
  the whole process, its start and that of its workers included.
- Cohorts of 100, 1,000 and 10,000 links to one phantom in one process, with a model that gives a mask at
  once. What is left is the cost of the plan, of reading and measuring, of journals and parts, and of the
  table.

Use a quiet machine; the second measurement takes half an hour. It needs the environment for development.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from septum.cohort.beginning import unfinished
from septum.cohort.looking import write_table
from septum.cohort.plan import CHUNK
from septum.cohort.running import run_here
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart
from support.cohort_kills import Silent
from support.cohort_parts import begun, stub_work, write_phantoms

SLICES, MATRIX, PIXEL_MM = 10, 192, 1.5


def write_folder(folder: Path, studies: int, frames: int) -> None:
    """Write phantoms of different noise."""
    settings = PhantomSettings(frames=frames, slices=SLICES, matrix=(MATRIX, MATRIX), in_plane_mm=PIXEL_MM)
    folder.mkdir()
    for number in range(studies):
        write_image(
            folder / f"P{number:03d}.nii.gz", beating_heart(np.random.default_rng(number), settings).cine
        )


def seconds_of(*arguments: Any) -> float:
    """Time a whole process of the program."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "septum", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own command
    return time.perf_counter() - began


def compared(studies: int, frames: int, workers: int, repeats: int) -> dict[str, Any]:
    """Time both commands on one folder, in turns."""
    times: dict[str, list[float]] = {"segment": [], "cohort_masks": [], "cohort": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_folder(folder / "in", studies, frames)
        for repeat in range(repeats):
            outs = [folder / f"{name}-{repeat}" for name in times]
            more = ("--workers", workers)
            times["segment"].append(seconds_of("segment", folder / "in", "-o", outs[0]))
            times["cohort_masks"].append(
                seconds_of("cohort", "run", folder / "in", "-o", outs[1], *more, "--masks")
            )
            times["cohort"].append(seconds_of("cohort", "run", folder / "in", "-o", outs[2], *more))
    rates = {name: studies / statistics.median(seconds) for name, seconds in times.items()}
    return {
        "studies": studies, "frames": frames, "workers": workers, "seconds": times, "studies_per_second":
        rates, "cohort_masks_over_segment": rates["cohort_masks"] / rates["segment"],
        "cohort_over_segment": rates["cohort"] / rates["segment"],
    }  # fmt: skip


def scaled(studies: int) -> dict[str, Any]:
    """What a study costs in a cohort of so many, without the networks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_phantoms(folder / "in", [f"P{number:06d}" for number in range(studies)])
        began = time.perf_counter()
        cohort = begun(folder / "in", folder / "out", chunk=CHUNK).folder
        planned = time.perf_counter()
        run_here(cohort.path, unfinished(cohort), Silent(), stub_work)
        ran = time.perf_counter()
        rows = write_table(cohort, cohort.path / "table.csv")
        ended = time.perf_counter()
        parts = sum(path.stat().st_size for path in cohort.parts.iterdir())
        table = (cohort.path / "table.csv").stat().st_size
    return {
        "studies": rows, "plan_ms_per_study": 1000 * (planned - began) / studies,
        "run_ms_per_study": 1000 * (ran - planned) / studies,
        "table_ms_per_study": 1000 * (ended - ran) / studies,
        "part_bytes_per_study": parts / studies, "csv_bytes_per_study": table / studies,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


@click.command()
@click.option("--studies", default=40, show_default=True, help="Phantoms of the comparison.")
@click.option("--frames", default=10, show_default=True, help="Of each of them.")
@click.option("--workers", default=2, show_default=True, help="Of the cohort.")
@click.option("--repeats", default=3, show_default=True, help="Of the comparison.")
@click.option("--count", "counts", default=[100, 1000, 10_000], show_default=True, multiple=True,
              type=int, help="Studies of a cohort without networks; may be given several times.")  # fmt: skip
@click.option("--only", "only", type=int, hidden=True)
@click.option("--out", type=click.Path(path_type=Path), help="File for the result, as JSON.")
def main(
    studies: int,
    frames: int,
    workers: int,
    repeats: int,
    counts: tuple[int, ...],
    only: int | None,
    out: Path | None,
) -> None:
    """Time a cohort beside a folder, and cohorts of several sizes."""
    if only is not None:
        click.echo(json.dumps(scaled(only)))
        return
    result = {
        "machine": {
            "processors": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "comparison": compared(studies, frames, workers, repeats),
        "sizes": [],
    }
    for count in counts:  # each in a process of its own, whose memory is then its own
        command = [sys.executable, __file__, "--only", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # ourselves
        result["sizes"].append(json.loads(done.stdout.splitlines()[-1]))
    text = json.dumps(result, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
