"""What comes of trained units beside their scores: masks as they were scored, and pictures by method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import RecipeError, Segmentation
from septum.io import mask_suffix, read_study, write_mask
from septum.preprocessing import Orientation
from septum.reporting.comparison_mesh import mesh_comparison
from septum.reporting.comparison_overlay import overlay_comparison
from septum.reporting.picture import save_picture
from septum.study.ledger import Unit, read_entry
from septum.training.loop import Deadline, Interrupted
from septum.training.partition import cases_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.datasets import Case
    from septum.methods.pipeline import Pipeline
    from septum.study.bench import Bench

#: A deadline in the past: what is trained is taken over, and nothing is trained.
NOW = Deadline(at=0.0)


def write_masks(bench: Bench, unit: Unit, output: Path) -> list[Path]:
    """Masks of the test cases of a unit on their native grids, in the format and orientation of the images.

    Raises:
        RecipeError: the unit is not trained in this work folder.
        OutputError: a file cannot be written.
    """
    pipeline = _trained(bench, unit)
    store = bench.store(bench.study.row(unit.row).dataset)
    written = []
    for case in cases_of(store.dataset, bench.split(store.dataset.name).test):
        study = read_study(case.image)
        orientation = Orientation.of(study.cine.geometry)
        labels = orientation.undo(pipeline.predict(store.native(case)).labels)
        mask = Segmentation(np.ascontiguousarray(labels)[None], study.cine.geometry, store.dataset.schema)
        path = output / f"{case.name}_seg{mask_suffix(study)}"
        write_mask(path, mask, study)
        written.append(path)
    return written


def draw_case(bench: Bench, name: str, fold: int, rows: Sequence[str], output: Path) -> list[Path]:
    """Overlay and mesh of one test case by method, in the manner of the paper's figures 4 to 6.

    Args:
        bench: the study with its work folder.
        name: of the case, such as ``patient005_ED``.
        fold: of the models.
        rows: of the study, on the case's data set; empty for all that are trained here.
        output: folder for ``<case>_overlay.png`` and ``<case>_mesh.png``.

    Raises:
        RecipeError: there is no such test case, or a row is not trained in this work folder.
        OutputError: a file cannot be written.
    """
    case = _test_case(bench, name)
    dataset = next(row.dataset for row in bench.study.rows if case in bench.store(row.dataset).dataset.cases)
    store, predictions = bench.store(dataset), dict[str, "NDArray[np.uint8]"]()
    native = store.native(case)
    for key in rows or [r for r in bench.study.presentation if bench.study.row(r).dataset == dataset]:
        try:
            predictions[bench.study.row(key).label] = _trained(bench, Unit(key, fold)).predict(native).labels
        except RecipeError:
            if rows:
                raise
    if not predictions:
        raise RecipeError(f"no row is trained on fold {fold} in {bench.work}; run septum study run first.")
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


def _trained(bench: Bench, unit: Unit) -> Pipeline:
    """The method of a unit as it was scored, from the work folder."""
    entry = read_entry(bench.results, unit.row, unit.fold)
    if entry is None:
        raise RecipeError(f"{unit} has not been run; run septum study run {unit} first.")
    try:
        return replace(bench, max_epochs=entry.max_epochs or {}).train(unit, NOW)[0]
    except Interrupted:
        raise RecipeError(
            f"the networks of {unit} are not in {bench.work}; give the --work folder that it was run with, "
            f"or run septum study run {unit} again."
        ) from None


def _test_case(bench: Bench, name: str) -> Case:
    known = []
    for dataset in dict.fromkeys(row.dataset for row in bench.study.rows):
        cases = cases_of(bench.store(dataset).dataset, bench.split(dataset).test)
        known += [case.name for case in cases]
        for case in cases:
            if case.name == name:
                return case
    raise RecipeError(f"no test case {name!r}: expected one such as {', '.join(known[:3])}.")
