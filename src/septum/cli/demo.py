"""``septum demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from septum.cli.output import one_line, say, say_aside, say_table
from septum.cli.parameters import model_options

if TYPE_CHECKING:
    from rich.table import Table

    from septum.inference import ModelKeywords
    from septum.workflows.demo import DemoResult


@click.command()
@click.option(
    "-o", "--out", default=Path("septum-demo"), show_default=True, metavar="DIR",
    type=click.Path(path_type=Path), help="Folder for results.",
)  # fmt: skip
@model_options
def demo(out: Path, model: str, options: ModelKeywords) -> int:
    """Segment a synthetic heart whose truth is known.

    A beating heart is made, segmented, measured against its truth and shown in a report. No patient's data
    is needed.
    """
    from septum.inference import ModelOptions
    from septum.workflows.demo import run_demo
    from septum.workflows.lazy_model import LazyModel

    result = run_demo(out, LazyModel(model, ModelOptions(**options)))
    for flag in result.result.record.quality.flags:
        say_aside(flag.reason)
    say_table(_table(result))
    files = {
        "image": result.image,
        "truth": result.truth,
        "mask": result.result.mask,
        "numbers": result.result.json,
        "report": result.report,
    }
    say("\n".join(f"{name:<8} {one_line(path)}" for name, path in files.items()))
    say("For research use only; not a medical device.")
    return 0


def _table(result: DemoResult) -> Table:
    """Model against truth, structure by structure."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    frames = result.result.record.input.frames
    table = Table(
        title=f"Synthetic heart, {frames} frames: model / truth",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("structure")
    for heading in (
        *(f"Dice {name}" for name, _ in result.phases), "Dice, all",
        *(f"{name} ml" for name, _ in result.phases), "EF %",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for structure, dices in result.dice.items():
        ours, theirs = (curve.volumes_ml[structure] for curve in (result.curve, result.true_curve))
        fractions = [
            curve.ejection_fractions_percent.get(structure) for curve in (result.curve, result.true_curve)
        ]
        told = " / ".join("-" if value is None else f"{value:.1f}" for value in fractions)
        table.add_row(
            structure,
            *("-" if value is None else f"{value:.3f}" for value in dices.values()),
            *(f"{ours[t]:.1f} / {theirs[t]:.1f}" for _, t in result.phases),
            told if any(value is not None for value in fractions) else "",
        )
    return table
