"""Which folders of a tree stand for one DICOM study each."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from septum.io.dicom.finding import is_dicom
from septum.io.dicom.scanning import study_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def study_folders(root: Path, samples: Mapping[Path, Path], image_folders: Iterable[Path]) -> list[Path]:
    """The folders that stand for one study each.

    A study's folder is the highest one, from ``root`` down, that holds no other study and no image of another
    format; where they share a folder, it is the lowest that holds all of the study. Folders of nothing but
    segmentations and reports do not count where there are images, of the same study or of others. Damaged
    files say nothing of a study: a folder of nothing else stands for itself, unless it is within the folder
    of a study, or holds one.

    Args:
        root: where the search began.
        samples: a DICOM file in each folder that directly holds some.
        image_folders: folders that directly hold images of other formats.
    """
    folders_of: dict[str, list[Path]] = defaultdict(list)
    results: dict[str, list[Path]] = defaultdict(list)
    silent = []
    for folder, file in samples.items():
        told = study_of(file) or next(filter(None, map(study_of, _others(folder, file))), None)
        if told is None:
            silent.append(folder)
        else:
            (results if told[1] else folders_of)[told[0]].append(folder)
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
    found |= {one for one in silent if not any(_are_related(one, other) for other in found)}
    return sorted(found)


def _are_related(one: Path, other: Path) -> bool:
    """Whether one folder is the other, or holds it."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def _others(folder: Path, file: Path) -> Iterator[Path]:
    """The other DICOM files that a folder directly holds, in order."""
    return (other for other in sorted(folder.iterdir()) if other != file and is_dicom(other))


def _holds_results(folder: Path) -> bool:
    """Whether all DICOM files that a folder directly holds are results."""
    told = (study_of(file) for file in folder.iterdir() if is_dicom(file))
    return all(is_result for _, is_result in filter(None, told))
