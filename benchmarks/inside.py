"""Inside a process whose model is loaded: time in the networks and beside them, and accuracy."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Unpack
from unittest import mock

import numpy as np
from processes import scratch
from suite_result import Accuracy, Inside
from torch_path import load_reference
from work import flop_of

from septum.core import Cine
from septum.inference import ENGINES, ModelOptions, load_model
from septum.io import read_mask, read_study
from septum.metrics import dice
from septum.workflows.case_steps import CaseSteps
from septum.workflows.cases import plan_cases
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.datasets import Case, Dataset
    from septum.inference import Model, ModelKeywords


class NetworkClock:
    """Seconds in the networks, and what they computed."""

    def __init__(self) -> None:
        self.seconds = self.flop = 0.0

    @contextmanager
    def on(self, model: LazyModel) -> Iterator[None]:
        """Count what the model's engine runs."""
        loaded = model.loaded
        engine: Any = ENGINES[model.options.engine_name]
        run, bundle = engine.run, model.bundle
        graphs = {
            id(loaded.two_stage.localiser.engine): bundle.graph(bundle.manifest.localiser),
            id(loaded.two_stage.segmenter.stage.engine): bundle.graph(bundle.manifest.segmenter),
        }

        def timed(this: Any, image: NDArray[np.float32]) -> Any:
            started = time.perf_counter()
            outputs = run(this, image)
            self.seconds += time.perf_counter() - started
            self.flop += flop_of(graphs[id(this)], image.shape)
            return outputs

        with mock.patch.object(engine, "run", timed):
            yield


def inside(images: Sequence[Path], **options: Unpack[ModelKeywords]) -> Inside:
    """Segment volumes three times over in this process: first, one step after the other, and overlapped."""
    model, clock = LazyModel("cine", ModelOptions(**options)), NetworkClock()
    with scratch() as folder, clock.on(model):
        segment_inputs(images, folder / "first", model=model)  # graphs are walked once for each size
        clock.seconds = clock.flop = 0.0
        steps, serial_s, told_s = CaseSteps(model, folder / "serial"), 0.0, 0.0
        for case in plan_cases(images, folder / "serial").cases:
            started = time.perf_counter()
            result = steps.write(steps.segment(steps.open(case), lambda _: None))
            serial_s += time.perf_counter() - started
            told_s += result.record.timings_s.total
        networks_s, flop, clock.seconds = clock.seconds, clock.flop, 0.0
        started = time.perf_counter()
        report = segment_inputs(images, folder / "out", model=model)
        wall_s = time.perf_counter() - started
    return Inside(
        volumes=len(report.results), wall_s=round(wall_s, 4), overlapped_networks_s=round(clock.seconds, 4),
        networks_s=round(networks_s, 4), other_s=round(told_s - networks_s, 4),
        rest_s=round(serial_s - told_s, 4), flop=flop,
    )  # fmt: skip


def accuracy(dataset: Dataset, patients: Sequence[str], *, bf16: bool) -> Accuracy:
    """Mean Dice on unseen patients, by the reference and by the ways in which masks are made faster."""
    cases = [case for case in dataset.cases if case.patient in patients]
    fast = {"openvino": load_model("cine"), "onnxruntime": load_model("cine", engine="onnxruntime")}
    if bf16:
        fast["openvino, bf16"] = load_model("cine", precision="bf16")
    values = dataset.schema.values
    found = {name: mean_dice(model, cases, values) for name, model in fast.items()}
    found["openvino, as a cine"] = mean_dice_of_cines(fast["openvino"], cases, values)
    return Accuracy(cases=len(cases), reference=mean_dice(load_reference("cine"), cases, values), fast=found)


def mean_dice(model: Model, cases: Sequence[Case], values: Sequence[int]) -> float:
    """Mean over cases and structures, each case alone."""
    scores = [
        _dice(model.segment_volume(read_study(case.image).cine.frame(0)).labels, _truth(case), values)
        for case in cases
    ]
    return round(float(np.mean(scores)), 5)


def mean_dice_of_cines(model: Model, cases: Sequence[Case], values: Sequence[int]) -> float:
    """The same where the phases of a patient are the frames of one cine, segmented in one region."""
    scores = []
    for patient in dict.fromkeys(case.patient for case in cases):
        own = [case for case in cases if case.patient == patient]
        studies = [read_study(case.image).cine for case in own]
        cine = Cine(np.concatenate([one.array for one in studies]), studies[0].geometry)
        found = model.segment_frames(cine)
        scores += [_dice(frame.labels, _truth(case), values) for frame, case in zip(found, own, strict=True)]
    return round(float(np.mean(scores)), 5)


def _truth(case: Case) -> NDArray[Any]:
    return read_mask(case.mask).cine.array[0]


def _dice(labels: NDArray[Any], truth: NDArray[Any], values: Sequence[int]) -> list[float]:
    return [dice(labels == value, truth == value) or 0.0 for value in values]
