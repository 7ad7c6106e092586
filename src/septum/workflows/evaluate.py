"""Predicted mask files against true mask files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import LEFT_ATRIUM, VENTRICLES, Cine, InputError, SeptumError
from septum.io import read_mask
from septum.metrics import score
from septum.workflows.evaluation import NO_PHASE, Evaluation, FrameScores
from septum.workflows.mask_grids import on_grid_of
from septum.workflows.mask_pairs import MaskPair, pair_masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import LabelSchema, Study

#: Names by which the command line knows what masks show.
SCHEMAS = {"ventricles": VENTRICLES, "atrium": LEFT_ATRIUM}

#: No mask of a heart has more values than this, and no sentence lists more.
MOST_VALUES = 8

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


def infer_schema(label_sets: Iterable[set[int]]) -> tuple[LabelSchema, list[str]]:
    """The schema that the values of some masks stand for, and a sentence where they leave it in doubt.

    Args:
        label_sets: for each mask the values that occur in it, background left out. Reading stops at the
            first mask that decides.

    Raises:
        InputError: the values fit neither the ventricles nor the left atrium, or there are none.
    """
    seen: set[int] = set()
    for labels in label_sets:
        seen |= labels
        if seen & {2, 3}:
            return VENTRICLES, []
        if 255 in seen:
            return LEFT_ATRIUM, []
    if seen == {1}:
        doubt = (
            "No mask holds another value than 1, which is taken for the left atrium; "
            "if it is the right ventricle, say --labels ventricles."
        )
        return LEFT_ATRIUM, [doubt]
    found = f"the values {_listed(seen)}" if seen else "no voxel but background"
    todo = "give masks with these values" if seen else "say --labels ventricles or --labels atrium"
    if len(seen) > MOST_VALUES:
        found += " (they look like images, not masks)"
    raise InputError(
        f"The masks hold {found}, but 1, 2, 3 (ventricles) or 1 or 255 (left atrium) was expected; {todo}."
    )


def _label_sets(pairs: Iterable[MaskPair]) -> Iterator[set[int]]:
    """Values in each mask that can be read; the others are reported when their turn comes."""
    for pair in pairs:
        for path in (pair.truth, pair.prediction):
            try:
                yield _values(read_mask(path).cine.array)
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
    predicted_labels = _labels(pair.prediction, prediction, schema)
    true_labels = _labels(pair.truth, truth, schema)
    count = len(truth.cine)
    phases = [_acdc_phase(pair.truth)] if count == 1 else [str(t) for t in range(count)]
    scored = [
        FrameScores(pair.case, phase, score(predicted, true, schema, truth.cine.geometry))
        for phase, predicted, true in zip(phases, predicted_labels, true_labels, strict=True)
    ]
    return scored, [note.text for note in notes]


def _labels(path: Path, study: Study, schema: LabelSchema) -> NDArray[Any]:
    """Labels (T, Z, Y, X) of a mask, in the values of ``schema``."""
    labels = study.cine.array
    present = _values(labels)
    if present == {255} and len(schema.values) == 1:
        return np.where(labels == 255, schema.values[0], 0)
    if len(present) > MOST_VALUES:
        raise InputError(
            f"{path} looks like an image, not a mask: it holds the values {_listed(present)}, but only 0 and "
            f"{_listed(set(schema.values))} ({', '.join(schema.names)}) were expected; give its mask."
        )
    if unknown := present - set(schema.values):
        raise InputError(
            f"{path} holds the values {_listed(unknown)}, but only 0 and {_listed(set(schema.values))} "
            f"({', '.join(schema.names)}) were expected; give a mask with these, or other --labels."
        )
    return labels


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


def _values(labels: NDArray[Any]) -> set[int]:
    return {int(value) for value in np.unique(labels)} - {0}


def _listed(values: set[int]) -> str:
    """The first few values in order."""
    first = ", ".join(str(value) for value in sorted(values)[:MOST_VALUES])
    return f"{first}, ..." if len(values) > MOST_VALUES else first
