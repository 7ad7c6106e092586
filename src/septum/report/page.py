"""One study as one HTML file: cine with mask, curves, numbers, quality and provenance, without a network."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from itertools import pairwise
from string import Template
from typing import TYPE_CHECKING

from septum.core.clinical import STATEMENT, Verdict
from septum.core.files import write_text
from septum.report.basis import particular_notes
from septum.report.data import embedded, study_data
from septum.report.markup import markup, node
from septum.report.numbers import headline, index_table, wall_section
from septum.report.orientation import certain_edges, ends_of
from septum.report.pictures import Shown, pictures
from septum.report.slices import key_slices, montage
from septum.report.trust import provenance_section, verdict_section
from septum.report.viewer import viewer
from septum.report.volumes import volumes_section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from septum.core import Indices, Quality, Segmentation, Study


def write_study_report(
    path: Path,
    *,
    title: str,
    study: Study,
    segmentation: Segmentation,
    indices: Indices | None,
    quality: Quality | None,
    provenance: Mapping[str, str],
    identify: Mapping[str, str] | None = None,
) -> None:
    """Write the report of a study as one HTML file that needs no other file and no network.

    Args:
        path: of the HTML file; written whole or not at all.
        title: heading. It is shown as given, so it must not identify a patient unless that is wanted.
        study: image (T, Z, Y, X), any order of axes, and what its reader had to settle.
        segmentation: its mask, of the same shape.
        indices: volumes and clinical numbers; ``None`` leaves curves and tables out.
        quality: verdict and flags; ``None`` says that quality was not assessed.
        provenance: names and values to be listed: software, model, settings, timing. Grid, spacing and the
            hash of the input are added.
        identify: names and values that identify the patient, shown under the title; ``None`` shows none.

    Raises:
        ValueError: image and mask differ in shape, or the volumes are not one a frame.
        OutputError: the file cannot be written.
    """
    shown = Shown.of(study, segmentation)
    times = _ascending((indices and indices.times_ms) or study.cine.times_ms)
    if indices is not None and any(len(v) != shown.frames for v in indices.volumes_ml.values()):
        raise ValueError(f"volumes are one for each of {shown.frames} frames")
    phases = _phases(indices, shown.frames)
    edges, ends = certain_edges(study, shown), ends_of(shown, phases[0][1])
    parts: list[Element | None] = [
        _heading(title, identify),
        verdict_section(quality, indices, particular_notes(study, indices)),
        headline(indices, refused=_refused(quality)) if indices is not None else None,
        key_slices(shown, phases, edges),
        node(
            "div",
            viewer(shown, phases, edges, ends),
            volumes_section(indices, times, shown, phases),
            class_="side",
        ),
        index_table(indices) if indices is not None and indices.items else None,
        wall_section(indices.wall, {note.key for note in indices.notes}, phased=shown.frames > 1)
        if indices is not None and indices.wall is not None
        else None,
        montage(shown, phases),
        provenance_section(shown, study.sha256, provenance, edges),
        node("footer", node("p", STATEMENT)),
    ]
    data = {"title": title, "statement": STATEMENT, **study_data(shown, times, indices, quality)}
    notes = [note.text for note in study.notes]
    data |= {"provenance": dict(provenance), "input_sha256": study.sha256, "notes": notes}
    data |= {"identify": dict(identify)} if identify else {}
    start = {"frame": phases[0][1], "slice": shown.middle}
    style, script = (_template(f"study_report.{ending}") for ending in ("css", "js"))
    page = Template(_template("study_report.html")).substitute(
        policy=_policy(style, script),
        title=markup([node("title", f"{title} – Septum")]),
        style=style,
        body=markup([node("main", *parts)]),
        data=embedded(data),
        pictures=embedded({**pictures(shown), "start": start}),
        script=script,
    )
    write_text(path, page)


def _refused(quality: Quality | None) -> bool:
    return quality is not None and quality.verdict is Verdict.REJECT


def _ascending(times_ms: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The times, where they tell the frames apart; ``None`` where a header holds the same for all of them."""
    if times_ms is None or any(b <= a for a, b in pairwise(times_ms)):
        return None
    return times_ms


def _phases(indices: Indices | None, frames: int) -> list[tuple[str, int]]:
    """Names and numbers of the frames that are looked at first; a nameless one where phases are not known."""
    if indices is None or indices.phases is None or frames == 1:
        return [("", 0)]
    return [("ED", indices.phases.end_diastole), ("ES", indices.phases.end_systole)]


def _heading(title: str, identify: Mapping[str, str] | None) -> Element:
    who = None
    if identify:
        who = node("dl", *(node("div", node("dt", k), node("dd", v)) for k, v in identify.items()))
    kind = node("p", "Cardiac MR segmentation report", class_="kind")
    return node("header", kind, node("h1", title), who, node("p", STATEMENT, class_="statement"))


def _policy(style: str, script: str) -> str:
    """A content security policy that lets this page load nothing, and run and style itself only."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    )


def _template(name: str) -> str:
    return files("septum.report").joinpath("templates", name).read_text(encoding="utf-8")
