"""The steps of the multi-stage method, written once: localise, crop, segment, paste back.

Training, the study and the product run these same functions; only the engine differs. All volumes here have
their slice axis first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Geometry, Localisation, Region, Volume
from septum.inference.channels import largest_channel
from septum.inference.out_of_distribution import Evidence, evidence_of, flip_agreement
from septum.inference.temporal import FrameLogits
from septum.localisation import LocalisationSettings, enlarge, joined, largest_component, locate
from septum.preprocessing import PreprocessingSettings, cut, padded_to_multiple, prepare, resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from septum.inference.engine import Engine


#: In-plane axes of a volume that are reversed for each mirror image, none first.
MIRRORS: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))


@dataclass(frozen=True)
class Stage:
    """One network with the preprocessing that it was trained with."""

    engine: Engine
    preprocessing: PreprocessingSettings


def localise_prepared(
    prepared: Volume, stage: Stage, working: Geometry, settings: LocalisationSettings
) -> Localisation:
    """Region of interest on the ``working`` grid, from a volume on the coarse network's grid."""
    return locate(*_density_and_mask(prepared, stage, working, settings), working, settings)


def _density_and_mask(
    prepared: Volume, stage: Stage, working: Geometry, settings: LocalisationSettings
) -> tuple[Volume, Volume]:
    """Density map and coarse mask on the ``working`` grid."""
    padding = padded_to_multiple(prepared.array.shape, stage.engine.multiple)
    outputs = stage.engine.run(padding.crop(prepared.array)[None, None])
    grid = prepared.geometry.cropped(padding)
    coarse = outputs["logits"][0].max(axis=0)
    evidence = _softmax(coarse) if settings.evidence == "soft_argmax" else outputs["map"][0]
    # The coarse mask rides along with the map, so that both are upsampled in one pass.
    density, logit = resample(np.stack([evidence, coarse]), grid, working)
    return Volume(density, working), Volume(logit > 0, working)


def segment_region(
    prepared: Volume, region: Region, stage: Stage, *, flips: bool = False
) -> NDArray[np.float32]:
    """Logits (K, *region.size) of the fine network inside a region of the prepared volume.

    With ``flips`` they are the mean over the region and its three in-plane mirror images, at four times the
    work.
    """
    if flips:
        return np.mean(_logits_of(prepared, region, stage, MIRRORS), axis=0)
    return _logits_of(prepared, region, stage, MIRRORS[:1])[0]


def segment_found(
    prepared: Volume,
    found: Localisation,
    stage: Stage,
    settings: LocalisationSettings,
    *,
    flips: bool = False,
) -> tuple[NDArray[np.float32], Localisation, float | None]:
    """Logits in the region found, which is widened once if the mask touches its border inside the image.

    If it still touches then, the localisation says that it is cut off. The third is the agreement of the
    mirror images, ``None`` without flips; see :class:`~septum.inference.out_of_distribution.Evidence`.
    """
    logits, agreement = _segmented(prepared, found.region, stage, flips=flips)
    if touches_border(logits, found.region, prepared.geometry.shape):
        wider = enlarge(found, prepared.geometry, settings)
        if wider is not None:
            found = wider
            logits, agreement = _segmented(prepared, wider.region, stage, flips=flips)
        found = replace(found, cut_off=touches_border(logits, found.region, prepared.geometry.shape))
    return logits, found, agreement


def paste_back(
    logits: NDArray[np.float32], region: Region, working: Geometry, native: Geometry, values: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Labels on the native grid from logits in a region of the working grid.

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


def find_region(
    volumes: Sequence[Volume], localiser: Stage, working: Geometry, settings: LocalisationSettings
) -> tuple[Localisation, list[Volume]]:
    """One region of interest for some frames of a cine, and the coarse mask of each, on the ``working`` grid.

    Args:
        volumes: at least one, with slices first, on one grid.
        localiser: the coarse network.
        working: grid of the segmenter.
        settings: thresholds and sizes.
    """
    seen = [
        _density_and_mask(prepare(volume, localiser.preprocessing), localiser, working, settings)
        for volume in volumes
    ]
    # The soft-argmax's weights are relative to their largest already.
    percent = settings.percentile if settings.evidence == "map" else 100.0
    density = joined([one.array for one, _ in seen], percent)
    coarse = [mask for _, mask in seen]
    together = np.any([mask.array for mask in coarse], axis=0)
    return locate(Volume(density, working), Volume(together, working), working, settings), coarse


def segment_frame(
    prepared: Volume,
    found: Localisation,
    coarse: Volume | None,
    segmenter: Stage,
    localisation: LocalisationSettings,
    *,
    flips: bool = False,
) -> FrameLogits:
    """What the fine network makes of a frame in its region.

    Args:
        prepared: on the segmenter's grid.
        found: the region.
        coarse: the localiser's mask on that grid, ``None`` if it has not seen this frame.
        segmenter: the fine network.
        localisation: sizes to which the region may be widened.
        flips: as of :func:`segment_region`.
    """
    logits, found, mirrored = segment_found(prepared, found, segmenter, localisation, flips=flips)
    evidence = evidence_of(logits, None if coarse is None else found.region.crop(coarse.array))
    return FrameLogits(logits, found, replace(evidence, flip_agreement=mirrored))


def segment_volume(
    volume: Volume,
    localiser: Stage,
    segmenter: Stage,
    localisation: LocalisationSettings,
    values: tuple[int, ...],
    *,
    flips: bool = False,
) -> tuple[NDArray[np.uint8], Localisation, Evidence]:
    """The whole method for one volume with its slices first; ``flips`` as of :func:`segment_region`.

    Returns:
        Labels on the volume's own grid, the region with the way it was found, and the evidence of an image
        unlike those that the networks learnt from.
    """
    prepared = prepare(volume, segmenter.preprocessing)
    found, (coarse,) = find_region([volume], localiser, prepared.geometry, localisation)
    frame = segment_frame(prepared, found, coarse, segmenter, localisation, flips=flips)
    labels = paste_back(frame.logits, frame.found.region, prepared.geometry, volume.geometry, values)
    return labels, frame.found, frame.evidence


def touches_border(logits: NDArray[np.float32], region: Region, shape: tuple[int, int, int]) -> bool:
    """Whether the heart reaches an in-plane border of the region that is not the image's own border.

    The heart is the largest component of the foreground; specks at the border say nothing about the region.
    """
    heart = largest_component(logits[1:].max(axis=0) > logits[0] if len(logits) > 1 else logits[0] > 0)
    if heart is None:
        return False
    for axis in (1, 2):
        ends = ((0, region.start[axis] > 0), (-1, region.stop[axis] < shape[axis]))
        if any(inside and heart.take(end, axis=axis).any() for end, inside in ends):
            return True
    return False


def _segmented(
    prepared: Volume, region: Region, stage: Stage, *, flips: bool
) -> tuple[NDArray[np.float32], float | None]:
    """As :func:`segment_region`, and with flips how far the mirror images agree."""
    if not flips:
        return segment_region(prepared, region, stage), None
    images = _logits_of(prepared, region, stage, MIRRORS)
    mean = np.mean(images, axis=0)
    return mean, flip_agreement(images, mean)


def _logits_of(
    prepared: Volume, region: Region, stage: Stage, mirrors: Sequence[tuple[int, ...]]
) -> list[NDArray[np.float32]]:
    """Logits in a region, of each of these mirror images of it."""
    part = cut(prepared, region, stage.preprocessing)
    padding = padded_to_multiple(part.array.shape, stage.engine.multiple)
    image, inside = padding.crop(part.array), _inverse(padding, part.array.shape)
    return [inside.crop(_mirrored_logits(image, stage, axes)) for axes in mirrors]


def _mirrored_logits(image: NDArray[np.float32], stage: Stage, axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Logits (K, Z, Y, X) of an image (Z, Y, X) that the network sees reversed along these axes."""
    reversed_image = np.ascontiguousarray(np.flip(image, axes) if axes else image)
    logits = stage.engine.run(reversed_image[None, None])["logits"][0]
    return np.flip(logits, tuple(axis + 1 for axis in axes)) if axes else logits


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over all voxels, as multiples of the largest share."""
    return np.exp(logits - logits.max())


def _inverse(padding: Region, shape: tuple[int, ...]) -> Region:
    """The region of the padded array that holds the original one."""
    z, y, x = (-a for a in padding.start)
    return Region((z, y, x), (z + shape[0], y + shape[1], x + shape[2]))
