"""``septum train``: recipe and data in, bundle with its measured accuracy out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch

from septum.core import RecipeError
from septum.datasets import REGISTRY, load_split
from septum.inference import Manifest, load_model
from septum.inference.bundle import open_bundle
from septum.methods.case_store import CaseStore
from septum.reporting.score_table import mean_dice, read_results
from septum.training.assessment import assess, write_results
from septum.training.card import CARD_FILE, LICENCE_FILE, licence, model_card
from septum.training.device import choose_device
from septum.training.export import stage_manifest, update_bundle, write_bundle
from septum.training.loop import Deadline, Interrupted
from septum.training.multi_stage import MultiStageRun, Trained
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.recipe import MultiStageRecipe, load_recipe
from septum.training.training_images import record_training_images

if TYPE_CHECKING:
    from pathlib import Path

    from septum.datasets import Dataset
    from septum.training.partition import Partition

LOGGER = logging.getLogger(__name__)
RESULTS_FILE = "test_scores.csv"


@dataclass(frozen=True)
class TrainOutcome:
    """What came of a call.

    Attributes:
        finished: whether the run is complete; if not, the same call goes on.
        bundle: folder of the bundle, if finished.
        message: one sentence for the user.
    """

    finished: bool
    bundle: Path | None
    message: str


def train(
    recipe: Path, data: Path, run: Path, time_budget_s: float | None, device: str, threads: int | None
) -> TrainOutcome:
    """Train a recipe, or go on where an earlier call stopped, export the bundle and measure it.

    Args:
        recipe: TOML file.
        data: folder of the data set.
        run: folder for checkpoints and results; the same folder resumes.
        time_budget_s: stop training, resumably, before this many seconds have passed; export and scores are
            begun only before that, and then finished. ``None`` for no limit.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads, or ``None`` for torch's choice.

    Raises:
        RecipeError: recipe, data or run folder do not fit.
        OutputError: the run folder cannot be written to, or the disk is full.
    """
    deadline = Deadline() if time_budget_s is None else Deadline(time.monotonic() + time_budget_s)
    settings = load_recipe(recipe)
    if not isinstance(settings, MultiStageRecipe):
        raise RecipeError(
            f"{recipe}: a bundle holds the multi-stage method, and this recipe is {settings.method}; "
            "its networks are trained and compared by septum study."
        )
    where = choose_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    dataset = REGISTRY[settings.dataset](data)
    validate = settings.segmenter.optimisation.patience is not None
    partition = partition_of(dataset, load_split(settings.dataset), settings.fold, validate=validate)
    parts = Parts(run, where)
    store = CaseStore(dataset)
    work = MultiStageRun(settings, TrainingData(store, partition), parts)
    try:
        trained = work.run(deadline)
        deadline.require(0.0)
    except Interrupted:
        return TrainOutcome(False, None, f"time budget used up; the same command goes on from {run}.")
    bundle = run / "bundle"
    manifest = _manifest(settings, dataset, trained, len(partition.training))
    networks = {"localiser": trained.localiser, "segmenter": trained.segmenter}
    write_bundle(bundle, manifest, networks, {LICENCE_FILE: licence(dataset)})
    record_training_images(bundle, store, partition.training)
    return TrainOutcome(True, bundle, _measure(settings, dataset, partition, bundle, run / RESULTS_FILE))


def _measure(
    recipe: MultiStageRecipe, dataset: Dataset, partition: Partition, bundle: Path, results: Path
) -> str:
    """Score the bundle on the test patients, and write what comes of it into the bundle."""
    test = load_split(recipe.dataset).test
    write_results(results, assess(load_model(bundle), dataset, test))
    rows = read_results(results)
    mean = mean_dice(rows)
    patients = {case.patient for case in partition.training}
    update_bundle(
        bundle,
        {"test_patients": len(test), "mean_dice": round(mean, 4), "grid": "native", "truth_used": "no"},
        {CARD_FILE: model_card(recipe, dataset, len(patients), len(partition.training), rows)},
    )
    return f"mean Dice {mean:.3f} on {len(test)} test patients; bundle in {bundle}, results in {results}."


def _manifest(recipe: MultiStageRecipe, dataset: Dataset, trained: Trained, cases: int) -> Manifest:
    return Manifest(
        name=recipe.name,
        title=recipe.title,
        labels=dataset.schema,
        localiser=stage_manifest("localiser", recipe.localiser, trained.localiser),
        localisation=trained.localisation,
        segmenter=stage_manifest("segmenter", recipe.segmenter, trained.segmenter),
        postprocessing=recipe.postprocessing,
        provenance={
            "septum": version("septum"),
            "torch": torch.__version__,
            "recipe_sha256": recipe.sha256,
            "dataset": dataset.name,
            "citation": dataset.citation,
            "training_volumes": cases,
            "seed": recipe.seed,
            **started_from(recipe),
        },
        accuracy={},
        licence=f"{dataset.terms}; see {LICENCE_FILE}",
    )


def started_from(recipe: MultiStageRecipe) -> dict[str, str]:
    """Hash of the bundle that the networks started from, where they did."""
    return {} if recipe.initial is None else {"initial_sha256": open_bundle(recipe.initial.bundle).sha256}
