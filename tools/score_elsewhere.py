"""Score the model ``cine`` on hearts of other hospitals, scanners and readers than those it learnt from.

    python tools/score_elsewhere.py --data DATA

``DATA/elsewhere`` holds patients of M&Ms, of Sunnybrook and of Najman's hospital. Writes into
``studies/elsewhere``:

- ``cine.csv``, a line for each patient, reader, phase and structure, those ``between`` two readers included;
- ``cine_ef.csv``, a line for each patient, reader and ventricle;
- ``features.csv``, a line for each patient: the features by which ACDC's groups are told, of the model's
  masks, and for a body surface area of 1 m2, because nobody's body size is known.

``make tables`` makes the tables of the pages on the production models and on groups of them. Nothing of these
patients is trained on or chosen by.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import septum
from septum.interpretation.features import features_of
from septum.metrics import dice
from septum.metrics.scores_file import write_rows
from septum_study.sunnybrook import expert_cavity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from septum import Result

    Labels = NDArray[np.uint8]
    Line = dict[str, Any]

RESULTS = Path(__file__).resolve().parents[1] / "studies" / "elsewhere"
VALUES = {"RV": (1,), "MYO": (2,), "LV": (3,), "whole LV": (2, 3)}
PHASES = ("ED", "ES")


def main_lines(data: Path, model: septum.Model) -> tuple[list[Line], list[Line], list[Line]]:
    """Lines of all files: overlaps, ejection fractions, and features."""
    overlaps: list[Line] = []
    fractions: list[Line] = []
    features: list[Line] = []
    for source, patient, result, truths in _patients(data / "elsewhere", model):
        for reader, truth in truths:
            about = {"source": source, "patient": patient, "reader": reader}
            overlaps += [about | line for line in _overlaps(result, truth)]
            fractions += [about | line for line in _fractions(result, truth)]
        if len(truths) > 1:
            (_, one), (_, other) = truths
            about = {"source": source, "patient": patient, "reader": "between"}
            overlaps += [about | line for line in _compared(one, other)]
        found = features_of(result.indices, 1.0).items()
        row = {name: "" if value is None else round(value, 5) for name, value in found}
        features.append({"source": source, "patient": patient, **row})
        click.echo(f"{source} {patient}: {result.verdict.value}")
    return overlaps, fractions, features


def _patients(
    folder: Path, model: septum.Model
) -> Iterator[tuple[str, str, Result, list[tuple[str, dict[str, Labels]]]]]:
    """Each patient with its result, and by reader the truth of each phase; 255 where nobody drew."""
    for file in sorted((folder / "mnms").glob("*_ED.nii.gz")):
        patient = file.name.removesuffix("_ED.nii.gz")
        pair = (file, file.with_name(f"{patient}_ES.nii.gz"))
        result = septum.segment(pair, model=model)
        truth = {p: septum.load_mask(file.with_name(f"{patient}_{p}_gt.nii.gz")).labels[0] for p in PHASES}
        yield "M&Ms", patient, result, [("1", truth)]
    for file in sorted((folder / "najman").glob("Pat??.nii.gz")):
        patient = file.name.removesuffix(".nii.gz")
        result = septum.segment(
            file, model=model, indices=septum.IndexSettings(end_diastole=0, end_systole=1)
        )
        truths = []
        for reader in ("1", "2"):
            drawn = septum.load_mask(file.with_name(f"{patient}_expert{reader}.nii.gz")).labels
            truths.append((reader, dict(zip(PHASES, drawn, strict=True))))
        yield "Najman", patient, result, truths
    for path in sorted((folder / "sunnybrook").glob("SCD*")):
        result = septum.segment(path, model=model)
        yield "Sunnybrook", path.name, result, [("1", _polygons(result, path))]


def _polygons(result: Result, path: Path) -> dict[str, Labels]:
    """The LV cavity that an expert drew in some slices of two frames; 255 in the other slices."""
    drawn = expert_cavity(result.study, path.parent / f"contours_{path.name}" / "i-contours")
    some = [t for t in range(len(drawn)) if (drawn[t] != 255).any()]
    areas = {t: int((drawn[t] == 3).sum()) for t in some}
    diastole = max(some, key=areas.__getitem__)
    return {"ED" if t == diastole else "ES": drawn[t] for t in some}


def _frames(result: Result, truth: dict[str, Labels]) -> dict[str, Labels]:
    """The mask of each phase that was drawn: of two frames these, of a cine those at its own phases."""
    if len(result.labels) == len(PHASES):
        return dict(zip(PHASES, result.labels, strict=True))
    phases = result.indices.phases
    if phases is None:
        return {}
    return {
        p: result.labels[getattr(phases, name)]
        for p, name in zip(PHASES, ("end_diastole", "end_systole"), strict=True)
        if p in truth
    }


def _overlaps(result: Result, truth: dict[str, Labels]) -> Iterator[Line]:
    """Dice of each structure that the reader drew, in the slices that were drawn."""
    yield from _compared(_frames(result, truth), truth)


def _compared(masks: dict[str, Labels], truth: dict[str, Labels]) -> Iterator[Line]:
    for phase, mask in masks.items():
        drawn = truth[phase]
        known = np.broadcast_to((drawn != 255).any((1, 2), keepdims=True), drawn.shape)
        there = set(np.unique(drawn[known]))
        for structure, values in VALUES.items():
            if not there.issuperset(values):
                continue
            ours, theirs = np.isin(mask, values) & known, np.isin(drawn, values) & known
            yield {"phase": phase, "structure": structure, "dice": f"{dice(ours, theirs):.5f}"}


def _fractions(result: Result, truth: dict[str, Labels]) -> Iterator[Line]:
    """Ejection fractions of readers who drew every slice of both phases."""
    if set(truth) != set(PHASES) or any((drawn == 255).any() for drawn in truth.values()):
        return
    intervals = result.quality.ejection_fractions
    for ventricle in ("LV", "RV"):
        voxels = [int(np.isin(truth[p], VALUES[ventricle]).sum()) for p in PHASES]
        ours = result.indices.value(f"{ventricle.lower()}_ef_percent")
        if not voxels[0] or ours is None:
            continue
        interval = intervals.get(ventricle)
        yield {
            "ventricle": ventricle,
            "predicted": f"{ours:.2f}",
            "true": f"{100 * (1 - voxels[1] / voxels[0]):.2f}",
            "low": "" if interval is None else f"{interval.low_percent:.2f}",
            "high": "" if interval is None else f"{interval.high_percent:.2f}",
            "verdict": result.quality.ventricles[ventricle].value,
        }


@click.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
def main(data: Path) -> None:
    """Score the shipped model on hearts from elsewhere."""
    warnings.simplefilter("ignore", septum.QualityWarning)  # the verdict is what is measured
    files = zip(
        ("cine.csv", "cine_ef.csv", "features.csv"),
        main_lines(data, septum.load_model("cine", threads=1)),
        strict=True,
    )
    for name, lines in files:
        write_rows(RESULTS / name, lines)


if __name__ == "__main__":
    main()
