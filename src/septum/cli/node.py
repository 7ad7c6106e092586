"""``septum node``: takes studies from scanner or archive, and sends segmentations back."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from septum.cli.extras import load_with
from septum.cli.output import one_line, say, say_aside, say_json, say_table

if TYPE_CHECKING:
    from septum.node.settings import NodeSettings

_CONFIG = click.Path(path_type=Path, dir_okay=False)


def _config_option(command: Any) -> Any:
    return click.option("--config", metavar="FILE", type=_CONFIG, help="The node's settings, as TOML.")(
        command
    )


@click.group(invoke_without_command=True)
@_config_option
@click.pass_context
def node(ctx: click.Context, config: Path | None) -> int:
    """Receive DICOM studies, and send back what they hold.

    Without a subcommand it runs until it is ended (Ctrl-C, or SIGTERM). Needs the extra: pip install
    'septum[node]'.
    """
    ctx.obj = config
    if ctx.invoked_subcommand is not None:
        return 0
    settings = _settings(config)
    load_with("pynetdicom", "the node", {"pynetdicom": "node"})
    return _run(settings)


@node.command("status")
@_config_option
@click.option("--all", "every", is_flag=True, help="List studies that are sent or were left out, too.")
@click.option("--uids", is_flag=True, help="Show the UIDs of studies, not only their codes.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
@click.pass_context
def show_status(ctx: click.Context, config: Path | None, *, every: bool, uids: bool, as_json: bool) -> int:
    """Show the studies of a node and why they are in their states."""
    from septum.node.looking import status

    found = status(_settings(config or ctx.obj).data, every=every, uids=uids)
    if as_json:
        say_json(found)
    else:
        _say_status(found)
    return 0


@node.command("retry")
@_config_option
@click.option("--all-failed", is_flag=True, help="Begin again with all that have failed.")
@click.argument("jobs", metavar="JOB...", nargs=-1, type=int)
@click.pass_context
def retry_jobs(ctx: click.Context, config: Path | None, jobs: tuple[int, ...], *, all_failed: bool) -> int:
    """Begin again with studies that have failed or were ignored, by their numbers."""
    if not jobs and not all_failed:
        raise click.UsageError("Missing argument 'JOB...', or --all-failed.")
    from septum.node.looking import retry

    for number, state in retry(_settings(config or ctx.obj).data, jobs, every=all_failed):
        say(f"job {number}: {state}")
    return 0


def _settings(config: Path | None) -> NodeSettings:
    if config is None:
        raise click.UsageError("Missing option '--config'.")
    from septum.node.settings import load_settings

    return load_settings(config)


def _run(settings: NodeSettings) -> int:
    """Run a node until a signal ends it."""
    import signal

    from septum.node.service import running

    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with running(settings) as one:
        if one.listener is not None:
            where = f"{one.listener.settings.host} port {one.listener.port}"
            say_aside(f"takes studies as {one.listener.settings.ae_title} at {where}.")
        if one.web is not None:
            say_aside(f"answers by HTTP at {one.web.settings.host} port {one.web.port}.")
        say_aside("runs. For research use only; not a medical device.")
        while not ended.wait(1.0):
            pass
        say_aside("ends.")
    return 0


def _say_status(found: dict[str, Any]) -> None:
    counts = ", ".join(f"{n} {state}" for state, n in found["studies"].items() if n)
    say(f"{'running' if found['running'] else 'not running'}; {counts or 'no studies yet'}")
    if not found["jobs"]:
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("job", "study", "version", "state", "images", "changed", "reason"):
        table.add_column(heading, overflow="fold")
    for job in found["jobs"]:
        sending = [f"{name}: {one['reason']}" for name, one in job["sending"].items() if one["reason"]]
        reason = "; ".join(dict.fromkeys([*([job["reason"]] if job["reason"] else []), *sending]))
        study = job.get("study_uid", job["study"])
        cells = (job["job"], study, job["version"], job["state"], job["images"], job["changed"], reason)
        table.add_row(*(one_line(cell) for cell in cells))
    say_table(table)
