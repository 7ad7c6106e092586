"""``septum import-nnunet``: loads what needs torch by name, and says what to install without it."""

from __future__ import annotations

from pathlib import Path

import click

from septum.cli.extras import load_with
from septum.cli.output import one_line, say, say_aside

COMMAND = "septum.training.nnunet_import"
EXTRAS = {"torch": "nnunet", "onnx": "nnunet"}


@click.command("import-nnunet", short_help="Make a model bundle of a trained nnU-Net.")
@click.argument("source", metavar="RESULTS_FOLDER", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, metavar="BUNDLE", type=click.Path(path_type=Path),
    help="Folder for the bundle.",
)  # fmt: skip
@click.option(
    "--fold", "folds", multiple=True, metavar="N", help="Fold to take; may be repeated. All without."
)
@click.option(
    "--checkpoint", type=click.Choice(["final", "best"]), default="final", show_default=True,
    help="Which weights of each fold.",
)  # fmt: skip
@click.option(
    "--role", "roles", multiple=True, metavar="NAME=PART",
    help="Which part of the heart a structure is: LV, RV, MYO or LA; may be repeated.",
)  # fmt: skip
@click.option(
    "--input", "input_", type=click.Choice(["cine", "late-gadolinium"]),
    help="What images it is for; by default cine, and late-gadolinium of a left atrium.",
)  # fmt: skip
@click.option("--name", metavar="NAME", help="Name of the model; by default of data set and configuration.")
@click.option("--no-postprocessing", is_flag=True, help="Leave out what nnU-Net found good to do to masks.")
@click.option("--overwrite", is_flag=True, help="Replace a bundle that is there.")
def import_nnunet(  # noqa: PLR0913  # one argument for each option
    source: Path,
    out: Path,
    folds: tuple[str, ...],
    checkpoint: str,
    roles: tuple[str, ...],
    input_: str | None,
    name: str | None,
    *,
    no_postprocessing: bool,
    overwrite: bool,
) -> int:
    """Make a model bundle of a trained nnU-Net of version 2, which then runs without torch.

    RESULTS_FOLDER is nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION, with plans.json, dataset.json and
    fold_0. Needs the extra: pip install 'septum[nnunet]'.
    """
    parts = dict(map(_role, roles))
    command = load_with(COMMAND, "this", EXTRAS)
    options = command.ImportOptions(
        folds, checkpoint, parts, input_, not no_postprocessing, name, overwrite=overwrite
    )
    manifest = command.import_nnunet(source, out, options)
    told = ", ".join(
        f"{one.name} ({one.role})" if one.role else one.name for one in manifest.labels.structures
    )
    count = len(manifest.networks)
    say(f"{one_line(out)}  {manifest.title}, {count} {'network' if count == 1 else 'networks'}: {told}")
    if not manifest.labels.roles:
        say_aside(
            "none of these is a part of the heart by its name, so there will be no indices: say which is "
            "what, as in --role NAME=LV."
        )
    say(f"septum segment your_study.nii.gz -o out/ --model {one_line(out)}")
    return 0


def _role(text: str) -> tuple[str, object]:
    """A structure's name and its part of the heart."""
    from septum.core import Role

    name, _, part = text.rpartition("=")
    if not name or part.upper() not in list(Role):
        raise click.UsageError(f"--role: expected NAME=PART with a PART of {', '.join(Role)}, got {text!r}.")
    return name, Role(part.upper())
