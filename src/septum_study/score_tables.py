"""Tables 2, 3, 4 and the ablation: Dice, Hausdorff (HD), average surface distance (ASD), published values."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from septum.metrics import Mean, Summary, summarise
from septum.metrics.table import Column, Section, Table
from septum_study.results import grid_scores, native_scores
from septum_study.table_cells import (
    NOTHING,
    cases_cell,
    difference_cell,
    label_cell,
    mean_cell,
    models_cell,
    notes_on,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from septum.metrics.scores_file import Row as ResultRow
    from septum_study.declaration import Declaration, Published, PublishedValue, Row
    from septum_study.row_results import RowResults

Measure = Literal["dice", "hausdorff", "asd"]
DIGITS: dict[Measure, int] = {"dice": 3, "hausdorff": 2, "asd": 3}
ALL = "all"
#: The structures of table 4 in its order.
STRUCTURES = ("LV", "RV", "MYO")

NOTE = (
    "Mean ± SD over models, test cases and structures; n structures were scored. A missed structure "
    "counts as Dice 0 and has no distance: distances are means over n less the missed, and where any were"
    " missed a second line has the volume's diagonal in their place."
)
SPLIT_NOTE = "The published values come from another split, and so from other test patients."
CASE_SD_NOTE = (
    "In brackets the SD of the means of cases over their structures. The published SDs must be of that kind: "
    "those printed by structure are too wide for an SD over all structures to be as small."
)
#: Voxels (mm) of the grid on which the paper prints distances, by data set that it prints.
_PUBLISHED_VOXELS = {"acdc": (10.0, 1.25, 1.25), "lasc": (0.625, 0.625, 0.625)}


@dataclass(frozen=True)
class _ScoreColumn:
    """One column: whose number, of which measure.

    Attributes:
        column: its heading.
        kind: ``mean``, ``published``, ``difference`` (ours less published) or ``missed``.
        field: of ``metrics.Summary``, for our own number.
        measure: of the published values.
        grid: our number is that of the study's grid.
    """

    column: Column
    kind: Literal["mean", "published", "difference", "missed"]
    field: str = "missed"
    measure: Measure = "dice"
    grid: bool = False


def _beside(group: str, measure: Measure, fields: Sequence[tuple[str, str, bool]]) -> list[_ScoreColumn]:
    """A group of columns: ours, the published value, the difference of the last of ours."""
    *_, (_, last, grid) = fields
    return [
        *(_ScoreColumn(Column(t, group), "mean", field, measure, on) for t, field, on in fields),
        _ScoreColumn(Column("published", group), "published", last, measure, grid),
        _ScoreColumn(Column("difference", group), "difference", last, measure, grid),
    ]


def _plain(group: str, measure: Measure) -> list[_ScoreColumn]:
    """A group of columns of the native grid, in mm and in voxels."""
    return [
        _ScoreColumn(Column(unit, group), "mean", f"{measure}_{unit}", measure) for unit in ("mm", "voxels")
    ]


_OWN_GRID = (
    _ScoreColumn(Column("native grid", "Dice"), "mean", "dice"),
    _ScoreColumn(Column("study's grid", "Dice"), "mean", "dice", grid=True),
    _ScoreColumn(Column("published", "Dice"), "published", "dice"),
    _ScoreColumn(Column("native less published", "Dice"), "difference", "dice"),
    _ScoreColumn(Column("study's grid less published", "Dice"), "difference", "dice", grid=True),
    *_plain("HD, native grid", "hausdorff"),
    *_beside("HD, study's grid", "hausdorff", [("voxels", "hausdorff_voxels", True)]),
    *_plain("ASD, native grid", "asd"),
    *_beside("ASD, study's grid", "asd", [("voxels", "asd_voxels", True)]),
    _ScoreColumn(Column("native grid", "Missed"), "missed"),
    _ScoreColumn(Column("study's grid", "Missed"), "missed", grid=True),
)
_NATIVE_GRID = (
    *_beside("Dice", "dice", [("ours", "dice", False)]),
    *_beside("HD", "hausdorff", [("mm", "hausdorff_mm", False), ("voxels", "hausdorff_voxels", False)]),
    *_beside("ASD", "asd", [("mm", "asd_mm", False), ("voxels", "asd_voxels", False)]),
    _ScoreColumn(Column("Missed"), "missed"),
)
#: Data sets that a study scores on its own grid, too; all others have the columns of the native grid.
_ON_OWN_GRID = ("acdc",)


def score_table(
    study: Declaration, name: str, found: Mapping[str, RowResults], *, by_structure: bool
) -> Table:
    """The scores of a table's rows, over all structures or (table 4) by structure.

    All rows of the table are of one data set.
    """
    rows = study.shown_in(name)
    dataset = rows[0].dataset
    on_own_grid = dataset in _ON_OWN_GRID
    columns = _OWN_GRID if on_own_grid else _NATIVE_GRID
    if dataset in study.scales:  # at another scale a difference from what is published means nothing
        columns = tuple(one for one in columns if one.kind != "difference")
    sections = []
    for structure in STRUCTURES if by_structure else (None,):
        for title, members in _sections(rows):
            heading = ", ".join(part for part in (structure, title) if part)
            lines = [
                line for row in members for line in _lines(found[row.key], columns, study.folds, structure)
            ]
            sections.append(Section(heading, tuple(lines)))
    return Table(
        title=study.tables[name].title,
        columns=(
            Column("Method"),
            Column("Models"),
            Column("Cases"),
            Column("n"),
            *(c.column for c in columns),
        ),
        sections=tuple(sections),
        notes=(
            NOTE,
            SPLIT_NOTE,
            *([CASE_SD_NOTE] if on_own_grid and not by_structure else []),
            *_unit_notes(study, dataset),
            *notes_on(found[row.key] for row in rows),
        ),
    )


def _unit_notes(study: Declaration, dataset: str) -> Iterator[str]:
    """What the published distances are in, and whether a voxel of ours is as long."""
    if dataset not in _PUBLISHED_VOXELS:
        return
    voxel = _PUBLISHED_VOXELS[dataset]
    yield (
        "The published distances are headed mm, but are most likely voxels of "
        f"{' × '.join(f'{mm:g}' for mm in voxel)} mm."
    )
    scale = study.scales.get(dataset)
    if scale is not None and dataset in _ON_OWN_GRID:
        ours = (mm * factor for mm, factor in zip(voxel, scale.coarser, strict=True))
        yield (
            f"A voxel of this study's grid is {' × '.join(f'{mm:g}' for mm in ours)} mm, so that the same "
            "distance is fewer voxels."
        )


def _sections(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows under the headings of the paper (their filters), and those that it left out under their own."""
    for (origin, filters), members in itertools.groupby(rows, key=lambda row: (row.origin, row.filters)):
        yield f"{filters} filters" if origin == "paper" else f"added, {filters} filters", list(members)


def _lines(
    found: RowResults, columns: Sequence[_ScoreColumn], folds: int, structure: str | None
) -> Iterator[tuple[str, ...]]:
    """The line of one row, and a second one where a structure was missed."""
    published = found.row.published.get(structure or ALL)
    result_rows = found.lines(structure)
    scores = {grid: _Scores(result_rows, grid) for grid in (False, True)}
    cells = [_cell(column, scores[column.grid], published) for column in columns]
    if not found.folds:
        yield label_cell(found), models_cell(found.folds, folds), "", "", *cells
        return
    scored = str(scores[False].summary.dice.n)
    yield (
        label_cell(found),
        models_cell(found.folds, folds),
        cases_cell(found),
        scored,
        *cells,
    )
    if any(one.summary.missed for one in scores.values()):
        penalised = [_penalised_cell(column, scores[column.grid].summary) for column in columns]
        yield f"{found.row.label}, missed at the diagonal", "", "", scored, *penalised


def _cell(column: _ScoreColumn, scores: _Scores, published: Published | None) -> str:
    digits = DIGITS[column.measure]
    value: PublishedValue | None = getattr(published, column.measure) if published else None
    if column.kind == "published":
        return NOTHING if value is None else f"{value.mean:.{digits}f} ± {value.sd:.{digits}f}"
    if not scores.rows:
        return ""
    if column.kind == "missed":
        return str(scores.summary.missed)
    mean: Mean = getattr(scores.summary, column.field)
    if column.kind == "difference":
        return difference_cell(mean.mean, value.mean if value else None, digits)
    return mean_cell(mean, digits, scores.case_sd(column.field))


def _penalised_cell(column: _ScoreColumn, summary: Summary) -> str:
    if column.kind != "mean" or column.measure == "dice":
        return ""
    return mean_cell(getattr(summary, f"penalised_{column.field}"), DIGITS[column.measure])


class _Scores:
    """The scores of one line on one grid."""

    def __init__(self, rows: Sequence[ResultRow], grid: bool) -> None:
        self.rows = [row for row in rows if row["grid_missed"]] if grid else list(rows)
        self._scores = grid_scores(self.rows) if grid else native_scores(self.rows)

    @cached_property
    def summary(self) -> Summary:
        """Means over all of them."""
        return summarise(self._scores)

    def case_sd(self, field: str) -> float | None:
        """SD of the means of each model's cases over their structures; ``None`` with a single structure."""
        cases: dict[tuple[str, str], list[float | None]] = defaultdict(list)
        for row, score in zip(self.rows, self._scores, strict=True):
            cases[row["fold"], row["case"]].append(getattr(score, field))
        if all(len(values) == 1 for values in cases.values()):
            return None
        return Mean.of(Mean.of(values).mean for values in cases.values()).sd
