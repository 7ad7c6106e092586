"""The verdict on what a model made of a study, and how files tell it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from septum.quality.calibration import load_calibration
from septum.quality.measures import NetworkEvidence
from septum.quality.unlike_training import unlike_training_images
from septum.quality.verdict import assess_quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.core import Indices, Quality, Segmentation
    from septum.inference import Bundle
    from septum.inference.out_of_distribution import Evidence
    from septum.quality.calibration import Calibration
    from septum.quality.regions import FoundRegion

    #: Of a row of the table of studies.
    Cell = str | int | float | None

#: Columns of the table of studies.
VENTRICLES = ("LV", "RV")
QUALITY_COLUMNS = (
    "verdict", "flags", "estimated_dice",
    *(f"{name.lower()}_ef_{end}_percent" for name in VENTRICLES for end in ("low", "high")),
)  # fmt: skip
DIGITS = 4


class JudgedFrame(Protocol):
    """What a verdict takes of a frame beside its mask, such as :class:`septum.inference.FrameResult`."""

    @property
    def localisation(self) -> FoundRegion:
        """How its region of interest was found."""

    @property
    def evidence(self) -> Evidence:
        """What the networks made of it."""


def study_quality(
    segmentation: Segmentation, indices: Indices, frames: Sequence[JudgedFrame], bundle: Bundle
) -> Quality:
    """The verdict on a segmented study.

    Args:
        segmentation: masks of all frames.
        indices: of these.
        frames: what the model made of each frame.
        bundle: the model; it brings its calibration, if it has one.

    Raises:
        BundleError: its calibration cannot be read.
    """
    evidence = [frame.evidence for frame in frames]
    return assess_quality(
        segmentation,
        indices,
        [frame.localisation for frame in frames],
        network_evidence(frames),
        calibration_of(bundle),
        tuple(unlike_training_images(bundle.manifest, segmentation.geometry, evidence)),
    )


def calibration_of(bundle: Bundle) -> Calibration | None:
    """The calibration of a bundle, if it has one of its networks. Raises :class:`BundleError`."""
    manifest = bundle.manifest
    return load_calibration(bundle.folder, (manifest.localiser.sha256, manifest.segmenter.sha256))


def network_evidence(frames: Sequence[JudgedFrame]) -> NetworkEvidence:
    """What the networks made of each frame."""
    found = [frame.evidence for frame in frames]
    return NetworkEvidence(
        tuple(one.agreement for one in found),
        tuple(one.soft_dice for one in found),
        tuple(one.flip_agreement for one in found),
    )


def quality_document(quality: Quality) -> dict[str, Any]:
    """A verdict for JSON; ``None`` for what was not estimated."""
    intervals: dict[str, Any] = {}
    for name in VENTRICLES:
        interval = quality.ejection_fractions.get(name)
        ends = None if interval is None else [_rounded(interval.low_percent), _rounded(interval.high_percent)]
        intervals[f"{name.lower()}_ef_interval_percent"] = ends
        intervals[f"{name.lower()}_ef_interval_coverage"] = _rounded(interval.coverage if interval else None)
        bias = interval.bias if interval else None
        intervals[f"{name.lower()}_ef_bias_points"] = None if bias is None else asdict(bias)
    return {
        "verdict": quality.verdict.value,
        "flags": [
            {
                "key": flag.key,
                "verdict": flag.verdict.value,
                "reason": flag.reason,
                "value": _rounded(flag.value),
                "limit": _rounded(flag.limit),
            }
            for flag in quality.flags
        ],
        "estimated_dice": _rounded(quality.estimated_dice),
        **intervals,
    }


def quality_row(document: Mapping[str, Any] | None) -> dict[str, Cell]:
    """A verdict's document as cells of :data:`QUALITY_COLUMNS`; all empty where quality was not assessed."""
    if document is None:
        return dict.fromkeys(QUALITY_COLUMNS)
    keys = dict.fromkeys(flag["key"] for flag in document["flags"])
    ends = [document[f"{name.lower()}_ef_interval_percent"] or (None, None) for name in VENTRICLES]
    cells = (document["verdict"], ";".join(keys), document["estimated_dice"], *ends[0], *ends[1])
    return dict(zip(QUALITY_COLUMNS, cells, strict=True))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
