"""``septum train``: recipe and data in, bundle with its measured accuracy out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch

from septum.core import RecipeError
from septum.inference import Manifest, load_model
from septum.inference.bundle import open_bundle
from septum.methods.case_store import CaseStore
from septum.metrics.score_table import mean_dice
from septum.metrics.scores_file import read_rows
from septum.training.assessment import assess, write_scores
from septum.training.card import CARD_FILE, counted, model_card, plural
from septum.training.device import choose_device
from septum.training.export import stage_manifest, update_bundle, write_bundle
from septum.training.log_file import log_into
from septum.training.loop import Deadline, Interrupted
from septum.training.multi_stage import MultiStageRun, Trained
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.recipe import MultiStageRecipe
from septum.training.recipe_file import load_recipe
from septum.training.seen_images import hash_of, write_seen
from septum.training.sources import dataset_of, keep_split, split_of
from septum.training.start_model import START_FILE, comparison_text, score_start
from septum.training.terms import LICENCE_FILE, SEE, Terms
from septum.training.training_images import record_training_images

if TYPE_CHECKING:
    from pathlib import Path

    from septum.datasets import Split
    from septum.inference.bundle import Bundle
    from septum.training.partition import Partition

LOGGER = logging.getLogger(__name__)
RESULTS_FILE = "test_scores.csv"
LOG_FILE = "train.log"


@dataclass(frozen=True)
class TrainOutcome:
    """What came of a call.

    Attributes:
        finished: whether the run is complete; if not, the same call goes on.
        bundle: folder of the bundle, if finished.
        message: one sentence for the user.
        comparison: with the bundle that training started from; Markdown, empty without one.
    """

    finished: bool
    bundle: Path | None
    message: str
    comparison: str = ""


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
    with log_into(run / LOG_FILE):
        return _train(settings, data, run, where, deadline)


def _train(
    settings: MultiStageRecipe, data: Path, run: Path, where: torch.device, deadline: Deadline
) -> TrainOutcome:
    """Do what is left of a run; arguments and errors as of :func:`train`."""
    initial = settings.initial
    origin = open_bundle(initial.bundle) if initial is not None and initial.used else None
    dataset = dataset_of(settings, data)
    split = split_of(settings, dataset)
    validate = settings.segmenter.optimisation.patience is not None
    partition = partition_of(dataset, split, settings.fold, validate=validate)
    parts = Parts(run, where)
    store = CaseStore(dataset)
    work = MultiStageRun(settings, TrainingData(store, partition), parts)
    keep_split(split, run)
    try:
        trained = work.run(deadline)
        deadline.require(0.0)
    except Interrupted:
        return TrainOutcome(False, None, f"time budget used up; the same command goes on from {run}.")
    bundle = run / "bundle"
    terms = Terms(dataset, None if origin is None else origin.two_stage)
    manifest = manifest_of(settings, terms, trained, len(partition.training), origin)
    networks = {"localiser": trained.localiser, "segmenter": trained.segmenter}
    write_bundle(bundle, manifest, networks, {LICENCE_FILE: terms.licence()})
    record_training_images(bundle, store, partition.training)
    seen = (*partition.training, *partition.validation)  # the latter chose the epoch
    hashes = (hash_of(store.native(case).volume.array) for case in seen)
    write_seen(bundle, hashes, None if origin is None else origin.folder)
    results = run / RESULTS_FILE
    write_scores(results, assess(load_model(bundle), dataset, split.test))
    comparison = ""
    if origin is not None:
        LOGGER.info("the start, %s, is scored on the same patients", origin.manifest.name)
        start = score_start(origin, store, split.test, run / START_FILE)
        comparison = comparison_text(start, read_rows(results))
    message = _measured(settings, terms, partition, split, bundle, results, comparison)
    LOGGER.info("%s", message)
    return TrainOutcome(True, bundle, message, comparison)


def _measured(
    recipe: MultiStageRecipe,
    terms: Terms,
    partition: Partition,
    split: Split,
    bundle: Path,
    results: Path,
    comparison: str,
) -> str:
    """Write accuracy and card into the bundle, and say in one sentence what came of it."""
    rows = read_rows(results)
    mean = mean_dice(rows)
    patients = {case.patient for case in partition.training}
    trained = counted(len(patients), len(partition.training))
    update_bundle(
        bundle,
        {"test_patients": len(split.test), "mean_dice": round(mean, 4), "grid": "native", "truth_used": "no"},
        {CARD_FILE: model_card(recipe, terms, trained, rows, comparison)},
    )
    tested = plural(len(split.test), "test patient")
    return f"mean Dice {mean:.3f} on {tested}; bundle in {bundle}, results in {results}."


def manifest_of(
    recipe: MultiStageRecipe, terms: Terms, trained: Trained, cases: int, origin: Bundle | None
) -> Manifest:
    """Description of a bundle of trained networks.

    Args:
        recipe: by which they were trained.
        terms: of the data set, and of the bundle that training started from.
        trained: the networks.
        cases: number of volumes that they were trained on.
        origin: the bundle that training started from, if any.
    """
    dataset = terms.dataset
    return Manifest(
        name=recipe.name,
        title=recipe.title,
        labels=dataset.schema,
        input=recipe.input or dataset.input,
        localiser=stage_manifest("localiser", recipe.localiser, trained.localiser),
        localisation=trained.localisation,
        segmenter=stage_manifest("segmenter", recipe.segmenter, trained.segmenter),
        postprocessing=recipe.postprocessing,
        provenance={
            "septum": version("septum"),
            "torch": torch.__version__,
            "recipe_sha256": recipe.sha256,
            "dataset": dataset.name,
            **({"dataset_title": dataset.title} if dataset.title else {}),
            "citation": "\n".join(terms.citations),
            "training_volumes": cases,
            "seed": recipe.seed,
            **({} if origin is None else {"initial_sha256": origin.sha256}),
        },
        accuracy={},
        mirror_images=recipe.segmenter.augmentation.mirror > 0,
        licence=f"{terms.line}{SEE}",
    )
