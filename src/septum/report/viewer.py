"""The cine with its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.report.markup import hexadecimal, node, section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from septum.core import Structure
    from septum.report.orientation import Edges, Ends
    from septum.report.pictures import Shown


def viewer(
    shown: Shown, phases: Sequence[tuple[str, int]], edges: Edges | None, ends: Ends | None
) -> Element:
    """The canvas and its controls; the page's script brings them to life."""
    label = f"Cine, {shown.frames} frames of {shown.slices} slices, with the mask over it"
    if edges is not None:
        label += "; " + ", ".join(f"{side} {told}" for side, told in edges._asdict().items())
    stage = node("canvas", id="stage", tabindex="0", role="img", aria_label=label, aria_describedby="keys")
    moving = shown.frames > 1
    controls = [
        _slider("frame", "Frame", shown.frames) if moving else None,
        _slider("slice", "Slice", shown.slices, _at_the_ends(ends)) if shown.slices > 1 else None,
        _playing(phases) if moving else None,
        _overlay(shown.schema.structures),
    ]
    without = node("noscript", node("p", "The cine needs JavaScript; the rest of this page does not."))
    phased = any(name for name, _ in phases)
    keys = node("p", _keys(shown, phased=phased), id="keys", class_="hint")
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
    """What of the patient lies beyond each edge of a picture, to be laid over it."""
    if edges is None:
        return []
    return [
        node("span", told, class_=f"edge {side}", aria_hidden="true")
        for side, told in edges._asdict().items()
    ]


def _keys(shown: Shown, *, phased: bool) -> str:
    """What the keyboard does here."""
    keys = ["← → frame", "space play"] if shown.frames > 1 else []
    keys += ["E and S the phases"] if phased else []
    keys += ["↑ ↓ or wheel slice"] if shown.slices > 1 else []
    return f"Keys, once the picture is clicked or in focus: {', '.join([*keys, 'O overlay'])}."


def _slider(name: str, label: str, count: int, ends: tuple[str, str] | None = None) -> Element:
    """A slider over 0 to count - 1, with its value beside it, and words below its ends."""
    slider = node("input", type="range", id=name, min="0", max=str(count - 1), step="1", value="0")
    value = node("output", "0", id=f"{name}-now", for_=name)
    words = node("p", *(node("span", word) for word in ends), class_="ends") if ends else None
    return node("div", node("label", label, for_=name), slider, value, words, class_="slider")


def _at_the_ends(ends: Ends | None) -> tuple[str, str] | None:
    """Where the first and the last slices lie."""
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
    speed = node("select", *(node("option", told, value=v) for v, told in speeds), id="speed")
    return node("div", *buttons, node("label", "Speed ", speed), class_="buttons")


def _overlay(structures: Sequence[Structure]) -> Element:
    """A switch for each structure, and how much of its colour lies over it."""
    switches = [
        node(
            "label",
            node("input", type="checkbox", checked="", class_="structure", value=str(s.value)),
            named_patch(s, s.name),
            title=s.meaning or None,
        )
        for s in structures
    ]
    opacity = node("input", type="range", id="opacity", min="0", max="100", step="5", value="20")
    filled = node("label", "Fill ", opacity, class_="opacity")
    return node("fieldset", node("legend", "Overlay"), *switches, filled)


def named_patch(structure: Structure, words: str) -> Element:
    """A patch of the structure's colour, and words."""
    patch = node("rect", width="12", height="12", rx="2", fill=hexadecimal(structure.colour))
    swatch = node("svg", patch, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")
    return node("span", swatch, words, class_="named")
