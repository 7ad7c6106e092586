"""From what the user names to cases: which files are segmented, and what their results are called."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core import InputError, SeptumError
from septum.core.files import is_folder, place_of
from septum.io import case_name, find_images
from septum.io.names import image_suffix, mask_ending
from septum.workflows.output_paths import OutputPaths
from septum.workflows.two_phases import TwoPhases, phases_of_patient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.io.folders import FolderImages
    from septum.workflows.options import IndexSettings


@dataclass(frozen=True)
class InputCase:
    """One file or DICOM study to segment.

    Attributes:
        source: the image, or the folder that holds the study.
        name: of the results below the output folder, with ``/``, without ending.
        searched: whether it was found in a folder, not named by the user.
        phases: end-diastole and end-systole, where they are two files; ``source`` is the first.
        indices: how indices of this study are taken, where not as those of the others of the run.
    """

    source: Path
    name: str
    searched: bool
    phases: TwoPhases | None = None
    indices: IndexSettings | None = None

    def paths(self, out: Path) -> OutputPaths:
        """Name the files of its results below the output folder; the mask's format is the image's."""
        suffix = ".nii.gz" if self.phases is not None else mask_ending(self.source)
        mask = out / f"{self.name}_seg{suffix}"
        return OutputPaths(mask.parent, mask.name.removesuffix(f"_seg{suffix}"), mask)


@dataclass(frozen=True)
class Plan:
    """The cases of a run.

    Attributes:
        cases: in a fixed order, with distinct names.
        passed_over: one sentence for each folder in which masks, or archives, were passed over.
        refused: what was named, or lies in a folder that was, and cannot be used, with the reason.
        listings: what each folder holds.
    """

    cases: tuple[InputCase, ...]
    passed_over: tuple[str, ...]
    refused: tuple[tuple[Path, SeptumError], ...]
    listings: tuple[FolderImages, ...] = ()

    @property
    def places(self) -> frozenset[Path]:
        """Of all images that are files, by the names they are given and by those that links lead to."""
        named = [
            path for case in self.cases for path in (case.phases.paths if case.phases else (case.source,))
        ]
        sources = [path for path in named if not is_folder(path)]
        return frozenset(place for source in sources for place in (_place(source), place_of(source)))


def plan_cases(inputs: Sequence[Path] | TwoPhases, out: Path) -> Plan:
    """Find the images and DICOM studies in files and folders and name their results.

    End-diastole and end-systole in the folder of one patient that is given itself are one case, as of
    :func:`~septum.workflows.two_phases.phases_of_patient`; below a folder of patients each file is a case.

    A result has its image's name, that of a DICOM study its folder's. Where several images have one name,
    each result goes into its image's folder, counted from the folder that holds all inputs; where they share
    the folder, too, the image's ending joins the name. Names depend on the inputs alone, never on what is
    done already.

    Args:
        inputs: files, and folders that are searched to the bottom; or end-diastole and end-systole in two
            files, which are one case.
        out: folder for the results; below an input folder it is not searched.
    """
    if isinstance(inputs, TwoPhases):
        return Plan((InputCase(inputs.end_diastole, inputs.name, searched=False, phases=inputs),), (), ())
    found: dict[Path, Path] = {}
    passed_over: list[str] = []
    refused: list[tuple[Path, SeptumError]] = []
    pairs: dict[Path, TwoPhases] = {}
    listings: list[FolderImages] = []
    for given in inputs:
        if not is_folder(given):
            found.setdefault(_place(given), given)
            continue
        try:
            listing = find_images(given, without=out)
        except SeptumError as error:
            refused.append((given, error))
            continue
        listings.append(listing)
        pair = phases_of_patient(given, listing.images)
        if pair is not None:
            pairs[_place(pair.end_diastole)] = pair
        for image in (*listing.studies, *listing.images):
            if pair is None or image != pair.end_systole:
                found.setdefault(_place(image), image)
        passed_over += _passed_over(given, listing)
        refused += listing.unreadable
    sources = list(found.values())
    named_by_user = {_place(given) for given in inputs}
    cases = tuple(
        InputCase(
            source, name, searched=_place(source) not in named_by_user, phases=pairs.get(_place(source))
        )
        for source, name in zip(sources, _names(sources, _common_folder(inputs), pairs), strict=True)
    )
    return Plan(cases, tuple(passed_over), tuple(refused), tuple(listings))


def _passed_over(folder: Path, listing: FolderImages) -> list[str]:
    """A sentence for each kind of file that a folder holds and that is not segmented."""
    sentences = []
    if listing.masks:
        what = _counted(listing.masks, "file")
        which = "which is a mask by its name" if len(listing.masks) == 1 else "which are masks by their names"
        sentences.append(f"{folder}: passed over {what}, {which}.")
    if listing.archives:
        what = _counted(listing.archives, "archive")
        sentences.append(f"{folder}: passed over {what}: unpack what holds images.")
    if listing.unread:
        what = _counted(listing.unread, "image")
        sentences.append(f"{folder}: passed over {what}: not read in this format; convert to NIfTI.")
    if listing.photos:
        what = _counted(listing.photos, "picture")
        sentences.append(f"{folder}: passed over {what}: a picture has no spacing; give the study.")
    return sentences


def _names(sources: list[Path], root: Path, pairs: Mapping[Path, TwoPhases]) -> list[str]:
    """Of the results, one a source, all of them distinct."""
    own = names = [
        pairs[_place(source)].name if _place(source) in pairs else _name(source) for source in sources
    ]
    names = _told_apart(
        names, [_below(root, source) / name for source, name in zip(sources, own, strict=True)]
    )
    names = _told_apart(names, [_below(root, source) / _with_ending(source) for source in sources])
    for name, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise InputError(
                f"{count} inputs would have their result in {name}_seg: expected names that differ; segment "
                "them in separate runs with separate output folders."
            )
    return names


def _told_apart(names: list[str], longer: list[Path]) -> list[str]:
    """The names, but the longer ones where several are the same (upper or lower case is no difference)."""
    counts = Counter(name.casefold() for name in names)
    return [
        more.as_posix() if counts[name.casefold()] > 1 else name
        for name, more in zip(names, longer, strict=True)
    ]


def _place(source: Path) -> Path:
    """One file named in two ways is one place; two links to one content are two."""
    return place_of(source.parent) / source.name


def _name(source: Path) -> str:
    """Of a file without its ending, of a study's folder as it is."""
    return place_of(source).name if is_folder(source) else case_name(source)


def _below(root: Path, source: Path) -> Path:
    parent = place_of(source.parent)
    return parent.relative_to(root) if parent.is_relative_to(root) else Path()  # it is the root


def _with_ending(source: Path) -> str:
    ending = "_dicom" if is_folder(source) else (image_suffix(source) or source.suffix).replace(".", "_")
    return _name(source) + ending


def _common_folder(inputs: Sequence[Path]) -> Path:
    """The deepest folder that holds all inputs; a sole folder is its own."""
    folders = [given if is_folder(given) else given.parent for given in inputs]
    return Path(os.path.commonpath([place_of(folder) for folder in folders]))


def _counted(files: list[Path], what: str) -> str:
    if len(files) == 1:
        return f"the {what} {files[0].name}"
    return f"{len(files)} {what}s, such as {files[0].name}"
