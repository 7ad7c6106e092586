"""One study as one HTML file: cine with mask, curves, numbers, quality and provenance, without a network."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from string import Template
from typing import TYPE_CHECKING, Any, Protocol

from septum.core.clinical import STATEMENT
from septum.core.files import write_text
from septum.indices.wall import ORIENTATION_LOST
from septum.report.bullseye import wall_section
from septum.report.curve import volumes_section
from septum.report.edges import certain_edges
from septum.report.markup import markup, node
from septum.report.numbers import headline, index_table, particular_notes
from septum.report.pattern import pattern_section
from septum.report.pictures import ReportView, pictures
from septum.report.ranges import ranges_section
from septum.report.slice_ends import ends_section
from septum.report.strain import strain_section
from septum.report.trust import provenance_section, timed, verdict_section
from septum.report.viewer import ends_of, key_slices, montage, viewer
from septum.report.viewer_link import viewer_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from septum.core import Comparison, Indices, Quality, Segmentation, Study
    from septum.core.pattern import Pattern

#: Of the numbers for machines.
FORMAT = 2


class Described(Protocol):
    """What made a mask, in words."""

    def described(self) -> Mapping[str, str]:
        """List software, model, settings and timing by name."""


class Reportable(Protocol):
    """What a report is written about."""

    @property
    def study(self) -> Study:
        """Image (T, Z, Y, X), any order of axes, with the notes of its reader."""

    @property
    def segmentation(self) -> Segmentation:
        """Mask of the same shape."""

    @property
    def indices(self) -> Indices | None:
        """Volumes and clinical numbers; without them there are no curves and tables."""

    @property
    def quality(self) -> Quality | None:
        """Verdict and flags; ``None`` where quality was not assessed."""

    @property
    def presence(self) -> Mapping[str, Sequence[Sequence[float | None]]]:
        """Of a structure, one list a frame: the probability that it is in a slice; empty if not known."""

    @property
    def comparison(self) -> Comparison | None:
        """The indices beside reference ranges; ``None`` where that was not asked for."""

    @property
    def pattern(self) -> Pattern | None:
        """The study beside the groups of ACDC; ``None`` where that was not asked for."""

    @property
    def provenance(self) -> Described:
        """What made the mask. Grid, spacing and hash of the input are added to it."""


def write_report(
    path: Path,
    result: Reportable,
    *,
    title: str,
    identify: Mapping[str, str] | None = None,
    written: datetime | None = None,
) -> None:
    """Write the report of a study as one HTML file that needs no other file and no network.

    Args:
        path: of the HTML file; written whole or not at all.
        result: image, mask, numbers, quality and provenance.
        title: heading. It is shown as given, so it must not identify a patient unless that is wanted.
        identify: names and values that identify the patient, shown under the title; ``None`` shows none.
        written: the moment that the page gives as its own; now by default.

    Raises:
        ValueError: image and mask differ in shape, or the volumes are not one a frame.
        OutputError: the file cannot be written.
    """
    study, indices, quality = result.study, result.indices, result.quality
    view = ReportView.of(study, result.segmentation)
    if indices is not None and any(len(v) != view.frames for v in indices.volumes_ml.values()):
        raise ValueError(f"volumes are one for each of {view.frames} frames")
    times = _ascending((indices and indices.times_ms) or study.cine.times_ms)
    phases = _phases(indices, view.frames)
    written = written or datetime.now(UTC)
    body = _body(
        result,
        view,
        times,
        phases,
        _heading(title, identify, written, viewer_address(title, study.sha256)),
        written,
    )
    data: dict[str, Any] = {"title": title, "statement": STATEMENT}
    data |= study_data(view, times, indices, quality)
    if result.pattern is not None:
        data |= {"pattern": _plain(dataclasses.asdict(result.pattern))}
    if result.comparison is not None:
        data |= {"reference": _plain(dataclasses.asdict(result.comparison))}
    data |= {"provenance": dict(result.provenance.described()), "input_sha256": study.sha256}
    notes = [dataclasses.asdict(note) for note in study.notes]
    data |= {"notes": notes, "written": written.isoformat(timespec="minutes")}
    data |= {"identify": dict(identify)} if identify else {}
    start = {"frame": phases[0][1], "slice": view.middle}
    style, script = (_template(f"report.{ending}") for ending in ("css", "js"))
    page = Template(_template("report.html")).substitute(
        policy=_policy(style, script),
        title=markup([node("title", f"{title} – Septum")]),
        style=style,
        body=markup([body]),
        data=embedded(data),
        pictures=embedded({**pictures(view), "start": start}),
        script=script,
    )
    write_text(path, page)


def study_data(
    view: ReportView,
    times_ms: Sequence[float] | None,
    indices: Indices | None,
    quality: Quality | None,
) -> dict[str, Any]:
    """Collect grid, structures, times, indices and quality for machines; volumes in ml, times in ms.

    Args:
        view: image and mask, slices first.
        times_ms: of each frame, in ms, if known.
        indices: of the mask, if taken.
        quality: verdict and flags, if assessed.
    """
    return {
        "format": FORMAT,
        "frames": view.frames,
        "slices": view.slices,
        "spacing_mm": list(view.geometry.spacing_mm),
        "times_ms": None if times_ms is None else list(times_ms),
        "structures": [s.model_dump() for s in view.schema.structures],
        "indices": None if indices is None else _plain(dataclasses.asdict(indices)),
        "quality": None if quality is None else _plain(dataclasses.asdict(quality)),
    }


def embedded(data: Mapping[str, Any]) -> str:
    r"""Write JSON that may stand in a script element: nothing in it can end that element.

    >>> embedded({"title": "</script>"})
    '{"title":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _body(
    result: Reportable,
    view: ReportView,
    times_ms: tuple[float, ...] | None,
    phases: Sequence[tuple[str, int]],
    heading: Element,
    written: datetime,
) -> Element:
    """Put the parts of the page in their order."""
    study, indices, quality = result.study, result.indices, result.quality
    edges, ends = certain_edges(study, view.geometry, view.schema), ends_of(view, phases[0][1])
    numbers = wall = strain = None
    if indices is not None and indices.items:
        numbers = index_table(indices)
    lost = indices is not None and any(note.key == ORIENTATION_LOST.key for note in indices.notes)
    if indices is not None:
        strain = strain_section(indices.strain, times_ms, unsure_sides=lost)
    if indices is not None and indices.wall is not None:
        wall = wall_section(indices.wall, view, phased=view.frames > 1, unsure_sides=lost)
    return node(
        "main",
        heading,
        verdict_section(
            quality, indices, particular_notes(study, indices), result.provenance.described().get("Mask", "")
        ),
        headline(indices, quality, result.comparison) if indices is not None else None,
        key_slices(view, phases, edges),
        node(
            "div",
            viewer(view, phases, edges, ends),
            volumes_section(indices, times_ms, view, phases),
            class_="side",
        ),
        ranges_section(result.comparison),
        pattern_section(result.pattern),
        numbers,
        wall,
        strain,
        ends_section(view, phases, result.presence),
        montage(view, phases),
        provenance_section(view, study.sha256, result.provenance.described(), edges, written),
        node("footer", node("p", STATEMENT)),
    )


def _heading(title: str, identify: Mapping[str, str] | None, written: datetime, address: str) -> Element:
    """The head of the page; the address is that of the study in a viewer, which may run or not."""
    who = None
    if identify:
        who = node("dl", *(node("div", node("dt", k), node("dd", v)) for k, v in identify.items()))
    kind = node("p", "Cardiac MR segmentation report, written ", timed(written), class_="kind")
    correct = node(
        "p", node("a", "Correct the mask", href=address, rel="noreferrer"),
        ", if septum view shows this study on this machine.", class_="kind",
    )  # fmt: skip
    return node("header", kind, node("h1", title), who, node("p", STATEMENT, class_="statement"), correct)


def _ascending(times_ms: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Keep times that tell the frames apart; ``None`` where a header holds the same for all of them."""
    if times_ms is None or any(b <= a for a, b in pairwise(times_ms)):
        return None
    return times_ms


def _phases(indices: Indices | None, frames: int) -> list[tuple[str, int]]:
    """Name the frames that are looked at first; a nameless one where phases are not known."""
    if indices is None or indices.phases is None or frames == 1:
        return [("", 0)]
    return [("ED", indices.phases.end_diastole), ("ES", indices.phases.end_systole)]


def _plain(value: Any) -> Any:
    """Reduce values to those that JSON knows: sets become sorted lists, numbers that are none ``None``."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(v) for v in value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(value) if hasattr(value, "dtype") else value


def _policy(style: str, script: str) -> str:
    """Make a content security policy that lets this page load nothing, and run and style itself only."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    )


def _template(name: str) -> str:
    return files("septum.report").joinpath("templates", name).read_text(encoding="utf-8")
