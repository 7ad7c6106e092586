"""Data of the miniature study: phantoms laid out as the two data sets are, so that it needs no patient."""

from __future__ import annotations

from pathlib import Path


def data_below(work: Path) -> Path:
    """Folder of the phantoms, which are made if need be."""
    raise NotImplementedError
