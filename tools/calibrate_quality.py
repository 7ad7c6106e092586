"""Calibrate the quality verdict on masks of patients that the models have not seen.

    python tools/calibrate_quality.py predict --data DATA --work WORK -o MASKS
    python tools/calibrate_quality.py measure --data DATA --masks MASKS
    python tools/calibrate_quality.py corrupt --data DATA
    python tools/calibrate_quality.py manual --data DATA
    python tools/calibrate_quality.py fit

``predict`` segments the patients of part 0 of the cross-validation of ACDC with the shipped model ``cine``,
whose test patients they are, and those of each other part with the networks of ``studies/quality/study.toml``
that were trained without it; units that are not done are passed over. Each is segmented once more with mirror
images, of which only their agreement is used. ``measure`` compares these masks with the truth, into
``studies/quality/cases.csv``; lines of other parts stay. ``corrupt`` does so for images of part 0 that are
spoilt on purpose, into ``corrupted.csv``. ``manual`` takes the stroke volumes of the manual masks of all
patients, into ``manual.csv``. ``fit`` makes ``quality.json`` of the bundle from ``cases.csv``,
and from what ``tools/measure_indices.py`` found each index to be off by; it says how good it is. ``make
tables`` writes that into the pages on quality and on reference ranges.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from septum.core.files import write_text
from septum.datasets import REGISTRY, load_cross_validation
from septum.indices import clinical_indices
from septum.inference import ModelOptions, load_model, open_bundle
from septum.inference.bundle import MANIFEST
from septum.metrics.scores_file import read_rows
from septum.quality.calibration import FILE
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_inputs
from septum_study.calibration.cases import line_of, own_cases, quality_cases, typical_lacks, write_cases
from septum_study.calibration.corruption import corrupted_rows
from septum_study.calibration.evaluation import evaluate_unseen, shipped_calibration
from septum_study.calibration.measuring import cases_in, manual_masks
from septum_study.calibration.ranges import measured_errors, unseen_pairs
from septum_study.calibration.report import verdict_table

STUDY = Path(__file__).resolve().parents[1] / "studies" / "quality"
CASES, CORRUPTED, MANUAL = STUDY / "cases.csv", STUDY / "corrupted.csv", STUDY / "manual.csv"
#: The bundle that is calibrated, and the part of the cross-validation that it has not seen.
MODEL, UNSEEN = "cine", 0
#: What follows the name of a folder with masks by mirror images.
MIRRORED = "-mirrored"

data_option = click.option(
    "--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True)
)


@click.group()
def main() -> None:
    """Calibrate the quality verdict of the shipped model."""


@main.command()
@data_option
@click.option(
    "--work", type=click.Path(path_type=Path, exists=True), help="Of the units; none: part 0 alone."
)
@click.option("--results", default=STUDY, type=click.Path(path_type=Path), help="Ledger of the units.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def predict(data: Path, work: Path | None, results: Path, output: Path) -> None:
    """Masks of all parts that a model is there for, in a folder each."""
    _segment(MODEL, data, UNSEEN, output)
    if work is None:
        return
    from septum_study.commands import make_bench  # noqa: PLC0415  # torch is needed for nothing else here
    from septum_study.ledger import Unit, read_entry  # noqa: PLC0415
    from septum_study.products import write_unit_bundle  # noqa: PLC0415

    bench = make_bench(str(STUDY / "study.toml"), results, data, work, "cpu", None)
    for row, fold in bench.study.units():
        if fold == UNSEEN or read_entry(bench.results, row.key, fold) is None:
            continue
        bundle = output / f"bundle{fold}"
        write_unit_bundle(bench, Unit(row.key, fold), bundle)
        _postprocess_as_shipped(bundle)
        _segment(bundle, data, fold, output)


def _postprocess_as_shipped(bundle: Path) -> None:
    """Do to the masks of a bundle what is done to those of the shipped model."""
    manifest = bundle / MANIFEST
    document = json.loads(manifest.read_text("utf-8"))
    document["postprocessing"] = open_bundle(MODEL).manifest.postprocessing.model_dump(mode="json")
    write_text(manifest, json.dumps(document, indent=2) + "\n")


def _segment(model: str | Path, data: Path, fold: int, output: Path) -> None:
    patients = load_cross_validation("acdc").parts[fold]
    images = [case.image for case in REGISTRY["acdc"].load(data).of(set(patients))]
    for flips, folder in ((False, f"fold{fold}"), (True, f"fold{fold}{MIRRORED}")):
        lazy = LazyModel(model, ModelOptions(flips=flips))
        report = segment_inputs(images, output / folder, model=lazy, overwrite=True)
        for failure in report.failures:
            raise failure.error
        click.echo(f"{folder}: {len(report.results)} masks by {lazy.bundle.manifest.title}")


@main.command()
@data_option
@click.option("--masks", required=True, type=click.Path(path_type=Path, exists=True))
def measure(data: Path, masks: Path) -> None:
    """Compare the masks that ``predict`` wrote with the truth."""
    dataset = REGISTRY["acdc"].load(data)
    rows = read_rows(CASES) if CASES.is_file() else []
    for fold in range(len(load_cross_validation("acdc").parts)):
        folder = masks / f"fold{fold}"
        if not folder.is_dir():
            continue
        model = MODEL if fold == UNSEEN else f"{MODEL}, shortly trained"
        found = cases_in(folder, dataset, fold, masks / f"fold{fold}{MIRRORED}")
        new = [line_of(case, model=model) for case in found]
        rows = [row for row in rows if row["fold"] != str(fold)] + new
        click.echo(f"part {fold}: {len(new)} patients")
    write_cases(CASES, sorted(rows, key=lambda row: (row["fold"], row["patient"])))


@main.command()
@data_option
def corrupt(data: Path) -> None:
    """Measure what the shipped model makes of spoilt images of patients that it has not seen."""
    patients = load_cross_validation("acdc").parts[UNSEEN]
    rows = corrupted_rows(load_model(MODEL), REGISTRY["acdc"].load(data), patients, str(UNSEEN), click.echo)
    write_cases(CORRUPTED, rows)


@main.command()
@data_option
def manual(data: Path) -> None:
    """Take the stroke volumes of the manual masks, by which the limit of their difference is judged."""
    lines = ["patient,lv_sv_ml,rv_sv_ml"]
    for patient, truth in manual_masks(REGISTRY["acdc"].load(data)):
        indices = clinical_indices(truth, end_diastole=0, end_systole=1)
        lines.append(f"{patient},{indices.value('lv_sv_ml'):.2f},{indices.value('rv_sv_ml'):.2f}")
    write_text(MANUAL, "\n".join(lines) + "\n")


@main.command()
def fit() -> None:
    """Make the calibration of the shipped model, and say how good it is."""
    rows = read_rows(CASES)
    cases = quality_cases(rows)
    bundle = open_bundle(MODEL)
    outcomes = evaluate_unseen(cases)
    own, typical = own_cases(cases, rows, MODEL), typical_lacks(rows)[MODEL, str(UNSEEN)]
    calibration = shipped_calibration(cases, own, bundle.manifest, typical)
    calibration = calibration.model_copy(
        update={"errors": measured_errors(unseen_pairs(STUDY.parent, MODEL), rows)}
    )
    write_text(bundle.folder / FILE, calibration.model_dump_json(indent=1) + "\n")
    by_model = [one for one, row in zip(outcomes, rows, strict=True) if row["model"] == MODEL]
    click.echo(verdict_table(outcomes, MODEL, by_model).markdown())


if __name__ == "__main__":
    main()
