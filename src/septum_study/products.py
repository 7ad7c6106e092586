"""What comes of trained units beside their scores: masks as they were scored, and pictures by method."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from septum.core import Orientation, RecipeError, Segmentation
from septum.io import mask_suffix, read_study, write_mask
from septum.training.command import manifest_of
from septum.training.export import write_bundle
from septum.training.loop import Deadline, Interrupted
from septum.training.parts import PartBusyError
from septum.training.terms import LICENCE_FILE, Terms
from septum_study.ledger import Unit, read_entry
from septum_study.pictures.mesh import mesh_comparison
from septum_study.pictures.overlay import overlay_comparison
from septum_study.pictures.page import save_picture
from septum_study.plan import today_of
from septum_study.table_cells import PRELIMINARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.datasets import Case
    from septum.methods.pipeline import Pipeline
    from septum.training.recipe import MultiStageRecipe
    from septum_study.bench import Bench
    from septum_study.ledger import Entry

LOGGER = logging.getLogger(__name__)
#: A deadline in the past: what is trained is taken over, and nothing is trained.
NOW = Deadline(at=0.0)


class NotTrainedHereError(RecipeError):
    """The networks of a unit, as they were scored, cannot be had with this work folder."""


def write_masks(bench: Bench, unit: Unit, output: Path) -> list[Path]:
    """Masks of the test cases of a unit on their native grids, in the format and orientation of the images.

    Raises:
        NotTrainedHereError: the unit has not been run, or the networks that were scored are not here.
        RecipeError: recipe or data do not fit.
        OutputError: a file cannot be written.
    """
    pipeline = _trained(bench, unit)
    store = bench.store(bench.study.row(unit.row).dataset)
    written = []
    for case in bench.test_cases(store.dataset.name, unit.fold):
        study = read_study(case.image)
        orientation = Orientation.of(study.cine.geometry)
        labels = orientation.undo(pipeline.predict(store.native(case)).labels)
        mask = Segmentation(np.ascontiguousarray(labels)[None], study.cine.geometry, store.dataset.schema)
        path = output / f"{case.name}_seg{mask_suffix(study)}"
        write_mask(path, mask, study)
        written.append(path)
    return written


def write_unit_bundle(bench: Bench, unit: Unit, folder: Path) -> None:
    """The networks of a unit, as they were scored, as a bundle that ``septum segment`` takes.

    It knows nothing of its training images, and has no scores.

    Raises:
        NotTrainedHereError: the unit has not been run, or the networks that were scored are not here.
        RecipeError: recipe or data do not fit, or the method has no bundle.
        OutputError: the bundle cannot be written.
    """
    _trained(bench, unit)
    trained, recipe = bench.networks(unit), bench.recipe(unit.row)
    dataset = bench.store(recipe.dataset).dataset
    terms = Terms(dataset, None)
    cases = len(dataset.cases) - len(bench.test_cases(recipe.dataset, unit.fold))
    manifest = manifest_of(cast("MultiStageRecipe", recipe), terms, trained, cases, None)
    networks = {"localiser": trained.localiser, "segmenter": trained.segmenter}
    write_bundle(folder, manifest, networks, {LICENCE_FILE: terms.licence()})


def draw_case(bench: Bench, name: str, fold: int, rows: Sequence[str], output: Path) -> list[Path]:
    """Overlay and mesh of one test case by method, in the manner of the paper's figures 4 to 6.

    Args:
        bench: the study with its work folder.
        name: of the case, such as ``patient005_ED``.
        fold: of the models.
        rows: of the study, on the case's data set; empty for all that are trained here. Of these a row that
            has been run, but whose networks are not here as they were scored, is named and left out.
        output: folder for ``<case>_overlay.png`` and ``<case>_mesh.png``.

    Raises:
        NotTrainedHereError: a row asked for has not been run, or the networks that were scored are not here;
            or there is no row to draw.
        RecipeError: there is no such test case, or recipe or data do not fit.
        OutputError: a file cannot be written.
    """
    bench.study.parse_fold(str(fold), f"--fold {fold}: expected")
    dataset, case = _test_case(bench, name, fold)
    for key in rows:
        bench.study.row(key)  # refuses what it does not have
    store, predictions = bench.store(dataset), dict[str, "NDArray[np.uint8]"]()
    native = store.native(case)
    for key in rows or _rows_run(bench, dataset, fold):
        try:
            labels = _trained(bench, Unit(key, fold)).predict(native).labels
            predictions[_heading(bench, key, fold)] = labels
        except NotTrainedHereError as error:
            if rows:
                raise
            LOGGER.warning("%s", error)
    if not predictions:
        raise NotTrainedHereError(
            f"no row is trained on fold {fold} in {bench.work}; run units of that fold first."
        )
    schema, volume = store.dataset.schema, native.volume
    drawings = {
        "overlay": overlay_comparison(volume, native.labels, predictions, schema),
        "mesh": mesh_comparison(native.labels, predictions, schema, volume.geometry),
    }
    paths = []
    for kind, drawing in drawings.items():
        path = output / f"{case.name}_{kind}.png"
        save_picture(drawing, path)
        paths.append(path)
    return paths


def _heading(bench: Bench, key: str, fold: int) -> str:
    """The row's label, marked if its training was cut short."""
    entry = read_entry(bench.results, key, fold)
    early = entry is not None and entry.preliminary
    return f"{bench.study.row(key).label} {PRELIMINARY}" if early else bench.study.row(key).label


def _rows_run(bench: Bench, dataset: str, fold: int) -> list[str]:
    """Rows on a data set whose fold has been run, in the order of presentation."""
    keys = [key for key in bench.study.presentation if bench.study.row(key).dataset == dataset]
    return [key for key in keys if read_entry(bench.results, key, fold) is not None]


def _trained(bench: Bench, unit: Unit) -> Pipeline:
    """The method of a unit as it was scored, from the work folder."""
    entry = read_entry(bench.results, unit.row, unit.fold)
    if entry is None:
        raise NotTrainedHereError(f"{unit} has not been run; run that unit first.")
    today = replace(today_of(bench.study, unit.row), recipe_sha256=bench.recipe(unit.row).sha256)
    if not today.agrees(entry):
        raise NotTrainedHereError(
            f"the recipe, the split or the training of {unit} has changed since it was scored; run that "
            "unit again."
        )
    if today.unavailable is not None:
        raise NotTrainedHereError(f"{unit} cannot be taken over: {today.unavailable}")
    for dataset in bench.recipe(unit.row).datasets:
        if not _has(bench, dataset):
            raise NotTrainedHereError(
                f"{unit} cannot be taken over: its training needs data set {dataset}, which is not in "
                f"{bench.data}."
            )
    return _taken_over(bench, unit, entry)


def _taken_over(bench: Bench, unit: Unit, entry: Entry) -> Pipeline:
    try:
        pipeline, parts = replace(bench, max_epochs=entry.max_epochs or {}).train(unit, NOW)
    except Interrupted:
        raise NotTrainedHereError(
            f"the networks of {unit} are not in {bench.work}; give the --work folder and the data that "
            "it was run with, or run that unit again."
        ) from None
    except PartBusyError as error:
        raise NotTrainedHereError(f"{unit} cannot be taken over now: {error}") from error
    found = {name: (report.epochs, report.best_epoch) for name, report in parts.reports.items()}
    if found != {part.name: (part.epochs, part.best_epoch) for part in entry.parts}:
        raise NotTrainedHereError(
            f"the networks of {unit} in {bench.work} are not those that were scored: they have been trained "
            "further, or anew; run that unit again."
        )
    return pipeline


def _test_case(bench: Bench, name: str, fold: int) -> tuple[str, Case]:
    """A test case of a fold, of any data set of the study that is there, and that data set's name."""
    known: list[str] = []
    absent: list[str] = []
    for dataset in dict.fromkeys(row.dataset for row in bench.study.rows):
        if not _has(bench, dataset):
            absent.append(dataset)
            continue
        cases = bench.test_cases(dataset, fold)
        known += [case.name for case in cases]
        for case in cases:
            if case.name == name:
                return dataset, case
    expected = f"expected one such as {', '.join(known[:3])}" if known else "there is no data set"
    lacking = f" ({', '.join(absent)} not found in {bench.data})" if absent else ""
    raise RecipeError(f"no test case {name!r}: {expected}{lacking}.")


def _has(bench: Bench, dataset: str) -> bool:
    """Whether a data set is there. What is wrong with one that is there is raised."""
    try:
        bench.store(dataset)
    except RecipeError:
        if (bench.data / dataset / "training").is_dir():
            raise
        return False
    return True
