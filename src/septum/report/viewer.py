"""The cine with its controls, slices of the main phases, and the sides of the patient in these pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from septum.indices.slices import base_is_last
from septum.report.markup import named_swatch, node, section
from septum.report.pictures import data_uri
from septum.report.tiles import View, choose_view, paint_tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Structure
    from septum.report.edges import Edges
    from septum.report.pictures import ReportView

_HEART = ("LV", "MYO", "RV")
SIDES = (
    "Letters name what of the patient lies beyond an edge: A anterior, P posterior, L left, R right, H head, "
    "F foot; of an oblique edge the nearest first."
)
UNKNOWN_SIDES = "The sides of the patient are not marked: the file does not tell them for certain."
#: Most slices of a phase side by side; they are spread over those that hold a structure.
MONTAGE_SLICES = 12
_TILE_PX, _KEY_PX = 300, 620
_MARGIN_MM, _KEY_MARGIN_MM = 14.0, 20.0


class Ends(NamedTuple):
    """The slices of a mask at its ends, counted from 0."""

    base: int
    apex: int


def ends_of(view: ReportView, frame: int) -> Ends | None:
    """Find the slices at the base and at the apex of the mask of a frame; ``None`` without both ventricles.

    The base is where the heart is broad, as for the segments of the wall.
    """
    if not set(_HEART) <= set(view.schema.names):
        return None
    values = [s.value for s in view.schema.structures if s.name in _HEART]
    heart = np.isin(view.labels[frame], values)
    slices = np.flatnonzero(heart.any(axis=(1, 2)))
    if len(slices) < 2:
        return None
    first, last = int(slices[0]), int(slices[-1])
    return Ends(base=last, apex=first) if base_is_last(heart) else Ends(base=first, apex=last)


def viewer(
    view: ReportView, phases: Sequence[tuple[str, int]], edges: Edges | None, ends: Ends | None
) -> Element:
    """Make the canvas and its controls; the page's script brings them to life.

    Args:
        view: image and mask, slices first.
        phases: name and frame (from 0) of each phase.
        edges: anatomical directions at the picture's edges, if known.
        ends: slices at base and apex, if known.
    """
    label = f"Cine, {view.frames} frames of {view.slices} slices, with the mask over it"
    if edges is not None:
        label += "; " + ", ".join(f"{side} {words}" for side, words in edges._asdict().items())
    stage = node("canvas", id="stage", tabindex="0", role="img", aria_label=label, aria_describedby="keys")
    moving = view.frames > 1
    controls = [
        _slider("frame", "Frame", view.frames) if moving else None,
        _slider("slice", "Slice", view.slices, _at_the_ends(ends)) if view.slices > 1 else None,
        _playing(phases) if moving else None,
        _overlay(view.schema.structures),
    ]
    without = node("noscript", node("p", "The cine needs JavaScript; the rest of this page does not."))
    phased = any(name for name, _ in phases)
    keys = node("p", _keys(view, phased=phased), id="keys", class_="hint")
    return section(
        "viewer",
        "Cine" if moving else "Image",
        node(
            "div",
            node("p", id="where", class_="where"),
            node("div", stage, *edge_letters(edges), class_="framed"),
            class_="stage",
        ),
        without,
        node("div", *controls, keys, class_="controls"),
    )


def edge_letters(edges: Edges | None) -> list[Element]:
    """Make the letters that lie over the edges of a picture."""
    if edges is None:
        return []
    return [
        node("span", words, class_=f"edge {side}", aria_hidden="true")
        for side, words in edges._asdict().items()
    ]


def _keys(view: ReportView, *, phased: bool) -> str:
    """Say what the keyboard does here."""
    keys = ["← → frame", "space play"] if view.frames > 1 else []
    keys += ["E and S the phases"] if phased else []
    keys += ["↑ ↓ or wheel slice"] if view.slices > 1 else []
    return f"Keys, once the picture is clicked or in focus: {', '.join([*keys, 'O overlay'])}."


def _slider(name: str, label: str, count: int, ends: tuple[str, str] | None = None) -> Element:
    """Make a slider over 0 to count - 1, with its value to its right, and words below its ends."""
    slider = node("input", type="range", id=name, min="0", max=str(count - 1), step="1", value="0")
    value = node("output", "0", id=f"{name}-now", for_=name)
    words = node("p", *(node("span", word) for word in ends), class_="ends") if ends else None
    return node("div", node("label", label, for_=name), slider, value, words, class_="slider")


def _at_the_ends(ends: Ends | None) -> tuple[str, str] | None:
    """Say where the first and the last slices lie."""
    if ends is None:
        return None
    base, apex = "towards the base", "towards the apex"
    return (base, apex) if ends.base < ends.apex else (apex, base)


def _playing(phases: Sequence[tuple[str, int]]) -> Element:
    buttons = [node("button", "Play", type="button", id="play")]
    buttons += [
        node("button", name, type="button", class_="phase", data_frame=str(t), title=f"Frame {t}")
        for name, t in phases
        if name
    ]
    speeds = (("1", "1×"), ("0.5", "½×"), ("0.25", "¼×"))
    speed = node("select", *(node("option", words, value=v) for v, words in speeds), id="speed")
    return node("div", *buttons, node("label", "Speed ", speed), class_="buttons")


def _overlay(structures: Sequence[Structure]) -> Element:
    """Make a switch for each structure, and a slider for how much of its colour lies over it."""
    switches = [
        node(
            "label",
            node("input", type="checkbox", checked="", class_="structure", value=str(s.value)),
            named_swatch(s, s.name),
            title=s.meaning or None,
        )
        for s in structures
    ]
    opacity = node("input", type="range", id="opacity", min="0", max="100", step="5", value="20")
    filled = node("label", "Fill ", opacity, class_="opacity")
    return node("fieldset", node("legend", "Overlay"), *switches, filled)


def key_slices(view: ReportView, phases: Sequence[tuple[str, int]], edges: Edges | None) -> Element:
    """Show the middle slice at each phase, large, with outlines: for paper, where there is no cine.

    Args:
        view: image and mask, slices first.
        phases: name and frame (from 0) of each phase.
        edges: anatomical directions at the picture's edges, if known.
    """
    crop = _crop(view, phases, 1, _KEY_PX, _KEY_MARGIN_MM)
    z = view.middle
    figures = []
    for name, t in phases:
        words = f"{name}, frame {t}, slice {z}" if name else f"Slice {z}"
        picture = _picture(view, t, z, crop, f"{words}, with outlines")
        framed = node("div", picture, *edge_letters(edges), class_="framed")
        figures.append(node("figure", framed, node("figcaption", words)))
    heading = "Mid-ventricular slice" if "LV" in view.schema.names else "Middle slice"
    named = " and ".join(name for name, _ in phases if name)
    heading = f"{heading} at {named}" if named else heading
    return section(
        "key",
        heading,
        node("div", *figures, class_="figures"),
        _legend(view),
        class_=None if len(figures) > 1 else "single",
    )


def montage(view: ReportView, phases: Sequence[tuple[str, int]]) -> Element:
    """Show slices of each phase with outlines. Each is a link to its place in the cine.

    Base and apex are those of the phase: at end-systole the base has moved towards the apex.
    """
    crop = _crop(view, phases, MONTAGE_SLICES, _TILE_PX, _MARGIN_MM)
    rows = [
        node(
            "div",
            node("h3", f"{name} ", node("small", f"frame {t}")) if name else None,
            node(
                "div",
                *(_tile(view, (name, t), z, crop, ends) for z in crop.slices),
                class_=f"tiles of-{len(crop.slices)}",
            ),
            class_="phase",
        )
        for name, t, ends in ((name, t, ends_of(view, t)) for name, t in phases)
    ]
    named = " and ".join(name for name, _ in phases if name)
    return section("montage", f"Slices at {named}" if named else "Slices", _legend(view), *rows)


def _crop(
    view: ReportView, phases: Sequence[tuple[str, int]], columns: int, tile_px: int, margin_mm: float
) -> View:
    """Choose one crop for the frames of all phases."""
    numbers = [t for _, t in phases]
    images, labels = view.images[numbers], view.labels[numbers]
    return choose_view(images, labels, view.geometry, columns=columns, tile_px=tile_px, margin_mm=margin_mm)


def _tile(view: ReportView, phase: tuple[str, int], z: int, crop: View, ends: Ends | None) -> Element:
    name, t = phase
    mask = view.labels[t, z]
    seen = [s.name for s in view.schema.structures if np.any(mask == s.value)]
    end = "" if ends is None else {ends.base: "base", ends.apex: "apex"}.get(z, "")
    place = f"slice {z}, {end}" if end else f"slice {z}"
    frame = f"{name}, frame {t}" if name else f"Frame {t}"
    words = f"{frame}, {place}: {', '.join(seen) if seen else 'no structure'}"
    return node(
        "a", _picture(view, t, z, crop, words), node("span", place), href=f"#frame={t}&slice={z}",
        class_="tile", title=words, data_frame=str(t), data_slice=str(z), data_end=end or None,
    )  # fmt: skip


def _picture(view: ReportView, t: int, z: int, crop: View, words: str) -> Element:
    masks = [(view.labels[t, z] == s.value, s.colour) for s in view.schema.structures]
    uri = data_uri(paint_tile(view.images[t, z], masks, crop, outline_px=2), quality=82)
    width, height = crop.size_px
    return node("img", src=uri, alt=words, width=width, height=height, loading="eager")


def _legend(view: ReportView) -> Element:
    return node("p", *(named_swatch(s, s.meaning or s.name) for s in view.schema.structures), class_="legend")
