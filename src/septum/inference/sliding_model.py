"""A model that looks at the whole image window by window: images in, masks out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Localisation, LocalisationPath, Orientation, Region
from septum.core.components import clear_apart, largest_component
from septum.inference.channels import largest_channel
from septum.inference.frame_result import FrameResult
from septum.inference.loading import check_channels, load_graph
from septum.inference.out_of_distribution import evidence_of, foreground_of
from septum.inference.windows import average_over_windows
from septum.preprocessing.spline import logits_on_image, prepare_by_splines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from septum.core import Cine, Geometry
    from septum.inference.bundle import Bundle
    from septum.inference.engine import Engine
    from septum.inference.execution import ModelOptions
    from septum.inference.sliding_manifest import SlidingManifest


class SlidingWindowMethod:
    """Networks that see an image whole, with what is done before and after them.

    Args:
        bundle: checked bundle.
        manifest: its description.
        options: how its networks run; ``flips`` averages each window over its mirror images, as nnU-Net does
            where nobody says otherwise.

    Raises:
        SeptumError: the processor cannot do what is asked for.
        BundleError: a graph cannot be compiled, or does not give what the bundle describes.
        MissingExtraError: the engine is not installed, or finds no GPU.
    """

    def __init__(self, bundle: Bundle, manifest: SlidingManifest, options: ModelOptions) -> None:
        self.manifest, self.mirrored = manifest, options.flips
        self.engines: list[Engine] = []
        for network in manifest.networks:
            path = bundle.graph(network)
            engine = load_graph(path, manifest.window.size, options, {"logits"})
            check_channels(path, engine, manifest.labels.names)
            self.engines.append(engine)

    def segment_frames(self, cine: Cine, *, smooth: bool = True) -> Iterator[FrameResult]:
        """Segment the frames of a cine one after the other, in any order of axes.

        Args:
            cine: one frame or more.
            smooth: has no effect: frames are left as they are.
        """
        del smooth
        orientation = Orientation.of(cine.geometry)
        native = cine.geometry.permuted(orientation.axes)
        whole = Localisation(Region.whole(native.shape), LocalisationPath.WHOLE)
        for array in cine.array:
            started = time.perf_counter()
            logits, box = self._logits(orientation.apply(array), native)
            labels = np.zeros(native.shape, np.uint8)
            values = np.asarray([0, *self.manifest.labels.values], np.uint8)
            box.paste(values[largest_channel(logits)[1]], labels)
            yield FrameResult(
                labels=np.ascontiguousarray(orientation.undo(self._cleaned(labels))),
                localisation=whole,
                working_geometry=native,
                evidence=evidence_of(foreground_of(logits), None),
                seconds=time.perf_counter() - started,
            )

    def _logits(self, array: NDArray[np.float32], native: Geometry) -> tuple[NDArray[np.float32], Region]:
        """Logits (K, Z, Y, X) in a box of the image, beyond which it is zero and background."""
        settings = self.manifest.preprocessing
        prepared = prepare_by_splines(array, native.spacing_mm, settings)
        window, mirrored = self.manifest.window, self.mirrored
        total = average_over_windows(self.engines[0], prepared.array, window, mirrored=mirrored)
        for engine in self.engines[1:]:  # one after the other: each is as large as the image
            total += average_over_windows(engine, prepared.array, window, mirrored=mirrored)
        if len(self.engines) > 1:
            total /= len(self.engines)
        return logits_on_image(total, prepared, settings).astype(np.float32), prepared.box

    def _cleaned(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Keep the largest components; in place."""
        for values in self.manifest.keep_largest:
            mask = np.isin(labels, values)
            clear_apart(labels, mask, largest_component)
        return labels
