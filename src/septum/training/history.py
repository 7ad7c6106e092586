"""Show the epochs of a training: a line in the log, lines of JSON, a learning curve, TensorBoard's events."""

from __future__ import annotations

import importlib
import json
import logging
import math
import statistics
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from septum.core.files import write_text
from septum.training.learning_curve import learning_curve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    #: An epoch: its number, loss, learning rate, seconds, and scores by their names.
    Epoch = dict[str, float]

LOGGER = logging.getLogger(__name__)
#: So many epochs tell how long the rest takes.
PACE = 9
#: Scores that only show how a training goes take at most this share of its time.
SHARE = 0.05
#: Columns of an epoch that are no scores.
TIMES = ("seconds", "scoring_seconds")
PLAIN = ("epoch", "loss", "learning_rate", "validation", *TIMES)
HISTORY_FILE = "history.jsonl"
CURVE_FILE = "learning_curve.svg"
EVENTS = "torch.utils.tensorboard"
EVENTS_FOLDER = "tensorboard"


def scores_of(epoch: Epoch) -> dict[str, float]:
    """Give the scores of an epoch by name.

    >>> scores_of({"epoch": 1, "loss": 2.0, "validation_dice_LV": 0.9, "seconds": 3.0})
    {'validation_dice_LV': 0.9}
    """
    return {name: value for name, value in epoch.items() if name not in PLAIN}


def epochs_between(history: Sequence[Epoch]) -> int:
    """Choose after how many epochs a network is scored again, so that scoring takes :data:`SHARE` at most.

    >>> epochs_between([{"epoch": 1, "seconds": 110.0, "scoring_seconds": 10.0}])
    2
    """
    scored = [epoch["scoring_seconds"] for epoch in history if "scoring_seconds" in epoch]
    if not scored:
        return 1
    pace = statistics.median(e["seconds"] - e.get("scoring_seconds", 0.0) for e in history)
    return max(1, math.ceil(scored[-1] / max(SHARE * pace, 1e-9)))


def is_due(history: Sequence[Epoch], epoch: int, last: int) -> bool:
    """Tell whether a network is scored after this epoch: after the first, the last, and some between.

    >>> [is_due([], epoch, 9) for epoch in (1, 9)]
    [True, True]
    """
    scored = [e["epoch"] for e in history if "scoring_seconds" in e]
    return epoch == last or not scored or epoch - scored[-1] >= epochs_between(history)


def line_of(history: Sequence[Epoch], epochs: int) -> str:
    """Describe the last epoch in one line, with the time left by the median of the last few.

    >>> epoch = {"epoch": 1, "loss": 0.5, "validation_dice_LV": 0.91, "learning_rate": 1e-3, "seconds": 60}
    >>> line_of([epoch], 3)
    'epoch 1/3 loss 0.5000 validation dice LV 0.910 lr 1.00e-03 60.0 s, 0 h 02 min left'
    """
    entry = history[-1]
    score = f" validation {entry['validation']:.4f}" if "validation" in entry else ""
    pace = statistics.median(one["seconds"] for one in history[-PACE:])
    hours, minutes = divmod(round(pace * (epochs - entry["epoch"]) / 60), 60)
    return (
        f"epoch {entry['epoch']:.0f}/{epochs} loss {entry['loss']:.4f}{score}{_scores(entry)} "
        f"lr {entry['learning_rate']:.2e} {entry['seconds']:.1f} s, {hours} h {minutes:02} min left"
    )


def _scores(entry: Epoch) -> str:
    """Name what is scored once, then each structure with its score."""
    words, before = "", ""
    for name, value in scores_of(entry).items():
        kind, quantity, structure = name.split("_", 2)
        what = f"{kind} {quantity}"
        words += f"{'' if what == before else f' {what}'} {structure} {value:.3f}"
        before = what
    return words


def write_history(folder: Path, label: str, history: Sequence[Epoch]) -> None:
    """Write all epochs as lines of JSON and as a learning curve.

    JSON has neither infinity nor NaN, so ``null`` stands for both.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    lines = ({name: value if math.isfinite(value) else None for name, value in e.items()} for e in history)
    write_text(folder / HISTORY_FILE, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
    write_text(folder / CURVE_FILE, learning_curve(label, history))


class Events:
    """Write TensorBoard's event files, if that package is installed; otherwise do nothing.

    A training does not end because of them: of the first failure the log tells, and then no more are written.

    Args:
        folder: of the training; the files lie in a folder of their own in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._off = folder / EVENTS_FOLDER, False
        self._writer: Any = None

    def add(self, epoch: Epoch) -> None:
        """Add an epoch. What an earlier call wrote of it and of later ones does not count any more."""
        if self._off:
            return
        step = int(epoch["epoch"])
        with self._harmless():
            if self._writer is None:
                module = importlib.import_module(EVENTS)
                self._writer = module.SummaryWriter(str(self._folder), purge_step=step)
            for name, value in epoch.items():
                if name != "epoch":
                    self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            with self._harmless():
                self._writer.close()
            self._writer = None

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Turn events off if the block fails."""
        try:
            yield
        except ImportError:
            self._off = True
        except Exception as error:  # noqa: BLE001  # a broken package or a full disk ends no training
            self._off, self._writer = True, None
            LOGGER.warning(
                "no more TensorBoard events are written (%s: %s); training goes on, and %s has each epoch",
                type(error).__name__, error, HISTORY_FILE,
            )  # fmt: skip
