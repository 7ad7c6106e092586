"""Words for the user: results on standard output, everything else on standard error."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

DEBUG = "SEPTUM_DEBUG"
#: How each remedy is given on the command line (:class:`septum.core.errors.Remedy`).
_OPTIONS = {
    "spacing": "The option is --spacing Z,Y,X.",
    "stack": "The option is --stack N, of septum convert.",
    "labels": "The option is --labels.",
    "overwrite": "The option is --overwrite.",
    "measure": "The command is septum measure; the option that loses the change is --overwrite.",
}
#: What moves the cursor, colours, turns the direction of writing or ends a line, as a file's name may hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def tolerate_any_character() -> None:
    """Print what the encoding of the terminal does not hold as an escape, and do not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def one_line(text: object) -> str:
    """The text with control characters as escapes, so that no file's name speaks to the terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


def say(text: str) -> None:
    """Print a result. A reader that has gone away (``| head``) has had enough; that is no error.

    Names of files that it tells must have been through :func:`one_line`.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        _silence_output()
    except OSError as error:
        from septum.core import OutputError

        if error.errno == errno.EPIPE:
            _silence_output()
            return
        raise OutputError(f"standard output cannot be written: {error.strerror}.") from error


def say_json(document: Any) -> None:
    """Print one JSON document."""
    say(json.dumps(document, indent=2, allow_nan=False))


def say_aside(text: str, *, whole: bool = True) -> None:
    """Print a remark for the user's eyes, beside the results. Where nobody can read it, that ends no run.

    Args:
        text: what is said.
        whole: it is a line of Septum's own; otherwise it is printed as it stands.
    """
    with suppress(OSError):  # a log on a full disk, or a reader that has gone away
        click.echo(f"septum: {one_line(text)}" if whole else text, err=True, nl=whole)


def say_table(table: Table) -> None:
    """Print a table as wide as the terminal; in a pipe or a file, as wide as it needs to be."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    console = Console(width=width, file=sys.stdout)
    with console.capture() as captured:
        console.print(table)
    say("\n".join(line.rstrip() for line in captured.get().rstrip().splitlines()))


def say_error(error: Exception) -> int:
    """Tell an error in one line, and return its exit code. ``SEPTUM_DEBUG=1`` adds where it happened.

    The rooms below know no option: what an error asks for is named here as the command line has it.
    """
    from septum.core import SeptumError
    from septum.core.errors import UnexpectedError

    if isinstance(error, MemoryError):
        told: SeptumError = SeptumError("the memory is used up; free some, or use a machine with more.")
    else:
        told = error if isinstance(error, SeptumError) else UnexpectedError.of(error)
    if os.environ.get(DEBUG):
        say_aside("".join(traceback.format_exception(error)), whole=False)
    options = "" if told.remedy is None else f" {_OPTIONS[told.remedy]}"
    say_aside("error: " + re.sub(r"\s*\n\s*", " ", f"{told}{options}"))
    return told.exit_code


def _silence_output() -> None:
    """Point standard output at nothing, so that flushing it at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
