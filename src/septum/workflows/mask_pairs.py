"""Which predicted mask belongs to which true mask."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from septum.core import InputError
from septum.io import case_name, image_suffix, is_mask_name
from septum.io.names import VOXEL_SUFFIXES
from septum.workflows.outputs import is_copy
from septum.workflows.phase_names import without_frame

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

#: Case key: folder below the root (posix, ``.`` for the root itself) and name without mask ending.
Key = tuple[str, str]

_MASK_ENDING = re.compile(r"[_-](segs?|segmentation|masks?|gt|truth|labels?|lbl|manual)$", re.IGNORECASE)

#: What is left of the name of a cine's mask, where the frames' names have nothing.
_CINE_ENDING = re.compile(r"[_-](4d|cine)$", re.IGNORECASE)

#: Masks whose name shares nothing with their image's: LASC 2018.
_MASK_OF_IMAGE = {"laendo": "lgemri"}

#: How many names a sentence on several masks lists.
_NAMES_TOLD = 3


@dataclass(frozen=True)
class MaskPair:
    """One case: its name, its predicted and its true mask."""

    case: str
    prediction: Path
    truth: Path


@dataclass(frozen=True)
class Pairing:
    """All pairs, and sentences on the masks that have no partner."""

    pairs: tuple[MaskPair, ...]
    unpaired: tuple[str, ...]


def pair_masks(prediction: Path, truth: Path) -> Pairing:
    """Pair two files, or the masks in two folders and their subfolders.

    Names are compared without file ending and mask ending (``NAME_seg.nii.gz``, ``NAME_mask.nii``,
    ``NAME_gt.nrrd`` and ``NAME.nii.gz`` are one case; LASC's ``laendo`` is the mask of ``lgemri``). A
    folder in which some files bear a mask ending is taken to hold images beside them, and only the
    marked files count. Cases match if subfolder and name are the same. Those left over match if their
    names are the same and one subfolder is the end of the other (so that a flat folder of predictions
    fits nested truths), where that is unique on both sides. Masks of single frames that are left over, as
    ``NAME_ED_gt`` and ``NAME_frame01_gt``, belong to the mask of the cine, ``NAME_4d_seg`` or ``NAME_seg``.

    Raises:
        InputError: a path does not exist, one is a file and the other a folder, both are the same, or
            nothing matches.
    """
    for path in (prediction, truth):
        if not path.exists():
            raise InputError(f"{path} does not exist; give two masks, or two folders of masks.")
    if prediction.samefile(truth):
        raise InputError(f"{prediction} is given as prediction and as truth; give two different paths.")
    if prediction.is_dir() != truth.is_dir():
        raise InputError(
            f"{prediction} and {truth} must be two files or two folders, but one is a file and one a folder."
        )
    if prediction.is_file():
        return Pairing((MaskPair(_subject(truth), prediction, truth),), ())
    return _pair_folders(prediction, truth)


def _pair_folders(prediction: Path, truth: Path) -> Pairing:
    predicted, ambiguous_predictions = _masks_in(prediction)
    true, ambiguous_truths = _masks_in(truth)
    matches = {key: key for key in true if key in predicted}
    matches |= _loose_matches(true.keys() - matches.keys(), predicted.keys() - matches.keys())
    matches |= _frames_of_cines(true.keys() - matches.keys(), predicted.keys())
    inverse = _frames_of_cines(predicted.keys() - matches.values(), true.keys() - matches.keys())
    pairs = tuple(
        MaskPair("/".join(part for part in key if part != "."), predicted[matches[key]], true[key])
        for key in sorted(matches)
    )
    pairs += tuple(
        MaskPair("/".join(part for part in key if part != "."), predicted[key], true[inverse[key]])
        for key in sorted(inverse)
    )
    if not pairs:
        raise InputError(
            f"No mask in {prediction} has the name of a mask in {truth}; expected names such as "
            "NAME_seg.nii.gz and NAME_gt.nii.gz."
        )
    lone_predictions = [predicted[key] for key in predicted.keys() - matches.values() - inverse.keys()]
    lone_truths = [true[key] for key in true.keys() - matches.keys() - set(inverse.values())]
    return Pairing(
        pairs,
        (
            *ambiguous_predictions,
            *_without_partner(lone_predictions, prediction, f"no true mask in {truth}"),
            *ambiguous_truths,
            *_without_partner(lone_truths, truth, f"no prediction in {prediction}"),
        ),
    )


def _without_partner(paths: list[Path], folder: Path, lacking: str) -> list[str]:
    """One sentence, however many masks of a folder lack a partner; none where there are none."""
    if len(paths) < 2:
        return [f"{path} has {lacking}." for path in paths]
    names = [path.relative_to(folder).as_posix() for path in sorted(paths)]
    told = ", ".join(names[:_NAMES_TOLD]) + (", ..." if len(names) > _NAMES_TOLD else "")
    return [f"{len(names)} masks in {folder} have {lacking} ({told})."]


def _masks_in(folder: Path) -> tuple[dict[Key, Path], list[str]]:
    """The masks below a folder by case, and a sentence for each case that has several."""
    files = sorted(path for path in folder.rglob("*") if _is_candidate(path))
    if not files:
        raise InputError(f"{folder} holds no mask: expected NIfTI or NRRD files in it or in its subfolders.")
    marked = [path for path in files if is_mask_name(path)]
    by_case: dict[Key, list[Path]] = defaultdict(list)
    for path in marked or files:
        by_case[path.parent.relative_to(folder).as_posix(), _subject(path)].append(path)
    ambiguous = [
        f"{' and '.join(str(path) for path in paths)} are masks of one case; keep one of them."
        for paths in by_case.values()
        if len(paths) > 1
    ]
    return {key: paths[0] for key, paths in by_case.items() if len(paths) == 1}, ambiguous


def _loose_matches(true: set[Key], predicted: set[Key]) -> dict[Key, Key]:
    """True to predicted keys that may be the same case and have no other candidate on either side."""
    partners = {key: [other for other in predicted if _may_be_same(key, other)] for key in true}
    wanted = Counter(other for others in partners.values() for other in others)
    return {key: others[0] for key, others in partners.items() if len(others) == 1 and wanted[others[0]] == 1}


def _frames_of_cines(frames: Iterable[Key], cines: Collection[Key]) -> dict[Key, Key]:
    """Masks of single frames, by their names, to the only mask that may be of the whole cine."""
    found = {}
    for key in frames:
        base = without_frame(key[1])
        if base == key[1]:
            continue
        candidates = [c for c in cines if _may_be_same((key[0], base), (c[0], _CINE_ENDING.sub("", c[1])))]
        if len(candidates) == 1:
            found[key] = candidates[0]
    return found


def _may_be_same(one: Key, other: Key) -> bool:
    """Whether names agree and one folder is the end of the other, as ``b`` and ``.`` are of ``a/b``."""
    if one[1] != other[1]:
        return False
    shorter, longer = sorted((PurePosixPath(one[0]).parts, PurePosixPath(other[0]).parts), key=len)
    return longer[len(longer) - len(shorter) :] == shorter


def _is_candidate(path: Path) -> bool:
    """Whether a path may be a mask; of a ``.hdr``/``.img`` pair the header stands for both."""
    if not path.is_file() or path.name.startswith("."):
        return False
    return image_suffix(path) not in (None, *VOXEL_SUFFIXES) and not is_copy(path)


def _subject(path: Path) -> str:
    """File name without file ending and mask ending."""
    name = case_name(path)
    return _MASK_OF_IMAGE.get(name, _MASK_ENDING.sub("", name))
