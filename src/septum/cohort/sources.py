"""From what the user names to the studies of a cohort."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.cohort.lists import is_list, read_list
from septum.cohort.plan import Source, place
from septum.core import InputError
from septum.workflows.cases import plan_cases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import StackKind
    from septum.workflows.cases import InputCase

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
        notices: one sentence on each thing that was passed over.
    """

    sources: tuple[Source, ...]
    notices: tuple[str, ...]


def find_sources(inputs: Sequence[Path], out: Path, wanted: StackKind) -> Found:
    """Find the studies in folders, files and lists.

    Folders are searched to the bottom for image files, DICOM studies and zip archives of them. Of UK
    Biobank's archives those of other fields than the short axis are passed over, where that is what the model
    reads.

    Args:
        inputs: folders, images, archives and lists.
        out: folder of the cohort, which is not searched.
        wanted: what the model reads of a study.

    Raises:
        InputError: a list cannot be read, a folder cannot be searched, or there is no study.
    """
    sources: list[Source] = []
    notices: list[str] = []
    for given in (one for one in inputs if is_list(one)):
        listed, unused = read_list(given)
        sources += listed
        if unused:
            notices.append(f"{given}: columns that are not used: {', '.join(unused)}.")
    searched = [one for one in inputs if not is_list(one)]
    if searched:
        plan = plan_cases(searched, out)
        if plan.refused and not plan.cases:
            raise plan.refused[0][1]
        notices += [*plan.passed_over, *(str(error) for _, error in plan.refused)]
        cases, other = _short_axis(plan.cases) if wanted == "cine" else (list(plan.cases), Counter())
        sources += [_source_of(case) for case in cases]
        notices += [
            f"passed over {count} archives of UK Biobank's field {field}, which hold no short-axis cine."
            for field, count in sorted(other.items())
        ]
    distinct = {one.path: one for one in reversed(sources)}
    if len(distinct) < len(sources):
        notices.append(f"{len(sources) - len(distinct)} studies are named more than once, and are done once.")
    if not distinct:
        raise InputError(
            "no study was found: expected images, DICOM studies or lists of them; check the sources."
        )
    return Found(tuple(distinct.values()), tuple(notices))


def _source_of(case: InputCase) -> Source:
    second = None if case.phases is None else place(case.phases.end_systole)
    return Source(place(case.source), case.name.replace("/", "_"), searched=case.searched, end_systole=second)


def _short_axis(cases: Sequence[InputCase]) -> tuple[list[InputCase], Counter[str]]:
    """The cases that may hold a short axis, and how many archives were passed over, by field."""
    kept: list[InputCase] = []
    other: Counter[str] = Counter()
    for case in cases:
        found = _UK_BIOBANK.fullmatch(case.source.name)
        if found and case.searched and found["field"] in _OTHER_FIELDS:
            other[found["field"]] += 1
        else:
            kept.append(case)
    return kept, other
