"""``septum train``: loads what needs torch by name, and says which extra to install without it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from septum.cli.extras import load_with
from septum.cli.output import say
from septum.cli.parameters import parse_duration

COMMAND = "septum.training.command"
EXTRAS = {"torch": "train", "onnx": "train"}


@click.command()
@click.argument("recipe", metavar="RECIPE")
@click.option(
    "--data", required=True, envvar="SEPTUM_DATA", show_envvar=True, metavar="DIR",
    type=click.Path(path_type=Path), help="Folder of the data set.",
)  # fmt: skip
@click.option(
    "--run", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder for checkpoints and results; the same folder goes on where it stopped. "
    "By default runs/, and in it the name of the recipe's file.",
)  # fmt: skip
@click.option(
    "--time-budget", metavar="TIME", callback=parse_duration,
    help="Stop training in time, as in 90s, 50m or 2h; the same command goes on.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; torch's choice without it.")
def train(
    recipe: str, data: Path, run: Path | None, time_budget: float | None, device: str, threads: int | None
) -> int:
    """Train what a RECIPE says, and export a model bundle.

    RECIPE is a TOML file, or the name of a shipped recipe such as production/cine.
    Each epoch leaves a checkpoint. Needs the extra: pip install 'septum[train]'.
    """
    path = find_recipe(recipe)
    command = load_with(COMMAND, "training", EXTRAS)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    outcome = command.train(path, data, run or Path("runs") / path.stem, time_budget, device, threads)
    if outcome.comparison:
        say(f"{outcome.comparison}\n")
    say(outcome.message)
    if outcome.bundle is not None:
        say(f"bundle: {outcome.bundle}")
    return 0


def find_recipe(recipe: str) -> Path:
    """A recipe file, or a shipped recipe by its name. Raises :class:`RecipeError`."""
    from septum.core import RecipeError
    from septum.core.shipped_recipes import shipped_recipes

    if Path(recipe).is_file():
        return Path(recipe)
    shipped = shipped_recipes()
    if recipe in shipped:
        return shipped[recipe]
    from difflib import get_close_matches

    known = [name for name in shipped if name.startswith("production/")]
    close = get_close_matches(recipe.removesuffix(".toml"), shipped, n=3) or known
    raise RecipeError(
        f"no recipe {recipe!r}: expected a TOML file, or one of the {len(shipped)} that are shipped, such as "
        f"{', '.join(close)}; check the name."
    )
