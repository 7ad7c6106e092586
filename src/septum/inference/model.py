"""A loaded model: images in, masks out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Unpack

import numpy as np

from septum.core import (
    BundleError,
    Cine,
    Geometry,
    Localisation,
    Orientation,
    Segmentation,
    Volume,
)
from septum.core.arrays import cine_from_array
from septum.inference.bundle import Bundle, Manifest, open_bundle
from septum.inference.execution import ModelOptions
from septum.inference.frame_result import FrameResult
from septum.inference.loading import load_stages
from septum.inference.steps import Segmenter, find_region, segment_volumes
from septum.preprocessing import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.inference.execution import ModelKeywords

#: Frames of a cine in which the heart is looked for.
LOCALISED_FRAMES = 4


class Method(Protocol):
    """How a kind of model segments; see :class:`TwoStageMethod`."""

    def segment_frames(self, cine: Cine, *, smooth: bool = True) -> Iterator[FrameResult]:
        """See :meth:`Model.segment_frames`."""
        ...


class TwoStageMethod:
    """Finds the heart with one network, and segments it with another.

    Args:
        bundle: checked bundle.
        manifest: its description.
        options: how its networks run.

    Raises:
        SeptumError, BundleError, MissingExtraError: as of :class:`Model`.
    """

    def __init__(self, bundle: Bundle, manifest: Manifest, options: ModelOptions) -> None:
        self.manifest = manifest
        self.localiser, segmenter = load_stages(bundle, manifest, options)
        self.segmenter = Segmenter(
            segmenter,
            manifest.labels.values,
            manifest.localisation,
            manifest.postprocessing,
            manifest.decider,
        )

    def segment_frames(self, cine: Cine, *, smooth: bool = True) -> Iterator[FrameResult]:
        """Segment the frames of a cine one after the other, in any order of axes.

        The heart is looked for in a few frames spread over the cine, and all frames are segmented in the one
        region found; its time is in the first frame's. A frame's mask comes back on its own grid.

        Args:
            cine: one frame or more.
            smooth: make frames consistent with their neighbours, see :mod:`septum.inference.temporal`.
        """
        orientation = Orientation.of(cine.geometry)
        native = cine.geometry.permuted(orientation.axes)

        def oriented(t: int) -> Volume:
            return Volume(np.ascontiguousarray(orientation.apply(cine.array[t])), native)

        def find(working: Geometry) -> tuple[Localisation, Mapping[int, Volume]]:
            seen = _spread(len(cine), LOCALISED_FRAMES)
            prepared = (prepare(oriented(t), self.localiser.preprocessing) for t in seen)
            found, masks = find_region(prepared, self.localiser, working, self.manifest.localisation)
            return found, dict(zip(seen, masks, strict=True))

        volumes = map(oriented, range(len(cine)))
        for one in segment_volumes(volumes, native, find, self.segmenter, cycle=len(cine) if smooth else 1):
            yield FrameResult(
                labels=np.ascontiguousarray(orientation.undo(one.labels)),
                localisation=one.frame.found,
                working_geometry=one.working,
                evidence=one.frame.evidence,
                seconds=one.seconds,
            )


class Model:
    """A bundle with its networks ready to run.

    Args:
        bundle: checked bundle.
        options: how its networks run; ``None`` for the defaults.

    Raises:
        SeptumError: the processor cannot do what is asked for.
        BundleError: a graph cannot be compiled, or does not give what the bundle describes; or flips are
            asked of one that has not learnt from mirror images.
        MissingExtraError: the engine is not installed, or finds no GPU.

    >>> from septum.phantom import PhantomSettings, beating_heart
    >>> cine = beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, matrix=(144, 144))).cine
    >>> load_model("cine").segment(cine.array, spacing_mm=cine.geometry.spacing_mm)
    Segmentation(RV, MYO, LV; 1 x 10 x 144 x 144 uint8, 10 x 1.4 x 1.4 mm)
    """

    def __init__(self, bundle: Bundle, options: ModelOptions | None = None) -> None:
        self.bundle, self.options = bundle, options or ModelOptions()
        check_mirror_images(bundle, self.options)
        self.method: Method = _method(bundle, self.options)

    @property
    def two_stage(self) -> TwoStageMethod:
        """Its networks, where it has a localiser and a segmenter. Raises :class:`BundleError`."""
        if not isinstance(self.method, TwoStageMethod):
            raise BundleError(
                f"{self.bundle.folder}: expected a model with a localiser and a segmenter, and this one is "
                "of another kind; give another model."
            )
        return self.method

    def segment_frames(self, cine: Cine, *, smooth: bool = True) -> Iterator[FrameResult]:
        """Segment the frames of a cine one after the other, in any order of axes.

        A frame's mask comes back on its own grid.

        Args:
            cine: one frame or more.
            smooth: make frames consistent with their neighbours, where the kind of model does.
        """
        return self.method.segment_frames(cine, smooth=smooth)

    def segment_volume(self, volume: Volume) -> FrameResult:
        """Segment one volume in any order of axes; the mask comes back on its own grid."""
        (frame,) = self.segment_frames(Cine(volume.array[None], volume.geometry))
        return frame

    def segment(self, array: NDArray[Any], *, spacing_mm: Sequence[float]) -> Segmentation:
        """Segment an array.

        Args:
            array: (Z, Y, X), or (T, Z, Y, X) for a cine; any numeric type.
            spacing_mm: distance of voxel centres along (Z, Y, X), in mm.

        Returns:
            Labels (T, Z, Y, X); T is 1 for a 3-D array.

        Raises:
            InputError: the array is no image of numbers with 3 or 4 axes, or none of a heart; or the
                spacing is not three positive numbers.
        """
        cine = cine_from_array(array, spacing_mm)
        labels = np.stack([frame.labels for frame in self.segment_frames(cine)])
        return Segmentation(labels, cine.geometry, self.bundle.manifest.labels)


def check_mirror_images(bundle: Bundle, options: ModelOptions) -> None:
    """Check that a bundle can run as the options say.

    Raises:
        BundleError: they ask for mirror images, and it is known not to have learnt from them.
    """
    if options.flips and bundle.manifest.mirror_images is False:
        raise BundleError(
            f"flips: model {bundle.manifest.name} has not learnt from mirror images, so that a mean over "
            "them would be worse; leave it out."
        )


def load_model(model: str | Path = "cine", **options: Unpack[ModelKeywords]) -> Model:
    """Load a shipped model by name, or any bundle by its folder.

    Args:
        model: ``cine``, ``la``, or a bundle's folder.
        **options: ``engine``, ``device``, ``precision``, ``threads`` and ``flips``, as of
            :class:`~septum.inference.ModelOptions`.

    Raises:
        SeptumError: there is no such option, engine, device or precision, or they do not go together.
        BundleError: the bundle is missing or damaged, or flips are asked of one that knows no mirror images.
        MissingExtraError: the engine is not installed, or finds no GPU.

    >>> model = load_model("cine")
    >>> model.bundle.manifest.labels.names
    ('RV', 'MYO', 'LV')
    """
    return Model(open_bundle(model), ModelOptions.of(options))


def _method(bundle: Bundle, options: ModelOptions) -> Method:
    """The method of a bundle's kind; what only one kind needs is loaded with it."""
    if isinstance(bundle.manifest, Manifest):
        return TwoStageMethod(bundle, bundle.manifest, options)
    from septum.inference.sliding_manifest import SlidingManifest  # noqa: PLC0415  # see above
    from septum.inference.sliding_model import SlidingWindowMethod  # noqa: PLC0415  # see above

    if isinstance(bundle.manifest, SlidingManifest):
        return SlidingWindowMethod(bundle, bundle.manifest, options)
    raise TypeError(f"expected a description of a known kind, got {type(bundle.manifest).__name__}")


def _spread(frames: int, count: int) -> list[int]:
    """At most so many frames, evenly spread over a cycle, the first among them."""
    return sorted({i * frames // count for i in range(count)})
