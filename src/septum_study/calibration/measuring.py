"""Predicted masks of both phases against the truth, as cases of the quality verdict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, Localisation, LocalisationPath, Region, Segmentation
from septum.datasets import load_cross_validation
from septum.indices import clinical_indices
from septum.inference.out_of_distribution import Evidence
from septum.io import case_name, read_mask
from septum.metrics import dice
from septum.quality.measures import measure_quality
from septum.quality.verdict import basic_flags
from septum_study.calibration.fit import VENTRICLES, QualityCase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.datasets import Case, Dataset

PHASES = ("ED", "ES")


def measured_case(
    patient: str,
    group: str,
    predicted: Segmentation,
    truth: NDArray[np.uint8],
    evidence: Sequence[Evidence] = (),
    regions: Sequence[Localisation] = (),
    true_ef: Mapping[str, float] | None = None,
) -> QualityCase:
    """One patient's masks as a case.

    Args:
        patient: whose.
        group: patients that are left out together.
        predicted: end-diastole and end-systole as a cine of two frames.
        truth: labels like those of ``predicted``.
        evidence: of the networks, one a phase, if known.
        regions: how each was found, if known.
        true_ef: of each ventricle of the heart, in percent, where ``truth`` is not all of it.
    """
    indices = clinical_indices(predicted, end_diastole=0, end_systole=1)
    measures = measure_quality(predicted, indices, evidence)
    flags = basic_flags(predicted, indices, regions)
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
        predicted_ef=indices.ejection_fractions_percent,
        true_ef=true_ef_percent(whole) if true_ef is None else true_ef,
    )


def true_ef_percent(truth: Segmentation) -> dict[str, float]:
    """Ejection fraction of each ventricle of a cine of end-diastole and end-systole.

    Raises:
        InputError: it has no LV.
    """
    found = clinical_indices(truth, end_diastole=0, end_systole=1).ejection_fractions_percent
    if VENTRICLES[0] not in found:
        raise InputError("expected a true mask with an LV at end-diastole, found none; use another data set.")
    return found


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


def manual_masks(dataset: Dataset) -> Iterator[tuple[str, Segmentation]]:
    """Give the manual masks of each patient of a data set, end-diastole and end-systole as a cine of two."""
    phases: dict[str, dict[str, Case]] = {}
    for case in dataset.cases:
        phases.setdefault(case.patient, {})[case.phase] = case
    for patient, both in sorted(phases.items()):
        read = [read_mask(both[phase].mask).cine for phase in PHASES]
        labels = np.stack([one.array[0].astype(np.uint8) for one in read])
        yield patient, Segmentation(labels, read[0].geometry, dataset.schema)


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
    names, phases = dataset.schema.names, range(len(masks))
    evidence = [_evidence(records[t], flips[t] if flips else {}, names) for t in phases]
    regions = [_region(region) for record in records for region in record.get("regions", [])[:1]]
    return measured_case(patient, fold, predicted, truth, evidence, regions)


def _evidence(record: Mapping[str, Any], mirrored: Mapping[str, Any], names: Sequence[str]) -> Evidence:
    """What the networks made of the only frame of a record; of mirror images, their agreement alone."""
    return Evidence(
        confidence=None,
        agreement=next(iter(record.get("agreement", [])), None),
        soft_dice=tuple(record.get("soft_dice", {}).get(name, [None])[0] for name in names),
        flip_agreement=next(iter(mirrored.get("flip_agreement", [])), None),
    )


def _region(region: Mapping[str, Any]) -> Localisation:
    """How the region of a record was found."""
    box = Region(tuple(region["start"]), tuple(region["stop"]))
    return Localisation(box, LocalisationPath(region["path"]), cut_off=region["cut_off"])


def _record(mask: Path) -> dict[str, Any]:
    path = mask.with_name(f"{case_name(mask)}.json")
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _mask_of(folder: Path, case: Case) -> Path | None:
    for name in (case.name, case_name(case.image)):
        for path in sorted(folder.glob(f"{name}_seg.n*")):
            return path
    return None
