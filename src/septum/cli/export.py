"""``septum export``."""

from __future__ import annotations

from pathlib import Path

import click

from septum.cli.output import one_line, say


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("--monai", is_flag=True, help="As a MONAI bundle, the only form so far.")
@click.option(
    "-o", "--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
    help="Folder for the bundle.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a MONAI bundle that is there.")
def export(model: str, out: Path, *, monai: bool, overwrite: bool) -> int:
    """Write a model for another program.

    MODEL is a shipped model, or the folder of a bundle.
    """
    if not monai:
        raise click.UsageError("expected a form: give --monai.")
    from septum.workflows.monai_bundle import export_monai

    bundle = export_monai(model, out, overwrite=overwrite)
    say(f"{one_line(out)}  {bundle.manifest.title}")
    return 0
