"""Fitting the regression of ACDC's groups: penalty, temperature and limits, all on patients left out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from septum.core.pattern import GROUP_TITLES, Group
from septum.interpretation.features import FEATURES
from septum.interpretation.groups import GroupModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GROUPS: tuple[Group, ...] = tuple(GROUP_TITLES)
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
INNER_FOLDS = 5
#: Share of patients whose set is to hold their group; each of its two limits may miss half of the rest.
COVERAGE = 0.9
#: Share of the covariance within groups that is replaced by its diagonal: 13 features of few patients.
SHRINKAGE = 0.3
DIGITS = 6
_SEED = 1


@dataclass(frozen=True)
class Patient:
    """One patient of ACDC.

    Attributes:
        name: whose; only for keeping patients apart.
        group: true group.
        features: all of them, by name.
    """

    name: str
    group: Group
    features: Mapping[str, float]


def fit_groups(patients: Sequence[Patient], masks: Literal["manual", "predicted"]) -> GroupModel:
    """Fit the regression; penalty, temperature and limits come from inner folds that leave patients out.

    Args:
        patients: several of each group that is to be told.
        masks: whose indices the features are.
    """
    groups = tuple(name for name in GROUPS if any(one.group == name for one in patients))
    best: tuple[float, float, list[tuple[GroupModel, Patient]]] | None = None
    for penalty in PENALTIES:
        left_out = _left_out(patients, groups, masks, penalty)
        loss = _loss(left_out, 1.0)
        if best is None or loss < best[0]:
            best = (loss, penalty, left_out)
    if best is None:
        raise ValueError("expected at least one penalty, got none")
    _, penalty, left_out = best
    found = minimize_scalar(
        lambda log_t: _loss(left_out, math.exp(log_t)), bounds=(-2.0, 2.0), method="bounded"
    )
    temperature = math.exp(float(found.x))
    own = [_at(model, temperature).probabilities(one.features)[one.group] for model, one in left_out]
    away = [model.distances(one.features)[one.group] for model, one in left_out]
    fitted = _fit(patients, groups, masks, penalty)
    return fitted.model_copy(
        update={
            "temperature": round(temperature, DIGITS),
            "least_probability": round(-_quantile([-p for p in own]), DIGITS),
            "most_distance": round(_quantile(away), DIGITS),
        }
    )


def _left_out(
    patients: Sequence[Patient], groups: tuple[Group, ...], masks: Literal["manual", "predicted"],
    penalty: float,
) -> list[tuple[GroupModel, Patient]]:  # fmt: skip
    """Pair each patient with a fit that has not seen it; folds have the same share of each group."""
    fold_of: dict[str, int] = {}
    rng = np.random.default_rng(_SEED)
    for name in groups:
        of_group = [one.name for one in patients if one.group == name]
        for k, index in enumerate(rng.permutation(len(of_group))):
            fold_of[of_group[index]] = k % INNER_FOLDS
    pairs = []
    for fold in range(INNER_FOLDS):
        model = _fit([p for p in patients if fold_of[p.name] != fold], groups, masks, penalty)
        pairs += [(model, p) for p in patients if fold_of[p.name] == fold]
    return pairs


def _at(model: GroupModel, temperature: float) -> GroupModel:
    return model.model_copy(update={"temperature": temperature})


def _loss(pairs: Sequence[tuple[GroupModel, Patient]], temperature: float) -> float:
    """Mean negative logarithm of the probability of the true group."""
    own = [_at(model, temperature).probabilities(one.features)[one.group] for model, one in pairs]
    return float(-np.mean(np.log(np.maximum(own, 1e-12))))


def _quantile(scores: Sequence[float]) -> float:
    """Conformal quantile of one of the two limits: a new score is below it in 1 - (1 - COVERAGE) / 2."""
    level = 1.0 - (1.0 - COVERAGE) / 2.0
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    return sorted(scores)[min(rank, len(scores)) - 1]


def _fit(
    patients: Sequence[Patient], groups: tuple[Group, ...], masks: Literal["manual", "predicted"],
    penalty: float,
) -> GroupModel:  # fmt: skip
    """Fit coefficients by the sum of losses plus penalty / 2 times the squared coefficients."""
    table = np.array([[one.features[name] for name in FEATURES] for one in patients])
    centre, scale = table.mean(axis=0), table.std(axis=0, ddof=1)
    scaled = (table - centre) / scale
    truth = np.array([groups.index(one.group) for one in patients])
    wanted = np.eye(len(groups))[truth]
    count, width = len(groups), len(FEATURES)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(count, width + 1)
        scores = scaled @ weights[:, :-1].T + weights[:, -1]
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        value = -np.log(np.maximum(shares[np.arange(len(truth)), truth], 1e-300)).sum()
        value += penalty / 2.0 * (weights[:, :-1] ** 2).sum()
        slope = np.empty_like(weights)
        slope[:, :-1] = (shares - wanted).T @ scaled + penalty * weights[:, :-1]
        slope[:, -1] = (shares - wanted).sum(axis=0)
        return float(value), slope.ravel()

    found = minimize(loss, np.zeros(count * (width + 1)), jac=True, method="L-BFGS-B").x
    weights = found.reshape(count, width + 1)
    middles = np.array([scaled[truth == k].mean(axis=0) for k in range(count)])
    within = np.cov((scaled - middles[truth]).T)
    within = (1.0 - SHRINKAGE) * within + SHRINKAGE * np.diag(np.diag(within))
    return GroupModel(
        masks=masks,
        patients=len(patients),
        penalty=penalty,
        groups=groups,
        features=FEATURES,
        centre=_rounded(centre),
        scale=_rounded(scale),
        coefficients=tuple(map(_rounded, weights[:, :-1])),
        intercepts=_rounded(weights[:, -1]),
        temperature=1.0,
        coverage=COVERAGE,
        least_probability=0.0,
        middles=tuple(map(_rounded, middles)),
        precision=tuple(map(_rounded, np.linalg.inv(within))),
        most_distance=1e9,
    )


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), DIGITS) for value in values)
