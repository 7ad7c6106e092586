"""Predicted mask files against true mask files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Level, Note, SeptumError
from septum.io import read_mask
from septum.metrics import score
from septum.workflows.evaluation import Evaluation, FrameScores
from septum.workflows.index_agreement import index_pairs
from septum.workflows.loading import path_of
from septum.workflows.mask_frames import (
    NO_PHASE,
    frame_pairs,
    lacks_phase,
    timing_volumes,
)
from septum.workflows.mask_grids import on_grid_of
from septum.workflows.mask_pairs import MaskPair, pair_masks
from septum.workflows.masks import infer_schema, labels_of, values_in
from septum.workflows.phase_names import without_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from septum.core import Geometry, LabelSchema
    from septum.workflows.index_agreement import IndexPair
    from septum.workflows.mask_frames import FramePair

#: LV and RV look exchanged if their Dice is larger by this when they are.
EXCHANGED_DICE = 0.3

PHASES_UNKNOWN = Note(
    "phases_unknown",
    "Only the Info.cfg of ACDC says which frame is ED and which ES; it does not lie beside all true masks, "
    "and those without it are pooled in the phase -.",
)


def evaluate(prediction: str | Path, truth: str | Path, schema: LabelSchema | None = None) -> Evaluation:
    """Compare predicted with true masks, on the grid of the files.

    Args:
        prediction: a mask, or a folder of masks.
        truth: its true mask, or a folder of them (see :func:`~septum.workflows.mask_pairs.pair_masks`).
        schema: which value means which structure; ``None`` infers it from the values that occur: with a
            2 or 3 the ventricles of ACDC, with nothing but 1 or 255 the left atrium. A mask of 0 and 255
            is read as one of 0 and 1 where the schema has a single structure.

    Returns:
        All scores. Of two folders, a pair that cannot be compared is among the failures.

    Raises:
        InputError: nothing can be paired, no schema fits, or (of two files) the pair cannot be compared.

    >>> from septum import Geometry, Segmentation, Study, write_mask
    >>> from septum.core import VENTRICLES, Cine
    >>> grid = Geometry((8, 96, 96), (8.0, 1.5, 1.5))
    >>> for name, slices in (("predicted.nii.gz", slice(2, 6)), ("true.nii.gz", slice(4, 8))):
    ...     labels = np.zeros((1, 8, 96, 96), np.uint8)
    ...     labels[0, slices, 40:60, 40:60] = 3
    ...     write_mask(name, Segmentation(labels, grid, VENTRICLES), Study(Cine(labels, grid), ""))
    >>> compared = evaluate("predicted.nii.gz", "true.nii.gz")
    >>> {one.structure: one.dice for one in compared.frames[0].scores}  # two of four slices in common
    {'RV': None, 'MYO': None, 'LV': 0.5}
    """
    prediction, truth = path_of(prediction), path_of(truth)
    pairing = pair_masks(prediction, truth)
    failures: list[str] = []
    notes: list[Note] = []
    if schema is None:
        schema, notes = infer_schema(_label_sets(pairing.pairs))
    patients: dict[str, list[Compared]] = {}
    for pair in pairing.pairs:
        try:
            compared = _compare(pair, schema)
        except SeptumError as error:
            if prediction.is_file():
                raise
            failures.append(str(error))
            continue
        notes += compared.notes
        patients.setdefault(without_frame(pair.case), []).append(compared)
    patients = {name: _with_phases(those, schema) for name, those in patients.items()}
    frames = [scored for those in patients.values() for one in those for scored in one.scores]
    if sum(one.lacks_phase and one.scores[0].phase == NO_PHASE for t in patients.values() for one in t) > 1:
        notes.append(PHASES_UNKNOWN)
    exchanged = [one.case for those in patients.values() for one in those if one.exchanged]
    if exchanged:
        notes.append(_exchange(exchanged))
    indices = [pair for name, those in patients.items() for pair in _index_pairs(name, those, schema)]
    return Evaluation(schema, tuple(frames), pairing.unpaired, tuple(failures), tuple(notes), tuple(indices))


@dataclass(frozen=True)
class Compared:
    """What came of one pair of masks.

    Attributes:
        case: its name.
        scores: of each frame.
        frames: what was scored.
        geometry: of the frames.
        notes: what is remarkable about the pair.
        exchanged: whether LV and RV agree better when they are exchanged.
        lacks_phase: whether it is a frame of ACDC whose ``Info.cfg`` is missing.
    """

    case: str
    scores: tuple[FrameScores, ...]
    frames: tuple[FramePair, ...]
    geometry: Geometry
    notes: tuple[Note, ...]
    exchanged: bool
    lacks_phase: bool

    def at(self, phase: str) -> Compared:
        """The same single frame, whose phase is known now."""
        frames = tuple(replace(frame, phase=phase) for frame in self.frames)
        return replace(self, frames=frames, scores=tuple(replace(one, phase=phase) for one in self.scores))


def _label_sets(pairs: Iterable[MaskPair]) -> Iterator[set[int]]:
    """Values in each mask that can be read; the others are reported when their turn comes."""
    for pair in pairs:
        for path in (pair.truth, pair.prediction):
            try:
                yield values_in(read_mask(path).cine.array)
            except SeptumError:
                continue


def _compare(pair: MaskPair, schema: LabelSchema) -> Compared:
    """Score each frame of a pair."""
    prediction, truth = read_mask(pair.prediction), read_mask(pair.truth)
    array, notes = on_grid_of(truth, pair.truth, prediction, pair.prediction)
    frames, on_frames = frame_pairs(
        labels_of(pair.prediction, array, schema),
        labels_of(pair.truth, truth.cine.array, schema),
        pair.prediction,
        pair.truth,
        schema,
    )
    geometry = truth.cine.geometry
    scores = tuple(
        FrameScores(pair.case, frame.phase, score(frame.prediction, frame.truth, schema, geometry))
        for frame in frames
    )
    return Compared(
        pair.case,
        scores,
        tuple(frames),
        geometry,
        (*(replace(note, text=f"{pair.prediction}: {note.text}") for note in notes), *on_frames),
        exchanged=_look_exchanged(frames, schema),
        lacks_phase=lacks_phase(pair.truth),
    )


def _with_phases(those: list[Compared], schema: LabelSchema) -> list[Compared]:
    """Name the two frames of a patient by the truth's LV, where nothing else tells which is ED."""
    if len(those) != 2 or "LV" not in schema.names or not all(one.lacks_phase for one in those):
        return those
    first, second = (timing_volumes(one.frames[0].truth[None], schema)[0] for one in those)
    if first == second or any(len(one.frames) > 1 for one in those):
        return those
    larger, smaller = ("ED", "ES") if first > second else ("ES", "ED")
    return [those[0].at(larger), those[1].at(smaller)]


def _look_exchanged(frames: Iterable[FramePair], schema: LabelSchema) -> bool:
    """Tell whether the ventricles of two masks agree far better with LV and RV exchanged."""
    values = {structure.name: structure.value for structure in schema.structures}
    if not {"LV", "RV"} <= values.keys():
        return False
    left, right = values["LV"], values["RV"]
    plain = crossed = total = 0
    for frame in frames:
        ours, theirs = frame.prediction, frame.truth
        for a, b in ((left, right), (right, left)):
            plain += 2 * int(np.count_nonzero((ours == a) & (theirs == a)))
            crossed += 2 * int(np.count_nonzero((ours == a) & (theirs == b)))
            total += int(np.count_nonzero(ours == a)) + int(np.count_nonzero(theirs == a))
    return total > 0 and crossed > plain + EXCHANGED_DICE * total


def _exchange(cases: list[str]) -> Note:
    return Note(
        "ventricles_exchanged",
        f"LV and RV look exchanged between prediction and truth in {len(cases)} case"
        f"{'s' * (len(cases) > 1)}, such as {cases[0]}: here 1 is the RV and 3 the LV, as in ACDC, and M&Ms "
        "numbers them the other way round; renumber one of the two.",
        Level.WARNING,
    )


def _index_pairs(case: str, those: list[Compared], schema: LabelSchema) -> list[IndexPair]:
    """Compare the indices of a patient: of all frames together if they are of one grid, else of each mask."""
    phases = [frame.phase for one in those for frame in one.frames]
    together = len({one.geometry for one in those}) == 1 and len(set(phases)) == len(phases)
    if together:
        frames = [frame for one in those for frame in one.frames]
        return index_pairs(case, frames, schema, those[0].geometry)
    return [pair for one in those for pair in index_pairs(one.case, one.frames, schema, one.geometry)]
