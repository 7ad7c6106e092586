"""The data of a training run: its patients, and which of them test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from septum.core import RecipeError
from septum.core.files import write_text
from septum.datasets import REGISTRY, by_patient, hold_out, load_split, published_keys
from septum.methods.samples import read_case

if TYPE_CHECKING:
    from pathlib import Path

    from septum.datasets import Dataset, Split
    from septum.training.recipe import MultiStageRecipe

LOGGER = logging.getLogger(__name__)
SPLIT_FILE = "split.json"


def dataset_of(recipe: MultiStageRecipe, folder: Path) -> Dataset:
    """The recipe's data set.

    One without a published split is somebody's own, and nobody has looked at its files: each is read once, so
    that a bad one is reported before hours of training and not after.

    Raises:
        RecipeError: it is not there or not whole, or the recipe does not fit its structures.
        InputError: a file of it cannot be read.
    """
    dataset = REGISTRY[recipe.dataset].load(folder)
    if recipe.patient_pattern is not None:
        dataset = by_patient(dataset, recipe.patient_pattern)
    if recipe.dataset not in published_keys():
        recipe.require_channels(recipe.segmenter, dataset.schema)  # reported before the files are read
        for case in dataset.cases:
            read_case(case, dataset)
        if len(dataset.patients()) == len(dataset.cases) and recipe.patient_pattern is None:
            LOGGER.info(
                "%d cases read; each counts as a patient: if some show the same person, stop and give "
                "patient_pattern",
                len(dataset.cases),
            )
        else:
            LOGGER.info("%d cases of %d patients read", len(dataset.cases), len(dataset.patients()))
    return dataset


def split_of(recipe: MultiStageRecipe, dataset: Dataset) -> Split:
    """The published split, or one as the recipe says. Raises :class:`RecipeError`."""
    if recipe.dataset in published_keys():
        return load_split(recipe.dataset)
    return hold_out(dataset, recipe.held_out, np.random.default_rng(recipe.seed))


def keep_split(split: Split, run: Path) -> None:
    """Write the split into the run folder.

    Raises:
        RecipeError: the run was begun with another one.
        OutputError: the folder cannot be written to.
    """
    file, text = run / SPLIT_FILE, split.model_dump_json(indent=1) + "\n"
    if not file.is_file():
        write_text(file, text)
    elif file.read_text(encoding="utf-8") != text:
        raise RecipeError(
            f"{file}: this run was begun with other patients or another split; give another folder, or "
            "the data and the recipe as they were."
        )
