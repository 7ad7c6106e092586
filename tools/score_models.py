"""Score the shipped models on the test patients of the published splits, with and without mirror images.

    python tools/score_models.py --data DATA [--model cine]

Writes ``test_scores.csv`` and ``test_scores_flips.csv`` in ``studies/production/<model>``, from which
``make tables`` makes the tables of the model cards, of the README and of the page on the production models.
A model that decides which slices hold a structure is scored, patient by patient, with weights that are fitted
without the patient.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from septum.datasets import REGISTRY, load_split
from septum.inference import Model, ModelOptions, open_bundle
from septum.inference.bundle import shipped
from septum.inference.decision import Decider
from septum.training.assessment import assess, write_scores
from septum_study.calibration.decision import decide_by, read_slices, without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from septum.datasets import Dataset
    from septum.training.assessment import CaseScore

PRODUCTION = Path(__file__).resolve().parents[1] / "studies" / "production"
#: File of the scores by whether masks are means over mirror images.
FILES = {False: "test_scores.csv", True: "test_scores_flips.csv"}


@click.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
@click.option("--model", "models", multiple=True, type=click.Choice(shipped()), default=shipped())
def main(data: Path, models: tuple[str, ...]) -> None:
    """Score the shipped models on the test patients of the published splits."""
    for name in models:
        bundle = open_bundle(name)
        dataset = REGISTRY[str(bundle.manifest.provenance["dataset"])].load(data)
        patients = load_split(dataset.name).test
        for flips, file in FILES.items():
            if flips and bundle.manifest.mirror_images is False:
                continue  # it refuses them
            model = Model(bundle, ModelOptions(flips=flips))
            write_scores(PRODUCTION / name / file, list(scored(model, dataset, patients)))
            click.echo(f"{PRODUCTION / name / file}")


def scored(model: Model, dataset: Dataset, patients: Sequence[str]) -> Iterator[CaseScore]:
    """Score each patient; what the model decides of slices is fitted anew without him or her."""
    decision = model.bundle.manifest.decision
    if decision is None:
        yield from assess(model, dataset, patients)
        return
    rows = read_slices(PRODUCTION / model.bundle.manifest.name / "slices.csv")
    for patient in patients:
        decide_by(model, Decider(without(decision, rows, patient), dataset.schema))
        yield from assess(model, dataset, [patient])


if __name__ == "__main__":
    main()
