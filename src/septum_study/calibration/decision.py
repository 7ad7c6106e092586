"""Fit what is decided of a mask beyond the largest logit, and measure it on patients that were left out.

See :mod:`septum.inference.decision` for what the fitted numbers do.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.inference.decision import (
    SIGNS,
    Decider,
    Decision,
    SliceWeights,
    areas_cm2,
    improbable_ends,
    slice_signs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import LabelSchema
    from septum.inference import Model
    from septum.inference.decision import Presence, SliceEvidence
    from septum.methods.samples import NativeCase

#: Penalty on the squares of the weights of standardised signs.
RIDGE = 1.0
#: Slices in which fewer cm2 are expected, and nothing is, have nothing to learn from.
LEAST_EXPECTED_CM2 = 0.05
STEPS, ENOUGH = 50, 1e-9


@dataclass(frozen=True)
class SliceRow:
    """One structure in one slice of one case.

    Attributes:
        patient, phase, structure, slice: where.
        signs: as of :func:`septum.inference.decision.slice_signs`.
        area_cm2: drawn.
        drawn, true, common: voxels of the mask, of the truth and of both.
        probability: that it is there, by weights that this patient had no part in; ``None`` if not taken.
    """

    patient: str
    phase: str
    structure: str
    slice: int
    signs: tuple[float, ...]
    area_cm2: float
    drawn: int
    true: int
    common: int
    probability: float | None = None

    @property
    def tells(self) -> bool:
        """Whether there is anything to decide."""
        expected_cm2 = float(np.expm1(self.signs[SIGNS.index("expected")]))
        return self.true > 0 or expected_cm2 > LEAST_EXPECTED_CM2


@dataclass(frozen=True)
class RecordingDecider(Decider):
    """Shifts logits, takes nothing out, and hands on the signs and the drawn areas of each case.

    Attributes:
        record: is given them.
    """

    record: Callable[[NDArray[np.float64], NDArray[np.float64]], None]

    @classmethod
    def of(
        cls,
        schema: LabelSchema,
        logit_shift: Mapping[str, float],
        record: Callable[[NDArray[np.float64], NDArray[np.float64]], None],
    ) -> RecordingDecider:
        """Make one for masks of some structures; arguments as the attributes."""
        none = SliceWeights(intercept=0.0, weights=(0.0,) * 7)
        slices = dict.fromkeys(schema.names, none)
        return cls(Decision(patients=1, logit_shift=dict(logit_shift), slices=slices), schema, record)

    def decide(
        self, labels: NDArray[np.uint8], evidence: SliceEvidence, *, pixel_cm2: float, voxel_cm2: float
    ) -> Presence:
        """Record the signs; see :meth:`Decider.decide`."""
        areas = areas_cm2(labels, self.schema, pixel_cm2)
        self.record(slice_signs(evidence, areas, self.schema, voxel_cm2=voxel_cm2), areas)
        return ()


def decide_by(model: Model, decider: Decider) -> None:
    """Let a model decide otherwise than its bundle says. Raises :class:`BundleError` for other kinds."""
    method = model.two_stage
    method.segmenter = replace(method.segmenter, decider=decider)


def rows_of(
    native: NativeCase,
    labels: NDArray[np.uint8],
    signs: NDArray[np.float64],
    areas: NDArray[np.float64],
    schema: LabelSchema,
) -> list[SliceRow]:
    """Rows of one case.

    Args:
        native: with its truth.
        labels: predicted, nothing taken out, (Z, Y, X).
        signs: of its slices, (structures, Z, 7).
        areas: drawn, in cm2, (structures, Z).
        schema: structures of both masks.
    """
    rows = []
    for k, structure in enumerate(schema.structures):
        predicted, true = labels == structure.value, native.labels == structure.value
        counts = [np.count_nonzero(mask, axis=(1, 2)) for mask in (predicted, true, predicted & true)]
        rows += [
            SliceRow(
                native.case.patient,
                native.case.phase or "",
                structure.name,
                z,
                tuple(round(float(one), 5) for one in signs[k, z]),
                round(float(areas[k, z]), 4),
                *(int(count[z]) for count in counts),
            )
            for z in range(len(labels))
        ]
    return rows


def read_slices(path: Path) -> list[SliceRow]:
    """Read the rows of a ``slices.csv``."""
    with path.open(newline="") as file:
        return [
            SliceRow(
                row["patient"], row["phase"], row["structure"], int(row["slice"]),
                tuple(float(row[sign]) for sign in SIGNS), float(row["area_cm2"]),
                int(row["drawn"]), int(row["true"]), int(row["common"]), float(row["probability"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def fit_slices(rows: Iterable[SliceRow]) -> dict[str, SliceWeights]:
    """Weights of each structure: logistic regression with a ridge, by Newton's method."""
    by_structure: dict[str, list[SliceRow]] = defaultdict(list)
    for row in rows:
        if row.tells:
            by_structure[row.structure].append(row)
    return {name: _fit(of_one) for name, of_one in by_structure.items()}


def left_out(rows: Sequence[SliceRow]) -> list[SliceRow]:
    """The rows with probabilities, each by weights of all other patients."""
    found: list[SliceRow] = []
    for patient in dict.fromkeys(row.patient for row in rows):
        weights = fit_slices(row for row in rows if row.patient != patient)
        found += [
            replace(row, probability=round(probability_of(row, weights[row.structure]), 4))
            for row in rows
            if row.patient == patient
        ]
    return found


def without(decision: Decision, rows: Sequence[SliceRow], patient: str) -> Decision:
    """The decision as it would be if a patient had had no part in it.

    Args:
        decision: fitted on all of them; its shift stays.
        rows: by which it was fitted.
        patient: to be left out.
    """
    slices = fit_slices(row for row in rows if row.patient != patient)
    return decision.model_copy(update={"slices": slices, "patients": decision.patients - 1})


def probability_of(row: SliceRow, weights: SliceWeights) -> float:
    """Probability that the structure is in the slice."""
    odds = float(np.dot(row.signs, weights.weights)) + weights.intercept
    return float(1 / (1 + np.exp(-odds)))


@dataclass(frozen=True)
class Agreement:
    """How one structure of one case agrees with the truth.

    Attributes:
        patient, phase, structure: whose.
        dice: of the structure.
        too_many, missed: slices in which only the mask, or only the truth, has it.
        excess: voxels of the mask beyond those of the truth.
    """

    patient: str
    phase: str
    structure: str
    dice: float
    too_many: int
    missed: int
    excess: int


def agreements(rows: Sequence[SliceRow], *, decided: bool) -> list[Agreement]:
    """Compare each case with its truth, with all its slices or after improbable ends are taken out."""
    by_case: dict[tuple[str, str, str], list[SliceRow]] = defaultdict(list)
    for row in rows:
        by_case[row.patient, row.phase, row.structure].append(row)
    found = []
    for (patient, phase, structure), of_case in by_case.items():
        kept = of_case
        if decided:
            probability = np.asarray([[row.probability for row in of_case]], dtype=float)
            gone = improbable_ends(probability, np.asarray([[row.area_cm2 for row in of_case]]))[0]
            kept = [
                replace(row, drawn=0, common=0) if out else row
                for row, out in zip(of_case, gone, strict=True)
            ]
        drawn, true, common = (
            sum(getattr(row, name) for row in kept) for name in ("drawn", "true", "common")
        )
        found.append(
            Agreement(
                patient, phase, structure, 2 * common / (drawn + true) if drawn + true else 1.0,
                sum(row.drawn > 0 and row.true == 0 for row in kept),
                sum(row.drawn == 0 and row.true > 0 for row in kept),
                drawn - true,
            )
        )  # fmt: skip
    return found


def _fit(rows: Sequence[SliceRow]) -> SliceWeights:
    signs = np.asarray([row.signs for row in rows])
    there = np.asarray([row.true > 0 for row in rows], dtype=float)
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(signs)), (signs - mean) / spread])
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (expected - there) + RIDGE * weights
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design
        step = np.linalg.solve(curvature + RIDGE * np.eye(len(weights)), gradient)
        weights -= step
        if np.abs(step).max() < ENOUGH:
            break
    own = weights[1:] / spread
    a, b, c, d, e, f, g = (round(float(one), 5) for one in own)
    return SliceWeights(intercept=round(float(weights[0] - own @ mean), 5), weights=(a, b, c, d, e, f, g))
