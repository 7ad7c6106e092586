"""Which folders of a tree stand for one DICOM study each."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from septum.io.dicom.finding import is_dicom
from septum.io.dicom.scanning import study_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def study_folders(root: Path, samples: Mapping[Path, Path], image_folders: Iterable[Path]) -> list[Path]:
    """The folders that stand for one study each.

    A study's folder is the highest one, from ``root`` down, that holds no other study and no image of another
    format; where they share a folder, it is the lowest that holds all of the study. Folders of nothing but
    segmentations and reports do not count where there are images, of the same study or of others.

    Args:
        root: where the search began.
        samples: a DICOM file in each folder that directly holds some.
        image_folders: folders that directly hold images of other formats.
    """
    folders_of: dict[str, list[Path]] = defaultdict(list)
    results: dict[str, list[Path]] = defaultdict(list)
    for folder, file in samples.items():
        uid, is_result = study_of(file)
        (results if is_result else folders_of)[uid].append(folder)
    others = set(image_folders)
    alone = {uid: folders for uid, folders in results.items() if uid not in folders_of}
    if folders_of or others:
        alone = {uid: folders for uid, folders in alone.items() if not all(map(_holds_results, folders))}
    folders_of |= alone
    found = set()
    for uid, folders in folders_of.items():
        foreign = others.union(*(them for other, them in folders_of.items() if other != uid))
        folder = Path(os.path.commonpath(folders))
        while folder != root and not any(one.is_relative_to(folder.parent) for one in foreign):
            folder = folder.parent
        found.add(folder)
    return sorted(found)


def _holds_results(folder: Path) -> bool:
    """Whether all DICOM files that a folder directly holds are results."""
    return all(study_of(file)[1] for file in folder.iterdir() if is_dicom(file))
