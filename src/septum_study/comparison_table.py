"""Is one method better than another? Paired tests over patients, with the size of the difference."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.datasets import REGISTRY
from septum.metrics import Mean
from septum.metrics.paired import PairedComparison, compare_paired, holm
from septum.metrics.table import Column, Section, Table
from septum_study.results import native_scores
from septum_study.table_cells import NOT_RUN, NOTHING, label_cell, models_cell, notes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from septum.core import Score
    from septum.metrics.scores_file import Row as ResultRow
    from septum_study.declaration import Declaration
    from septum_study.row_results import RowResults

#: What is tested: heading, digits, value of one score. A missed structure has the diagonal as its distance.
MEASURES: tuple[tuple[str, int, Callable[[Score], float | None]], ...] = (
    ("Dice", 3, lambda score: score.dice),
    ("HD (mm)", 2, lambda score: score.diagonal_mm if score.missed else score.hausdorff_mm),
    ("ASD (mm)", 3, lambda score: score.diagonal_mm if score.missed else score.asd_mm),
)
COLUMNS = (
    Column("Method"),
    Column("Patients"),
    Column("Models in common"),
    *(
        Column(title, heading)
        for heading, *_ in MEASURES
        for title in ("shift [95 % interval]", "p", "p, Holm")
    ),
)
NOTE = (
    "Everything of one patient (phases, structures, and the models of the folds that both rows have) is "
    "averaged first; then a paired Wilcoxon signed-rank test, two-sided, on the native grid. The shift is"
    " the Hodges-Lehmann estimate of the method less what it is tested against. Holm's correction is over "
    "the lines that have run under each heading. A missed structure counts as Dice 0 and with the volume's"
    " diagonal as its distance."
)


@dataclass(frozen=True)
class _Pair:
    """One row against another, and what its line is called."""

    name: str
    row: RowResults
    against: RowResults


@dataclass(frozen=True)
class _Compared:
    """What came out of a pair; ``results`` is empty where there is nothing to compare."""

    pair: _Pair
    folds: tuple[int, ...]
    results: tuple[PairedComparison, ...]


FEW_NOTE = (
    "Where there are too few patients for an interval at 95 %, the widest that they allow is given, with its "
    "confidence."
)


def comparison_table(study: Declaration, found: Mapping[str, RowResults]) -> Table:
    """All tests of a study: against the reference of each table and data set, then its contrasts.

    What stands under one heading is corrected together.
    """
    sections, shown = [], []
    for heading, pairs in (*_against_references(study, found), *_contrasts(study, found)):
        shown += [one for pair in pairs for one in (pair.against, pair.row)]
        sections.append(Section(heading, _lines([_compare(pair) for pair in pairs], study.folds)))
    notes = dict.fromkeys(notes_on(shown))
    if any(" at " in cell for section in sections for line in section.lines for cell in line):
        notes = {FEW_NOTE: None, **notes}
    return Table("Paired tests over patients", COLUMNS, tuple(sections), (NOTE, *notes))


def _against_references(
    study: Declaration, found: Mapping[str, RowResults]
) -> Iterator[tuple[str, list[_Pair]]]:
    """Headings and pairs of the tables that name a reference and show other rows."""
    for name, settings in study.tables.items():
        for dataset, key in settings.references.items():
            others = [
                found[row.key] for row in study.shown_in(name) if row.dataset == dataset and row.key != key
            ]
            pairs = [_Pair(label_cell(row, filters=True), row, found[key]) for row in others]
            if pairs:
                yield _heading(name, found[key]), pairs


def _contrasts(study: Declaration, found: Mapping[str, RowResults]) -> Iterator[tuple[str, list[_Pair]]]:
    """Headings and pairs of the contrasts; their lines name the data set and both rows."""
    for contrast in study.contrasts:
        pairs = []
        for pair in contrast.pairs:
            row, against = found[pair.row], found[pair.against]
            ours, theirs = (label_cell(one, filters=True) for one in (row, against))
            pairs.append(_Pair(f"{REGISTRY[row.row.dataset].title}: {ours}, against {theirs}", row, against))
        yield f"Contrast: {contrast.title}", pairs


def patient_means(rows: Sequence[ResultRow], value: Callable[[Score], float | None]) -> dict[str, float]:
    """Mean of a measure over all scored lines of each patient."""
    values: dict[str, list[float | None]] = defaultdict(list)
    for row, score in zip(rows, native_scores(rows), strict=True):
        values[row["patient"]].append(value(score))
    means = {patient: Mean.of(of_patient).mean for patient, of_patient in values.items()}
    return {patient: mean for patient, mean in means.items() if mean is not None}


def _compare(pair: _Pair) -> _Compared:
    folds = tuple(fold for fold in pair.row.folds if fold in pair.against.folds)
    results = []
    for _, _, value in MEASURES:
        ours, theirs = (patient_means(one.lines(folds=folds), value) for one in (pair.row, pair.against))
        patients = sorted(ours.keys() & theirs.keys())
        if patients:
            results.append(compare_paired([ours[p] for p in patients], [theirs[p] for p in patients]))
    return _Compared(pair, folds, tuple(results) if len(results) == len(MEASURES) else ())


def _lines(compared: Sequence[_Compared], folds: int) -> tuple[tuple[str, ...], ...]:
    """A line a pair; the p values of those that have run are corrected together, measure by measure."""
    run = [one for one in compared if one.results]
    by_measure = [holm([one.results[i].p_value for one in run]) for i in range(len(MEASURES))]
    corrected = zip(*by_measure, strict=True)
    return tuple(_line(one, next(corrected) if one.results else (), folds) for one in compared)


def _line(compared: _Compared, corrected: Sequence[float], folds: int) -> tuple[str, ...]:
    if not compared.results:
        state = "none" if compared.pair.row.folds else NOT_RUN
        return (compared.pair.name, "", state, *[NOTHING] * (len(COLUMNS) - 3))
    cells = [
        cell
        for (_, digits, _), result, p in zip(MEASURES, compared.results, corrected, strict=True)
        for cell in (_shift_cell(result, digits), _p_cell(result.p_value), _p_cell(p))
    ]
    patients, models = str(compared.results[0].n), models_cell(compared.folds, folds)
    return (compared.pair.name, patients, models, *cells)


def _shift_cell(result: PairedComparison, digits: int) -> str:
    cell = f"{result.shift:+.{digits}f} [{result.low:+.{digits}f}, {result.high:+.{digits}f}]"
    reached = round(100 * result.confidence)
    return cell if reached >= 95 else f"{cell} at {reached} %"


def _p_cell(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _heading(table: str, reference: RowResults) -> str:
    number = f"Table {table}" if table.isdigit() else table.capitalize()
    return f"{number}, against {label_cell(reference, filters=True)}"
