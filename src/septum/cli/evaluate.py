"""``septum evaluate``."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from septum.cli.output import say, say_aside, say_json, say_table

if TYPE_CHECKING:
    from rich.table import Table

    from septum.metrics import Mean
    from septum.workflows.evaluation import Evaluation


@click.command()
@click.argument("prediction", metavar="PRED", type=click.Path(path_type=Path, readable=False))
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--labels", type=click.Choice(["ventricles", "atrium"]),
    help="What the masks show: 1, 2, 3 (RV, MYO, LV), or 1 or 255 (LA); by their values without it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all scores and means as JSON, for machines.")
@click.option(
    "--csv", "csv_file", metavar="FILE", type=click.Path(path_type=Path), help="Write all scores there."
)
@click.option(
    "--report", metavar="FILE.html", type=click.Path(path_type=Path),
    help="Write a page with all means, and Bland-Altman plots of volumes, mass and ejection fraction.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a file that --csv or --report did not write.")
def evaluate(
    prediction: Path,
    truth: Path,
    *,
    labels: str | None,
    as_json: bool,
    csv_file: Path | None,
    report: Path | None,
    overwrite: bool,
) -> int:
    """Compare masks with true masks.

    PRED and TRUTH are two files, or two folders of them. Prints Dice, Hausdorff distance and average
    surface distance by structure and phase, in mm and in voxels; then volumes, mass and ejection fraction,
    with their bias and limits of agreement.
    """
    from septum.workflows.evaluate import evaluate as compare
    from septum.workflows.masks import SCHEMAS
    from septum.workflows.output_folder import check_writable_file
    from septum.workflows.overwrite_guard import check_own_table

    if csv_file is not None:
        check_writable_file(csv_file)
        if not overwrite:
            check_own_table(csv_file, ("case", "phase", "structure"), of="scores")
    if report is not None:
        check_writable_file(report)
        _refuse_other_page(report, overwrite=overwrite)
    result = compare(prediction, truth, SCHEMAS[labels] if labels else None)
    for text in (*(note.text for note in result.notes), *result.unpaired, *result.failures):
        say_aside(text)
    if report is not None:
        _write_report(report, result)
    if csv_file is not None:
        _write_csv(csv_file, result)
    if as_json:
        say_json(_document(result))
    else:
        _say_tables(result)
    return result.exit_code


def _document(result: Evaluation) -> dict[str, Any]:
    return {
        "scores": result.to_rows(),
        "summaries": result.summary_rows(),
        "unpaired": list(result.unpaired),
        "failures": list(result.failures),
        "indices": result.index_rows(),
        "agreement": result.agreement_rows(),
        "notes": [asdict(note) for note in result.notes],
    }


def _say_tables(result: Evaluation) -> None:
    for table in _tables(result):
        say_table(table)
        say("")
    if result.indices:
        say_table(_agreement_table(result))
        say("")
    say(
        "Mean ± standard deviation over n. HD is the Hausdorff distance, ASD the average\n"
        "surface distance. A missed structure counts as Dice 0 and is in no distance,\n"
        "whose n is then n - missed; what is in neither mask is not scored."
    )
    if any(entry.summary.missed for entry in result.summaries):
        say("Penalised: the distance of a missed structure is the diagonal of the volume.")


def _tables(result: Evaluation) -> tuple[Table, Table]:
    """Dice and distances in mm, and the distances in voxels: two tables, each within 80 columns."""
    cases = len({frame.case for frame in result.frames})
    title = f"{cases} case{'s' if cases != 1 else ''}"
    in_mm = _empty_table(title, "n", "Dice", "HD mm", "ASD mm", "missed")
    in_voxels = _empty_table(f"{title}, in voxels", "n", "HD voxels", "ASD voxels", "not scored")
    for entry in result.summaries:
        s, head = entry.summary, (entry.summary.structure, entry.phase, str(entry.summary.dice.n))
        in_mm.add_row(*head, _cell(s.dice, 3), _cell(s.hausdorff_mm), _cell(s.asd_mm), str(s.missed))
        in_voxels.add_row(*head, _cell(s.hausdorff_voxels), _cell(s.asd_voxels), str(s.not_scored))
        if s.missed:
            head = ("penalised", "", head[2])
            in_mm.add_row(*head, "", _cell(s.penalised_hausdorff_mm), _cell(s.penalised_asd_mm))
            in_voxels.add_row(*head, _cell(s.penalised_hausdorff_voxels), _cell(s.penalised_asd_voxels))
    return in_mm, in_voxels


def _empty_table(title: str, *numbers: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("structure", "phase"):
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _cell(mean: Mean, digits: int = 2) -> str:
    if mean.mean is None:
        return "-"
    spread = "" if mean.sd is None else f" ± {mean.sd:.{digits}f}"
    return f"{mean.mean:.{digits}f}{spread}"


def _write_csv(path: Path, result: Evaluation) -> None:
    from septum.core import Score
    from septum.core.files import write_text

    text = io.StringIO()
    names = ("case", "phase", *(field.name for field in fields(Score)))
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(result.to_rows())
    write_text(path, text.getvalue())


def _agreement_table(result: Evaluation) -> Table:
    """Bias and limits of agreement of each index, predicted minus true."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = "Predicted minus true"
    table = Table(title=title, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("index")
    for heading in ("unit", "n", "true", "bias", "limits of agreement"):
        table.add_column(heading, justify="right")
    for entry in result.agreement:
        limits = "-"
        if entry.lower is not None and entry.upper is not None:
            limits = f"{entry.lower:+.1f} to {entry.upper:+.1f}"
        numbers = (str(entry.n), f"{entry.true_mean:.1f}", f"{entry.bias:+.1f}", limits)
        table.add_row(entry.title, entry.unit, *numbers)
    return table


def _refuse_other_page(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace a file that is no page of this command. Raises :class:`NameTakenError`."""
    from septum.core.errors import NameTakenError
    from septum.report.evaluation import is_own_page

    if path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"expected a name that ends in .html, got {path}.", param_hint="--report")
    if path.exists() and not overwrite and not is_own_page(path):
        raise NameTakenError(
            f"{path} is not recognised as a page of Septum, and may be yours: expected a name that is free; "
            "give another one."
        )


def _write_report(path: Path, result: Evaluation) -> None:
    from septum.core.files import write_text
    from septum.report.evaluation import IndexPoints, evaluation_page

    points = [
        IndexPoints(
            entry.title,
            entry.unit,
            tuple((one.true, one.predicted) for one in result.indices if one.key == entry.key),
            entry.bias,
            entry.lower,
            entry.upper,
        )
        for entry in result.agreement
    ]
    rows = [
        (s.structure, entry.phase, str(s.dice.n), _cell(s.dice, 3), _cell(s.hausdorff_mm), _cell(s.asd_mm))
        for entry in result.summaries
        for s in (entry.summary,)
    ]
    cases = len({frame.case for frame in result.frames})
    write_text(path, evaluation_page(cases, rows, points, [note.text for note in result.notes]))
