"""From what the user names to the studies of a cohort."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.cohort.lists import is_list, read_list
from septum.cohort.plan import Source, place
from septum.core import InputError
from septum.io import case_name
from septum.workflows.cases import plan_cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from septum.core import StackKind
    from septum.workflows.cases import InputCase, Plan

#: An archive of UK Biobank's imaging: participant, field, visit, array.
_UK_BIOBANK = re.compile(r"\d+_(?P<field>\d+)_\d+_\d+\.zip")
#: Its field of short-axis cines; the others of the heart hold long axes, flow, tagging and scouts.
SHORT_AXIS = "20209"
_OTHER_FIELDS = ("20207", "20208", "20210", "20211", "20212", "20213", "20214")


@dataclass(frozen=True)
class Found:
    """What sources hold.

    Attributes:
        sources: the studies.
        notices: one sentence on each kind of thing that was passed over; none names a file below a source.
        named: all of it, by name, for the folder's private part.
    """

    sources: tuple[Source, ...]
    notices: tuple[str, ...]
    named: tuple[str, ...] = ()


def find_sources(inputs: Sequence[Path], out: Path, wanted: StackKind) -> Found:
    """Find the studies in folders, files and lists.

    Folders are searched to the bottom for image files, DICOM studies and zip archives of them. Of UK
    Biobank's archives those of other fields than the short axis are passed over, where that is what the model
    reads; a damaged one of the short axis is a study, which fails.

    Args:
        inputs: folders, images, archives and lists.
        out: folder of the cohort, which is not searched.
        wanted: what the model reads of a study.

    Raises:
        InputError: a list cannot be read, a folder cannot be searched, or there is no study.
    """
    sources: list[Source] = []
    notices: list[str] = []
    named: tuple[str, ...] = ()
    for given in (one for one in inputs if is_list(one)):
        listed, unused = read_list(given)
        sources += listed
        if unused:
            notices.append(f"{given}: columns that are not used: {', '.join(unused)}.")
    searched = [one for one in inputs if not is_list(one)]
    if searched:
        plan = plan_cases(searched, out)
        cases, other = _short_axis(plan.cases) if wanted == "cine" else (list(plan.cases), Counter())
        sources += [_source_of(case) for case in cases]
        archives = [path for listing in plan.listings for path in listing.archives]
        damaged = [path for path in archives if _field(path) == SHORT_AXIS]
        sources += [Source(place(path), case_name(path), searched=True) for path in damaged]
        if plan.refused and not sources:
            raise plan.refused[0][1]
        left_out = _left_out(plan, [path for path in archives if path not in set(damaged)])
        notices += _counts(left_out, other)
        named = tuple(f"{what}: {path}" for what, paths in left_out.items() for path in paths)
    distinct = {one.path: one for one in reversed(sources)}
    if len(distinct) < len(sources):
        notices.append(f"{len(sources) - len(distinct)} studies are named more than once, and are done once.")
    if not distinct:
        raise InputError(
            "no study was found: expected images, DICOM studies or lists of them; check the sources."
        )
    return Found(tuple(distinct.values()), tuple(notices), named)


def _source_of(case: InputCase) -> Source:
    second = None if case.phases is None else place(case.phases.end_systole)
    name = case.name.replace("/", "_")
    return Source(place(case.source), name, searched=case.searched, end_systole=second)


def _field(path: Path) -> str:
    """The field of an archive of UK Biobank; empty for any other file."""
    found = _UK_BIOBANK.fullmatch(path.name)
    return found["field"] if found else ""


def _short_axis(cases: Sequence[InputCase]) -> tuple[list[InputCase], Counter[str]]:
    """The cases that may hold a short axis, and how many archives were passed over, by field."""
    kept: list[InputCase] = []
    other: Counter[str] = Counter()
    for case in cases:
        if case.searched and _field(case.source) in _OTHER_FIELDS:
            other[_field(case.source)] += 1
        else:
            kept.append(case)
    return kept, other


def _left_out(plan: Plan, archives: list[Path]) -> dict[str, list[Path]]:
    """What folders hold that is no study, by its kind."""
    listings = plan.listings
    return {
        "masks": [path for one in listings for path in one.masks],
        "archives without DICOM": archives,
        "images in formats that are not read": [path for one in listings for path in one.unread],
        "pictures": [path for one in listings for path in one.photos],
        "folders that cannot be searched": [path for path, _ in plan.refused],
    }


def _counts(left_out: Mapping[str, list[Path]], other: Counter[str]) -> Iterator[str]:
    """Say how much was passed over, and name nothing."""
    for field, count in sorted(other.items()):
        yield f"passed over {count} archives of UK Biobank's field {field}, which hold no short-axis cine."
    told = [f"{len(paths)} {what}" for what, paths in left_out.items() if paths]
    if told:
        yield f"passed over: {', '.join(told)}."
