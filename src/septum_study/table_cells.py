"""What all tables of a study say in the same words: the names of rows, how much has run, numbers, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.datasets import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.metrics import Mean
    from septum_study.row_results import RowResults

NOT_RUN = "not run"
NOTHING = "-"
PRELIMINARY = "†"


def label_cell(found: RowResults, *, filters: bool = False) -> str:
    """What the row is called, with its filters where no heading tells them, and a mark if preliminary."""
    name = f"{found.row.label}, {found.row.filters} filters" if filters else found.row.label
    return f"{name} {PRELIMINARY}" if found.preliminary else name


def models_cell(run: Sequence[int], folds: int) -> str:
    """How many models there are, from the folds that have run; where not all have, of which folds."""
    if not run:
        return NOT_RUN
    return str(len(run)) if len(run) == folds else f"{len(run)} ({fold_list(run)})"


def cases_cell(found: RowResults) -> str:
    """Number of different test cases."""
    return str(len({line["case"] for line in found.lines()}))


def fold_list(folds: Sequence[int]) -> str:
    """Folds by number, such as ``folds 0, 1``."""
    return f"fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"


def mean_cell(mean: Mean, digits: int, case_sd: float | None = None) -> str:
    """Mean, standard deviation, and in brackets that of the means of cases."""
    if mean.mean is None:
        return NOTHING
    spread = "" if mean.sd is None else f" ± {mean.sd:.{digits}f}"
    return f"{mean.mean:.{digits}f}{spread}" + ("" if case_sd is None else f" ({case_sd:.{digits}f})")


def difference_cell(ours: float | None, other: float | None, digits: int) -> str:
    """Ours minus the other, with its sign."""
    if ours is None or other is None:
        return NOTHING
    text = f"{ours - other:+.{digits}f}"
    return text.replace("-", "+") if float(text) == 0 else text


def notes_on(found: Iterable[RowResults]) -> list[str]:
    """Sentences on the rows that are marked, and on the data."""
    known = list(found)
    rows = [one for one in known if one.folds]
    notes = [
        f"{one.row.label}, {one.row.filters} filters: {fold_list(one.stale)} left out: recipe, split or "
        "training have changed since."
        for one in known
        if one.stale
    ]
    on_data = (facts_of(one.row.dataset).note for one in rows)
    notes += [note for note in dict.fromkeys(on_data) if note]
    for one in rows:
        for where in dict.fromkeys(one.capped.values()):
            folds = [fold for fold, own in one.capped.items() if own == where]
            notes.append(
                f"{PRELIMINARY} {one.row.label}, {one.row.filters} filters: preliminary, the training of "
                f"{fold_list(folds)} was cut short ({where})."
            )
    return notes
