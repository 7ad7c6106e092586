"""The steps of every method, written once: find a region, crop, segment, paste back.

The product, the study and the training's assessment compose them in :func:`segment_volumes`; only the engine
and what finds the region differ. All volumes here have their slice axis first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Geometry, Localisation, Region, Volume
from septum.inference.channels import largest_channel
from septum.inference.decision import SliceEvidence
from septum.inference.mirroring import MIRRORED
from septum.inference.out_of_distribution import evidence_of, flip_agreement, foreground_of
from septum.inference.postprocessing import PostprocessingSettings, postprocess
from septum.inference.temporal import FrameLogits, consistent
from septum.localisation import LocalisationSettings, enlarge, joined, largest_component, locate
from septum.preprocessing import (
    PreprocessingSettings,
    cut,
    padded_to_multiple,
    prepare,
    prepared_geometry,
    resample,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from septum.inference.decision import Decider
    from septum.inference.engine import Engine
    from septum.inference.out_of_distribution import Evidence

#: From the segmenter's grid to a region on it, and the localiser's mask there of each volume, by number, that
#: it has seen.
RegionFinder = Callable[[Geometry], tuple[Localisation, Mapping[int, Volume]]]


@dataclass(frozen=True)
class Stage:
    """One network with the preprocessing that it was trained with."""

    engine: Engine
    preprocessing: PreprocessingSettings


@dataclass(frozen=True)
class Segmenter:
    """A network that segments inside a region, and how its logits become a mask.

    Attributes:
        stage: the network.
        values: mask value of each foreground channel.
        widening: sizes to which a region is widened whose border the mask touches; ``None`` leaves it.
        postprocessing: of the mask.
        decider: what is decided beyond the largest logit; ``None``: nothing is.
    """

    stage: Stage
    values: tuple[int, ...]
    widening: LocalisationSettings | None = None
    postprocessing: PostprocessingSettings = field(default_factory=PostprocessingSettings)
    decider: Decider | None = None

    def mask_of(
        self, frame: FrameLogits, working: Geometry, target: Geometry
    ) -> tuple[NDArray[np.uint8], Evidence]:
        """Bring logits to a target grid as labels (Z, Y, X), and decide which slices hold which structure.

        Args:
            frame: logits of one frame and the region that they lie in.
            working: grid of the segmenter, on which the region is.
            target: grid of the labels, parallel to ``working``.

        Returns:
            The labels, and the frame's evidence with the probabilities of the slices.
        """
        region = frame.found.region
        labels = paste_back(frame.logits, region, working, target, self.values)
        labels = postprocess(labels, self.values, self.postprocessing)
        if self.decider is None or frame.slices is None or target.shape[0] != working.shape[0]:
            return labels, frame.evidence
        presence = self.decider.decide(
            labels,
            frame.slices.on(target.shape[0], first=region.start[0]),
            pixel_cm2=_pixel_cm2(target),
            voxel_cm2=_pixel_cm2(working),
        )
        return labels, replace(frame.evidence, presence=presence)


@dataclass(frozen=True)
class SegmentedVolume:
    """One volume, segmented.

    Attributes:
        labels: on the volume's own grid, (Z, Y, X) uint8.
        frame: the segmenter's logits, the region that they lie in, and the evidence.
        working: grid of the segmenter.
        seconds: that it took; of the first volume, finding the region is part of it.
    """

    labels: NDArray[np.uint8]
    frame: FrameLogits
    working: Geometry
    seconds: float


def segment_volumes(
    volumes: Iterable[Volume],
    native: Geometry,
    find: RegionFinder,
    segmenter: Segmenter,
    *,
    cycle: int = 1,
) -> Iterator[SegmentedVolume]:
    """Segment volumes of one grid in one region: the whole method.

    Args:
        volumes: in order of time; each is read when its turn comes.
        native: their grid.
        find: what finds the region.
        segmenter: what segments in it.
        cycle: number of the volumes if they are the frames of one cine, which are then made consistent with
            their neighbours; see :func:`~septum.inference.temporal.consistent`. 1 leaves each alone.
    """
    started = time.perf_counter()
    preprocessing = segmenter.stage.preprocessing
    working = prepared_geometry(native, preprocessing)
    found, coarse = find(working)
    alone = (
        segment_frame(prepare(volume, preprocessing), found, segmenter, coarse.get(t))
        for t, volume in enumerate(volumes)
    )
    for frame in consistent(alone, cycle):
        labels, evidence = segmenter.mask_of(frame, working, native)
        frame = replace(frame, evidence=evidence)  # noqa: PLW2901  # with what is known of its slices
        yield SegmentedVolume(labels, frame, working, time.perf_counter() - started)
        started = time.perf_counter()


def find_region(
    prepared: Iterable[Volume], localiser: Stage, working: Geometry, settings: LocalisationSettings
) -> tuple[Localisation, list[Volume]]:
    """Find one region of interest for a volume, or for some frames of a cine.

    Args:
        prepared: at least one volume, on the localiser's grid; all on the same.
        localiser: the coarse network.
        working: grid of the segmenter.
        settings: thresholds and sizes.

    Returns:
        The region, and the coarse mask of each volume, on the ``working`` grid.
    """
    seen = [_density_and_mask(volume, localiser, working, settings) for volume in prepared]
    # The soft-argmax's weights are relative to their largest already.
    percent = settings.percentile if settings.evidence == "map" else 100.0
    density = joined([one.array for one, _ in seen], percent)
    masks = [mask for _, mask in seen]
    together = np.any([mask.array for mask in masks], axis=0)
    return locate(Volume(density, working), Volume(together, working), working, settings), masks


def segment_frame(
    prepared: Volume, found: Localisation, segmenter: Segmenter, coarse: Volume | None = None
) -> FrameLogits:
    """Segment a prepared volume in a region, which is widened once if the mask touches its border.

    If the mask still touches it then, inside the image, the region found says that it is cut off.

    Args:
        prepared: on the segmenter's grid.
        found: the region.
        segmenter: the fine network.
        coarse: the localiser's mask on that grid, ``None`` if it has not seen this volume.
    """
    outputs = run_network(prepared, found.region, segmenter.stage)
    shape, widening = prepared.geometry.shape, segmenter.widening
    if widening is not None and touches_border(outputs["logits"][0], found.region, shape):
        wider = enlarge(found, prepared.geometry, widening)
        if wider is not None:
            found, outputs = wider, run_network(prepared, wider.region, segmenter.stage)
        found = replace(found, cut_off=touches_border(outputs["logits"][0], found.region, shape))
    logits, decider = outputs["logits"][0], segmenter.decider
    flips = flip_agreement(outputs[MIRRORED], logits) if MIRRORED in outputs else None
    if decider is not None:
        decider.shift(logits)
    foreground = foreground_of(logits)
    evidence = evidence_of(foreground, None if coarse is None else found.region.crop(coarse.array))
    slices = None
    if decider is not None and decider.decision.slices:
        slices = SliceEvidence.of(
            foreground.probability, foreground.places, len(logits[0]), logits[0, 0].size
        )
    return FrameLogits(logits, found, replace(evidence, flip_agreement=flips), slices)


def run_network(prepared: Volume, region: Region, stage: Stage) -> dict[str, NDArray[np.float32]]:
    """Run a network inside a region of a prepared volume.

    Args:
        prepared: image (Z, Y, X) as preprocessing returns it.
        region: on the grid of ``prepared``, in voxels.
        stage: network with its preprocessing.

    Returns:
        Its outputs by name, each (N, ..., *region.size); see :class:`~septum.inference.engine.Engine`.
    """
    part = cut(prepared, region, stage.preprocessing).array
    padding = padded_to_multiple(part.shape, stage.engine.multiple)
    outputs = stage.engine.run(np.ascontiguousarray(padding.crop(part))[None, None])
    z, y, x = (-start for start in padding.start)
    inside = Region((z, y, x), (z + part.shape[0], y + part.shape[1], x + part.shape[2]))
    return {name: inside.crop(values) for name, values in outputs.items()}


def paste_back(
    logits: NDArray[np.float32], region: Region, working: Geometry, native: Geometry, values: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Decide the labels on the native grid from logits in a region of the working grid.

    Logits are interpolated at the native voxel centres and the largest one decides; outside the region all is
    background.

    Args:
        logits: (K, z, y, x) with background first; K = 1 means one sigmoid channel.
        region: where the logits lie on ``working``.
        working: grid of the segmenter.
        native: grid of the original volume, parallel to ``working``.
        values: mask value of each foreground channel.
    """
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    labels = np.zeros(native.shape, dtype=np.uint8)
    heart = Region.bounding(logits[1:].max(axis=0) > logits[0])
    if heart is None:
        return labels
    # Between voxels of background there is only background: the heart decides, and what is averaged with it.
    reach = [max(1.0, n / w) for n, w in zip(native.spacing_mm, working.spacing_mm, strict=True)]
    near = heart.widened([ceil(2 * r) for r in reach]).clipped(logits.shape[1:])
    place = near.moved(region.start)
    target = native.window_of(place, working)
    if min(target.size) < 1:  # all of it lies in what the region pads the image with
        return labels
    part = resample(near.crop(logits), working.cropped(place), native.cropped(target))
    target.paste(np.asarray([0, *values], dtype=np.uint8)[largest_channel(part)[1]], labels)
    return labels


def touches_border(logits: NDArray[np.float32], region: Region, shape: tuple[int, int, int]) -> bool:
    """Say whether the heart reaches an in-plane border of the region that is not the image's own border.

    The heart is the largest component of the foreground; specks at the border say nothing about the region.

    Args:
        logits: (K, *region.size) with background first; K = 1 means one sigmoid channel.
        region: where they lie on the segmenter's grid.
        shape: of that grid, (Z, Y, X).
    """
    heart = largest_component(logits[1:].max(axis=0) > logits[0] if len(logits) > 1 else logits[0] > 0)
    if heart is None:
        return False
    for axis in (1, 2):
        ends = ((0, region.start[axis] > 0), (-1, region.stop[axis] < shape[axis]))
        if any(inside and heart.take(end, axis=axis).any() for end, inside in ends):
            return True
    return False


def _pixel_cm2(grid: Geometry) -> float:
    return float(np.prod(grid.spacing_mm[1:])) / 100


def _density_and_mask(
    prepared: Volume, stage: Stage, working: Geometry, settings: LocalisationSettings
) -> tuple[Volume, Volume]:
    """Run the coarse network on a prepared volume.

    Args:
        prepared: image (Z, Y, X) as preprocessing returns it.
        stage: coarse network with its preprocessing.
        working: grid of both results.
        settings: which evidence of the heart is taken.
    """
    padding = padded_to_multiple(prepared.array.shape, stage.engine.multiple)
    outputs = stage.engine.run(padding.crop(prepared.array)[None, None])
    grid = prepared.geometry.cropped(padding)
    coarse = outputs["logits"][0].max(axis=0)
    evidence = _relative_to_peak(coarse) if settings.evidence == "soft_argmax" else outputs["map"][0]
    # The coarse mask rides along with the map, so that both are upsampled in one pass.
    density, logit = resample(np.stack([evidence, coarse]), grid, working)
    return Volume(density, working), Volume(logit > 0, working)


def _relative_to_peak(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights of a softmax over all voxels, as multiples of the largest."""
    return np.exp(logits - logits.max())
