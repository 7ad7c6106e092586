"""A cohort in numbers for its page: counted by DuckDB, so that no more than a few rows are in memory."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from septum.cohort.parts import rows_of
from septum.cohort.plan import chunk_of, studies_planned
from septum.cohort.settings import CohortFile
from septum.core.errors import NameTakenError
from septum.indices.definitions import DEFINITIONS
from septum.report.cohort_page import (
    FEWEST,
    CohortFacts,
    Distribution,
    Outlier,
    is_own_page,
    write_cohort_page,
)
from septum.report.numbers import HEADLINE

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from septum.cohort.folder import CohortFolder

BARS = 30
MOST_OUTLIERS, MOST_REASONS = 60, 40
#: Iglewicz B, Hoaglin DC. How to detect and handle outliers. ASQC 1993: beyond it a value is looked at.
FAR = 3.5
#: Standard deviations for each median absolute deviation, of a normal distribution.
_OF_NORMAL = 1.4826
#: Of masks that are rejected no number is to be used.
_USED = "state = 'done' AND verdict IS DISTINCT FROM 'reject'"
_SHARES = "[0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995]"
_KEYS = (*HEADLINE, "lv_gcs_mid_percent", "lv_grs_percent")


def write_page(folder: CohortFolder, path: Path) -> None:
    """Write the page of a cohort.

    Args:
        folder: of the cohort.
        path: of the page.

    Raises:
        InputError: it is no cohort's folder.
        NameTakenError: there is a file that is no such page.
        OutputError: the page cannot be written.
    """
    CohortFile.read(folder.settings)
    if path.exists() and not is_own_page(path):
        raise NameTakenError(
            f"{path} is not recognised as the page of a cohort, and may be yours: expected a name that is "
            "free, or such a page; give another one."
        )
    write_cohort_page(path, facts_of(folder, path.parent))


def facts_of(folder: CohortFolder, beside: Path) -> CohortFacts:
    """Count what the page tells.

    Args:
        folder: of the cohort.
        beside: folder of the page; links to studies are relative to it.
    """
    titles = {one.key: (one.title, one.unit) for one in DEFINITIONS if one.key in _KEYS}
    studies = studies_planned(folder)
    with rows_of(folder) as base:
        states = dict(base.execute("SELECT state, count(*) FROM rows GROUP BY 1 ORDER BY 2 DESC").fetchall())
        verdicts = base.execute(
            "SELECT verdict, count(*) FROM rows WHERE verdict IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        flags = base.execute(
            "SELECT flag, count(*), min(number) FROM (SELECT number, "
            "unnest(string_split(flags, ';')) AS flag FROM rows WHERE flags <> '') "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        said = _reasons_of_flags(base, {flag: number for flag, _, number in flags})
        reasons = base.execute(
            "SELECT state, reason, count(*), min(study) FROM rows WHERE state <> 'done' GROUP BY 1, 2 "
            "ORDER BY 3 DESC, 2 LIMIT ?", [MOST_REASONS],
        ).fetchall()  # fmt: skip
        ((duplicates,),) = base.execute("SELECT count(*) FROM duplicates").fetchall()
        found = [_distribution(base, key, *titles[key]) for key in _KEYS if key in titles]
        outliers = [one for key in _KEYS if key in titles for one in _outliers(base, key, *titles[key])]
    left = studies - sum(states.values())
    states |= {"left": left} if left else {}
    outliers.sort(key=lambda one: -abs(one[1].z))
    shown = [
        replace(one, page=_page_of(folder, number, one.study, beside))
        for number, one in outliers[:MOST_OUTLIERS]
    ]
    counted = {flag: count for flag, count, _ in flags}
    return CohortFacts(
        studies, states, dict(verdicts), counted, reasons, [one for one in found if one is not None],
        shown, max(len(outliers) - MOST_OUTLIERS, 0), duplicates, _made_with(folder), said,
    )  # fmt: skip


def _made_with(folder: CohortFolder) -> list[tuple[str, str]]:
    """Name the model, by its hash too, and Septum's version; a model in a folder has the folder's name."""
    begun = CohortFile.read(folder.settings)
    model = f"{PurePath(begun.settings.model).name} ({begun.model_sha256[:12]})"
    return [("Model", model), ("Septum", begun.version)]


def _reasons_of_flags(base: duckdb.DuckDBPyConnection, numbers: dict[str, int]) -> dict[str, str]:
    """Read what a flag says of a study, by its key, where the number of one is given."""
    query = "SELECT number, record FROM rows WHERE record IS NOT NULL AND list_contains(?, number)"
    records = dict(base.execute(query, [sorted(set(numbers.values()))]).fetchall())
    said: dict[str, str] = {}
    for key, number in numbers.items():
        if number in records:
            flags = json.loads(records[number])["quality"]["flags"]
            said |= {one["key"]: one["reason"] for one in flags if one["key"] == key}
    return said


def _distribution(base: duckdb.DuckDBPyConnection, key: str, title: str, unit: str) -> Distribution | None:
    """Count an index in bars; the outermost hold what is rarer than one in two hundred."""
    used = f"SELECT {key} AS value FROM rows WHERE {_USED} AND {key} IS NOT NULL"  # noqa: S608  # our own names
    ((count, quantiles),) = base.execute(
        f"SELECT count(value), quantile_cont(value, {_SHARES}) FROM ({used})"  # noqa: S608  # likewise
    ).fetchall()
    if not count:
        return None
    low, *inner, high = quantiles
    step = (high - low) / BARS or 1.0
    bar = "least(greatest(floor((value - ?) / ?), 0), ?)"
    query = f"SELECT {bar}, count(*) FROM ({used}) GROUP BY 1"  # noqa: S608  # likewise
    bars = {int(place): int(n) for place, n in base.execute(query, [low, step, BARS - 1]).fetchall()}
    drawn = tuple(bars.get(place, 0) for place in range(BARS))
    return Distribution(key, title, unit, count, tuple(inner), low, low + step * BARS, drawn)


def _outliers(base: duckdb.DuckDBPyConnection, key: str, title: str, unit: str) -> list[tuple[int, Outlier]]:
    """Find values far from the median of an index, the farthest first, with the numbers of their studies."""
    used = f"SELECT number, study, verdict, {key} AS value FROM rows WHERE {_USED}"  # noqa: S608  # our names
    query = (
        f"WITH used AS ({used} AND {key} IS NOT NULL), "  # noqa: S608  # likewise
        "middle AS (SELECT median(value) AS m, ? * mad(value) AS d FROM used HAVING count(*) >= ?) "
        "SELECT number, study, value, (value - m) / d, coalesce(verdict, '') FROM used, middle "
        "WHERE d > 0 AND abs(value - m) > ? * d ORDER BY abs(value - m) DESC, number"
    )
    rows = base.execute(query, [_OF_NORMAL, FEWEST, FAR]).fetchall()
    return [
        (number, Outlier(study, title, value, unit, z, verdict)) for number, study, value, z, verdict in rows
    ]


def _page_of(folder: CohortFolder, number: int, study: str, beside: Path) -> str:
    """Where the report of a study is, if there is one."""
    path = folder.studies / chunk_of(folder, number) / f"{study}_report.html"
    return os.path.relpath(path, beside).replace(os.sep, "/") if path.is_file() else ""
