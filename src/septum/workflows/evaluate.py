"""Predicted mask files against true mask files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from septum.core import Cine, InputError, SeptumError
from septum.io import read_mask
from septum.metrics import score
from septum.workflows.evaluation import NO_PHASE, Evaluation, FrameScores
from septum.workflows.mask_grids import on_grid_of
from septum.workflows.mask_pairs import MaskPair, pair_masks
from septum.workflows.masks import infer_schema, labels_of, values_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from septum.core import LabelSchema

_ACDC_FRAME = re.compile(r"^patient\d+_frame(\d+)", re.IGNORECASE)
_ACDC_PHASE = re.compile(r"^(ED|ES):\s*(\d+)\s*$", re.MULTILINE)


def evaluate(prediction: Path, truth: Path, schema: LabelSchema | None = None) -> Evaluation:
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
    """
    pairing = pair_masks(prediction, truth)
    frames: list[FrameScores] = []
    failures: list[str] = []
    notes: list[str] = []
    if schema is None:
        schema, doubts = infer_schema(_label_sets(pairing.pairs))
        notes += doubts
    if sum(_lacks_phase(pair.truth) for pair in pairing.pairs) > 1:
        notes.append(
            "ED and ES are told apart by the Info.cfg of ACDC, which does not lie beside all true masks; "
            "those without it are pooled in the phase -."
        )
    for pair in pairing.pairs:
        try:
            scored, note = _compare(pair, schema)
        except SeptumError as error:
            if prediction.is_file():
                raise
            failures.append(str(error))
            continue
        frames += scored
        notes += note
    return Evaluation(schema, tuple(frames), pairing.unpaired, tuple(failures), tuple(notes))


def _label_sets(pairs: Iterable[MaskPair]) -> Iterator[set[int]]:
    """Values in each mask that can be read; the others are reported when their turn comes."""
    for pair in pairs:
        for path in (pair.truth, pair.prediction):
            try:
                yield values_in(read_mask(path).cine.array)
            except SeptumError:
                continue


def _compare(pair: MaskPair, schema: LabelSchema) -> tuple[list[FrameScores], list[str]]:
    """Scores of each frame of a pair, and what is remarkable about it."""
    prediction, truth = read_mask(pair.prediction), read_mask(pair.truth)
    array, notes = on_grid_of(truth, pair.truth, prediction, pair.prediction)
    if len(array) != len(truth.cine):
        raise InputError(
            f"{pair.prediction} has {len(array)} frames, but {pair.truth} has {len(truth.cine)}; give masks "
            "of the same frames."
        )
    prediction = replace(prediction, cine=Cine(array, truth.cine.geometry))
    predicted_labels = labels_of(pair.prediction, prediction.cine.array, schema)
    true_labels = labels_of(pair.truth, truth.cine.array, schema)
    count = len(truth.cine)
    phases = [_acdc_phase(pair.truth)] if count == 1 else [str(t) for t in range(count)]
    scored = [
        FrameScores(pair.case, phase, score(predicted, true, schema, truth.cine.geometry))
        for phase, predicted, true in zip(phases, predicted_labels, true_labels, strict=True)
    ]
    return scored, [note.text for note in notes]


def _acdc_phase(truth: Path) -> str:
    """``ED`` or ``ES`` of an ACDC frame, told by the ``Info.cfg`` beside it; else ``-``."""
    frame = _ACDC_FRAME.match(truth.name)
    if frame is None or _lacks_phase(truth):
        return NO_PHASE
    told = _ACDC_PHASE.findall((truth.parent / "Info.cfg").read_text(encoding="utf-8", errors="replace"))
    return next((phase for phase, number in told if int(number) == int(frame[1])), NO_PHASE)


def _lacks_phase(truth: Path) -> bool:
    """Whether this is an ACDC frame without the ``Info.cfg`` that tells its phase."""
    return _ACDC_FRAME.match(truth.name) is not None and not (truth.parent / "Info.cfg").is_file()
