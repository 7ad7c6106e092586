"""Dice against the levels of each perturbation, from the per-case results of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import InputError
from septum.metrics.agreement import Estimate
from septum.metrics.bootstrap import mean_interval
from septum_study.robustness.perturbations import NONE, PERTURBATIONS, levels_of
from septum_study.robustness.results import RobustnessRecord, csv_path, read_robustness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from septum.metrics.scores_file import Row

#: Of the bootstrap: the same results give the same bands.
SEED = 0


@dataclass(frozen=True)
class Point:
    """One level of one perturbation.

    Attributes:
        level: as the results write it.
        patients: how many have it; it cannot be had of every heart.
        dice: by structure, the mean over patients of their mean over phases, with its 95 % interval; a
            structure that nobody has at this level is left out.
        before: the same of the mask of the image as it is, taken through the same change, on the same truth.
        change: of Dice against that, paired by case and structure, then over patients; ``None`` for no pair.
        inside: mean share of the true foreground inside the region of interest.
        volumes: number of volumes.
        fallbacks: of them, those whose region was not found by the first evidence.
        warned: of them, those that come with a warning.
    """

    level: str
    patients: int
    dice: Mapping[str, Estimate]
    before: Mapping[str, Estimate]
    change: Estimate | None
    inside: float | None
    volumes: int
    fallbacks: int
    warned: int


@dataclass(frozen=True)
class Robustness:
    """What was measured of one bundle.

    Attributes:
        record: whose results these are.
        structures: in the order of the results.
        patients, volumes: that were measured as they are.
        unperturbed: the image as it is.
        curves: points by perturbation, in its order of levels; perturbations not measured are left out.
    """

    record: RobustnessRecord
    structures: tuple[str, ...]
    patients: int
    volumes: int
    unperturbed: Point
    curves: Mapping[str, tuple[Point, ...]]


def load_robustness(folder: Path, bundle: str) -> Robustness | None:
    """The curves of a bundle; ``None`` where nothing was measured.

    Raises:
        InputError: a file cannot be used, or the results lack the image as it is.
    """
    record = RobustnessRecord.read(folder, bundle)
    rows = read_robustness(folder, bundle)
    if record is None or not rows:
        return None
    plain = [row for row in rows if row["perturbation"] == NONE]
    if not plain:
        raise InputError(
            f"{csv_path(folder, bundle)}: expected lines of the image as it is, found none; measure again."
        )
    structures = tuple(dict.fromkeys(row["structure"] for row in rows))
    unperturbed = _point(NONE, plain, structures)
    curves = {}
    for name in PERTURBATIONS:
        own = [row for row in rows if row["perturbation"] == name]
        if own:
            curves[name] = tuple(
                _point(level, [row for row in own if row["level"] == level], structures)
                for level in levels_of(name, record.dataset)
            )
    return Robustness(record, structures, unperturbed.patients, unperturbed.volumes, unperturbed, curves)


def _point(level: str, rows: list[Row], structures: tuple[str, ...]) -> Point:
    had = [row for row in rows if row["localisation"]]
    by_case = {row["case"]: row for row in had}
    changes = [
        (row["patient"], float(row["dice"]) - float(row["dice_before"]))
        for row in had
        if row["dice"] and row["dice_before"]
    ]
    inside = [float(row["foreground_inside"]) for row in by_case.values()]
    return Point(
        level=level,
        patients=len({row["patient"] for row in had}),
        dice=_by_structure(had, "dice", structures),
        before=_by_structure(had, "dice_before", structures),
        change=_over_patients(changes) if changes else None,
        inside=sum(inside) / len(inside) if inside else None,
        volumes=len(by_case),
        fallbacks=sum(row["localisation"] != "map" for row in by_case.values()),
        warned=sum(row["warnings"] != "0" for row in by_case.values()),
    )


def _by_structure(rows: list[Row], column: str, structures: tuple[str, ...]) -> dict[str, Estimate]:
    """A column's mean of each structure that has any."""
    found = {}
    for structure in structures:
        scored = [(r["patient"], float(r[column])) for r in rows if r["structure"] == structure and r[column]]
        if scored:
            found[structure] = _over_patients(scored)
    return found


def _over_patients(values: Iterable[tuple[str, float]]) -> Estimate:
    """Mean over patients of each one's mean, with its interval; of a single patient it has no width."""
    by_patient: dict[str, list[float]] = {}
    for patient, value in values:
        by_patient.setdefault(patient, []).append(value)
    means = [sum(own) / len(own) for own in by_patient.values()]
    mean = sum(means) / len(means)
    interval = mean_interval(means, list(by_patient), np.random.default_rng(SEED))
    return Estimate(mean, interval.low, interval.high) if interval else Estimate(mean, mean, mean)
