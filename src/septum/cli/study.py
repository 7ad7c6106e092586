"""``septum study``: the paper's comparison, declared, run unit by unit, and shown in tables and figures."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from septum.cli.extras import load_with
from septum.cli.output import say, say_aside, say_json
from septum.cli.parameters import model_options, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from septum.inference import ModelKeywords

    Command = Callable[..., Any]

COMMANDS = "septum_study.commands"
#: What reads committed results, without torch.
COMMITTED = "septum_study.committed"
EXTRAS = {"torch": "study", "matplotlib": "study"}


@click.group(short_help="Compare the methods of the paper: declared, run and found.")
def study() -> None:
    """Compare the paper's methods: what is declared, run and found.

    A unit is one row (method and data set) and one of its folds, written as ROW:FOLD. Needs the extra:
    pip install 'septum[study]'.
    """


def common(command: Command) -> Command:
    """The options that every subcommand has."""
    for option in (
        click.option(
            "--results", type=click.Path(path_type=Path), metavar="DIR",
            help="Folder of the ledger and the per-case results; by default studies/ and the study's name.",
        ),
        click.option(
            "--study", "name", default="paper", show_default=True, metavar="NAME|FILE",
            help="A declared study (paper, half, production, ablation, miniature), or a TOML file of yours.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def with_data(command: Command) -> Command:
    """The options of subcommands that train or segment."""
    for option in (
        click.option("--threads", type=click.IntRange(min=1), help="CPU threads; torch's choice without it."),
        click.option(
            "--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute; a GPU where there is one."
        ),
        click.option(
            "--work", type=click.Path(path_type=Path), metavar="DIR",
            help="Folder for checkpoints and kept weights; by default runs/study/ and the study's name.",
        ),
        click.option(
            "--data", metavar="DIR", type=click.Path(path_type=Path),
            help="Folder that holds acdc/training and lasc/training; by default what SEPTUM_DATA names. "
            "The miniature study makes its own.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@study.command()
@common
@click.option("--json", "as_json", is_flag=True, help="Print all units as JSON, without an estimate.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Estimate for this device.")
def plan(name: str, results: Path | None, device: str | None, *, as_json: bool) -> int:
    """Say what is done, running and left, and how long that takes here at most."""
    commands = _load()
    document = commands.plan(name, results, device, estimate=not as_json)
    if as_json:
        say_json(document)
    else:
        say(commands.plan_text(document))
    return 0


@study.command()
@common
@with_data
@click.argument("units", nargs=-1, metavar="[ROW:FOLD]...")
@click.option(
    "--next", "take_next", is_flag=True, help="Take the next unit, and with a time budget those after."
)
@click.option("--all", "take_all", is_flag=True, help="Take all units that are left.")
@click.option(
    "--time-budget", metavar="TIME", callback=parse_duration,
    help="Stop in time, as in 90s, 9m or 2h; the next call goes on.",
)  # fmt: skip
@click.option(
    "--parallel", type=click.IntRange(min=1), default=1, help="Processes side by side on one device."
)
@click.option(
    "--max-epochs", multiple=True, metavar="[PART=]N",
    help="Cut the training short: of every network, or of a part (localiser, segmenter, transfer). The "
    "result is marked as preliminary, and a later run without this goes on from there.",
)  # fmt: skip
def run(units: tuple[str, ...], *, take_next: bool, take_all: bool, parallel: int, **options: Any) -> int:
    """Train, score and enter units: those named, the next one, or all."""
    if bool(units) + take_next + take_all != 1:
        raise click.UsageError("say which units to run, in one way: ROW:FOLD ..., --next or --all.")
    if units and parallel > 1:
        raise click.UsageError("--parallel goes with --next or --all.")
    commands = _load()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    if parallel > 1:
        code: int = commands.run_parallel(take_all=take_all, count=parallel, **options)
        return code
    from septum.core.errors import SOME_FAILED

    outcome = commands.run(units, take_all=take_all, **options)
    for line in commands.outcome_lines(outcome):
        say(line)
    return SOME_FAILED if outcome.failed else 0


@study.command()
@common
@click.argument("number", metavar="TABLE")
@click.option("--format", "form", type=click.Choice(["markdown", "csv", "latex"]), default="markdown")
def table(number: str, name: str, results: Path | None, form: str) -> int:
    """Print a TABLE (2, 3, 4, localisation, ablation, tests) from the committed per-case results."""
    text, unchecked = _load(COMMITTED).table(name, results, number, form)
    say(text)
    _say_unchecked(unchecked)
    return 0


@study.command()
@common
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="For the pictures."
)
def figures(name: str, results: Path | None, output: Path) -> int:
    """Draw the Bland-Altman figures (7 and 8) from the committed per-case results."""
    paths, unchecked = _load(COMMITTED).figures(name, results, output)
    for path in paths:
        say(str(path))
    _say_unchecked(unchecked)
    return 0


@study.command()
@common
@with_data
@click.argument("case")
@click.option("--fold", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--row", "rows", multiple=True, help="Only these rows, in this order; all that are trained by default."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="For the pictures."
)
def pictures(case: str, **options: Any) -> int:
    """Draw one test CASE by method, overlay and mesh (figures 4 to 6), with the kept weights.

    The pictures show the case's image: where its licence forbids it, do not pass them on.
    """
    for path in _load().pictures(case, **options):
        say(str(path))
    return 0


@study.command()
@common
@with_data
@click.argument("unit", metavar="ROW:FOLD")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="For the masks."
)
def predict(unit: str, **options: Any) -> int:
    """Write the masks of a unit's test cases, as they were scored, with the kept weights."""
    for path in _load().predict(unit, **options):
        say(str(path))
    return 0


@study.command()
@common
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="For the report."
)
def report(name: str, results: Path | None, output: Path) -> int:
    """Write all tables (Markdown, CSV, LaTeX), the figures, and a page that holds them together."""
    page, unchecked = _load(COMMITTED).report(name, results, output)
    say(str(page))
    _say_unchecked(unchecked)
    return 0


@study.command()
@model_options
@click.option(
    "--data", required=True, envvar="SEPTUM_DATA", show_envvar=True, metavar="DIR",
    type=click.Path(path_type=Path), help="Folder of the data set that the bundle was trained on.",
)  # fmt: skip
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), metavar="DIR",
    default=Path("studies/robustness"), show_default=True,
    help="For the results; the same folder goes on where it stopped.",
)  # fmt: skip
@click.option("--patients", type=click.IntRange(min=1), metavar="N", help="Only the first N test patients.")
@click.option("--phase", "phases", multiple=True, type=click.Choice(["ED", "ES"]), help="Only this phase.")
@click.option(
    "--perturbation", "perturbations", multiple=True, metavar="NAME",
    help="Only this one, and the images as they are; several times for several. All by default.",
)  # fmt: skip
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE",
    help="Draw the curves there, too, as .svg or .png.",
)  # fmt: skip
def robustness(
    model: str,
    *,
    options: ModelKeywords,
    picture: Path | None,
    **asked: Any,
) -> int:
    """Measure how a model's Dice changes as its test patients' images do, as another scanner would have them.

    What is measured already is kept, and the next call goes on. Only test patients are segmented.
    """
    commands = _load()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    say(commands.robustness(model, asked, picture=picture, options=options))
    return 0


def _say_unchecked(sentence: str) -> None:
    if sentence:
        say_aside(sentence)


def _load(module: str = COMMANDS) -> ModuleType:
    return load_with(module, "the study", EXTRAS)
