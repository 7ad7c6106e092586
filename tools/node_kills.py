"""Kill nodes in every state of a study, many times, and write what was lost or stored twice.

    python tools/node_kills.py --kills 220 --out benchmarks/results/node_kills.json

Each kill is a SIGKILL before or after one of 24 steps of the node, from the first image to the last
acknowledgement, or at a moment drawn by chance. The next node goes on with the folder of the one before. A
scanner sends the whole study again to each of them. A stub that knows the answer takes the model's place. It
needs the environment for development (``tests/support`` has nodes and peers).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.node_kills import ANY_MOMENT, POINTS, kill_loop

#: Kills at any moment, in each round of all steps.
_MOMENTS = 8


@click.command()
@click.option("--kills", default=220, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--minutes", type=float, help="End after so many minutes, with what there is.")
@click.option("--seed", default=1, show_default=True, help="Of the order of steps, and of the moments.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the result, as JSON.")
def main(kills: int, minutes: float | None, seed: int, out: Path | None) -> None:
    """Kill nodes in every state of a study, and write what was lost or stored twice."""
    random = np.random.default_rng(seed)
    once = [*range(len(POINTS)), *_MOMENTS * [ANY_MOMENT]]
    points = [int(one) for _ in range(-(-kills // len(once))) for one in random.permutation(once)][:kills]
    end = time.monotonic() + 60.0 * minutes if minutes else float("inf")
    with tempfile.TemporaryDirectory() as folder:
        found = kill_loop(
            Path(folder),
            points,
            lambda text: click.echo(text, err=True),
            lambda: time.monotonic() < end,
            seed,
        )
    text = json.dumps({"seed": seed, **found}, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    wrong = found["images_lost"] + found["objects_of_two_contents"] + found["objects_not_made"]
    sys.exit(bool(wrong or found["studies_sent"] < found["studies"]))


if __name__ == "__main__":
    main()
