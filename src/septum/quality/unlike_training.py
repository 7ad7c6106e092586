"""Whether an image is one that a model knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Orientation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from septum.core import Geometry
    from septum.inference import Manifest
    from septum.inference.out_of_distribution import Evidence


def unlike_training_images(
    manifest: Manifest, geometry: Geometry, frames: Sequence[Evidence]
) -> Iterator[str]:
    """One sentence if the image is unlike those that the model learnt from, as far as its bundle tells these.

    Args:
        manifest: of the model.
        geometry: native grid of one frame.
        frames: what the model's networks make of each.
    """
    if manifest.training_images is None:
        return
    slice_mm = geometry.spacing_mm[Orientation.of(geometry).axes[0]]
    departures = list(manifest.training_images.departures(slice_mm, frames))
    if departures:
        yield (
            f"The image is unlike those that the model {manifest.name} ({manifest.title}) learnt from: "
            f"{'; '.join(departures)}. Check that it is the model for this image, and look at the mask."
        )
