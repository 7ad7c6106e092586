"""What a bundle is worth on patients that it has not seen: per-case results, whole pipeline, native grid."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from septum.methods.samples import prepare_case, read_case
from septum.metrics import score
from septum.metrics.levels import level_dice, tapers_backwards
from septum.metrics.scores_file import write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.core import LabelSchema, Score, Volume
    from septum.datasets import Dataset
    from septum.inference.bundle import Bundle
    from septum.inference.frame_result import FrameResult
    from septum.methods.samples import NativeCase

LOGGER = logging.getLogger(__name__)

#: Thirds of a structure's slices: in a short-axis stack from the base, in any other in the order of the file.
SHORT_AXIS_LEVELS = ("basal", "middle", "apical")
OTHER_LEVELS = ("first", "middle", "last")


@dataclass(frozen=True)
class CaseScore:
    """One structure of one case.

    Attributes:
        case, patient, group, phase: of the data set.
        score: agreement with the truth.
        levels: by slice level and column: ``dice_LEVEL``, ``beyond_ml`` for what is predicted in slices where
            the truth has none, ``slices_too_many`` for their number, and ``slices_missed``.
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
    levels: dict[str, float | None]
    foreground_inside: float
    localisation: str
    enlarged: bool
    seconds: float

    def row(self) -> dict[str, object]:
        """One flat row, numbers rounded to what they can carry."""
        flat = asdict(self)
        flat |= flat.pop("score") | flat.pop("levels")
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in flat.items()}


class Assessed(Protocol):
    """What can be scored: a model, or one whose masks are given other values."""

    @property
    def bundle(self) -> Bundle:
        """Where it comes from."""
        ...

    def segment_volume(self, volume: Volume) -> FrameResult:
        """Segment one volume; the mask has the values of the data set."""
        ...


def assess(model: Assessed, dataset: Dataset, patients: Sequence[str]) -> list[CaseScore]:
    """Segment and score every case of these patients, through the same steps that users run."""
    preprocessing = model.bundle.two_stage.segmenter.preprocessing
    results: list[CaseScore] = []
    for case in dataset.of(set(patients)):
        native = read_case(case, dataset)
        truth = prepare_case(native, dataset.schema.values, preprocessing).classes.numpy() > 0
        found = model.segment_volume(native.volume)
        inside = found.localisation.region.holds(truth)
        scores = score(found.labels, native.labels, dataset.schema, native.volume.geometry)
        by_level = levels_of(found.labels, native, dataset.schema)
        results.extend(
            CaseScore(
                case.name, case.patient, case.group, case.phase, one, levels, inside,
                str(found.localisation.path), found.localisation.enlarged, found.seconds,
            )
            for one, levels in zip(scores, by_level, strict=True)
        )  # fmt: skip
        LOGGER.info("%s scored", case.name)
    return results


def levels_of(
    predicted: NDArray[np.uint8], native: NativeCase, schema: LabelSchema
) -> list[dict[str, float | None]]:
    """For each structure of a case what :class:`CaseScore` calls ``levels``."""
    short_axis = "LV" in schema.names
    names = SHORT_AXIS_LEVELS if short_axis else OTHER_LEVELS
    backwards = short_axis and tapers_backwards(native.labels > 0)
    voxel_ml = native.volume.geometry.voxel_volume_ml
    columns: list[dict[str, float | None]] = []
    for value in schema.values:
        levels = level_dice(predicted == value, native.labels == value, backwards=backwards)
        dice = {f"dice_{name}": one for name, one in zip(names, levels.dice, strict=True)}
        columns.append(
            dice
            | {
                "beyond_ml": levels.beyond_voxels * voxel_ml,
                "slices_too_many": levels.slices_too_many,
                "slices_missed": levels.slices_missed,
            }
        )
    return columns


def write_scores(path: Path, results: Sequence[CaseScore]) -> None:
    """Write per-case results as CSV, whole or not at all."""
    write_rows(path, [result.row() for result in results])
