"""A method at test time: what finds the region, and what segments it. Every method is one such pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Geometry, Localisation, LocalisationPath, Region, Volume
from septum.inference.steps import Segmenter, find_region, segment_volumes
from septum.localisation import locate, region_about
from septum.methods.samples import NativeCase
from septum.preprocessing import PreprocessingSettings, prepare, prepare_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.inference import Stage
    from septum.localisation import LocalisationSettings

#: From a case and the segmenter's grid to a region on that grid. Only the one by the truth looks at labels.
Finder = Callable[[NativeCase, Geometry], Localisation]

#: From a case to the image that a network sees: prepared now, or kept from before.
Preparation = Callable[[NativeCase, PreprocessingSettings], Volume]


@dataclass(frozen=True)
class Prediction:
    """What a method makes of one case.

    Attributes:
        labels: on the native grid, (Z, Y, X) uint8, values as in the data set's schema.
        working_labels: on the segmenter's grid.
        working: the segmenter's grid.
        localisation: the region that was segmented, on ``working``.
        seconds: from the native volume to the native labels.
    """

    labels: NDArray[np.uint8]
    working_labels: NDArray[np.uint8]
    working: Geometry
    localisation: Localisation
    seconds: float


@dataclass(frozen=True)
class Pipeline:
    """A region finder and a segmenter.

    Attributes:
        find: where to segment.
        segmenter: what segments there.
    """

    find: Finder
    segmenter: Segmenter

    def predict(self, native: NativeCase) -> Prediction:
        """Segment one case; its true labels are not looked at, unless the finder says so."""
        native_grid = native.volume.geometry
        (found,) = segment_volumes(
            [native.volume], native_grid, lambda grid: (self.find(native, grid), {}), self.segmenter
        )
        # On its own grid the working mask is the same decision without interpolation.
        working_labels, _ = self.segmenter.mask_of(found.frame, found.working, found.working)
        return Prediction(found.labels, working_labels, found.working, found.frame.found, found.seconds)


def find_whole(_native: NativeCase, working: Geometry) -> Localisation:
    """The whole grid: no localisation."""
    return Localisation(Region.whole(working.shape), LocalisationPath.WHOLE)


def prepared_now(native: NativeCase, settings: PreprocessingSettings) -> Volume:
    """The case on a network's grid, prepared as the product does it."""
    return prepare(native.volume, settings)


def find_by_localiser(
    stage: Stage, settings: LocalisationSettings, prepared: Preparation = prepared_now
) -> Finder:
    """A first network's map, coarse mask or soft-argmax, as the settings say."""

    def find(native: NativeCase, working: Geometry) -> Localisation:
        found, _ = find_region([prepared(native, stage.preprocessing)], stage, working, settings)
        return found

    return find


def find_by_detector(
    stage: Stage, settings: LocalisationSettings, prepared: Preparation = prepared_now
) -> Finder:
    """A detector's box: its centre, with the settings' fixed size.

    The detector's engine gives ``box``, (1, 6): centre and size along (Z, Y, X) as shares of its grid.
    """

    def find(native: NativeCase, working: Geometry) -> Localisation:
        volume = prepared(native, stage.preprocessing)
        box = stage.engine.run(volume.array[None, None])["box"][0]
        return region_about(box[:3].tolist(), volume.geometry, working, settings)

    return find


def find_by_truth(
    settings: LocalisationSettings, values: tuple[int, ...], preprocessing: PreprocessingSettings
) -> Finder:
    """The oracle: the region that the settings place about the true foreground.

    Args:
        settings: of the region; its evidence is the true mask.
        values: mask values of the foreground.
        preprocessing: of the segmenter, whose grid the region lies on.
    """
    from_mask = settings.model_copy(update={"evidence": "coarse_mask"})

    def find(native: NativeCase, working: Geometry) -> Localisation:
        truth = prepare_labels(native.labels, values, native.volume.geometry, preprocessing) > 0
        found = locate(Volume(truth.astype(np.float32), working), Volume(truth, working), working, from_mask)
        return Localisation(found.region, LocalisationPath.TRUTH)

    return find
