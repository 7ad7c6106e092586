"""What a bundle is worth on patients that it has not seen: per-case results, whole pipeline, native grid."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from septum.core.files import write_text
from septum.methods.samples import prepare_case, read_case
from septum.metrics import score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import Score
    from septum.datasets import Dataset
    from septum.inference import Model

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaseScore:
    """One structure of one case.

    Attributes:
        case, patient, group, phase: of the data set.
        score: agreement with the truth.
        foreground_inside: share of the case's true foreground inside the region of interest.
        localisation: how the region was found.
        enlarged: whether the region had to be widened.
        seconds: for the whole case, reading and writing not counted.
    """

    case: str
    patient: str
    group: str
    phase: str
    score: Score
    foreground_inside: float
    localisation: str
    enlarged: bool
    seconds: float

    def row(self) -> dict[str, object]:
        """One flat row, numbers rounded to what they can carry."""
        flat = asdict(self)
        flat |= flat.pop("score")
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in flat.items()}


def assess(model: Model, dataset: Dataset, patients: Sequence[str]) -> list[CaseScore]:
    """Segment and score every case of these patients, through the same steps that users run."""
    preprocessing = model.bundle.manifest.segmenter.preprocessing
    results: list[CaseScore] = []
    for case in dataset.of(set(patients)):
        native = read_case(case, dataset)
        truth = prepare_case(native, dataset.schema.values, preprocessing).classes.numpy() > 0
        found = model.segment_volume(native.volume)
        inside = found.localisation.region.holds(truth)
        results.extend(
            CaseScore(
                case.name, case.patient, case.group, case.phase, one, inside,
                str(found.localisation.path), found.localisation.enlarged, found.seconds,
            )
            for one in score(found.labels, native.labels, dataset.schema, native.volume.geometry)
        )  # fmt: skip
        LOGGER.info("%s scored", case.name)
    return results


def write_results(path: Path, results: Sequence[CaseScore]) -> None:
    """Write per-case results as CSV, whole or not at all."""
    rows = [result.row() for result in results]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
