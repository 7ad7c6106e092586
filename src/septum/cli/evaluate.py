"""``septum evaluate``."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from septum.cli.output import say, say_aside, say_json, say_table

if TYPE_CHECKING:
    from rich.table import Table

    from septum.metrics import Mean
    from septum.workflows.evaluation import Evaluation


@click.command()
@click.argument("prediction", metavar="PRED", type=click.Path(path_type=Path))
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path))
@click.option(
    "--labels", type=click.Choice(["ventricles", "atrium"]),
    help="What the masks show: 1, 2, 3 (RV, MYO, LV), or 1 or 255 (LA); told by their values without it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all scores and means as JSON, for machines.")
@click.option(
    "--csv", "csv_file", metavar="FILE", type=click.Path(path_type=Path), help="Write all scores there."
)
def evaluate(prediction: Path, truth: Path, labels: str | None, as_json: bool, csv_file: Path | None) -> int:
    """Compare masks with true masks.

    PRED and TRUTH are two files, or two folders of them. Prints Dice, Hausdorff distance and average
    surface distance by structure and phase, in mm and in voxels.
    """
    from septum.workflows.evaluate import SCHEMAS
    from septum.workflows.evaluate import evaluate as compare

    result = compare(prediction, truth, SCHEMAS[labels] if labels else None)
    for text in (*result.notes, *result.unpaired, *result.failures):
        say_aside(text)
    if csv_file is not None:
        _write_csv(csv_file, result)
    if as_json:
        say_json(
            {
                "scores": result.to_rows(),
                "summaries": result.summary_rows(),
                "unpaired": list(result.unpaired),
                "failures": list(result.failures),
                "notes": list(result.notes),
            }
        )
    else:
        say_table(_table(result))
        say(
            "Mean ± standard deviation (number of values). A missed structure counts as Dice 0 and is in no "
            "distance;\nthe last columns count missed structures, and those in neither mask."
        )
        if any(entry.summary.missed for entry in result.summaries):
            say("Penalised means have the diagonal of the volume as the distance of a missed structure.")
    return result.exit_code


def _table(result: Evaluation) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    cases = len({frame.case for frame in result.frames})
    table = Table(title=f"{cases} case{'s' if cases != 1 else ''}", box=SIMPLE_HEAD)
    for heading in ("structure", "phase"):
        table.add_column(heading)
    for heading in (
        "Dice", "Hausdorff, mm", "ASD, mm", "Hausdorff, voxels", "ASD, voxels", "missed", "not scored",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for entry in result.summaries:
        summary = entry.summary
        table.add_row(
            summary.structure,
            entry.phase,
            _cell(summary.dice, 3),
            _cell(summary.hausdorff_mm, 2),
            _cell(summary.asd_mm, 2),
            _cell(summary.hausdorff_voxels, 2),
            _cell(summary.asd_voxels, 2),
            str(summary.missed),
            str(summary.not_scored),
        )
        if summary.missed:
            table.add_row(
                "",
                "penalised",
                "",
                _cell(summary.penalised_hausdorff_mm, 2),
                _cell(summary.penalised_asd_mm, 2),
                _cell(summary.penalised_hausdorff_voxels, 2),
                _cell(summary.penalised_asd_voxels, 2),
            )
    return table


def _cell(mean: Mean, digits: int) -> str:
    if mean.mean is None:
        return "- (0)"
    spread = "" if mean.sd is None else f" ± {mean.sd:.{digits}f}"
    return f"{mean.mean:.{digits}f}{spread} ({mean.n})"


def _write_csv(path: Path, result: Evaluation) -> None:
    from septum.core.files import write_text

    rows = result.to_rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["case"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
