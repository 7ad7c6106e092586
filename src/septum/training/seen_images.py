"""Know again the images that a model learnt from: a bundle keeps a hash of each, and no image or name."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from septum.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

SEEN_FILE = "seen_images.json"
DIGITS = 16


def hash_of(voxels: NDArray[np.generic]) -> str:
    """Compute a hash of an image by its voxels alone, so that a copy in another format has the same one.

    Args:
        voxels: (Z, Y, X), of any numeric type.

    >>> hash_of(np.ones((1, 2, 2), np.int16)) == hash_of(np.ones((1, 2, 2), np.float32))
    True
    """
    values = np.ascontiguousarray(voxels, dtype="<f4")
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()[:DIGITS]


def write_seen(bundle: Path, hashes: Iterable[str], start: Path | None = None) -> None:
    """Write into a bundle what its weights were learnt from or chosen by.

    Where the start does not say what it learnt from, this bundle cannot say it either. Then no file is
    written, and one that is there is removed.

    Args:
        bundle: its folder.
        hashes: of the images that it was trained on, and of those that chose the epoch.
        start: folder of the bundle that the training started from, whose images count, too.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """
    known = frozenset[str]() if start is None else read_seen(start)
    if known is None:
        (bundle / SEEN_FILE).unlink(missing_ok=True)
        return
    every = sorted({*hashes, *known})
    write_text(bundle / SEEN_FILE, json.dumps({"format": 1, "images": every}, indent=0) + "\n")


def read_seen(bundle: Path) -> frozenset[str] | None:
    """Read what a bundle's weights were learnt from; ``None`` if it does not say so."""
    try:
        content = json.loads((bundle / SEEN_FILE).read_text(encoding="utf-8"))
        return frozenset(map(str, content["images"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
