"""Which of ACDC's groups the indices of a mask are most like: a logistic regression with conformal sets.

The regression is multinomial with an L2 penalty, on standardised features, and its temperature is fitted to
predictions of patients left out. A group is in the set if its probability is not too small, and if the
features are not too far from the middle of the group: both limits are conformal quantiles of patients left
out, so that sets of patients like those of ACDC hold the true group in a known share. Patients unlike all
groups get an empty set.

Sources: Hastie T, Tibshirani R, Friedman J. The Elements of Statistical Learning. Springer 2009, 4.4; Guo C
et al. On calibration of modern neural networks. ICML 2017; Sadinle M, Lei J, Wasserman L. Least ambiguous
set-valued classifiers with bounded error levels. J Am Stat Assoc 2019; 114:223-234.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import InputError, Level, Note, value_of
from septum.core.pattern import Group, Pattern
from septum.indices.body import surface_area
from septum.interpretation.criteria import THICK_MM, criteria_of
from septum.interpretation.features import features_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from septum.core import Indices, MeasuredError, Subject

    Floats = NDArray[np.float64]

NO_DIAGNOSIS = Note(
    "pattern_no_diagnosis",
    "This says which group of ACDC the numbers are most like. It is no diagnosis: other diseases, athletes "
    "and borderline findings have no group there.",
)


OF_MANUAL_MASKS = Note(
    "pattern_of_manual_masks",
    "The regression was fitted to indices of manual masks: with masks of a model, fewer sets hold the true "
    "group than it is made for.",
    Level.WARNING,
)


class GroupModel(BaseModel):
    """The fitted regression, as it is in the package.

    Attributes:
        format: version of this schema.
        masks: of which masks the indices were that it was fitted to.
        patients: number of patients.
        penalty: of the coefficients.
        groups: names, in the order of rows.
        features: names, in the order of columns.
        centre, scale: what each feature is standardised by.
        coefficients: one row a group.
        intercepts: one a group.
        temperature: by which the scores are divided.
        coverage: share of patients whose set is to hold their group.
        least_probability: of a group in the set.
        middles: of each group in standardised features.
        precision: inverse of the covariance within groups, in standardised features.
        most_distance: Mahalanobis distance from the middle of a group in the set, squared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    masks: Literal["manual", "predicted"]
    patients: int
    penalty: float
    groups: tuple[Group, ...]
    features: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]
    temperature: float
    coverage: float
    least_probability: float
    middles: tuple[tuple[float, ...], ...]
    precision: tuple[tuple[float, ...], ...]
    most_distance: float

    def standardised(self, features: Mapping[str, float]) -> Floats:
        """Put features into the order and scale of the coefficients."""
        values = np.array([features[name] for name in self.features])
        scaled: Floats = (values - np.asarray(self.centre)) / np.asarray(self.scale)
        return scaled

    def probabilities(self, features: Mapping[str, float]) -> dict[Group, float]:
        """Give the probability of each group.

        Args:
            features: all of them, by name.
        """
        scores = np.asarray(self.coefficients) @ self.standardised(features) + np.asarray(self.intercepts)
        scores = scores / self.temperature
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        return dict(zip(self.groups, map(float, shares), strict=True))

    def distances(self, features: Mapping[str, float]) -> dict[Group, float]:
        """Give the squared Mahalanobis distance from the middle of each group.

        Args:
            features: all of them, by name.
        """
        away = self.standardised(features) - np.asarray(self.middles)
        squared = np.einsum("ki,ij,kj->k", away, np.asarray(self.precision), away)
        return dict(zip(self.groups, map(float, squared), strict=True))

    def likely(self, features: Mapping[str, float]) -> tuple[Group, ...]:
        """Give the set of groups, the most probable first; it may be empty.

        Args:
            features: all of them, by name.
        """
        probabilities, distances = self.probabilities(features), self.distances(features)
        held = [
            name
            for name in self.groups
            if probabilities[name] >= self.least_probability and distances[name] <= self.most_distance
        ]
        return tuple(sorted(held, key=lambda name: -probabilities[name]))


@lru_cache(maxsize=1)
def load_groups() -> GroupModel:
    """Read the regression of the package. Raises :class:`InputError` if its file was changed and is none.

    >>> load_groups().groups
    ('NOR', 'MINF', 'DCM', 'HCM', 'RV')
    """
    path = files("septum.interpretation").joinpath("tables", "acdcgroups.json")
    try:
        return GroupModel.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{path}: expected the regression of ACDC's groups in format 1; install Septum again."
        ) from error


def pattern_of(
    indices: Indices, subject: Subject, errors: Mapping[str, MeasuredError], *, refused: bool = False
) -> Pattern:
    """Set a study beside the groups of ACDC.

    Args:
        indices: of a mask of both ventricles at end-diastole and end-systole.
        subject: height and weight, without which half of the criteria cannot be compared.
        errors: of the measurement, by index; none where they are not known.
        refused: whether the mask is rejected, so that its numbers must not be used.

    Raises:
        InputError: the regression of the package was damaged.
    """
    area_m2 = value_of(surface_area(subject, "du-bois")[0])
    features = features_of(indices, area_m2)
    thick = None
    if indices.wall is not None and features["thickest_wall_mm"] is not None:
        thick = float(sum(v is not None and v > THICK_MM for v in indices.wall.end_diastolic_mm))
    criteria, groups = criteria_of({**features, "thick_segments": thick}, errors, area_m2)
    missing = [name for name, value in features.items() if value is None]
    why = _reason(missing, area_m2, refused=refused)
    if why is not None:
        return Pattern(
            () if refused else criteria, {} if refused else groups, {}, None, (), None, None, (why,)
        )
    known = {name: value for name, value in features.items() if value is not None}
    model = load_groups()
    notes = (NO_DIAGNOSIS, OF_MANUAL_MASKS) if model.masks == "manual" else (NO_DIAGNOSIS,)
    likely = model.likely(known)
    return Pattern(
        criteria,
        groups,
        model.probabilities(known),
        likely[0] if likely else None,
        likely,
        model.coverage,
        model.masks,
        notes,
    )


def _reason(missing: list[str], area_m2: float | None, *, refused: bool) -> Note | None:
    """Say why there is no group, if there is none."""
    if refused:
        return Note("pattern_rejected", "The mask is rejected: it is not set beside groups.", Level.WARNING)
    if area_m2 is None:
        text = "Body size is not known: half of the criteria cannot be compared, and no group is named."
        return Note("pattern_without_body_size", text, Level.WARNING)
    if missing:
        text = (
            "No group is named: that takes volumes of both ventricles at end-diastole and end-systole, and "
            "wall thickness. This mask does not give them all."
        )
        return Note("pattern_incomplete", text, Level.WARNING)
    return None
