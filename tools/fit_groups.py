"""Fit the regression of ACDC's groups, and measure how often it is right.

    python tools/fit_groups.py features --data DATA
    python tools/fit_groups.py fit

``features`` writes ``studies/pattern/manual.csv``: features of the manual masks of all 100 patients, whose
body size and group are in their ``Info.cfg``. And ``predicted.csv``: the same of predicted masks, by
indices as ``tools/measure_indices.py`` writes them: of the patients of each fold that is trained, and of
the shipped model's 20 test patients. ``fit`` makes ``interpretation/tables/acdcgroups.json``: of predicted
masks if there are all 100, else of manual ones. It says how good it is, as ``make tables`` writes into the
page on groups.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from septum.core import Segmentation
from septum.core.files import write_text
from septum.datasets import REGISTRY
from septum.datasets.acdc import read_info
from septum.indices import clinical_indices
from septum.indices.body import du_bois_m2
from septum.interpretation.criteria import THICK_MM
from septum.interpretation.features import FEATURES, features_from
from septum.io import read_mask
from septum.metrics.scores_file import read_rows, write_rows
from septum_study.documentation.pattern_tables import pattern_tables
from septum_study.pattern.evaluation import patients_of
from septum_study.pattern.fit import fit_groups

if TYPE_CHECKING:
    from septum.workflows.indices_table import Cell

ROOT = Path(__file__).resolve().parents[1]
RESULTS, INDICES = ROOT / "studies" / "pattern", ROOT / "studies" / "indices"
MODEL = ROOT / "src" / "septum" / "interpretation" / "tables" / "acdcgroups.json"
PATIENTS = 100


def facts_of(info: Path) -> tuple[str, float]:
    """Group and body surface area of a patient, from ``Info.cfg``."""
    facts = read_info(info)
    return facts["Group"], du_bois_m2(float(facts["Height"]) / 100.0, float(facts["Weight"]))


def row_of(
    patient: str, group: str, area_m2: float, values: dict[str, float], wall: dict[str, list[float]]
) -> dict[str, Cell]:
    """A line of a table of features."""
    found = features_from(values, wall["thick"], wall["thickening"], area_m2)
    row: dict[str, Cell] = {"patient": patient, "group": group}
    row |= {name: None if found[name] is None else round(found[name], 5) for name in FEATURES}
    return {**row, "thick_segments": sum(value > THICK_MM for value in wall["thick"])}


@click.group()
def main() -> None:
    """Fit the regression of ACDC's groups."""


@main.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
def features(data: Path) -> None:
    """Measure the features of manual and of predicted masks, into studies/pattern."""
    dataset = REGISTRY["acdc"].load(data)
    cases = defaultdict(list)
    for case in sorted(dataset.cases, key=lambda case: case.phase):  # ED, ES
        cases[case.patient].append(case)
    facts, manual = {}, []
    for patient, (diastole, systole) in sorted(cases.items()):
        facts[patient] = facts_of(diastole.mask.parent / "Info.cfg")
        masks = [read_mask(case.mask).cine for case in (diastole, systole)]
        labels = np.stack([mask.array[0].astype(np.uint8) for mask in masks])
        found = clinical_indices(
            Segmentation(labels, masks[0].geometry, dataset.schema), end_diastole=0, end_systole=1
        )
        wall = {
            "thick": [v for v in found.wall.end_diastolic_mm if v is not None],
            "thickening": [v for v in found.wall.thickening_percent if v is not None],
        }
        values = {item.key: item.value for item in found.items}
        manual.append(row_of(patient, *facts[patient], values, wall))
        click.echo(patient)
    write_rows(RESULTS / "manual.csv", manual)
    write_rows(RESULTS / "predicted.csv", predicted_rows(unseen_indices(), facts))


def unseen_indices() -> list[dict[str, str]]:
    """Indices of predicted masks of each patient, by a model that has not seen him or her."""
    of_folds, shipped = (read_rows(INDICES / f"{name}.csv") for name in ("folds", "cine"))
    done = {row["patient"] for row in of_folds}
    return [*of_folds, *(row for row in shipped if row["patient"] not in done)]


def predicted_rows(rows: list[dict[str, str]], facts: dict[str, tuple[str, float]]) -> list[dict[str, Cell]]:
    """Lines of predicted masks, by their indices."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    walls: dict[str, dict[str, list[float]]] = defaultdict(lambda: {"thick": [], "thickening": []})
    for row in rows:
        patient, key = row["patient"], row["index"]
        if not row["predicted"]:
            continue
        number = float(row["predicted"])
        if key.startswith("wall_ed_mm_"):
            walls[patient]["thick"].append(number)
        elif key.startswith("wall_thickening_percent_"):
            walls[patient]["thickening"].append(number)
        else:
            values[patient][key] = number
    return [row_of(one, *facts[one], values[one], walls[one]) for one in sorted(values)]


@main.command()
def fit() -> None:
    """Fit the regression that is shipped, and say how good it is."""
    manual, predicted = (patients_of(read_rows(RESULTS / f"{name}.csv")) for name in ("manual", "predicted"))
    of_all = len(predicted) >= PATIENTS
    model = fit_groups(predicted, "predicted") if of_all else fit_groups(manual, "manual")
    write_text(MODEL, model.model_dump_json(indent=1) + "\n")
    for table in pattern_tables(ROOT / "studies").values():
        click.echo(table.markdown())


if __name__ == "__main__":
    main()
