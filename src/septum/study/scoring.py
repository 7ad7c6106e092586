"""A method on the test cases of one unit: per-case results, resumable case by case."""

from __future__ import annotations

import json
import math
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core import LocalisationPath, Region
from septum.core.files import write_text
from septum.metrics import score
from septum.preprocessing import prepare_labels
from septum.study.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from septum.core import LabelSchema
    from septum.datasets import Case
    from septum.methods.case_store import CaseStore
    from septum.methods.pipeline import Pipeline, Prediction
    from septum.methods.samples import NativeCase
    from septum.reporting.score_table import Row
    from septum.study.ledger import Unit
    from septum.training.loop import Deadline

_PROCESS = Path("/proc/self")


def score_cases(
    pipeline: Pipeline,
    cases: Sequence[Case],
    store: CaseStore,
    unit: Unit,
    partial: Path,
    deadline: Deadline,
    device: torch.device,
) -> list[Row]:
    """Results of all cases, those that an interrupted call has scored taken over.

    Args:
        pipeline: the trained method.
        cases: that test.
        store: reads them.
        unit: whose results these are.
        partial: file for what is scored so far; its name must identify the trained networks.
        deadline: when to stop.
        device: whose memory is measured.

    Raises:
        Interrupted: the time budget ended; what is scored is kept.
    """
    done: dict[str, list[Row]] = json.loads(partial.read_text("utf-8")) if partial.is_file() else {}
    slowest = 0.0
    for case in cases:
        if case.name in done:
            continue
        deadline.require(slowest)
        native = store.native(case)
        forget_peak(device)
        prediction = pipeline.predict(native)
        memory_mb = peak_memory_mb(device)
        slowest = max(slowest, 2 * prediction.seconds)
        keys = {
            "row": unit.row, "fold": unit.fold, "case": case.name, "patient": case.patient,
            "group": case.group, "phase": case.phase,
        }  # fmt: skip
        done[case.name] = _rows(keys, native, prediction, pipeline, store.dataset.schema, memory_mb)
        write_text(partial, json.dumps(done))
    return [row for case in cases for row in done[case.name]]


def _rows(
    keys: dict[str, object],
    native: NativeCase,
    prediction: Prediction,
    pipeline: Pipeline,
    schema: LabelSchema,
    memory_mb: float | None,
) -> list[Row]:
    geometry = native.volume.geometry
    truth = prepare_labels(native.labels, schema.values, geometry, pipeline.segmenter.preprocessing)
    found = prediction.localisation
    about_case = {
        "foreground_inside": found.region.holds(truth > 0),
        "localisation": str(found.path),
        "centre_error_mm": _centre_error_mm(truth > 0, prediction),
        "seconds": prediction.seconds,
        "peak_memory_mb": memory_mb,
    }
    on_native = score(prediction.labels, native.labels, schema, geometry)
    on_grid = score(prediction.working_labels, truth, schema, prediction.working)
    return result_rows(keys, on_native, on_grid, about_case)


def _centre_error_mm(
    truth: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], prediction: Prediction
) -> float | None:
    """In-plane distance from the middle of the region to the middle of the box about the truth, in mm."""
    box, region = Region.bounding(truth), prediction.localisation.region
    if box is None or prediction.localisation.path is LocalisationPath.WHOLE:
        return None
    gaps = [
        (box.start[a] + box.stop[a] - region.start[a] - region.stop[a]) / 2 * prediction.working.spacing_mm[a]
        for a in (1, 2)
    ]
    return math.hypot(*gaps)


def forget_peak(device: torch.device) -> None:
    """Measure the next peak of memory from here on."""
    if device.type == "cuda":
        import torch  # noqa: PLC0415  # tables are made from results without it

        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        (_PROCESS / "clear_refs").write_text("5")  # Linux: the peak of the resident set is counted anew
    except OSError:
        return


def peak_memory_mb(device: torch.device) -> float | None:
    """The largest memory since :func:`forget_peak`, in MB: allocated on the GPU, or resident of this process.

    Where the system cannot count anew, it is the largest of the process's whole life.
    """
    if device.type == "cuda":
        import torch  # noqa: PLC0415

        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        lines = (_PROCESS / "status").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
