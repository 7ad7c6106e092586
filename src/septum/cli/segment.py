"""``septum segment``."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from septum.cli.output import one_line, say, say_aside, say_json
from septum.cli.parameters import index_options, model_options, parse_spacing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.inference import ModelKeywords
    from septum.workflows.outcomes import Report, StudyResult


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True,
                type=click.Path(path_type=Path, readable=False))  # fmt: skip  # it fails alone
@click.option(
    "-o", "--out", required=True, metavar="OUT", type=click.Path(path_type=Path), help="Folder for results."
)
@model_options
@click.option(
    "--overwrite", is_flag=True, help="Do finished cases anew, too, and replace results of other files."
)
@click.option(
    "--spacing", metavar="Z,Y,X", callback=parse_spacing, help="Use this spacing in mm, not the files'."
)
@index_options
@click.option("--report", is_flag=True, help="Write a page with cine, curves, indices and bullseye, too.")
@click.option("--csv", "csv_file", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the indices of all studies there, one row a study.")  # fmt: skip
@click.option("--dicom", is_flag=True,
              help="Write a DICOM segmentation and a measurement report of DICOM studies.")  # fmt: skip
@click.option("--mesh", type=click.Choice(["stl", "obj", "ply", "glb"]), help="Write surfaces, too.")
@click.option("--identify", is_flag=True, help="Show in the report who the patient is.")
@click.option("--deidentify", is_flag=True, help="Write DICOM with pseudonyms instead of the patient.")
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON, for machines.")
def segment(
    inputs: tuple[Path, ...],
    out: Path,
    model: str,
    *,
    options: ModelKeywords,
    overwrite: bool,
    spacing: tuple[float, float, float] | None,
    csv_file: Path | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Segment studies: image files, or folders of them.

    Files are NIfTI or NRRD, folders may hold DICOM studies; of a cine, every frame is segmented. Each NAME
    gives OUT/NAME_seg.nii.gz and OUT/NAME_seg.json. Finished cases are skipped.
    """
    _refuse_what_cannot_be_meant(csv_file, asked)
    with without_collecting_garbage():
        from septum.inference import ModelOptions
        from septum.workflows.asked import Extras, IndexSettings
        from septum.workflows.lazy_model import LazyModel
        from septum.workflows.output_folder import check_writable_file, unwritable

        indices = IndexSettings(**{name: asked.pop(name) for name in IndexSettings.model_fields})
        extras = Extras(
            **{field.name: asked.pop(field.name) for field in fields(Extras) if field.name in asked}
        )
        without_converter()
        lazy = LazyModel(model, ModelOptions(**options))
        refused = unwritable(out)
        if refused is None and (overwrite or next(out.rglob("*_seg.json"), None) is None):
            lazy.begin()  # nothing is done yet: the model is loaded while the rest of the program is

        from septum.cli.progress import Narrator
        from septum.workflows.indices_table import check_replaceable, write_indices_csv
        from septum.workflows.segment import segment_inputs

    if csv_file is not None:
        check_writable_file(csv_file)
        if not overwrite:
            check_replaceable(csv_file)
    say_result = None if as_json else _say_result
    with Narrator(say_result) as narrator:
        report = segment_inputs(
            inputs, out, model=lazy, spacing_mm=spacing, indices=indices, extras=extras,
            overwrite=overwrite, on_event=narrator,
        )  # fmt: skip
    if csv_file is not None:
        said = write_indices_csv(csv_file, {result.name: result.record for result in report.results})
        if said:
            say_aside(said)
            report = replace(report, notices=(*report.notices, said))
    if as_json:
        say_json(_document(report))
    else:
        _say_summary(report, csv_file)
    return report.exit_code


def _refuse_what_cannot_be_meant(csv_file: Path | None, asked: dict[str, Any]) -> None:
    """Refuse options that do not go together, and a table that is none. Raises :class:`click.UsageError`."""
    if csv_file is not None and csv_file.suffix.lower() != ".csv":
        raise click.BadParameter(f"expected a name that ends in .csv, got {csv_file}.", param_hint="--csv")
    for option, needed in (("identify", "report"), ("deidentify", "dicom")):
        if asked[option] and not asked[needed]:
            raise click.UsageError(f"--{option} goes with --{needed}: give that, too, or leave it out.")
    if asked["end_diastole"] is not None and asked["end_diastole"] == asked["end_systole"]:
        raise click.UsageError(f"--ed and --es: expected two frames, got {asked['end_systole']} for both.")


@contextmanager
def without_collecting_garbage() -> Iterator[None]:
    """While the program is loaded: looking through it for garbage takes longer than reading an image."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def without_converter() -> None:
    """Keep OpenVINO's converter of models, and the telemetry that it brings, from being loaded.

    OpenVINO does without where it is not to be had, and takes a fifth less time to load.
    """
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]  # None says: not to be had


def _document(report: Report) -> dict[str, Any]:
    return {
        "results": [
            {
                "input": str(result.source),
                "mask": str(result.mask),
                "json": str(result.json),
                "beside": [str(path) for path in result.beside],
                "skipped": result.skipped,
                "mask_kept": result.mask_kept,
                "record": result.record.model_dump(mode="json"),
            }
            for result in report.results
        ],
        "failures": [
            {
                "input": str(failure.source),
                "error": type(failure.error).__name__,
                "message": str(failure.error),
                "exit_code": failure.error.exit_code,
            }
            for failure in report.failures
        ],
        "notices": list(report.notices),
        "exit_code": report.exit_code,
    }


def _say_result(result: StudyResult) -> None:
    done = f"{result.record.timings_s.total:.1f} s"
    if result.mask_kept:
        done = "already done" if result.skipped else "mask kept"
    quality = result.record.quality
    why = ", ".join(dict.fromkeys(flag["key"] for flag in quality["flags"]))
    verdict = f"{quality['verdict']}: {why}" if why else quality["verdict"]
    say(f"{one_line(result.mask)}  {_numbers(result)}  {verdict}  ({done})")
    if result.beside:
        names = [f"{path.name}/" if path.is_dir() else path.name for path in result.beside]
        say(f"  beside it: {one_line(', '.join(names))}")


def _say_summary(report: Report, csv_file: Path | None) -> None:
    skipped = sum(result.skipped for result in report.results)
    kept = sum(result.mask_kept for result in report.results) - skipped
    counts = [f"{len(report.results) - skipped - kept} segmented"]
    counts += [f"{kept} with the mask kept"] if kept else []
    counts += [f"{skipped} already done"] if skipped else []
    counts += [f"{len(report.failures)} failed"] if report.failures else []
    where = " Numbers are in the .json beside each mask" if report.results else ""
    where += f", and in {csv_file}" if report.results and csv_file is not None else ""
    where += ". For research use only." if report.results else ""
    say(one_line(f"{', '.join(counts)}.{where}"))


def _numbers(result: StudyResult) -> str:
    """Volumes of a volume, or volumes at end-diastole and ejection fractions of a cine."""
    record = result.record
    if record.input.frames > 1 and "LA" in record.volumes_ml:
        return f"{record.input.frames} frames: LA {max(record.volumes_ml['LA']):.1f} ml at its largest"
    if record.input.frames == 1:
        return ", ".join(f"{name} {volumes[0]:.1f} ml" for name, volumes in record.volumes_ml.items())
    ed, es = record.end_diastole_frame, record.end_systole_frame
    if ed is None or es is None:
        return f"{record.input.frames} frames: no ejection fraction"
    parts = [
        f"{name} {volumes[ed]:.1f} / {volumes[es]:.1f} ml, EF {record.ejection_fraction_percent[name]:.1f} %"
        for name, volumes in record.volumes_ml.items()
        if name in record.ejection_fraction_percent
    ]
    return f"{record.input.frames} frames: " + "; ".join(parts or ["no ejection fraction"])
