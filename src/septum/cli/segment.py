"""``septum segment``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from septum.cli.output import one_line, say, say_aside, say_json
from septum.cli.parameters import index_options, model_options, output_options, parse_spacing, subjects_option

if TYPE_CHECKING:
    from septum.cli.parameters import IndexValues
    from septum.inference import ModelKeywords
    from septum.workflows.events import CaseDone, RunSummary
    from septum.workflows.options import IndexSettings
    from septum.workflows.outputs import Outputs
    from septum.workflows.record import Record
    from septum.workflows.subjects import Subjects
    from septum.workflows.two_phases import TwoPhases


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1,
                type=click.Path(path_type=Path, readable=False))  # fmt: skip  # it fails alone
@click.option(
    "-o", "--out", required=True, metavar="OUT", type=click.Path(path_type=Path), help="Folder for results."
)
@click.option("--ed-file", metavar="FILE", type=click.Path(path_type=Path),
              help="End-diastole as a file of its own; with --es-file, in place of INPUT.")  # fmt: skip
@click.option("--es-file", metavar="FILE", type=click.Path(path_type=Path),
              help="End-systole as a file of its own.")  # fmt: skip
@model_options
@click.option(
    "--overwrite", is_flag=True, help="Do finished cases anew, too, and replace results of other files."
)
@click.option(
    "--spacing", metavar="Z,Y,X", callback=parse_spacing, help="Use this spacing in mm, not the files'."
)
@index_options
@subjects_option
@output_options
@click.option("--csv", "csv_file", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the indices of all studies there, one row a study.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON, for machines.")
def segment(  # noqa: PLR0913  # one argument an option, or group of options
    inputs: tuple[Path, ...],
    out: Path,
    model: str,
    *,
    ed_file: Path | None,
    es_file: Path | None,
    options: ModelKeywords,
    overwrite: bool,
    spacing: tuple[float, float, float] | None,
    indices: IndexValues,
    subjects: Path | None,
    outputs: Outputs,
    csv_file: Path | None,
    as_json: bool,
) -> int:
    """Segment studies: image files, or folders of them.

    Files are NIfTI, NRRD or MetaImage, folders may hold DICOM studies; of a cine, every frame is segmented.
    Each NAME gives OUT/NAME_seg.nii.gz, or a mask in the format of its image, and OUT/NAME_seg.json. Finished
    cases are skipped.
    """
    check_csv_name(csv_file)
    two_phases = _two_phases(inputs, ed_file, es_file, indices)
    from septum.inference import ModelOptions
    from septum.workflows.lazy_model import LazyModel
    from septum.workflows.output_folder import unwritable

    without_converter()
    lazy = LazyModel(model, ModelOptions(**options))
    refused = unwritable(out)
    if refused is None and (overwrite or next(out.rglob("*_seg.json"), None) is None):
        lazy.begin()  # nothing is done yet: the model is loaded while the rest of the program is

    from septum.cli.progress import Narrator
    from septum.workflows.segment import segment_inputs

    settings = index_settings(indices, subjects)
    check_csv(csv_file, overwrite=overwrite)
    with Narrator(None if as_json else say_case) as narrator:
        summary = segment_inputs(
            two_phases or inputs, out, model=lazy, spacing_mm=spacing, indices=settings, outputs=outputs,
            overwrite=overwrite, on_event=narrator,
        )  # fmt: skip
    return say_summary(summary, csv_file, "segmented", as_json=as_json)


def _two_phases(
    inputs: tuple[Path, ...], ed_file: Path | None, es_file: Path | None, indices: IndexValues
) -> TwoPhases | None:
    """Files of end-diastole and end-systole, if they are given. Raises :class:`click.UsageError`."""
    if ed_file is None and es_file is None:
        if not inputs:
            raise click.UsageError("Missing argument 'INPUT...', or --ed-file and --es-file.")
        return None
    if ed_file is None or es_file is None:
        raise click.UsageError("--ed-file and --es-file go together: give both, or neither.")
    if inputs:
        raise click.UsageError(f"--ed-file and --es-file: expected no INPUT, got {inputs[0]}.")
    if indices["end_diastole"] is not None or indices["end_systole"] is not None:
        raise click.UsageError("--ed and --es: with --ed-file and --es-file the phases are known.")
    from septum.workflows.two_phases import TwoPhases

    return TwoPhases(ed_file, es_file)


def index_settings(indices: IndexValues, subjects: Path | None) -> IndexSettings | Subjects:
    """Say how indices are taken. Raises :class:`septum.core.InputError` for a table that is none."""
    from septum.workflows.options import IndexSettings

    if subjects is None:
        return IndexSettings(**indices)
    from septum.workflows.subjects import read_subjects

    return read_subjects(subjects, IndexSettings(**indices))


def check_csv_name(csv_file: Path | None) -> None:
    """Refuse a table that is none by its name. Raises :class:`click.BadParameter`."""
    if csv_file is not None and csv_file.suffix.lower() != ".csv":
        raise click.BadParameter(f"expected a name that ends in .csv, got {csv_file}.", param_hint="--csv")


def check_csv(csv_file: Path | None, *, overwrite: bool) -> None:
    """Refuse, before anything is done, a table that cannot be written or is somebody's own."""
    if csv_file is not None:
        from septum.workflows.indices_table import check_replaceable
        from septum.workflows.output_folder import check_writable_file

        check_writable_file(csv_file)
        if not overwrite:
            check_replaceable(csv_file)


def without_converter() -> None:
    """Keep OpenVINO's converter of models, and the telemetry that it brings, from being loaded.

    OpenVINO does without where it is not to be had, and takes a fifth less time to load.
    """
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]  # None says: not to be had


def say_summary(
    summary: RunSummary, csv_file: Path | None, done: str, *, as_json: bool, own_masks: bool = False
) -> int:
    """Write the table, say what came of a run, and give its exit code.

    Args:
        summary: of the run.
        csv_file: the table, if one is asked for.
        done: what was done with the cases, in a word.
        as_json: whether everything is printed as one JSON document.
        own_masks: whether masks are the user's, so that none could be made anew.
    """
    if csv_file is not None:
        from septum.workflows.indices_table import write_indices_csv

        message = write_indices_csv(csv_file, {one.name: one.record for one in summary.results})
        if message:
            say_aside(message)
            summary = replace(summary, notices=(*summary.notices, message))
    if as_json:
        say_json(_document(summary))
    else:
        _say_counts(summary, csv_file, done, own_masks=own_masks)
    return summary.exit_code


def say_case(case: CaseDone, *, kept: str = "mask kept") -> None:
    """Print the line of a case: its mask, numbers and verdict, and below it what stands beside the mask.

    Args:
        case: what came of it.
        kept: what was done where the mask was there before.
    """
    from septum.workflows.record_numbers import verdict_line
    from septum.workflows.result import numbers_line

    record = case.record
    done = f"{record.timings_s.total:.1f} s"
    if case.mask_kept:
        done = "already done" if case.skipped else kept
    verdict = verdict_line(record.quality)
    say(f"{one_line(case.mask)}  {numbers_line(record.indices)}  {verdict}  ({done})")
    if case.outputs:
        names = [f"{path.name}/" if path.is_dir() else path.name for path in case.outputs]
        say(f"  also written: {one_line(', '.join(names))}")
    for text in uncompared(record):
        say_aside(f"{case.mask}: {text}")


def uncompared(record: Record) -> list[str]:
    """Say why a comparison that was asked for was not made, or of whom it may not be.

    Args:
        record: of a study.
    """
    reference = record.reference
    if reference is None:
        return []
    return [
        note.text
        for note in reference.notes
        if note.key == "reference_person_contradictory"
        or (not reference.items and note.key != "reference_ethnicity_assumed")
    ]


def _document(summary: RunSummary) -> dict[str, Any]:
    return {
        "results": [
            {
                "input": str(case.source),
                "mask": str(case.mask),
                "json": str(case.json),
                "outputs": [str(path) for path in case.outputs],
                "skipped": case.skipped,
                "mask_kept": case.mask_kept,
                "record": case.record.model_dump(mode="json", exclude=case.record.unsaid),
            }
            for case in summary.results
        ],
        "failures": [
            {
                "input": str(failure.source),
                "error": type(failure.error).__name__,
                "message": str(failure.error),
                "exit_code": failure.error.exit_code,
            }
            for failure in summary.failures
        ],
        "notices": list(summary.notices),
        "exit_code": summary.exit_code,
    }


def _say_counts(summary: RunSummary, csv_file: Path | None, done: str, *, own_masks: bool) -> None:
    results, failures = summary.results, summary.failures
    skipped = sum(case.skipped for case in results)
    kept = 0 if own_masks else sum(case.mask_kept for case in results) - skipped
    counts = [f"{len(results) - skipped - kept} {done}"]
    counts += [f"{kept} with the mask kept"] if kept else []
    counts += [f"{skipped} already done"] if skipped else []
    counts += [f"{len(failures)} failed"] if failures else []
    where = " Numbers are in the .json beside each mask" if results else ""
    where += f", and in {csv_file}" if results and csv_file is not None else ""
    where += ". For research use only." if results else ""
    say(one_line(f"{', '.join(counts)}.{where}"))
