"""Structures that are missing, and ejection fractions that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Flag, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from septum.core import VolumeCurve

#: The structure that all numbers of the ventricles hang on.
_DECISIVE = "LV"


def is_empty(curve: VolumeCurve) -> bool:
    """Whether no frame has any structure."""
    return not any(any(volumes) for volumes in curve.volumes_ml.values())


def structure_flags(curve: VolumeCurve) -> Iterator[Flag]:
    """What is missing, and what that makes of the ejection fraction.

    A mask without anything, without one of its structures, or without an LV in some frames gives no numbers,
    and neither does a negative ejection fraction.

    Args:
        curve: volumes of the mask, one a frame.
    """
    if is_empty(curve):
        yield Flag(
            "nothing_found",
            Verdict.REJECT,
            "No structure was found: the mask is empty. Check that the image shows the heart.",
        )
        return
    yield from _missing(curve.volumes_ml)
    frames = len(next(iter(curve.volumes_ml.values())))
    timing = _DECISIVE if _DECISIVE in curve.volumes_ml else next(iter(curve.volumes_ml))
    if frames > 1 and curve.end_diastole == curve.end_systole:
        yield Flag(
            "no_beat",
            Verdict.REVIEW,
            f"The volume of the {timing}, which tells end-diastole from end-systole, is the same in all "
            "frames: there is no ejection fraction.",
        )
    for name, percent in curve.ejection_fraction_percent.items():
        if percent < 0:
            yield Flag(
                "negative_ejection_fraction",
                Verdict.REJECT,
                f"The ejection fraction of {name} is negative; look at the mask.",
                percent,
                0.0,
            )


def _missing(volumes_ml: Mapping[str, tuple[float, ...]]) -> Iterator[Flag]:
    frames = set(range(len(next(iter(volumes_ml.values())))))
    empty = {t for t in frames if not any(volumes[t] for volumes in volumes_ml.values())}
    if empty:
        yield Flag(
            "empty_frames",
            Verdict.REVIEW,
            f"No structure was found in {frames_listed(empty)} (counted from 0).",
            len(empty),
            0.0,
        )
    missing = [name for name, volumes in volumes_ml.items() if not any(volumes)]
    if missing:
        were = "was" if len(missing) == 1 else "were"
        yield Flag("missing_structure", Verdict.REJECT, f"{' and '.join(missing)} {were} found in no frame.")
    for name, volumes in volumes_ml.items():
        gaps = {t for t in frames if not volumes[t]} - empty
        if gaps and name not in missing:
            yield Flag(
                "structure_comes_and_goes",
                Verdict.REJECT if name == _DECISIVE else Verdict.REVIEW,
                f"{name} was found in some frames and not in {frames_listed(gaps)} (counted from 0): look "
                "at the mask before you use volumes and ejection fractions.",
                len(gaps),
                0.0,
            )


def listed(numbers: Iterable[int]) -> str:
    """Frames or slices in words, in order."""
    return ", ".join(map(str, sorted(numbers)))


def frames_listed(numbers: Collection[int]) -> str:
    """``frame 2`` or ``frames 1, 2``."""
    return f"{'frame' if len(numbers) == 1 else 'frames'} {listed(numbers)}"
