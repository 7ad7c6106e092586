"""What a study is run with, and one unit run from its recipe to its entry in the ledger."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from septum.core import RecipeError
from septum.datasets import REGISTRY, Split, load_cross_validation, load_split, make_split
from septum.methods.case_store import CaseStore
from septum.training.device import device_name
from septum.training.log_file import log_into
from septum.training.loop import Deadline
from septum.training.methods import RUNS, unavailable
from septum.training.multi_stage import MultiStageRun
from septum.training.partition import TrainingData, cases_of, partition_of
from septum.training.parts import DIGITS, VERSION, Parts, digest
from septum.training.recipe import MultiStageRecipe
from septum.training.recipe_file import check_recipe, read_settings
from septum_study.ledger import Entry, Unit, publish
from septum_study.scale import rescale
from septum_study.scoring import score_cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from septum.datasets import Case, Dataset
    from septum.methods.pipeline import Pipeline
    from septum.training.multi_stage import Trained
    from septum.training.recipe import AnyRecipe
    from septum_study.declaration import Declaration


@dataclass
class Bench:
    """A study with its data and folders.

    Attributes:
        study: what is declared.
        data: folder of the data sets.
        results: folder of the ledger and of the per-case results.
        work: folder for checkpoints, prepared cases and kept weights.
        device: to compute on.
        max_epochs: caps on the training, by the first word of a part's name; empty for none.
    """

    study: Declaration
    data: Path
    results: Path
    work: Path
    device: torch.device
    max_epochs: Mapping[str, int] = field(default_factory=dict)
    _stores: dict[str, CaseStore] = field(default_factory=dict)

    def recipe(self, row: str) -> AnyRecipe:
        """The recipe of a row."""
        return recipe_of(self.study, row)

    def store(self, dataset: str) -> CaseStore:
        """The cases of a data set; read once."""
        if dataset not in self._stores:
            self._stores[dataset] = CaseStore(REGISTRY[dataset].load(self.data), self.work / "prepared")
        return self._stores[dataset]

    def split(self, dataset: str, fold: int) -> Split:
        """Which patients test, and the folds of the rest; all folds have the same, unless they are tested."""
        return split_of(self.study, self.store(dataset).dataset, fold)

    def test_cases(self, dataset: str, fold: int) -> tuple[Case, ...]:
        """The cases that a fold's models are tested on."""
        return cases_of(self.store(dataset).dataset, self.split(dataset, fold).test)

    def train(self, unit: Unit, deadline: Deadline) -> tuple[Pipeline, Parts]:
        """Train what is left of a unit, or take it over.

        Raises:
            Interrupted: the time budget ended first.
            RecipeError: recipe or data do not fit, or something that the method needs is not installed.
        """
        recipe = self.recipe(unit.row)
        reason = unavailable(recipe)
        if reason is not None:
            raise RecipeError(reason)
        made_by = f"{device_name(self.device)}, torch {torch.__version__}, {commit()}"
        parts = Parts(
            self.work / "parts", self.device, shared=True, made_by=made_by, max_epochs=self.max_epochs
        )
        data = self._training_data(recipe.dataset, unit.fold)
        return RUNS[recipe.method](recipe, data, parts).pipeline(deadline), parts

    def networks(self, unit: Unit) -> Trained:
        """The networks of a multi-stage unit that has been trained here. Raises as :meth:`train`."""
        recipe = self.recipe(unit.row)
        if not isinstance(recipe, MultiStageRecipe):
            raise RecipeError(f"{unit}: expected a multi-stage recipe, got {recipe.method}.")
        parts = Parts(self.work / "parts", self.device, shared=True, max_epochs=self.max_epochs)
        data = self._training_data(recipe.dataset, unit.fold)
        return MultiStageRun(recipe, data, parts).run(Deadline(at=0.0))

    def _training_data(self, dataset: str, fold: int) -> TrainingData:
        store = self.store(dataset)
        held_out = None if self.study.cross_validates else fold
        partition = partition_of(store.dataset, self.split(dataset, fold), held_out, validate=True)
        return TrainingData(store, partition, lambda other: self._training_data(other, fold))

    def run(self, unit: Unit, deadline: Deadline) -> Entry:
        """Train, score and enter a unit; what an interrupted call has done is taken up.

        Raises:
            Interrupted: the time budget ended first.
            RecipeError: recipe or data do not fit.
            OutputError: a file cannot be written.
        """
        with log_into(self.work / "logs" / f"{unit.row}-fold{unit.fold}.log"):
            return self._run(unit, deadline)

    def _run(self, unit: Unit, deadline: Deadline) -> Entry:
        """Do as :meth:`run` says."""
        recipe = self.recipe(unit.row)
        store = self.store(recipe.dataset)
        cases = self.test_cases(recipe.dataset, unit.fold)
        pipeline, parts = self.train(unit, deadline)
        reports = tuple(parts.reports.values())
        tested = [store.content(case, recipe.segmenter.preprocessing) for case in cases]
        identity = digest(recipe.sha256, str(unit), *parts.identities.values(), repr(reports), *tested)
        partial = self.work / "scores" / f"{unit.row}-fold{unit.fold}-{identity[:DIGITS]}.json"
        started = time.monotonic()
        rows = score_cases(pipeline, cases, store, unit, partial, deadline, self.device)
        entry = Entry(
            row=unit.row,
            fold=unit.fold,
            recipe_sha256=recipe.sha256,
            split_sha256=split_sha256(self.study, recipe.dataset),
            version=VERSION,
            data_sha256=digest(*tested),
            results_sha256="",
            commit=commit(),
            septum=septum_version(),
            torch=torch.__version__,
            device=device_name(self.device),
            seed=recipe.seed,
            max_epochs=dict(self.max_epochs) or None,
            parts=reports,
            training_seconds=sum(part.seconds for part in reports),
            scoring_seconds=time.monotonic() - started,
            peak_memory_mb=max(
                (float(r["peak_memory_mb"]) for r in rows if r["peak_memory_mb"]), default=None
            ),
        )
        entry = publish(self.results, entry, rows)
        partial.unlink(missing_ok=True)
        return entry


def recipe_of(study: Declaration, row: str) -> AnyRecipe:
    """The recipe that a row of a study names: one of the package, or a TOML file by its path."""
    declared = study.row(row)
    name = declared.recipe
    shipped = Path(str(resources.files("septum"))) / "recipes" / f"{name}.toml"
    file = Path(name) if name.endswith(".toml") else shipped
    settings = read_settings(file)
    recipe = check_recipe(rescale(settings, study.scales) if declared.rescaled else settings, file)
    network = getattr(recipe.segmenter, "network", None)
    filters = declared.filters if network is None else network.filters
    if (recipe.dataset, filters) != (declared.dataset, declared.filters):
        raise RecipeError(
            f"study {study.name}, row {row}: expected dataset and filters of its recipe {name}, "
            f"{recipe.dataset} and {filters}, got {declared.dataset} and {declared.filters}; correct "
            "the study."
        )
    initial = getattr(recipe, "initial", None)
    if study.split != "published" and initial is not None and initial.used:
        raise RecipeError(
            f"study {study.name}, row {row}: expected a recipe that starts from fresh weights, since the "
            f"bundle of the 'initial' of {name} may have learnt from patients that test here; leave it out, "
            'or take split = "published".'
        )
    return recipe


def split_of(study: Declaration, dataset: Dataset, fold: int) -> Split:
    """The split of a study: a published one, or one that is drawn from its seed."""
    if study.split == "published":
        return load_split(dataset.name)
    if study.split == "cross_validation":
        return load_cross_validation(dataset.name).split(fold)
    drawn = study.split
    rng = np.random.default_rng(drawn.seed)
    return make_split(dataset.name, dataset.patients(), test=drawn.test, folds=drawn.folds, rng=rng)


def split_sha256(study: Declaration, dataset: str) -> str:
    """Hash of who trains, validates and tests: of a published split, or of how one is drawn."""
    split: BaseModel
    if study.split == "published":
        split = load_split(dataset)
    elif study.split == "cross_validation":
        split = load_cross_validation(dataset)
    else:
        split = study.split
    return digest(split.model_dump_json())


def septum_version() -> str:
    """The installed version; a checkout that is only on the path has none."""
    try:
        return version("septum")
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Hash of the code's commit, where it lies in a checkout; ``+`` says that files differ from it."""
    folder = Path(__file__).parent
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", str(folder.parent))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # fixed arguments
        ["git", "-C", str(folder), *arguments],  # noqa: S607  # whichever git there is
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()
