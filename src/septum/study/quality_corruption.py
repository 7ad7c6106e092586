"""What a model makes of images that were spoilt on purpose, as cases of the quality verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Cine, Segmentation
from septum.io import read_mask, read_study
from septum.study.perturbations import perturbed
from septum.study.quality_cases import line_of
from septum.study.quality_measuring import PHASES, lv_ef_percent, measured_case
from septum.study.scan import Scan
from septum.workflows.plausibility import unlike_training_images
from septum.workflows.quality import network_evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from septum.core import Geometry
    from septum.datasets import Dataset
    from septum.inference import Model
    from septum.reporting.score_table import Row

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
        true_ef = lv_ef_percent(Segmentation(truths, geometry, dataset.schema))
        for name, level in CORRUPTIONS:
            scans = list(_spoilt(images, truths, geometry, (name, level), patient))
            if len(scans) < len(PHASES):
                continue
            cine = Cine(np.stack([scan.array for scan in scans]), scans[0].geometry)
            frames = list(model.segment_frames(cine))
            predicted = Segmentation(
                np.stack([frame.labels for frame in frames]), cine.geometry, dataset.schema
            )
            case = measured_case(
                patient, fold, predicted, np.stack([scan.before for scan in scans]),
                [frame.localisation for frame in frames], network_evidence(frames), true_ef,
            )  # fmt: skip
            seen = [frame.evidence for frame in frames]
            if list(unlike_training_images(model.bundle.manifest, cine.geometry, seen)):
                case.basic["unlike_training_images"] = "review"
            rows.append(line_of(case, model=model.bundle.manifest.name, perturbation=name, level=level))
        tell(patient)
    return rows


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
) -> Iterator[Scan]:
    """Both phases at one level; its own truth rides along with that of end-diastole, which decides."""
    for image, truth in zip(images, truths, strict=True):
        scan = perturbed(Scan(image, truths[0], geometry, truth), *corruption, patient)
        if scan is not None:
            yield scan
