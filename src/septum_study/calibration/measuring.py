"""Predicted masks of both phases against the truth, as cases of the quality verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, LocalisationPath, Segmentation
from septum.datasets import load_cross_validation
from septum.indices import clinical_indices, volume_curve
from septum.io import case_name, read_mask
from septum.metrics import dice
from septum.quality.measures import NetworkEvidence, measure_quality
from septum.quality.verdict import basic_flags
from septum_study.calibration.fit import VENTRICLES, QualityCase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Indices
    from septum.datasets import Case, Dataset
    from septum.quality.regions import FoundRegion

PHASES = ("ED", "ES")


@dataclass(frozen=True)
class Found:
    """How a region was found, as the JSON beside a mask tells it."""

    path: LocalisationPath
    cut_off: bool


def measured_case(
    patient: str,
    group: str,
    predicted: Segmentation,
    truth: NDArray[np.uint8],
    regions: Sequence[FoundRegion] = (),
    evidence: NetworkEvidence | None = None,
    true_ef: Mapping[str, float] | None = None,
) -> QualityCase:
    """One patient's masks as a case.

    Args:
        patient: whose.
        group: patients that are left out together.
        predicted: end-diastole and end-systole as a cine of two frames.
        truth: labels like those of ``predicted``.
        regions: how each was found, if known.
        evidence: of the networks, if known.
        true_ef: of each ventricle of the heart, in percent, where ``truth`` is not all of it.
    """
    indices = clinical_indices(predicted, end_diastole=0, end_systole=1)
    measures = measure_quality(predicted, indices, evidence or NetworkEvidence())
    flags = basic_flags(volume_curve(predicted), regions, predicted.geometry)
    whole = Segmentation(truth, predicted.geometry, predicted.schema)
    scores = [
        dice(predicted.labels[t] == value, truth[t] == value) or 0.0
        for t in range(len(PHASES))
        for value in predicted.schema.values
    ]
    return QualityCase(
        patient=patient,
        group=group,
        measures={key: measure.value for key, measure in measures.items()},
        basic={flag.key: flag.verdict.value for flag in flags},
        mean_dice=float(np.mean(scores)),
        least_dice=min(scores),
        predicted_ef=ef_percent(indices),
        true_ef=true_ef_percent(whole) if true_ef is None else true_ef,
    )


def true_ef_percent(truth: Segmentation) -> dict[str, float]:
    """Ejection fraction of each ventricle of a cine of end-diastole and end-systole.

    Raises:
        InputError: it has no LV.
    """
    found = ef_percent(clinical_indices(truth, end_diastole=0, end_systole=1))
    if VENTRICLES[0] not in found:
        raise InputError("expected a true mask with an LV at end-diastole, found none; use another data set.")
    return found


def ef_percent(indices: Indices) -> dict[str, float]:
    """Ejection fraction of each ventricle that has one."""
    values = {item.key: item.value for item in indices.items}
    fractions = {name: values.get(f"{name.lower()}_ef_percent") for name in VENTRICLES}
    return {name: value for name, value in fractions.items() if value is not None}


def cases_in(
    folder: Path, dataset: Dataset, fold: int, mirrored: Path | None = None
) -> Iterator[QualityCase]:
    """Cases of the patients of a part of the cross-validation whose masks are in a folder.

    A mask is named by the image, as ``septum segment`` does, or by the case, as ``septum study predict``
    does, with ``_seg`` after it. What the JSON beside it tells is used.

    Args:
        folder: with the masks.
        dataset: with the truth.
        fold: part of the cross-validation.
        mirrored: folder with masks of the same by mirror images, of which only their agreement is used.

    Raises:
        InputError: a patient has a mask of one phase only, or none has any.
    """
    patients = load_cross_validation(dataset.name).parts[fold]
    count = 0
    for patient in patients:
        both = {case.phase: case for case in dataset.of({patient})}
        masks = {phase: _mask_of(folder, both[phase]) for phase in PHASES}
        files = [mask for mask in masks.values() if mask is not None]
        if len(files) == 1:
            raise InputError(
                f"{files[0]}: expected masks of {patient} in both phases; segment the other one."
            )
        if files:
            count += 1
            yield _read_case(patient, str(fold), files, [both[phase] for phase in PHASES], dataset, mirrored)
    if count == 0:
        raise InputError(
            f"{folder}: expected masks such as {patients[0]}_ED_seg.nii.gz of patients of part {fold}, found "
            "none; give the folder with these masks."
        )


def _read_case(
    patient: str,
    fold: str,
    masks: Sequence[Path],
    cases: Sequence[Case],
    dataset: Dataset,
    mirrored: Path | None,
) -> QualityCase:
    read = [read_mask(mask).cine for mask in masks]
    truth = np.stack([read_mask(case.mask).cine.array[0].astype(np.uint8) for case in cases])
    predicted = Segmentation(
        np.stack([one.array[0].astype(np.uint8) for one in read]), read[0].geometry, dataset.schema
    )
    records = [_record(mask) for mask in masks]
    flips = [] if mirrored is None else [_record(mirrored / mask.name) for mask in masks]
    regions = [
        Found(LocalisationPath(region["path"]), region["cut_off"])
        for record in records
        for region in record.get("regions", [])[:1]
    ]
    evidence = NetworkEvidence(
        agreement=tuple(next(iter(record.get("agreement", [])), None) for record in records),
        soft_dice=tuple(
            tuple(record.get("soft_dice", {}).get(name, [None])[0] for name in dataset.schema.names)
            for record in records
        ),
        flip_agreement=tuple(next(iter(record.get("flip_agreement", [])), None) for record in flips),
    )
    return measured_case(patient, fold, predicted, truth, regions, evidence)


def _record(mask: Path) -> dict[str, Any]:
    path = mask.with_name(f"{case_name(mask)}.json")
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _mask_of(folder: Path, case: Case) -> Path | None:
    for name in (case.name, case_name(case.image)):
        for path in sorted(folder.glob(f"{name}_seg.n*")):
            return path
    return None
