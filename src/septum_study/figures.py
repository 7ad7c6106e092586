"""The Bland-Altman figures of a study, from the results that there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from septum.datasets import facts_of
from septum.metrics.agreement import agreement
from septum_study.pictures.agreement_plot import AgreementPanel, agreement_figure, save_figure
from septum_study.row_results import gather
from septum_study.table_cells import PRELIMINARY, label_cell

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

    from septum_study.declaration import Declaration, FigureSettings
    from septum_study.row_results import RowResults

#: Panels side by side where a figure shows one structure of several methods.
COLUMNS = 3


def agreement_figures(
    study: Declaration, results_folder: Path, out_folder: Path, stale: Container[tuple[str, int]] = ()
) -> list[Path]:
    """Write every Bland-Altman figure for which there are results, as PNG and SVG.

    A point is one volume: the predictions of a row's models are averaged, and compared with the truth.
    Rows that have not run have no panel; a figure without panels is not written.

    Args:
        study: its declaration.
        results_folder: holds ``<row>/fold<k>.csv``; rows may be absent.
        out_folder: gets ``figure<name>.png`` and ``figure<name>.svg``.
        stale: (row, fold) of units whose results are left out, see ``plan.stale_units``.

    Returns:
        The files written.

    Raises:
        InputError: a result file cannot be used.
        MissingExtraError: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    found = gather(study, results_folder, stale)
    written = []
    for name, settings in study.figures.items():
        panels = _panels(settings, found)
        if panels:
            share: Literal["all", "col"] = "all" if len(settings.structures) == 1 else "col"
            figure = agreement_figure(_title(study, settings), panels, share_volumes=share)
            written += save_figure(figure, out_folder / f"figure{name}")
    return written


def _title(study: Declaration, settings: FigureSettings) -> str:
    caveat = facts_of(study.row(settings.rows[0]).dataset).caveat
    return f"{settings.title} ({caveat})" if caveat else settings.title


def _panels(settings: FigureSettings, found: Mapping[str, RowResults]) -> list[list[AgreementPanel]]:
    """A row of panels a method; with a single structure, several methods a row."""
    by_method = [
        [panel for structure in settings.structures if (panel := _panel(found[key], structure, settings))]
        for key in settings.rows
    ]
    if len(settings.structures) > 1:
        return [row for row in by_method if row]
    flat = [panel for row in by_method for panel in row]
    return [flat[start : start + COLUMNS] for start in range(0, len(flat), COLUMNS)]


def _panel(found: RowResults, structure: str, settings: FigureSettings) -> AgreementPanel | None:
    """The panel of one row and structure; ``None`` with fewer than two patients."""
    volumes: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for line in found.lines(structure):
        key = (line["patient"], line["case"], line["phase"])
        volumes[key].append((float(line["true_ml"]), float(line["predicted_ml"])))
    patients = {patient for patient, _, _ in volumes}
    if len(patients) < 2:
        return None
    means = [tuple(sum(column) / len(column) for column in zip(*v, strict=True)) for v in volumes.values()]
    several = len(settings.structures) > 1
    name = label_cell(found, filters=not several)
    models = len(found.folds)
    missed = sum(line["missed"] == "True" for line in found.lines(structure))
    points = f"{len(means)} volumes"
    if len(means) > len(patients):
        points += f" of {len(patients)} patients"
    return AgreementPanel(
        title=f"{name}, {structure}" if several else name,
        subtitle=(
            f"{points}, {models} model{'s' if models > 1 else ''}"
            + (f", {missed} missed" if missed else "")
            + (f" ({PRELIMINARY} preliminary)" if found.preliminary else "")
        ),
        agreement=agreement([m for m, _ in means], [a for _, a in means], units=len(patients)),
        phases=tuple(phase for _, _, phase in volumes),
    )
