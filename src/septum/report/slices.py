"""Slices of the main phases side by side, and for paper one of each phase large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.report.markup import node, section
from septum.report.orientation import ends_of
from septum.report.pictures import data_uri
from septum.report.tiles import View, choose_view, paint_tile
from septum.report.viewer import edge_letters, named_patch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from septum.report.orientation import Edges, Ends
    from septum.report.pictures import Shown

#: Most slices of a phase side by side; they are spread over those that hold a structure.
MONTAGE_SLICES = 12
_TILE_PX, _KEY_PX = 300, 620
_MARGIN_MM, _KEY_MARGIN_MM = 14.0, 20.0


def key_slices(shown: Shown, phases: Sequence[tuple[str, int]], edges: Edges | None) -> Element:
    """The middle slice at each phase, large, with outlines: for paper, where there is no cine."""
    view = _view(shown, phases, 1, _KEY_PX, _KEY_MARGIN_MM)
    z = shown.middle
    figures = []
    for name, t in phases:
        told = f"{name}, frame {t}, slice {z}" if name else f"Slice {z}"
        picture = _picture(shown, t, z, view, f"{told}, with outlines")
        framed = node("div", picture, *edge_letters(edges), class_="framed")
        figures.append(node("figure", framed, node("figcaption", told)))
    heading = "Mid-ventricular slice" if "LV" in shown.schema.names else "Middle slice"
    named = " and ".join(name for name, _ in phases if name)
    heading = f"{heading} at {named}" if named else heading
    return section(
        "key",
        heading,
        node("div", *figures, class_="figures"),
        _legend(shown),
        class_=None if len(figures) > 1 else "single",
    )


def montage(shown: Shown, phases: Sequence[tuple[str, int]]) -> Element:
    """Slices of each phase with outlines. Each leads to its place in the cine.

    Base and apex are those of the phase: at end-systole the base has moved towards the apex.
    """
    view = _view(shown, phases, MONTAGE_SLICES, _TILE_PX, _MARGIN_MM)
    rows = [
        node(
            "div",
            node("h3", f"{name} ", node("small", f"frame {t}")) if name else None,
            node(
                "div",
                *(_tile(shown, name, t, z, view, ends) for z in view.slices),
                class_=f"tiles of-{len(view.slices)}",
            ),
            class_="phase",
        )
        for name, t, ends in ((name, t, ends_of(shown, t)) for name, t in phases)
    ]
    named = " and ".join(name for name, _ in phases if name)
    return section("montage", f"Slices at {named}" if named else "Slices", _legend(shown), *rows)


def _view(
    shown: Shown, phases: Sequence[tuple[str, int]], columns: int, tile_px: int, margin_mm: float
) -> View:
    numbers = [t for _, t in phases]
    images, labels = shown.images[numbers], shown.labels[numbers]
    return choose_view(images, labels, shown.geometry, columns=columns, tile_px=tile_px, margin_mm=margin_mm)


def _tile(shown: Shown, name: str, t: int, z: int, view: View, ends: Ends | None) -> Element:
    mask = shown.labels[t, z]
    seen = [s.name for s in shown.schema.structures if np.any(mask == s.value)]
    end = "" if ends is None else {ends.base: ", base", ends.apex: ", apex"}.get(z, "")
    phase = f"{name}, frame {t}" if name else f"Frame {t}"
    told = f"{phase}, slice {z}{end}: {', '.join(seen) if seen else 'no structure'}"
    caption = node("span", f"slice {z}{end}")
    return node(
        "a", _picture(shown, t, z, view, told), caption, href=f"#frame={t}&slice={z}", class_="tile",
        title=told,
    )  # fmt: skip


def _picture(shown: Shown, t: int, z: int, view: View, told: str) -> Element:
    masks = [(shown.labels[t, z] == s.value, s.colour) for s in shown.schema.structures]
    uri = data_uri(paint_tile(shown.images[t, z], masks, view, outline_px=2), quality=82)
    width, height = view.size_px
    return node("img", src=uri, alt=told, width=width, height=height, loading="eager")


def _legend(shown: Shown) -> Element:
    return node("p", *(named_patch(s, s.meaning or s.name) for s in shown.schema.structures), class_="legend")
