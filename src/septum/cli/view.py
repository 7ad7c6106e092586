"""``septum view``."""

from __future__ import annotations

import importlib
import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from septum.cli.output import say, say_aside

COMMAND = "septum.view.command"
EXTRA = ("starlette", "uvicorn")


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True,
                type=click.Path(path_type=Path, readable=False))  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), help="Port on this machine.")
@click.option("--reader", default="", help="Name of the reader.")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
def view(paths: tuple[Path, ...], port: int | None, reader: str, *, no_browser: bool) -> int:
    """Look at studies in a browser, correct them, and decide on them."""
    from septum.view.library import Library
    from septum.view.server import free_socket, serve

    def ready(address: str) -> None:
        say(address)
        if not no_browser:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):
        serve(Library(paths, reader=reader), free_socket(port), ready)
    return 0
