"""The cine with its controls, and the slices of the main phases side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.reporting.study_report_markup import hexadecimal, node, section
from septum.reporting.study_report_pictures import data_uri
from septum.reporting.tiles import View, choose_view, paint_tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Structure
    from septum.reporting.study_report_pictures import Shown

#: Most slices of a phase side by side; they are spread over those that hold a structure.
MONTAGE_SLICES = 12
_TILE_PX = 300
_MARGIN_MM = 14.0


def viewer(shown: Shown, phases: Sequence[tuple[str, int]]) -> Element:
    """The canvas and its controls; the page's script brings them to life."""
    label = f"Cine, {shown.frames} frames of {shown.slices} slices, with the mask over it"
    stage = node("canvas", id="stage", tabindex="0", role="img", aria_label=label, aria_describedby="keys")
    moving = shown.frames > 1
    controls = [
        _slider("frame", "Frame", shown.frames) if moving else None,
        _slider("slice", "Slice", shown.slices) if shown.slices > 1 else None,
        _playing(phases) if moving else None,
        _overlay(shown.schema.structures),
    ]
    without = node("noscript", node("p", "The cine needs JavaScript; the rest of this page does not."))
    phased = any(name for name, _ in phases)
    keys = node("p", _keys(shown, phased=phased), id="keys", class_="hint")
    return section(
        "viewer",
        "Cine" if moving else "Image",
        node("div", stage, node("p", id="where", class_="where"), class_="stage"),
        without,
        node("div", *controls, keys, class_="controls"),
    )


def montage(shown: Shown, phases: Sequence[tuple[str, int]]) -> Element:
    """Slices of each phase with outlines. Each leads to its place in the cine."""
    numbers = [t for _, t in phases]
    images, labels = shown.images[numbers], shown.labels[numbers]
    view = choose_view(
        images, labels, shown.geometry, columns=MONTAGE_SLICES, tile_px=_TILE_PX, margin_mm=_MARGIN_MM
    )
    rows = [
        node(
            "div",
            node("h3", f"{name} ", node("small", f"frame {t}")) if name else None,
            node(
                "div",
                *(_tile(shown, name, t, z, view) for z in view.slices),
                class_=f"tiles of-{len(view.slices)}",
            ),
            class_="phase",
        )
        for name, t in phases
    ]
    legend = node("p", *(_named(s, s.meaning or s.name) for s in shown.schema.structures), class_="legend")
    named = " and ".join(name for name, _ in phases if name)
    return section("montage", f"Slices at {named}" if named else "Slices", legend, *rows)


def _tile(shown: Shown, name: str, t: int, z: int, view: View) -> Element:
    mask = shown.labels[t, z]
    structures = shown.schema.structures
    masks = [(mask == s.value, s.colour) for s in structures]
    uri = data_uri(paint_tile(shown.images[t, z], masks, view, outline_px=2), quality=82)
    seen = [s.name for s in structures if np.any(mask == s.value)]
    told = f"{name or 'Frame'} {t}, slice {z}: {', '.join(seen) if seen else 'no structure'}"
    width, height = view.size_px
    picture = node("img", src=uri, alt=told, width=width, height=height, loading="eager")
    return node(
        "a", picture, node("span", f"slice {z}"), href=f"#frame={t}&slice={z}", class_="tile", title=told
    )


def _keys(shown: Shown, *, phased: bool) -> str:
    """What the keyboard does here."""
    keys = ["← → frame", "space play"] if shown.frames > 1 else []
    keys += ["E and S the phases"] if phased else []
    keys += ["↑ ↓ or wheel slice"] if shown.slices > 1 else []
    return f"Keys, once the picture is clicked or in focus: {', '.join([*keys, 'O overlay'])}."


def _slider(name: str, label: str, count: int) -> Element:
    """A slider over 0 to count - 1, with its value beside it."""
    slider = node("input", type="range", id=name, min="0", max=str(count - 1), step="1", value="0")
    value = node("output", "0", id=f"{name}-now", for_=name)
    return node("div", node("label", label, for_=name), slider, value, class_="slider")


def _playing(phases: Sequence[tuple[str, int]]) -> Element:
    buttons = [node("button", "Play", type="button", id="play")]
    buttons += [
        node("button", name, type="button", class_="phase", data_frame=str(t), title=f"Frame {t}")
        for name, t in phases
        if name
    ]
    speeds = (("1", "1×"), ("0.5", "½×"), ("0.25", "¼×"))
    speed = node("select", *(node("option", told, value=v) for v, told in speeds), id="speed")
    return node("div", *buttons, node("label", "Speed ", speed), class_="buttons")


def _overlay(structures: Sequence[Structure]) -> Element:
    """A switch for each structure, and how much of its colour lies over it."""
    switches = [
        node(
            "label",
            node("input", type="checkbox", checked="", class_="structure", value=str(s.value)),
            _named(s, s.name),
            title=s.meaning or None,
        )
        for s in structures
    ]
    opacity = node("input", type="range", id="opacity", min="0", max="100", step="5", value="20")
    filled = node("label", "Fill ", opacity, class_="opacity")
    return node("fieldset", node("legend", "Overlay"), *switches, filled)


def _named(structure: Structure, words: str) -> Element:
    """A patch of the structure's colour, and words."""
    patch = node("rect", width="12", height="12", rx="2", fill=hexadecimal(structure.colour))
    swatch = node("svg", patch, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")
    return node("span", swatch, words, class_="named")
