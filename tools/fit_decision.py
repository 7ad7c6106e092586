"""Fit what a model decides beyond the largest logit, on patients that it has not seen.

    python tools/fit_decision.py --data DATA [--model cine]

Segments the test patients of the model with several shifts of the myocardium's logit, and fits for each the
probability that a structure is in a slice. It takes the shift with which the volume of the myocardium has the
least bias, writes both into the bundle's ``model.json``, and writes two files into
``studies/production/<model>``: ``slices.csv``, each structure in each slice with the probability by weights
that the patient had no part in, and ``logit_shift.csv``, the bias of each patient with each shift.
``make tables`` makes the table of slices of them. The bundle has another hash then: scores, calibration and
robustness are to be measured again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from septum.core import Role
from septum.datasets import REGISTRY, load_split
from septum.inference import Model, open_bundle
from septum.inference.decision import SIGNS, Decision
from septum.methods.samples import read_case
from septum.metrics.scores_file import write_rows
from septum.training.export import update_manifest
from septum_study.calibration.decision import (
    RecordingDecider,
    agreements,
    decide_by,
    fit_slices,
    left_out,
    rows_of,
)

if TYPE_CHECKING:
    from septum.datasets import Dataset
    from septum.inference import Bundle
    from septum_study.calibration.decision import SliceRow

PRODUCTION = Path(__file__).resolve().parents[1] / "studies" / "production"
SHIFTS = (0.0, -0.05, -0.1, -0.15, -0.2, -0.25, -0.3)


@click.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
@click.option("--model", default="cine")
def main(data: Path, model: str) -> None:
    """Fit the decision of a shipped model on its test patients."""
    bundle = open_bundle(model)
    dataset = REGISTRY[str(bundle.manifest.provenance["dataset"])].load(data)
    wall = dataset.schema.name_of(Role.MYO)
    by_shift: dict[float, list[SliceRow]] = {}
    biases: list[dict[str, object]] = []
    for shift in SHIFTS:
        rows, voxel_ml = measured(bundle, dataset, {wall: shift} if wall and shift else {})
        by_shift[shift] = left_out(rows)
        biases += [
            {
                "shift": shift, "patient": one.patient, "phase": one.phase, "dice": round(one.dice, 5),
                "bias_ml": round(one.excess * voxel_ml[one.patient], 3),
            }
            for one in agreements(by_shift[shift], decided=True) if one.structure == wall
        ]  # fmt: skip
        of_shift = [float(str(row["bias_ml"])) for row in biases if row["shift"] == shift]
        click.echo(f"shift {shift}: bias {np.mean(of_shift):+.2f} ml")
    best = min(SHIFTS, key=lambda one: abs(mean_bias(biases, one)))
    rows = by_shift[best]
    decision = Decision(
        patients=len({row.patient for row in rows}),
        logit_shift={wall: best} if wall and best else {},
        slices=fit_slices(rows),
    )
    update_manifest(bundle.folder, {"decision": decision})
    write_rows(PRODUCTION / model / "slices.csv", [cells(row) for row in rows])
    write_rows(PRODUCTION / model / "logit_shift.csv", biases)
    click.echo(f"{bundle.folder / 'model.json'}: shift {best}")


def measured(
    bundle: Bundle, dataset: Dataset, logit_shift: dict[str, float]
) -> tuple[list[SliceRow], dict[str, float]]:
    """Rows of all test patients with a shift, and the volume of a voxel of each patient, in ml."""
    model, rows, voxel_ml = Model(bundle), [], {}
    taken: list[tuple[np.ndarray, np.ndarray]] = []
    decide_by(model, RecordingDecider.of(dataset.schema, logit_shift, lambda *signs: taken.append(signs)))
    for case in dataset.of(set(load_split(dataset.name).test)):
        native = read_case(case, dataset)
        labels = model.segment_volume(native.volume).labels
        rows += rows_of(native, labels, *taken.pop(), dataset.schema)
        voxel_ml[case.patient] = native.volume.geometry.voxel_volume_ml
    return rows, voxel_ml


def mean_bias(biases: list[dict[str, object]], shift: float) -> float:
    """Mean over patients and phases, in ml."""
    return float(np.mean([float(str(row["bias_ml"])) for row in biases if row["shift"] == shift]))


def cells(row: SliceRow) -> dict[str, object]:
    """One line of ``slices.csv``."""
    head = {
        "patient": row.patient, "phase": row.phase, "structure": row.structure, "slice": row.slice,
        "drawn": row.drawn, "true": row.true, "common": row.common, "area_cm2": row.area_cm2,
        "probability": row.probability,
    }  # fmt: skip
    return head | dict(zip(SIGNS, row.signs, strict=True))


if __name__ == "__main__":
    main()
