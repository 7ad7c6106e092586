"""Kill workers and schedulers of a cohort at random moments, and write what became of its table.

    python tools/cohort_kills.py --kills 300 --studies 5000 --out benchmarks/results/cohort_kills.json

Each kill is a SIGKILL to a worker of Dask, to a process that does single studies, or to the run itself with
its scheduler, which is then started again. A model of known clock stands in for the networks, and one study
ends every process that segments it. It needs the environment for development (``tests/support``).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.cohort_kills import kill_loop


@click.command()
@click.option("--studies", default=5000, show_default=True, type=click.IntRange(min=3), help="Of the cohort.")
@click.option("--kills", default=300, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(min=1), help="Of the cluster.")
@click.option(
    "--chunk", default=32, show_default=True, type=click.IntRange(min=1), help="Studies of a chunk."
)
@click.option("--clock", default=0.5, show_default=True, help="Seconds that a study takes.")
@click.option("--pause", default=4.0, show_default=True, help="Mean seconds between two kills.")
@click.option("--seed", default=1, show_default=True, help="Of moments and victims.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the result, as JSON.")
def main(
    studies: int,
    kills: int,
    workers: int,
    chunk: int,
    clock: float,
    pause: float,
    seed: int,
    out: Path | None,
) -> None:
    """Kill processes of a cohort at random, and write what became of its table."""
    with tempfile.TemporaryDirectory() as folder:
        found = kill_loop(
            Path(folder), studies=studies, kills=kills, workers=workers, chunk=chunk, clock_s=clock,
            pause_s=pause, seed=seed, say=lambda text: click.echo(text, err=True),
        )  # fmt: skip
    text = json.dumps({"seed": seed, "clock_s": clock, "pause_s": pause, **found}, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    sys.exit(not (found["rows"] == found["distinct"] == studies == found["done"] + 1))


if __name__ == "__main__":
    main()
