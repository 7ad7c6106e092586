"""Which cases train a model and which validate it, and where they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from septum.core import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.datasets import Case, Dataset, Split
    from septum.methods.case_store import CaseStore

AnyCase = TypeVar("AnyCase")
#: So many cases are enough to monitor a training.
MONITORED = 20


@dataclass(frozen=True)
class Partition:
    """Cases for one model, by patient.

    Attributes:
        training: weights are learnt from these.
        validation: the epoch is chosen by these; none, and the last one is used.
        monitoring: not learnt from, and choosing nothing; scores on some of them only show how the training
            goes.
    """

    training: tuple[Case, ...]
    validation: tuple[Case, ...] = ()
    monitoring: tuple[Case, ...] = ()


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from.

    Attributes:
        store: reads and prepares the cases.
        partition: those that train and those that validate.
        of_other: the same fold's data of another data set by its name, for transfer.
    """

    store: CaseStore
    partition: Partition
    of_other: Callable[[str], TrainingData] | None = None


def partition_of(dataset: Dataset, split: Split, fold: int | None, *, validate: bool) -> Partition:
    """The cases of one fold, or with ``None`` of all patients that do not test.

    Args:
        dataset: the labelled cases.
        split: which patients test, and which belong to which fold.
        fold: its patients are left out of training.
        validate: whether the patients of the fold choose the epoch; if not, they only monitor it.

    Raises:
        RecipeError: the split has no such fold, or the data set lacks a patient of it.
    """
    if fold is None:
        return Partition(cases_of(dataset, split.development))
    if fold >= len(split.folds):
        raise RecipeError(
            f"{dataset.name}: expected a fold from 0 to {len(split.folds) - 1}, since so few patients do not "
            f"test, got {fold}; give another, or leave it out."
        )
    training, left_out = cases_of(dataset, split.training(fold)), cases_of(dataset, split.folds[fold])
    return Partition(training, left_out) if validate else Partition(training, monitoring=left_out)


def few_of(cases: Sequence[AnyCase]) -> Sequence[AnyCase]:
    """Pick cases that monitor a training: :data:`MONITORED` at most, spread over all.

    >>> few_of(range(50))[:3], len(few_of(range(50)))
    (range(0, 9, 3), 17)
    """
    return cases[:: max(1, -(-len(cases) // MONITORED))]


def cases_of(dataset: Dataset, patients: Iterable[str]) -> tuple[Case, ...]:
    """All cases of these patients.

    Raises:
        RecipeError: one of them is not in the data set.
    """
    wanted = set(patients)
    missing = sorted(wanted - set(dataset.patients()))
    if missing:
        named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise RecipeError(
            f"{dataset.name}: the split needs {len(wanted)} patients here, but the data folder lacks "
            f"{named}; restore their folders."
        )
    return dataset.of(wanted)
