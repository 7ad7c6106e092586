"""Identifiers that a de-identifier rewrote image by image: they are set aside where positions agree.

A study, a series and a frame of reference hold many images. Where each image names one of its own, the
identifiers tell nothing, and positions, directions and times decide which images belong together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from septum.core import Note
from septum.io.dicom.stacks.pacing import LEAST_STEP_MS, LONG_SPAN_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from septum.io.dicom.frames import DicomFrame

#: Fewer images than this, each with an identifier of its own, may be what they claim to be.
LEAST_IMAGES = 5
#: Series of a single phase each are phases of one cine if so many of them lie at one position.
LEAST_PHASES = 5
#: Digits of direction cosines, and of positions in mm, in which images of one stack agree.
_DIGITS = 3


def believed(frames: Sequence[DicomFrame]) -> tuple[list[DicomFrame], list[Note]]:
    """Give frames the study, series and frame of reference that they can be believed to share, and notes.

    >>> believed([])
    ([], [])
    """
    notes = []
    for settle in (_of_one_study, _of_one_series, _in_one_space):
        frames, some = settle(frames)
        notes += some
    return list(frames), notes


def _of_one_study(frames: Sequence[DicomFrame]) -> tuple[Sequence[DicomFrame], list[Note]]:
    """Images of which each names a study of its own, and most of which have one direction: one study."""
    alone = Counter(frame.study_uid for frame in frames)
    if len(frames) < LEAST_IMAGES or len(alone) < len(frames) or _are_multi_frame(frames):
        return frames, []
    directions = Counter(_direction(frame) for frame in frames)
    if 2 * max(directions.values()) < len(frames):
        return frames, []
    text = f"Each of {len(frames)} images names a study of its own: their positions agree, so they are one."
    return [replace(frame, study_uid="") for frame in frames], [Note("study_identifiers_rewritten", text)]


def _of_one_series(frames: Sequence[DicomFrame]) -> tuple[Sequence[DicomFrame], list[Note]]:
    """Series that hold one phase each of the same slices as one series.

    Such are images with a series each, and exports of one series a phase.
    """
    by_series = _grouped(frames, lambda frame: frame.series_uid)
    alike: dict[Any, list[DicomFrame]] = defaultdict(list)
    for group in by_series.values():
        if len({_place(frame) for frame in group}) == len(group) and group[0].inversion_ms is None:
            for frame in group:
                alike[_grid(frame)].append(frame)
    uid_of: dict[str, str] = {}
    for group in alike.values():
        several = len({frame.series_uid for frame in group}) >= LEAST_PHASES
        if several and _are_phases(list(_grouped(group, _place).values())):
            first = min(frame.series_uid for frame in group)
            uid_of |= {frame.series_uid: first for frame in group}
    if not uid_of:
        return frames, []
    text = (
        f"{len(uid_of)} series hold one phase each of the same slices: they were put together by their "
        "positions and times."
    )
    settled = [replace(f, series_uid=uid_of.get(f.series_uid, f.series_uid)) for f in frames]
    return settled, [Note("series_of_one_phase_joined", text)]


def _in_one_space(frames: Sequence[DicomFrame]) -> tuple[Sequence[DicomFrame], list[Note]]:
    """Images of one series in one frame of reference: that of most of them, or none if each has its own."""
    space_of: dict[str, str] = {}
    most = 0
    for uid, group in _grouped(frames, lambda frame: frame.series_uid).items():
        spaces = Counter(frame.space_uid for frame in group)
        if len(spaces) > 1:
            often = max(spaces.values())
            space_of[uid] = min(space for space, n in spaces.items() if n == often) if often > 1 else ""
            most = max(most, len(spaces))
    if not space_of:
        return frames, []
    text = f"Images of one series name {most} frames of reference: their positions were taken to be in one."
    settled = [replace(f, space_uid=space_of.get(f.series_uid, f.space_uid)) for f in frames]
    return settled, [Note("spaces_rewritten", text)]


def _are_phases(slices: list[list[DicomFrame]]) -> bool:
    """Whether most positions have several images whose times, or numbers of phases, differ."""
    several = [one for one in slices if len(one) >= LEAST_PHASES]
    return 2 * len(several) > len(slices) and (
        all(_differ([frame.trigger_ms for frame in one], LEAST_STEP_MS, LONG_SPAN_MS) for one in several)
        or all(_differ([frame.temporal_position for frame in one], 0.5) for one in several)
        or all(_is_numbered_series(one) for one in several)
    )


def _is_numbered_series(images: list[DicomFrame]) -> bool:
    """Whether images have one series number, and instance numbers that differ."""
    numbers = {frame.series_number for frame in images}
    return len(numbers) == 1 and None not in numbers and _differ([f.instance_number for f in images], 0.5)


def _differ(values: Sequence[float | None], apart: float, span: float = float("inf")) -> bool:
    """Whether all values are there, each apart from the next, and within a span."""
    known = sorted(value for value in values if value is not None)
    if len(known) < len(values) or known[-1] - known[0] > span:
        return False
    return all(b - a >= apart for a, b in pairwise(known))


def _are_multi_frame(frames: Iterable[DicomFrame]) -> bool:
    return any(frame.number is not None for frame in frames)


def _grid(frame: DicomFrame) -> tuple[Any, ...]:
    measured = (frame.component, frame.original, frame.sequence)
    return (frame.study_uid, frame.shape, frame.pixel_mm, _direction(frame), *measured)


def _direction(frame: DicomFrame) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in (*frame.row, *frame.column))


def _place(frame: DicomFrame) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in frame.position_mm)


def _grouped(frames: Iterable[DicomFrame], key: Callable[[DicomFrame], Any]) -> dict[Any, list[DicomFrame]]:
    groups: dict[Any, list[DicomFrame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return groups
