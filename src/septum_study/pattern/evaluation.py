"""How often the regression of ACDC's groups is right, on patients that it has not seen."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from scipy.special import betaincinv

from septum.core.pattern import GROUP_TITLES, Group
from septum.interpretation.features import FEATURES
from septum.metrics.table import Column, Section, Table
from septum_study.pattern.fit import GROUPS, Patient, fit_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from septum.interpretation.groups import GroupModel
    from septum.metrics.scores_file import Row

#: Body surface areas of most adults.
USUAL_AREAS_M2 = tuple(round(1.5 + 0.1 * k, 1) for k in range(9))


@dataclass(frozen=True)
class Answer:
    """What the regression says of a patient that it has not seen.

    Attributes:
        patient: with the true group.
        most_probable: group of the largest probability.
        likely: the set.
    """

    patient: Patient
    most_probable: Group
    likely: tuple[Group, ...]


def patients_of(rows: Iterable[Row]) -> list[Patient]:
    """Make patients of rows; those that lack a feature are left out.

    Args:
        rows: with ``patient``, ``group`` and each feature.
    """
    return [
        Patient(row["patient"], _group(row["group"]), {name: float(row[name]) for name in FEATURES})
        for row in rows
        if all(row[name] for name in FEATURES)
    ]


def _group(name: str) -> Group:
    return next(one for one in get_args(Group) if one == name)


def nested(
    patients: Sequence[Patient], folds: Sequence[frozenset[str]], tested: Mapping[str, Patient] | None = None
) -> list[Answer]:
    """Ask about each patient a regression that was fitted, penalty and limits too, without its fold.

    Args:
        patients: to fit.
        folds: names of the patients of each.
        tested: patients by name that are asked about instead, of other masks; those without are left out.
    """
    asked = {one.name: one for one in patients} if tested is None else tested
    answers = []
    for fold in folds:
        inside = [asked[name] for name in sorted(fold) if name in asked]
        if not inside:
            continue
        model = fit_groups([one for one in patients if one.name not in fold], "manual")
        for one in inside:
            shares = model.probabilities(one.features)
            best = max(shares, key=lambda name: shares[name])
            answers.append(Answer(one, best, model.likely(one.features)))
    return answers


def without_a_group(patients: Sequence[Patient]) -> dict[Group, list[Answer]]:
    """Ask about the patients of each group a regression that does not know the group."""
    answers: dict[Group, list[Answer]] = {}
    for name in GROUPS:
        model = fit_groups([one for one in patients if one.group != name], "manual")
        answers[name] = []
        for one in (p for p in patients if p.group == name):
            shares = model.probabilities(one.features)
            best = max(shares, key=lambda group: shares[group])
            answers[name].append(Answer(one, best, model.likely(one.features)))
    return answers


def accuracy_table(answers: Mapping[str, Sequence[Answer]]) -> Table:
    """One line a way of asking: how often the most probable group is the true one, and what the sets hold."""
    lines = []
    for name, of in answers.items():
        right = sum(one.most_probable == one.patient.group for one in of)
        held = sum(one.patient.group in one.likely for one in of)
        lines.append(
            (
                name, str(len(of)), _share(right, len(of)), _share(held, len(of)),
                f"{statistics.fmean(len(one.likely) for one in of):.2f}",
                str(sum(not one.likely for one in of)),
            )
        )  # fmt: skip
    columns = (
        Column("Indices of"), Column("Patients"), Column("Most probable group is right (%)"),
        Column("Set holds the group (%)"), Column("Groups in a set, mean"), Column("Empty sets"),
    )  # fmt: skip
    note = "Shares with their exact 95 % interval (Clopper and Pearson). Sets are made to hold it in 90 %."
    return Table("How often it is right", columns, (Section("", tuple(lines)),), (note,))


def confusion_table(answers: Sequence[Answer], title: str) -> Table:
    """Count the most probable groups of each true one.

    Args:
        answers: of patients.
        title: of the table.
    """
    lines = []
    for true in GROUPS:
        of = [one for one in answers if one.patient.group == true]
        counts = [str(sum(one.most_probable == found for one in of)) for found in GROUPS]
        lines.append((f"{true}: {GROUP_TITLES[true]}", *counts))
    columns = (Column("True group"), *(Column(name) for name in GROUPS))
    return Table(title, columns, (Section("", tuple(lines)),), ())


def unknown_table(answers: Mapping[Group, Sequence[Answer]]) -> Table:
    """Tell what the sets of patients hold whose group the regression does not know."""
    lines = []
    for name, of in answers.items():
        empty = sum(not one.likely for one in of)
        single = sum(len(one.likely) == 1 for one in of)
        lines.append((f"{name}: {GROUP_TITLES[name]}", str(len(of)), str(empty), str(single)))
    columns = (
        Column("Group left out of the fit"),
        Column("Patients"),
        Column("Empty set"),
        Column("One wrong group"),
    )
    note = "The right answer is an empty set: none of the known groups."
    return Table(
        "Patients of a group that the regression does not know",
        columns,
        (Section("", tuple(lines)),),
        (note,),
    )


def elsewhere_table(rows: Iterable[Row], model: GroupModel) -> Table:
    """Tell what the sets of patients of other hospitals hold, at every usual body size.

    Args:
        rows: with ``source``, ``patient`` and each feature for a body surface area of 1 m2.
        model: that is shipped.
    """
    lines, everything = [], []
    for row in rows:
        if not all(row[name] for name in FEATURES):
            lines.append((row["source"], row["patient"], "-", "-", "-", "a feature is missing"))
            continue
        sets = [model.likely(_at_size(row, area_m2)) for area_m2 in USUAL_AREAS_M2]
        everything += sets
        named = [name for name in GROUPS if any(name in one for one in sets)]
        lines.append((row["source"], row["patient"], *_counts(sets), ", ".join(named) or "none"))
    total = ("all", "", *_counts(everything), "")
    columns = (
        Column("Source"), Column("Patient"), Column("Empty set"), Column("One group"),
        Column("Several"), Column("Groups named"),
    )  # fmt: skip
    note = (
        f"Masks of the model. Sets at {len(USUAL_AREAS_M2)} body surface areas, {USUAL_AREAS_M2[0]:g} to "
        f"{USUAL_AREAS_M2[-1]:g} m²: nobody's is known."
    )
    return Table(
        "Sets of patients of other hospitals",
        columns,
        (Section("", tuple(lines)), Section("", (total,))),
        (note,),
    )


def _at_size(row: Row, area_m2: float) -> dict[str, float]:
    return {name: float(row[name]) / (area_m2 if name.endswith("_m2") else 1.0) for name in FEATURES}


def _counts(sets: Sequence[tuple[Group, ...]]) -> tuple[str, str, str]:
    sizes = [min(len(one), 2) for one in sets]
    return str(sizes.count(0)), str(sizes.count(1)), str(sizes.count(2))


def _share(hits: int, count: int) -> str:
    low = 0.0 if hits == 0 else float(betaincinv(hits, count - hits + 1, 0.025))
    high = 1.0 if hits == count else float(betaincinv(hits + 1, count - hits, 0.975))
    return f"{100 * hits / count:.0f} ({100 * low:.0f} to {100 * high:.0f})"
