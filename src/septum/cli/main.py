"""The command ``septum``: finds its subcommands by name, and turns every error into one sentence."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from septum.cli.output import say_aside, say_error, tolerate_any_character

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
#: Objects made between two searches for cycles. Loading makes tens of thousands that stay; by the default
#: they would be looked through again and again, which takes longer than reading an image.
OBJECTS_BETWEEN_COLLECTIONS = 50_000
#: An option that is given nothing: ``--out=``.
_EMPTY_VALUE = re.compile(r"--[\w-]+=")
#: Every command, in the order of use: its name is that of the module of this package that has it, and of the
#: function in it. A new command is a file of its own and a name here.
COMMANDS = (
    *("segment", "view", "measure", "evaluate", "train", "study", "node", "cohort", "info", "convert"),
    *("import-nnunet", "export", "demo"),
)


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command ``septum.cli.NAME.NAME``; a hyphen of its name is an underscore there."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"septum.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As of every group; the message on an unknown name has the one that may be meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            if not close:
                raise
            message = f"there is no command {args[0]!r}; write {close[0]!r} if that is meant."
            raise click.UsageError(message, ctx) from None


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="septum", message="septum %(version)s")
def septum() -> None:
    """Find the heart in a cardiac MR study, segment it in 3-D, and get its numbers.

    For research use only; not a medical device.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; no traceback reaches the user unless SEPTUM_DEBUG is set.

    Args:
        arguments: without the program's name; ``None`` takes those of the process.

    Returns:
        An exit code of :mod:`septum.core.errors`.
    """
    tolerate_any_character()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_empty(arguments)
        code: int | None = septum.main(arguments, prog_name="septum", standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError, AttributeError):  # nobody can read it, or there is no standard error
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say_aside("interrupted; run the same command again to go on.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last place where an error can become a sentence
        return say_error(error)
    return code or 0


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse an argument without a character: as a path it would stand for the current folder.

    Raises:
        click.UsageError: there is one.
    """
    for place, argument in enumerate(arguments):
        if not argument or _EMPTY_VALUE.fullmatch(argument):
            before = arguments[place - 1] if place and not argument else ""
            where = argument.rstrip("=") or (before if before.startswith("-") else f"argument {place + 1}")
            raise click.UsageError(
                f"{where}: expected a value, and it is empty, as a variable of the shell that is not set is; "
                "write the value."
            )


def run() -> None:
    """The program: ends the process as soon as all is written.

    Unloading OpenVINO would take longer than writing a mask. Where torch is loaded, its processes and files
    are cleaned up as usual.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # whoever read it has gone away, or never was
            stream.flush()
    if "openvino" in sys.modules and "torch" not in sys.modules:
        os._exit(code)
    sys.exit(code)
