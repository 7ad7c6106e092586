"""``septum measure``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from septum.cli.parameters import index_options, output_options, parse_spacing, subjects_option
from septum.cli.segment import check_csv, check_csv_name, index_settings, say_case, say_summary

if TYPE_CHECKING:
    from septum.cli.parameters import IndexValues
    from septum.workflows.outputs import Outputs


@click.command()
@click.argument("masks", metavar="MASK...", nargs=-1, required=True,
                type=click.Path(path_type=Path, readable=False))  # fmt: skip  # it fails alone
@click.option(
    "--image", metavar="IMAGE", type=click.Path(path_type=Path),
    help="The file or DICOM study that the mask was drawn on; with one MASK.",
)  # fmt: skip
@click.option(
    "-o", "--out", metavar="OUT", type=click.Path(path_type=Path),
    help="Folder for results; by default that of the mask.",
)  # fmt: skip
@click.option(
    "--labels", type=click.Choice(["ventricles", "atrium"]),
    help="What the masks show: 1, 2, 3 (RV, MYO, LV), or 1 or 255 (LA).",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace results of other inputs, and other files, too.")
@click.option(
    "--spacing", metavar="Z,Y,X", callback=parse_spacing, help="Use this spacing in mm, not the files'."
)
@index_options
@subjects_option
@output_options
@click.option("--csv", "csv_file", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the indices of all masks there, one row a mask.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON, for machines.")
def measure(  # noqa: PLR0913  # one argument an option, or group of options
    masks: tuple[Path, ...],
    image: Path | None,
    out: Path | None,
    labels: str | None,
    *,
    overwrite: bool,
    spacing: tuple[float, float, float] | None,
    indices: IndexValues,
    subjects: Path | None,
    outputs: Outputs,
    csv_file: Path | None,
    as_json: bool,
) -> int:
    """Measure masks, whoever made them.

    Writes OUT/NAME_seg.json with indices and verdict, and the outputs asked for. A mask of Septum that was
    corrected by hand gets new numbers this way. No network runs, and masks stay as they are.
    """
    check_csv_name(csv_file)
    if image is not None and len(masks) > 1:
        raise click.UsageError(f"--image goes with one MASK, and there are {len(masks)}: measure each alone.")
    from septum.cli.progress import Narrator
    from septum.workflows.measure import Measuring, measure_masks

    check_csv(csv_file, overwrite=overwrite)
    how = Measuring(image, labels, spacing, index_settings(indices, subjects))
    with Narrator(None if as_json else partial(say_case, kept="measured")) as narrator:
        summary = measure_masks(masks, how, out=out, outputs=outputs, overwrite=overwrite, on_event=narrator)
    return say_summary(summary, csv_file, "measured", as_json=as_json, own_masks=True)
