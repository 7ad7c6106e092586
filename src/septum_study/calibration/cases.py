"""Cases of the quality verdict as lines of a file."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from septum.core.files import write_text
from septum.quality.rules import RULES
from septum_study.calibration.fit import FEATURES, VENTRICLES, QualityCase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from septum.metrics.scores_file import Row

#: Keys of measures, each a column.
MEASURES = tuple(
    dict.fromkeys(
        (*FEATURES, *(rule.measure for rule in RULES), *(f"{name.lower()}_soft_dice" for name in VENTRICLES))
    )
)
_EF = tuple(
    (f"{kind}_{name.lower()}_ef", kind, name) for name in VENTRICLES for kind in ("predicted", "true")
)
#: Columns that say what a case is: a corrupted one has a perturbation and its level.
HEAD = ("patient", "fold", "model", "perturbation", "level")
COLUMNS = (*HEAD, *MEASURES, "basic_flags", "mean_dice", "least_dice", *(column for column, _, _ in _EF))
#: What tells how sure a model is, and differs from model to model.
SURENESS = ("least_soft_dice", "agreement")
DIGITS = 5


def line_of(case: QualityCase, **head: str) -> Row:
    """A case as text; what is not known is an empty cell."""
    cells: dict[str, str] = dict.fromkeys(COLUMNS, "") | {"patient": case.patient, "fold": case.group} | head
    cells |= {key: _text(case.measures[key]) for key in MEASURES if key in case.measures}
    cells["basic_flags"] = ";".join(f"{key}:{verdict}" for key, verdict in case.basic.items())
    cells |= {"mean_dice": _text(case.mean_dice), "least_dice": _text(case.least_dice)}
    known = {"predicted": case.predicted_ef, "true": case.true_ef}
    return cells | {column: _text(known[kind].get(name)) for column, kind, name in _EF}


def case_of(row: Row, group: str | None = None, typical: Mapping[str, float] | None = None) -> QualityCase:
    """The case that a line holds; patients are left out with their fold, unless a group is given."""
    flags = [pair.partition(":") for pair in row["basic_flags"].split(";") if pair]
    return QualityCase(
        patient=row["patient"],
        group=row["fold"] if group is None else group,
        measures={key: float(row[key]) for key in MEASURES if row[key]},
        basic={key: verdict for key, _, verdict in flags},
        mean_dice=float(row["mean_dice"]),
        least_dice=float(row["least_dice"]),
        predicted_ef=_fractions(row, "predicted"),
        true_ef=_fractions(row, "true"),
        typical=typical or {},
    )


def quality_cases(rows: Sequence[Row]) -> list[QualityCase]:
    """All cases; as long as there are fewer than three folds, each patient is a group of its own."""
    by_patient = len({row["fold"] for row in rows}) < 3
    typical = typical_lacks(rows)
    return [
        case_of(row, row["patient"] if by_patient else None, typical[row["model"], row["fold"]])
        for row in rows
    ]


def own_cases(cases: Sequence[QualityCase], rows: Sequence[Row], model: str) -> list[QualityCase]:
    """Those of the cases, of these rows in turn, that are by a model of that name."""
    return [case for case, row in zip(cases, rows, strict=True) if row["model"] == model]


def typical_lacks(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """Median of what each of :data:`SURENESS` lacks of 1, by key, of each model: its name and its fold."""
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["model"], row["fold"]].append(row)
    known = {
        model: {key: [1.0 - float(row[key]) for row in some if row[key]] for key in SURENESS}
        for model, some in grouped.items()
    }
    return {
        model: {key: median(lacks) for key, lacks in by_key.items() if lacks}
        for model, by_key in known.items()
    }


def corrupted_of(rows: Sequence[Row], cases: Sequence[QualityCase]) -> list[QualityCase]:
    """Cases of corrupted images, in the groups that their patients have among the others."""
    known = {case.patient: case for case in cases}
    return [case_of(row, known[row["patient"]].group, known[row["patient"]].typical) for row in rows]


def write_cases(path: Path, rows: Iterable[Row]) -> None:
    """Write lines, whole or not at all. Raises :class:`septum.core.OutputError`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())


def _fractions(row: Row, which: str) -> dict[str, float]:
    return {name: float(row[column]) for column, kind, name in _EF if kind == which and row[column]}


def _text(value: float | None) -> str:
    return (
        ""
        if value is None
        else f"{round(value, DIGITS):g}"
        if value == int(value)
        else str(round(value, DIGITS))
    )
