"""Measure how good clinical indices are, against manual masks and against an analytic heart.

    python tools/measure_indices.py --data DATA
    python tools/measure_indices.py --data DATA --fold 1

The first writes ``studies/indices/cine.csv``: every index of each test patient of the published split of
ACDC, from the mask of the shipped model ``cine`` and from the manual one; end-diastole and end-systole, two
files, make a cine of two frames. And ``studies/indices/slice_spacing.csv``: volumes of phantoms by distance
of slices, counted in the voxel truth and analytic. The second writes ``studies/indices/folds.csv``: the
same of the patients of a part of the cross-validation, by the bundle in ``studies/production/cine/folds``
that has not seen them; lines of other parts stay. ``make tables`` makes the tables of the page on indices
of them.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from septum.core import Segmentation
from septum.datasets import REGISTRY, load_cross_validation, load_split
from septum.indices import clinical_indices
from septum.inference import load_model
from septum.io import read_mask, read_study
from septum.metrics.scores_file import read_rows, write_rows
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.indices_table import QUALITY_COLUMNS, indices_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.datasets import Dataset
    from septum.inference import Model
    from septum.workflows.indices_table import Cell

STUDIES = Path(__file__).resolve().parents[1] / "studies"
RESULTS, BUNDLES = STUDIES / "indices", STUDIES / "production" / "cine" / "folds"
#: Columns of an index row that are no index.
NO_INDEX = ("study", "end_diastole_frame", "end_systole_frame", "phase_confidence", *QUALITY_COLUMNS)
SPACINGS_MM = (10.0, 8.0, 5.0, 2.5)
#: Ways of the base in systole: between two slices, it ends anywhere.
DESCENTS_MM = tuple(float(mm) for mm in range(5, 15))
REACH_MM = 110.0


def indices_of(labels: list[np.ndarray], like: Segmentation) -> dict[str, Cell]:
    """Indices of a cine of end-diastole and end-systole."""
    cine = Segmentation(np.stack(labels), like.geometry, like.schema)
    row = indices_row("", clinical_indices(cine, end_diastole=0, end_systole=1))
    return {key: value for key, value in row.items() if key not in NO_INDEX}


def patient_rows(data: Path, model: Model, patients: Sequence[str]) -> list[dict[str, Cell]]:
    """Predicted and true indices of each of some patients."""
    dataset = REGISTRY["acdc"].load(data)
    rows: list[dict[str, Cell]] = []
    for patient in patients:
        predicted, true = _both(model, dataset, patient)
        rows += [
            {"patient": patient, "index": key, "predicted": predicted[key], "true": true[key]}
            for key in true
            if predicted[key] is not None or true[key] is not None
        ]
        click.echo(patient)
    return rows


def _both(model: Model, dataset: Dataset, patient: str) -> tuple[dict[str, Cell], dict[str, Cell]]:
    masks = defaultdict(list)
    for case in sorted(dataset.of({patient}), key=lambda case: case.phase):  # ED, ES
        cine = read_study(case.image).cine
        masks["predicted"].append(model.segment_volume(cine.frame(0)).labels)
        masks["true"].append(read_mask(case.mask).cine.array[0].astype(np.uint8))
    like = Segmentation(masks["true"][0][None], cine.geometry, dataset.schema)
    return indices_of(masks["predicted"], like), indices_of(masks["true"], like)


def spacing_rows() -> list[dict[str, Cell]]:
    """Counted and analytic LV volumes of phantoms by distance of slices."""
    rows: list[dict[str, Cell]] = []
    for spacing in SPACINGS_MM:
        for descent in DESCENTS_MM:
            settings = PhantomSettings(
                frames=2, slices=round(REACH_MM / spacing), slice_spacing_mm=spacing,
                slice_thickness_mm=spacing, matrix=(144, 144), base_descent_mm=descent,
            )  # fmt: skip
            heart = beating_heart(np.random.default_rng(0), settings)
            volumes = heart.volumes_ml["LV"]
            full, emptied = volumes[heart.end_diastole], volumes[heart.end_systole]
            analytic = {"lv_edv_ml": full, "lv_esv_ml": emptied, "lv_ef_percent": 100 * (1 - emptied / full)}
            found = {item.key: item.value for item in clinical_indices(heart.truth).items}
            rows += [
                {
                    "slice_spacing_mm": spacing, "base_descent_mm": descent, "index": key,
                    "counted": round(found[key], 4), "analytic": round(value, 4),
                }
                for key, value in analytic.items()
            ]  # fmt: skip
        click.echo(f"{spacing:g} mm")
    return rows


@click.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
@click.option("--fold", type=int, help="Part of the cross-validation, by the bundle without it.")
def main(data: Path, fold: int | None) -> None:
    """Measure clinical indices, into studies/indices."""
    if fold is None:
        write_rows(RESULTS / "slice_spacing.csv", spacing_rows())
        write_rows(RESULTS / "cine.csv", patient_rows(data, load_model("cine"), load_split("acdc").test))
        return
    found = patient_rows(
        data, load_model(str(BUNDLES / str(fold))), load_cross_validation("acdc").parts[fold]
    )
    file = RESULTS / "folds.csv"
    rows = [row for row in read_rows(file) if row["fold"] != str(fold)] if file.is_file() else []
    rows += [{"fold": str(fold), **row} for row in found]
    write_rows(file, sorted(rows, key=lambda row: str(row["fold"])))


if __name__ == "__main__":
    main()
