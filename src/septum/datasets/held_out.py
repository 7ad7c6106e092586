"""Which patients test, where no published split says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from septum.core import RecipeError
from septum.datasets.splits import make_split

if TYPE_CHECKING:
    import numpy as np

    from septum.datasets.descriptor import Dataset
    from septum.datasets.splits import Split

#: Patients that training takes at least: localisers find the region of one that they have not seen.
LEAST = 2
FOLDS = 5


class HeldOut(BaseModel):
    """The patients that test.

    Attributes:
        share: of all patients, drawn; one at least.
        patients: their names, instead of a draw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.2, gt=0, lt=1)
    patients: tuple[str, ...] = ()


def hold_out(dataset: Dataset, settings: HeldOut, rng: np.random.Generator) -> Split:
    """The patients that test and, of the others, up to five folds.

    The draw depends on the generator and on the patients' names alone.

    Raises:
        RecipeError: there are fewer than three patients, or fewer than two are left to train, or one is named
            that is not there.
    """
    groups = dataset.patients()
    if len(groups) < LEAST + 1:
        raise RecipeError(
            f"{dataset.cases[0].image.parent}: expected at least {LEAST + 1} patients, {LEAST} to train and "
            f"one to test, got {len(groups)} with {len(dataset.cases)} images; label more, or correct "
            "patient_pattern."
        )
    unknown = sorted(set(settings.patients) - set(groups))
    if unknown:
        raise RecipeError(
            f"held_out.patients: expected patients of the data, such as {next(iter(groups))!r}, got "
            f"{unknown[0]!r}; correct the list."
        )
    rest = {patient: group for patient, group in groups.items() if patient not in settings.patients}
    if len(rest) < LEAST:
        raise RecipeError(
            f"held_out.patients: expected at least {LEAST} patients that do not test, got {len(rest)} of "
            f"{len(groups)}; shorten the list."
        )
    drawn = 0 if settings.patients else min(max(1, round(settings.share * len(rest))), len(rest) - LEAST)
    folds = min(FOLDS, len(rest) - drawn)
    split = make_split(dataset.name, rest, test=drawn, folds=folds, rng=rng)
    return split.model_copy(update={"test": tuple(sorted({*split.test, *settings.patients}))})
