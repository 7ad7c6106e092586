"""What the documentation shows of a bundle's robustness: curves, worst levels, and all levels there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.datasets import REGISTRY, facts_of, published_keys
from septum.inference import open_bundle, shipped
from septum.metrics.table import Column, Section, Table
from septum_study.pictures.curve_plot import CurvePanel, curve_figure
from septum_study.robustness.curves import load_robustness
from septum_study.robustness.perturbations import NONE, PERTURBATIONS, VERSION, levels_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from septum.metrics.agreement import Estimate
    from septum_study.robustness.curves import Point, Robustness

NOT_MEASURED = "Not measured yet."
NOT_HAD = "-"
_NOTES = (
    "The worst level is that which costs most.",
    "Dice: mean over patients of the mean over their volumes.",
    (
        "Change: of Dice against that of the mask of the image as it is, taken through the same change; with "
        "the 95 % interval of a bootstrap over patients."
    ),
    "Inside: mean share of the true foreground inside the region of interest.",
    "Fallbacks: volumes whose region was not found by the map. Warned: volumes that come with a warning.",
)


def current(folder: Path, bundle: str) -> Robustness | None:
    """The results of a shipped bundle; ``None`` where they are of another one, or of other settings.

    Raises:
        BundleError: the shipped bundle is damaged.
        InputError: a file of results cannot be used.
    """
    found = load_robustness(folder, bundle) if bundle in shipped() else None
    if found is None:
        return None
    of_now = {"bundle_sha256": open_bundle(bundle).sha256, "perturbations": VERSION, "flips": False}
    return found if found.record == found.record.model_copy(update=of_now) else None


def block(found: Robustness | None, picture: str) -> str:
    """The curves, by the address of their picture, and the table of worst levels; or that there are none."""
    if found is None:
        return f"{NOT_MEASURED}\n"
    return f"![{_title(found)}]({picture})\n\n{worst_levels(found).markdown()}"


def figure(found: Robustness) -> Figure:
    """The curves. Raises :class:`MissingExtraError` without matplotlib."""
    panels, images = [], facts_of(found.record.dataset).input
    for name, points in found.curves.items():
        perturbation = PERTURBATIONS[name]
        title = perturbation.title + (f" ({perturbation.unit.strip()})" if perturbation.unit else "")
        curves = {
            s: tuple((point.dice.get(s), point.before.get(s)) for point in points) for s in found.structures
        }
        joined = all(not isinstance(v, str) for v in perturbation.levels[images])
        panels.append(CurvePanel(title, tuple(point.level for point in points), curves, joined))
    return curve_figure(_title(found), "Dice", "mask of the image as it is", panels)


def worst_levels(found: Robustness) -> Table:
    """A line for the image as it is, and one for each perturbation at the level that costs most."""
    lines = [_line(found, "Image as it is", "", found.unperturbed)]
    for name, points in found.curves.items():
        had = [(point.change.value, point) for point in points if point.change is not None]
        if had:
            _, worst = min(had, key=lambda pair: pair[0])
            level = worst.level + PERTURBATIONS[name].unit
            lines.append(_line(found, PERTURBATIONS[name].title, level, worst))
    columns = (
        Column("Perturbation"), Column("Worst level"), Column("Patients"), Column("Volumes"),
        *(Column(structure, "Dice") for structure in found.structures),
        Column("Change"), Column("Inside"), Column("Fallbacks"), Column("Warned"),
    )  # fmt: skip
    return Table(_title(found), columns, (Section("", tuple(lines)),), (*_NOTES, _measured(found)))


def levels_table() -> Table:
    """Every perturbation with its levels for each data set."""
    datasets = published_keys()
    lines = tuple(
        (
            perturbation.title + (f" ({perturbation.unit.strip()})" if perturbation.unit else ""),
            *(", ".join(levels_of(name, dataset)) or NOT_HAD for dataset in datasets),
        )
        for name, perturbation in PERTURBATIONS.items()
    )
    columns = (Column("Perturbation"), *(Column(REGISTRY[dataset].title) for dataset in datasets))
    return Table("The levels", columns, (Section("", lines),))


def _line(found: Robustness, title: str, level: str, point: Point) -> tuple[str, ...]:
    dice = [point.dice.get(structure) for structure in found.structures]
    return (
        title,
        level,
        str(point.patients),
        str(point.volumes),
        *(f"{one.value:.3f}" if one else NOT_HAD for one in dice),
        NOT_HAD if point.change is None or point.level == NONE else _change(point.change),
        NOT_HAD if point.inside is None else f"{point.inside:.4f}",
        str(point.fallbacks),
        str(point.warned),
    )


def _change(change: Estimate) -> str:
    value, low, high = (f"{round(v, 3) + 0.0:+.3f}" for v in (change.value, change.low, change.high))
    return f"{value} [{low}, {high}]"


def _title(found: Robustness) -> str:
    of = REGISTRY[found.record.dataset].heading
    patients = f"{found.patients} test patient{'s' if found.patients > 1 else ''}"
    volumes = f"{found.volumes} volume{'s' if found.volumes > 1 else ''}"
    return f"{found.record.bundle} on {patients} ({volumes}) of {of}"


def _measured(found: Robustness) -> str:
    record = found.record
    return f"Bundle {record.bundle_sha256[:12]}, measured with {record.engine} by {record.made_by}."
