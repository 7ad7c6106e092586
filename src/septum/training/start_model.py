"""Compare a trained model with the one that it started from, on the same test patients."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.inference import load_model
from septum.metrics.bootstrap import LEAST_PATIENTS
from septum.metrics.paired import compare_paired
from septum.metrics.scores_file import read_rows
from septum.metrics.table import Column, Section, Table
from septum.training.assessment import assess, write_scores
from septum.training.seen_images import hash_of, read_seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from septum.core import LabelSchema, Volume
    from septum.datasets import Dataset
    from septum.inference import Model
    from septum.inference.bundle import Bundle
    from septum.inference.frame_result import FrameResult
    from septum.methods.case_store import CaseStore
    from septum.metrics.scores_file import Row

START_FILE = "test_scores_start.csv"
ALL = "all"
HEADS = ("structure", "patients", "start", "trained", "difference")
NOTE = (
    "Mean Dice over test patients, the masks of a patient averaged first. The difference is trained minus "
    "start, patient by patient: the Hodges-Lehmann estimate"
)


@dataclass(frozen=True)
class StartModel:
    """The bundle that a training started from, on the test patients.

    Attributes:
        name: of the bundle.
        rows: its scores, of the structures that both models know.
        seen: test patients whose images it learnt from; ``None`` if it does not say what it learnt from.
    """

    name: str
    rows: tuple[Row, ...]
    seen: tuple[str, ...] | None

    def warning(self) -> str:
        """Say that figures are no results on unseen patients; empty where they are."""
        if self.seen is None:
            return (
                f"{self.name} does not say which images it learnt from, so nobody can tell whether test "
                "patients are among them; if they are, the figures are too good."
            )
        if not self.seen:
            return ""
        count = len(self.seen)
        return (
            f"{count} test patient{' was' if count == 1 else 's were'} in the training of {self.name}: the "
            "figures of both models on them are no results on unseen patients. Test on others."
        )


def score_start(bundle: Bundle, store: CaseStore, patients: Sequence[str], results: Path) -> StartModel:
    """Score the start model as the trained one is scored, and write the scores.

    Args:
        bundle: that the training started from.
        store: reads the cases.
        patients: that test.
        results: file for the scores; without a structure that both models know, none is written.

    Raises:
        OutputError: the file cannot be written.
    """
    dataset = store.dataset
    shared = [name for name in dataset.schema.names if name in bundle.manifest.labels.names]
    rows: list[Row] = []
    if shared:
        model = _Relabelled(load_model(bundle.folder), dataset.schema)
        found = assess(model, dataset, patients)
        write_scores(results, [one for one in found if one.score.structure in shared])
        rows = read_rows(results)
    return StartModel(bundle.manifest.name, tuple(rows), _seen(bundle, store, dataset, patients))


def comparison_text(start: StartModel, rows: Sequence[Row]) -> str:
    """Write the table of both models with its notes, and the warning; Markdown."""
    warning = start.warning()
    parts = [f"**{warning}**"] if warning else []
    if start.rows:
        parts.insert(0, comparison_table(start, rows))
    else:
        parts.insert(0, f"{start.name}, the start, knows none of these structures: there is no comparison.")
    return "\n\n".join(parts)


def comparison_table(start: StartModel, rows: Sequence[Row]) -> str:
    """Write mean Dice by structure of both models, with the paired difference and its interval; Markdown."""
    structures = list(dict.fromkeys(row["structure"] for row in start.rows))
    groups = [[one] for one in structures] + ([structures] if len(structures) > 1 else [])
    lines = []
    for group in groups:
        before, after = _by_patient(start.rows, group), _by_patient(rows, group)
        patients = [patient for patient in before if patient in after]
        if patients:
            name = group[0] if len(group) == 1 else ALL
            old, new = [before[p] for p in patients], [after[p] for p in patients]
            lines.append((name, *_cells(old, new)))
    most = max((int(line[1]) for line in lines), default=0)
    note = f"{NOTE}{' and its interval, of 95 % at least' if most >= LEAST_PATIENTS else ''}."
    few = (
        f"There is no interval of {'one patient' if most == 1 else f'{most} patients'}: it takes "
        f"{LEAST_PATIENTS} at least."
    )
    notes = (note,) if most >= LEAST_PATIENTS else (note, few)
    title = f"Compared with {start.name}, from which training started"
    return Table(title, tuple(map(Column, HEADS)), (Section("", tuple(lines)),), notes).markdown().strip()


def _cells(old: list[float], new: list[float]) -> tuple[str, ...]:
    found = compare_paired(new, old)
    interval = f" [{found.low:+.3f}, {found.high:+.3f}]" if found.n >= LEAST_PATIENTS else ""
    means = (f"{statistics.fmean(values):.3f}" for values in (old, new))
    return (str(found.n), *means, f"{found.shift:+.3f}{interval}")


def _by_patient(rows: Iterable[Row], structures: Sequence[str]) -> dict[str, float]:
    """Average the Dice of each patient over its masks of these structures."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["dice"] and row["structure"] in structures:
            values.setdefault(row["patient"], []).append(float(row["dice"]))
    return {patient: statistics.fmean(every) for patient, every in values.items()}


def _seen(
    bundle: Bundle, store: CaseStore, dataset: Dataset, patients: Sequence[str]
) -> tuple[str, ...] | None:
    known = read_seen(bundle.folder)
    if known is None:
        return None
    tested = dataset.of(set(patients))
    return tuple(dict.fromkeys(c.patient for c in tested if hash_of(store.native(c).volume.array) in known))


class _Relabelled:
    """A model whose masks have the values of another schema; structures that it lacks get none.

    Args:
        model: to be run.
        schema: of the masks that come out.
    """

    def __init__(self, model: Model, schema: LabelSchema) -> None:
        self.bundle, self._model = model.bundle, model
        own = model.bundle.manifest.labels
        values = {structure.name: structure.value for structure in schema.structures}
        self._table = np.zeros(256, np.uint8)
        for structure in own.structures:
            self._table[structure.value] = values.get(structure.name, 0)

    def segment_volume(self, volume: Volume) -> FrameResult:
        """Segment as :meth:`Model.segment_volume`."""
        found = self._model.segment_volume(volume)
        return replace(found, labels=self._table[found.labels])
