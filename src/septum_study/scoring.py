"""A method on the test cases of one unit: per-case results, resumable case by case."""

from __future__ import annotations

import json
import math
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from septum.core import LocalisationPath, Region
from septum.core.files import write_text
from septum.metrics import score
from septum.preprocessing import prepare_labels
from septum_study.memory import forget_peak, peak_memory_mb
from septum_study.results import result_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import torch

    from septum.core import LabelSchema
    from septum.datasets import Case
    from septum.methods.case_store import CaseStore
    from septum.methods.pipeline import Pipeline, Prediction
    from septum.methods.samples import NativeCase
    from septum.metrics.scores_file import Row
    from septum.training.loop import Deadline
    from septum_study.ledger import Unit

_DECIMALS = Decimal("0.00001")


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
    left = [case for case in cases if case.name not in done]
    for case in left:
        deadline.require(slowest)
        native = store.native(case)
        if device.type == "cuda" and case is left[0]:
            pipeline.predict(native)  # what cuDNN needs to start up is no part of a case's time
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
    truth = prepare_labels(native.labels, schema.values, geometry, pipeline.segmenter.stage.preprocessing)
    found = prediction.localisation
    about_case = {
        "foreground_inside": _rounded_down(found.region.holds(truth > 0)),
        "localisation": str(found.path),
        "centre_error_mm": _centre_error_mm(truth > 0, prediction),
        "seconds": prediction.seconds,
        "peak_memory_mb": memory_mb,
    }
    on_native = score(prediction.labels, native.labels, schema, geometry)
    on_grid = score(prediction.working_labels, truth, schema, prediction.working)
    return result_rows(keys, on_native, on_grid, about_case)


def _rounded_down(share: float) -> float:
    """A share at the decimals of a result; 1 is left to what is whole."""
    return float(Decimal(str(share)).quantize(_DECIMALS, rounding=ROUND_FLOOR))


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
