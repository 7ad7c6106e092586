"""One row a study: the columns of the table of a cohort, what became of the study, and its JSON."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.core.errors import UnexpectedError
from septum.core.files import place_of
from septum.io import case_name
from septum.io.dicom.finding import dicom_files
from septum.workflows.indices_table import COLUMNS, TEXT_COLUMNS, WHOLE_COLUMNS, record_row
from septum.workflows.provenance import NO_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.cohort.plan import PlannedStudy
    from septum.workflows.record import Record

#: Columns that follow those of :data:`septum.workflows.indices_table.COLUMNS`.
OWN_COLUMNS = ("state", "error", "reason", "number", "record")
_TEXT = TEXT_COLUMNS | {"state", "error", "reason", "record"}
_WHOLE = WHOLE_COLUMNS | {"number"}
#: Types in Parquet, by the column, in their order.
TYPES = {
    name: "VARCHAR" if name in _TEXT else "BIGINT" if name in _WHOLE else "DOUBLE"
    for name in (*COLUMNS, *OWN_COLUMNS)
}
#: Files of a folder whose names are looked for in a message.
_MOST_FILES = 20_000
_LEAST_LENGTH = 3


class State(StrEnum):
    """What became of a study."""

    DONE = "done"
    FAILED = "failed"
    IGNORED = "ignored"
    SET_ASIDE = "set aside"


def done_row(study: PlannedStudy, record: Record) -> dict[str, Any]:
    """Make the row of a study that was segmented.

    Times and threads are left out of the JSON, so that the row is the same wherever the study was segmented.

    Args:
        study: of the plan.
        record: what was made of it.
    """
    settings = record.settings.model_copy(update={"threads": None})
    told = record.model_copy(update={"timings_s": NO_TIME, "settings": settings})
    content = json.dumps(told.model_dump(mode="json", exclude=told.unsaid), separators=(",", ":"))
    own = {
        "state": State.DONE.value,
        "error": None,
        "reason": None,
        "number": study.number,
        "record": content,
    }
    return {**record_row(study.study, record), **own}


def other_row(study: PlannedStudy, state: State, error: str, reason: str) -> dict[str, Any]:
    """Make the row of a study that gave no numbers.

    Args:
        study: of the plan.
        state: what became of it.
        error: kind of the error, in a word.
        reason: one sentence that names no patient, as of :func:`without_names`.
    """
    row: dict[str, Any] = dict.fromkeys(TYPES)
    told = {"state": state.value, "error": error, "reason": reason, "number": study.number}
    return {**row, "study": study.study, **told}


def reason_of(error: Exception, study: PlannedStudy) -> str:
    """Tell why a study failed, in a sentence without a path. Of an error that nobody foresaw, tell where."""
    text = str(error)
    if isinstance(error, UnexpectedError) and error.__cause__ is not None:
        text = str(UnexpectedError.anonymous(error.__cause__))
    return without_names(text, study)


def without_names(text: str, study: PlannedStudy) -> str:
    """Take everything out of a message that tells where a study lies, which may tell whose it is.

    Args:
        text: the message.
        study: that it is about.

    >>> from septum.cohort.plan import PlannedStudy, Source
    >>> one = PlannedStudy(7, "study-000007", Source("/data/DOE^JOHN/heart.nii.gz", "heart"))
    >>> without_names("/data/DOE^JOHN/heart.nii.gz cannot be read: see heart.nii.gz.", one)
    'the study cannot be read: see the study.'
    """
    paths = [Path(path) for path in (study.source.path, study.source.end_systole) if path]
    names = {spelled for path in paths for spelled in _spellings(path)}
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= _LEAST_LENGTH:
            text = re.sub(rf"{re.escape(name)}(?:/[^\s:,;]*)?", "the study", text)
    return text


def _spellings(path: Path) -> Iterator[str]:
    """Every text by which a message may name a study: its path, the folders above it, and the files in it."""
    for one in {path, place_of(path)}:
        yield str(one)
        yield from (str(parent) for parent in one.parents if len(parent.parts) > 1)
    yield from (path.name, case_name(path), path.parent.name)
    try:
        for count, file in enumerate(dicom_files(path)):
            if count >= _MOST_FILES:
                return
            member = getattr(file, "member", None)
            yield str(file)
            yield member.rsplit("/", 1)[-1] if isinstance(member, str) else file.name
    except (OSError, ValueError):
        return
