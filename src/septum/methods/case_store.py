"""Labelled cases, read once and prepared once; on disk, too, where a folder is given."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from septum.core import Geometry
from septum.core.files import atomic_path, sha256_of
from septum.io import content_sha256
from septum.methods.samples import NativeCase, PreparedCase, prepare_case, read_case

if TYPE_CHECKING:
    from pathlib import Path

    from septum.datasets import Case, Dataset
    from septum.preprocessing import PreprocessingSettings

#: Raised when preparation itself changes, so that older files are not taken for its results.
VERSION = 1
#: Arrays of a file.
NAMES = ("image", "classes", "spacing_mm", "origin_mm", "direction")


class CaseStore:
    """The cases of a data set as training and study take them.

    Args:
        dataset: where they come from.
        folder: for prepared cases, which are found again by the content of their files and the settings;
            ``None`` keeps nothing on disk.
    """

    def __init__(self, dataset: Dataset, folder: Path | None = None) -> None:
        self.dataset, self.folder = dataset, folder
        self._native: dict[str, NativeCase] = {}

    def native(self, case: Case) -> NativeCase:
        """The case as read; kept in memory."""
        if case.name not in self._native:
            self._native[case.name] = read_case(case, self.dataset)
        return self._native[case.name]

    def prepared(self, case: Case, settings: PreprocessingSettings) -> PreparedCase:
        """The case on a network's grid."""
        if self.folder is None:
            return prepare_case(self.native(case), self.dataset.schema.values, settings)
        key = self.content(case, settings)
        path = self.folder / f"{case.name}-{key}.npz"
        found = _load(path)
        if found is None:
            found = _arrays(prepare_case(self.native(case), self.dataset.schema.values, settings))
            with atomic_path(path) as temporary:
                np.savez(temporary, **found)
        return _prepared(case, found, key)

    def content(self, case: Case, settings: PreprocessingSettings) -> str:
        """Hash of all that a prepared case depends on: its files, the settings, the meaning of its labels."""
        dataset = self.dataset
        parts = (
            content_sha256(case.image, wanted=dataset.input),
            sha256_of(case.mask) if case.frame is None else f"{sha256_of(case.mask)} {case.frame}",
            settings.model_dump_json(exclude_defaults=True),
            f"{dataset.schema.values} {sorted(dataset.mask_values.items())} {VERSION}",
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _arrays(prepared: PreparedCase) -> dict[str, Any]:
    geometry = prepared.geometry
    return {
        "image": prepared.image.numpy(),
        "classes": prepared.classes.numpy(),
        "spacing_mm": np.asarray(geometry.spacing_mm),
        "origin_mm": np.asarray(geometry.origin_mm),
        "direction": np.asarray(geometry.direction),
    }


def _load(path: Path) -> dict[str, Any] | None:
    """The arrays of a file; ``None`` if there is none or it is damaged, and then it is made again."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return {name: content[name] for name in NAMES}
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile):
        return None


def _prepared(case: Case, arrays: dict[str, Any], content: str) -> PreparedCase:
    z, y, x = arrays["image"].shape
    rows = [tuple(float(v) for v in row) for row in arrays["direction"]]
    geometry = Geometry(
        shape=(z, y, x),
        spacing_mm=tuple(float(v) for v in arrays["spacing_mm"]),  # type: ignore[arg-type]
        origin_mm=tuple(float(v) for v in arrays["origin_mm"]),  # type: ignore[arg-type]
        direction=tuple(rows),  # type: ignore[arg-type]
    )
    image, classes = torch.from_numpy(arrays["image"]), torch.from_numpy(arrays["classes"])
    return PreparedCase(case.name, case.patient, geometry, image, classes, content)
