"""Checkpoints that a kill cannot spoil: written whole, named by their hash, the one before kept."""

from __future__ import annotations

import hashlib
import io
import logging
from typing import TYPE_CHECKING, Any

import torch

from septum.core.files import atomic_path, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger(__name__)
KEPT = 2
HASH_DIGITS = 16


def save(folder: Path, epoch: int, state: dict[str, Any]) -> None:
    """Write the state after ``epoch`` and drop all but it and the one before.

    What a killed run left half-written goes, too, as does a checkpoint of the same epoch: it was damaged, or
    the epoch would not have been trained again.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; older checkpoints stay.
    """
    content = io.BytesIO()
    torch.save(state, content)  # torch itself tells of a full disk in a RuntimeError
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    new = folder / f"epoch-{epoch:05d}-{digest[:HASH_DIGITS]}.pt"
    with atomic_path(new) as temporary:
        temporary.write_bytes(content.getbuffer())
    for stale in {*folder.glob(f"epoch-{epoch:05d}-*.pt"), *folder.glob(".septum-*")} - {new}:
        stale.unlink(missing_ok=True)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def load_newest(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint whose bytes still have the hash in its name; ``None`` if there is none."""
    for path in _newest_first(folder):
        if sha256_of(path)[:HASH_DIGITS] == path.stem.rsplit("-", 1)[1]:
            return dict(torch.load(path, map_location="cpu", weights_only=True))
        LOGGER.warning("%s is damaged; the checkpoint before it is used", path)
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*-*.pt"), reverse=True)
