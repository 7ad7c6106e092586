"""Checkpoints that a kill cannot spoil: written whole, named by their hash, the one before kept."""

from __future__ import annotations

import hashlib
import io
import logging
from typing import TYPE_CHECKING, Any

import torch

from septum.core.files import atomic_path, sha256_of
from septum.training.compact import compact, expand, size_of

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger(__name__)
KEPT = 2
HASH_DIGITS = 16
#: The largest checkpoint, in bytes, that is easily moved to another machine.
LARGEST = 60 * 10**6


def save(folder: Path, epoch: int, state: dict[str, Any], *, step: int = 0, portable: bool = False) -> None:
    """Write the state after ``epoch``, or within the next one, and drop all but it and the one before.

    What a killed run left half-written goes, too, as does a checkpoint of the same epoch: it was damaged, or
    the epoch would not have been trained again.

    Args:
        folder: for the checkpoints.
        epoch: number of the last epoch that is finished.
        step: number of steps of the next one that are done.
        state: whatever ``torch.save`` writes.
        portable: write a state of more than :data:`LARGEST` bytes in the small form that
            :func:`septum.training.compact.compact` makes.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; older checkpoints stay.
    """
    content = _bytes(compact(state) if portable and size_of(state) > LARGEST else state)
    # "step" sorts behind every hash, so that the newest checkpoint has the last name.
    stem = f"epoch-{epoch:05d}" + (f"-step-{step:06d}" if step else "")
    new = _write(folder, stem, content)
    for stale in {*folder.glob(f"{stem}-*.pt"), *folder.glob(".septum-*")} - {new}:
        stale.unlink(missing_ok=True)
    for old in _newest_first(folder, "epoch-*")[KEPT:]:
        old.unlink(missing_ok=True)


def load_newest(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint whose bytes still have the hash in its name; ``None`` if there is none."""
    state = _newest_whole(folder, "epoch-*")
    return None if state is None else expand(state)


def finish(folder: Path, state: dict[str, Any]) -> None:
    """Write what is kept of a finished training, and only then drop its checkpoints and half-written files.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; the checkpoints stay.
    """
    new = _write(folder, "final", _bytes(state))
    patterns = ("epoch-*-*.pt", "final-*.pt", ".septum-*")
    for old in {path for pattern in patterns for path in folder.glob(pattern)} - {new}:
        old.unlink(missing_ok=True)


def load_finished(folder: Path) -> dict[str, Any] | None:
    """What :func:`finish` kept, if its bytes still have the hash in its name; ``None`` if there is none."""
    return _newest_whole(folder, "final")


def _bytes(state: dict[str, Any]) -> memoryview:
    content = io.BytesIO()
    torch.save(state, content)  # torch itself tells of a full disk in a RuntimeError
    return content.getbuffer()


def _write(folder: Path, stem: str, content: memoryview) -> Path:
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{stem}-{digest[:HASH_DIGITS]}.pt"
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def _newest_whole(folder: Path, stem: str) -> dict[str, Any] | None:
    for path in _newest_first(folder, stem):
        if sha256_of(path)[:HASH_DIGITS] == path.stem.rsplit("-", 1)[1]:
            return dict(torch.load(path, map_location="cpu", weights_only=True))
        LOGGER.warning("%s is damaged; what was kept before it is used", path)
    return None


def _newest_first(folder: Path, stem: str) -> list[Path]:
    return sorted(folder.glob(f"{stem}-*.pt"), reverse=True)
