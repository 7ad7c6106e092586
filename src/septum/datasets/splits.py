"""Patient-level splits: a fixed test set and folds of the rest, balanced by pathology group."""

from __future__ import annotations

from collections import defaultdict
from importlib import resources
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, model_validator

from septum.core import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

#: Folder of the splits that come with the package.
PUBLISHED_SPLITS = resources.files("septum.datasets") / "published"


class Split(BaseModel):
    """Which patients test, and which validate in each fold; all others of a fold train.

    Attributes:
        dataset: name of the data set.
        test: patients never used for training or for choosing anything.
        folds: the validation patients of each fold; together they are all patients that do not test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    test: tuple[str, ...]
    folds: tuple[tuple[str, ...], ...]

    @model_validator(mode="after")
    def _disjoint(self) -> Split:
        everyone = [*self.test, *(p for fold in self.folds for p in fold)]
        if len(set(everyone)) != len(everyone):
            raise ValueError("a patient may stand in the test set or in one fold, not in both or in two")
        return self

    @property
    def development(self) -> tuple[str, ...]:
        """All patients that do not test, sorted."""
        return tuple(sorted(p for fold in self.folds for p in fold))

    def training(self, fold: int) -> tuple[str, ...]:
        """The patients that train in a fold, sorted."""
        return tuple(sorted(p for i, part in enumerate(self.folds) if i != fold for p in part))


class CrossValidation(BaseModel):
    """All patients in parts, each of which is tested once by a model that was trained on all the others.

    Attributes:
        dataset: name of the data set.
        parts: patients of each part; the first is the test set of the published split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    parts: tuple[tuple[str, ...], ...]

    def split(self, fold: int) -> Split:
        """The split in which the part of this number tests and the others are the folds.

        Raises:
            RecipeError: there is no such part.
        """
        if fold not in range(len(self.parts)):
            raise RecipeError(
                f"{self.dataset}: expected a fold from 0 to {len(self.parts) - 1}, since so many parts are "
                f"cross-validated, got {fold}; correct first_fold or folds of the study."
            )
        others = tuple(part for number, part in enumerate(self.parts) if number != fold)
        return Split(dataset=self.dataset, test=self.parts[fold], folds=others)


def make_cross_validation(
    split: Split, groups: Mapping[str, str], *, parts: int, rng: np.random.Generator
) -> CrossValidation:
    """Deal the development patients of a split into all parts but the first, which is its test set.

    Args:
        split: whose test set is the first part.
        groups: patient to group, which is spread evenly.
        parts: their number.
        rng: source of the draw.
    """
    rest = {patient: groups[patient] for patient in split.development}
    dealt: list[tuple[str, ...]] = [split.test]
    while len(dealt) < parts - 1:
        size = round(len(rest) / (parts - len(dealt)))
        drawn = make_split(split.dataset, rest, test=size, folds=1, rng=rng)
        dealt.append(drawn.test)
        rest = {patient: groups[patient] for patient in drawn.development}
    return CrossValidation(dataset=split.dataset, parts=(*dealt, tuple(sorted(rest))))


def make_split(
    dataset: str, groups: Mapping[str, str], *, test: int, folds: int, rng: np.random.Generator
) -> Split:
    """Draw a split in which each group is spread evenly over the test set and the folds.

    Args:
        dataset: name.
        groups: patient to group.
        test: number of test patients.
        folds: number of folds.
        rng: source of the draw.

    Raises:
        RecipeError: there are fewer patients than that takes.
    """
    if test + folds > len(groups):
        raise RecipeError(
            f"{dataset}: {test} to test and {folds} folds need {test + folds} patients, got {len(groups)}."
        )
    by_group: dict[str, list[str]] = defaultdict(list)
    for patient in sorted(groups):
        by_group[groups[patient]].append(patient)
    for members in by_group.values():
        rng.shuffle(members)
    dealt = [members.pop() for members in _in_turn(by_group, test)]
    rest = [patient for members in by_group.values() for patient in members]  # one group after the other
    parts = tuple(tuple(sorted(rest[i::folds])) for i in range(folds))
    return Split(dataset=dataset, test=tuple(sorted(dealt)), folds=parts)


def _in_turn(by_group: Mapping[str, list[str]], count: int) -> list[list[str]]:
    """Groups to take the next patient from: always the one from which the smallest share is taken."""
    taken = dict.fromkeys(by_group, 0)
    turns = []
    for _ in range(count):
        group = min(by_group, key=lambda g: ((taken[g] + 1) / max(len(by_group[g]), 1), g))
        taken[group] += 1
        turns.append(by_group[group])
    return turns
