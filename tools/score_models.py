"""Score the shipped models on the test patients of the published splits, with and without mirror images.

    python tools/score_models.py --data DATA [--model cine]

Writes ``test_scores.csv`` and ``test_scores_flips.csv`` in ``studies/production/<model>``, from which
``make tables`` makes the tables of the model cards, of the README and of the page on the production models.
"""

from __future__ import annotations

from pathlib import Path

import click

from septum.datasets import REGISTRY, load_split
from septum.inference import Model, ModelOptions, open_bundle
from septum.inference.bundle import shipped
from septum.training.assessment import assess, write_scores

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
            write_scores(
                PRODUCTION / name / file, assess(Model(bundle, ModelOptions(flips=flips)), dataset, patients)
            )
            click.echo(f"{PRODUCTION / name / file}")


if __name__ == "__main__":
    main()
