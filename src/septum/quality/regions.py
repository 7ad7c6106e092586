"""Regions of interest that were found without the map, or cut the heart off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from septum.core import Flag, LocalisationPath, Verdict
from septum.quality.structures import frames_listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class FoundRegion(Protocol):
    """How a frame's region was found; see :class:`septum.core.Localisation`."""

    @property
    def path(self) -> LocalisationPath:
        """The evidence used."""

    @property
    def cut_off(self) -> bool:
        """Whether the mask touches the region's border inside the image."""


def region_flags(regions: Sequence[FoundRegion]) -> Iterator[Flag]:
    """Regions, one a frame, that give reason to look at the mask."""
    fallbacks = sum(region.path is not LocalisationPath.MAP for region in regions)
    if fallbacks:
        yield Flag(
            "localisation_fallback",
            Verdict.REVIEW,
            f"The heart was not localised by the map in {fallbacks} of {len(regions)} frames; "
            "look at the mask.",
            fallbacks,
            0.0,
        )
    cut_off = [t for t, region in enumerate(regions) if region.cut_off]
    if cut_off:
        yield Flag(
            "region_cut_off",
            Verdict.REVIEW,
            f"The mask touches the border of the region of interest in {frames_listed(cut_off)} "
            "(counted from 0): the heart may be cut off there.",
            len(cut_off),
            0.0,
        )
