"""``septum view``: loads the server by name, and says which extra to install without it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from septum.cli.extras import load_with
from septum.cli.output import say, say_aside
from septum.cli.parameters import model_options

if TYPE_CHECKING:
    from septum.inference import ModelKeywords
    from septum.workflows.lazy_model import LazyModel

COMMAND = "septum.view.command"
EXTRAS = dict.fromkeys(("starlette", "uvicorn", "anyio", "h11"), "view")


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True,
                type=click.Path(path_type=Path, exists=True, readable=False))  # fmt: skip
@click.option(
    "-o", "--out", metavar="OUT", type=click.Path(path_type=Path),
    help="Folder for results of studies; by default septum-view. Results are corrected where they lie.",
)  # fmt: skip
@click.option(
    "--images", multiple=True, metavar="PATH", type=click.Path(path_type=Path, exists=True),
    help="Where the images of results are, if not beside them or one folder up; can be given again.",
)  # fmt: skip
@click.option("--reader", default="", metavar="NAME", help="Who looks at the studies.")
@click.option("--identify", is_flag=True, help="Show in the page who the patient is.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port on this machine; by default 8642, or the next free one.",
)
@click.option("--no-browser", is_flag=True, help="Print the address alone, and open no browser.")
@model_options
def view(  # noqa: PLR0913  # one argument an option, or group of options
    paths: tuple[Path, ...],
    out: Path | None,
    images: tuple[Path, ...],
    reader: str,
    port: int | None,
    model: str,
    *,
    identify: bool,
    no_browser: bool,
    options: ModelKeywords,
) -> int:
    """Look at studies in a browser, and correct their masks.

    PATH is a folder of results, as of septum segment, or a study, which is segmented first. The page is
    served to this machine alone, at an address that only this terminal shows; Ctrl-C ends it.
    Needs the extra: pip install 'septum[view]'.
    """
    command = load_with(COMMAND, "the viewer", EXTRAS)
    named = command.sort_paths(paths)
    if out is not None and not named.studies:
        raise click.UsageError(
            f"-o: expected a study to segment, and {paths[0]} holds results, which are corrected where they "
            "lie; leave it out."
        )
    folder = out or command.DEFAULT_OUT
    if named.studies and out is None:
        say_aside(f"results go to {folder}; -o names another folder.")
    wishes = command.Wishes(images, reader, identify, port)
    from septum.cli.progress import Narrator

    def ready(address: str) -> None:
        say(address)
        say_aside("for research use only. Ctrl-C ends the viewer.")
        if not no_browser:
            _open_browser(address)

    with Narrator(None) as narrator:
        code: int = command.view(
            named, folder, lambda: _model(model, options), wishes, ready=ready, on_event=narrator
        )
    return code


def _model(model: str, options: ModelKeywords) -> LazyModel:
    from septum.cli.segment import without_converter
    from septum.inference import ModelOptions
    from septum.workflows.lazy_model import LazyModel

    without_converter()
    return LazyModel(model, ModelOptions(**options))


def _open_browser(address: str) -> None:
    """Open the page, where there is a screen: a browser of the terminal would take the terminal."""
    is_plain = sys.platform not in ("win32", "darwin")
    if is_plain and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    import webbrowser

    webbrowser.open(address)
