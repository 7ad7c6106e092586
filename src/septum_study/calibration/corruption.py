"""What a model makes of images that were spoilt on purpose, as cases of the quality verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Cine, Segmentation, Verdict
from septum.io import read_mask, read_study
from septum.quality.evidence import unlike_training_images
from septum_study.calibration.cases import line_of
from septum_study.calibration.measuring import PHASES, measured_case, true_ef_percent
from septum_study.robustness.perturbations import perturbed
from septum_study.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry
    from septum.datasets import Dataset
    from septum.inference import Model
    from septum.metrics.scores_file import Row
    from septum_study.calibration.fit import QualityCase

    #: Images of both phases, and their true masks.
    Spoilt = tuple[Cine, NDArray[np.uint8]]

#: Perturbations of the study of robustness, and a level of each; chosen before any was tried here.
CORRUPTIONS = (
    ("noise", "0.1"), ("noise", "0.2"), ("ghost", "0.75"), ("shading", "8"), ("resolution", "2"),
    ("skipped-slices", "2"), ("skipped-slices", "3"), ("missing-base", "2"), ("missing-base", "3"),
    ("missing-apex", "3"),
)  # fmt: skip


def corrupted_rows(
    model: Model, dataset: Dataset, patients: Sequence[str], fold: str, tell: Callable[[str], None]
) -> list[Row]:
    """One line a patient and corruption; what cannot be had of a patient has none.

    Both phases of a patient are spoilt in the same way: slices are chosen by the end-diastolic heart. The
    true ejection fraction is that of the whole heart, though slices be missing.
    """
    rows = []
    for patient in patients:
        images, truths, geometry = _phases(dataset, patient)
        true_ef = true_ef_percent(Segmentation(truths, geometry, dataset.schema))
        for name, level in CORRUPTIONS:
            spoilt = _spoilt(images, truths, geometry, (name, level), patient)
            if spoilt is not None:
                case = _case(model, dataset, patient, fold, spoilt, true_ef)
                rows.append(line_of(case, model=model.bundle.manifest.name, perturbation=name, level=level))
        tell(patient)
    return rows


def _case(
    model: Model, dataset: Dataset, patient: str, fold: str, spoilt: Spoilt, true_ef: Mapping[str, float]
) -> QualityCase:
    """What the model makes of both phases as a cine of two frames."""
    cine, truths = spoilt
    frames = list(model.segment_frames(cine))
    predicted = Segmentation(np.stack([frame.labels for frame in frames]), cine.geometry, dataset.schema)
    regions, evidence = [frame.localisation for frame in frames], [frame.evidence for frame in frames]
    case = measured_case(patient, fold, predicted, truths, evidence, regions, true_ef)
    if any(unlike_training_images(model.bundle.manifest, cine.geometry, evidence)):
        case = replace(case, basic={**case.basic, "unlike_training_images": Verdict.REVIEW.value})
    return case


def _phases(dataset: Dataset, patient: str) -> tuple[NDArray[np.float32], NDArray[np.uint8], Geometry]:
    """Images and true masks of both phases, (2, Z, Y, X), and their grid."""
    cases = {case.phase: case for case in dataset.of({patient})}
    cines = [read_study(cases[phase].image).cine for phase in PHASES]
    truths = [read_mask(cases[phase].mask).cine.array[0].astype(np.uint8) for phase in PHASES]
    return np.stack([cine.array[0] for cine in cines]), np.stack(truths), cines[0].geometry


def _spoilt(
    images: NDArray[np.float32],
    truths: NDArray[np.uint8],
    geometry: Geometry,
    corruption: tuple[str, str],
    patient: str,
) -> Spoilt | None:
    """Both phases and their truths at one level, or ``None`` where it cannot be had.

    The truth of end-diastole decides for both; a phase's own rides along.
    """
    frames, changed, grid = [], [], geometry
    for image, truth in zip(images, truths, strict=True):
        scan = perturbed(Scan(image, truths[0], geometry, truth), *corruption, patient)
        if scan is None or scan.before is None:
            return None
        frames.append(scan.array)
        changed.append(scan.before)
        grid = scan.geometry
    return Cine(np.stack(frames), grid), np.stack(changed)
