"""Which frame of a prediction belongs to which frame of its truth, and which phase of the beat it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, Note
from septum.indices.phases import find_phases
from septum.io import case_name, image_suffix, read_mask
from septum.workflows.masks import labels_of
from septum.workflows.phase_names import acdc_phases, is_acdc_frame, named_frame, without_frame
from septum.workflows.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import LabelSchema, Structure

#: Phase of a lone volume of which nothing more is known.
NO_PHASE = "-"


@dataclass(frozen=True)
class FramePair:
    """One frame to be scored.

    Attributes:
        phase: ``ED``, ``ES``, the number of the frame from 0, or ``-``.
        prediction: labels (Z, Y, X).
        truth: the same, the reference.
    """

    phase: str
    prediction: NDArray[Any]
    truth: NDArray[Any]


def frame_pairs(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    prediction_path: Path,
    truth_path: Path,
    schema: LabelSchema,
) -> tuple[list[FramePair], tuple[Note, ...]]:
    """Match the frames of two masks on one grid.

    Cines of as many frames match frame by frame; frames of a truth without any label are taken to be those
    that nobody has drawn. Where one mask is a single frame, its name says which of the other's it is: by
    ``frame07``, counted from 1 as in ACDC, or by ``ED`` or ``ES``: the frames in which the cine's LV (or
    first structure) is largest and smallest. A mask of two frames may hold the two phases of ACDC alone: then
    ``frame07`` is the phase that ``Info.cfg`` says, or the volume against that of the other true frame. Where
    the mask's JSON says that its two frames are given phases, a number is never taken to count them.

    Args:
        prediction: labels (T, Z, Y, X).
        truth: labels (T, Z, Y, X), of as many frames or of one; or more, if the prediction is of one.
        prediction_path: the file of the prediction.
        truth_path: that of the truth.
        schema: what the labels mean.

    Raises:
        InputError: frames cannot be matched.
    """
    if len(prediction) == len(truth) == 1:
        return [FramePair(phase_of(truth_path), prediction[0], truth[0])], ()
    if len(prediction) == len(truth):
        return _drawn_frames(prediction, truth, truth_path, schema)
    if min(len(prediction), len(truth)) > 1:
        raise InputError(
            f"{prediction_path} has {len(prediction)} frames, but {truth_path} has {len(truth)}; give masks "
            "of the same frames, or of single ones."
        )
    cine, single_path = (truth, prediction_path) if len(prediction) == 1 else (prediction, truth_path)
    cine_path = truth_path if cine is truth else prediction_path
    single = prediction[0] if len(prediction) == 1 else truth[0]
    phase, other = _phase_among_two(single_path, single, cine, cine_path, schema)
    t = _frame_of(single_path, cine, cine_path, schema, phase)
    ours, theirs = (prediction[0], truth[t]) if len(prediction) == 1 else (prediction[t], truth[0])
    text = f"{single_path} was compared with frame {t} (from 0) of {len(cine)}, as its name says."
    note = Note("frame_by_name", text)
    if other is not None:
        than = "larger" if phase == "ED" else "smaller"
        text = (
            f"{single_path} was compared with {phase} of two phases, since its "
            f"{_timing_structure(schema).name} is {than} than that of {other.name}."
        )
        note = Note("frame_by_volume", text)
    return [FramePair(phase_of(single_path) if phase == NO_PHASE else phase, ours, theirs)], (note,)


def phase_of(path: Path) -> str:
    """Tell ``ED`` or ``ES`` by a mask's name, or by the ``Info.cfg`` beside an ACDC frame; else ``-``."""
    named = named_frame(case_name(path))
    if named is None:
        return NO_PHASE
    if is_acdc_frame(path) and named.number is not None:
        return acdc_phases(path.parent).get(named.number, NO_PHASE)
    return named.phase or NO_PHASE


def lacks_phase(path: Path) -> bool:
    """Tell whether this is an ACDC frame without the ``Info.cfg`` that has its phase."""
    return is_acdc_frame(path) and not (path.parent / "Info.cfg").is_file()


def timing_volumes(labels: NDArray[Any], schema: LabelSchema) -> list[float]:
    """Count the voxels, frame by frame, of the LV or else of the first structure."""
    value = _timing_structure(schema).value
    return [float(np.count_nonzero(frame == value)) for frame in labels]


def _timing_structure(schema: LabelSchema) -> Structure:
    return next((s for s in schema.structures if s.name == "LV"), schema.structures[0])


def _phase_among_two(
    path: Path, labels: NDArray[Any], cine: NDArray[Any], cine_path: Path, schema: LabelSchema
) -> tuple[str, Path | None]:
    """Which phase a numbered frame is, where its counterpart holds the two phases of the beat alone.

    Args:
        path: the frame, with its number in the name.
        labels: of the frame (Z, Y, X).
        cine: labels (T, Z, Y, X) of the counterpart.
        cine_path: its file.
        schema: what the labels mean.

    Returns:
        The phase, ``-`` if it is not known, and the other frame whose volume tells it, if one does.

    Raises:
        InputError: the counterpart is of two given phases, and nothing tells which of them this is.
    """
    named = named_frame(case_name(path))
    if len(cine) != 2 or named is None or named.number is None:
        return NO_PHASE, None
    phase = phase_of(path)
    if phase != NO_PHASE:
        return phase, None
    given = _given_phases(cine, cine_path) is not None
    other = _other_frame(path)
    if other is not None and (given or _number_of(other) not in ({1, 2} - {named.number})):
        own = timing_volumes(labels[None], schema)[0]
        of_other = timing_volumes(labels_of(other, read_mask(other).cine.array, schema), schema)[0]
        if own != of_other:
            return "ED" if own > of_other else "ES", other
    if given:
        raise InputError(
            f"{path} has the number of a frame, and {cine_path} holds two phases that were given: expected a "
            "name with ED or ES, an Info.cfg of ACDC, or one other frame of the same patient with another "
            "volume; give it such a name."
        )
    return NO_PHASE, None


def _other_frame(path: Path) -> Path | None:
    """The only other numbered frame of the same patient beside one, if there is just one."""
    base = without_frame(case_name(path))
    others = [
        other
        for other in path.parent.iterdir()
        if image_suffix(other) is not None and other != path and without_frame(case_name(other)) == base
    ]
    return others[0] if len(others) == 1 and _number_of(others[0]) is not None else None


def _number_of(path: Path) -> int | None:
    named = named_frame(case_name(path))
    return None if named is None else named.number


def _frame_of(
    path: Path, cine: NDArray[Any], cine_path: Path, schema: LabelSchema, phase: str = NO_PHASE
) -> int:
    """The frame of a cine that a single frame is, by its name, or by its phase where that is known."""
    named = named_frame(case_name(path))
    if phase == NO_PHASE and named is not None and named.number is not None:
        t = named.number - 1
        if t in range(len(cine)):
            return t
    elif named is not None:
        phases = _phases_in(cine, cine_path, schema)
        if phases is not None:
            known = named.phase if phase == NO_PHASE else phase
            return phases[0] if known == "ED" else phases[1]
    raise InputError(
        f"{path} is a single frame, and its counterpart has {len(cine)}: expected a name with ED, ES or "
        f"frame01 to frame{len(cine):02}, which says which of them it is; give it such a name."
    )


def _phases_in(cine: NDArray[Any], path: Path, schema: LabelSchema) -> tuple[int, int] | None:
    """End-diastole and end-systole of a mask: as its JSON says that they were given, or by its volumes."""
    given = _given_phases(cine, path)
    if given is not None:
        return given
    phases = find_phases(timing_volumes(cine, schema))
    return None if phases is None else (phases.end_diastole, phases.end_systole)


def _given_phases(cine: NDArray[Any], path: Path) -> tuple[int, int] | None:
    """End-diastole and end-systole of a mask of two frames, if its JSON says that both were given."""
    record = read_record(path.with_name(f"{case_name(path)}.json"))
    if record is not None and record.input.frames == len(cine) == 2 and len(record.indices.phases_given) == 2:
        ed, es = record.indices.end_diastole_frame, record.indices.end_systole_frame
        if ed is not None and es is not None:
            return ed, es
    return None


def _drawn_frames(
    prediction: NDArray[Any], truth: NDArray[Any], truth_path: Path, schema: LabelSchema
) -> tuple[list[FramePair], tuple[Note, ...]]:
    drawn = [t for t, frame in enumerate(truth) if frame.any()] or list(range(len(truth)))
    names = {t: str(t) for t in drawn}
    notes: tuple[Note, ...] = ()
    if len(drawn) < len(truth):
        text = f"{truth_path} has no label in {len(truth) - len(drawn)} of {len(truth)} frames: not compared."
        notes = (Note("frames_not_drawn", text),)
        first, *others = drawn
        if len(others) == 1 and "LV" in schema.names:
            volumes = timing_volumes(truth[drawn], schema)
            larger, smaller = ("ED", "ES") if volumes[0] >= volumes[1] else ("ES", "ED")
            names = {first: larger, others[0]: smaller}
    return [FramePair(names[t], prediction[t], truth[t]) for t in drawn], notes
