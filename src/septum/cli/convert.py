"""``septum convert``."""

from __future__ import annotations

from pathlib import Path

import click

from septum.cli.output import one_line, say, say_aside
from septum.cli.parameters import parse_spacing


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path, readable=False))
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="OUT.nii.gz",
    type=click.Path(path_type=Path),
    help="The NIfTI file.",
)
@click.option(
    "--kind",
    "wanted",
    type=click.Choice(["cine", "late-gadolinium"]),
    default="cine",
    show_default=True,
    help="Which stack of a DICOM study.",
)
@click.option(
    "--stack", type=click.IntRange(min=1), metavar="N", help="The stack that septum info lists as N, instead."
)
@click.option(
    "--spacing", metavar="Z,Y,X", callback=parse_spacing, help="Use this spacing in mm, not the headers'."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def convert(
    source: Path,
    out: Path,
    wanted: str,
    stack: int | None,
    spacing: tuple[float, float, float] | None,
    *,
    overwrite: bool,
) -> int:
    """Write a DICOM study, or another image, as NIfTI.

    With its true spacing and the time between frames; the time of each frame goes into OUT.json. Nothing that
    names the patient is written.
    """
    from septum.workflows.convert import convert as run

    done = run(source, out, wanted=wanted, stack=stack, spacing_mm=spacing, overwrite=overwrite)  # type: ignore[arg-type]  # click checked it
    for note in done.study.notes:
        say_aside(note.text)
    cine = done.study.cine
    z, y, x = cine.geometry.shape
    spacing_mm = " x ".join(f"{v:.4g}" for v in cine.geometry.spacing_mm)
    frames = "frame" if len(cine) == 1 else "frames"
    size = f"{z} x {y} x {x} voxels, {spacing_mm} mm (Z x Y x X)"
    say(f"{one_line(done.image)}  {len(cine)} {frames} of {size}")
    say(one_line(done.sidecar))
    return 0
