"""A loaded model: images in, masks out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import Cine, Geometry, InputError, Localisation, Segmentation, SeptumError, Volume
from septum.inference.bundle import Bundle, StageManifest, open_bundle
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.inference.openvino_engine import OpenVINOEngine
from septum.inference.postprocessing import postprocess
from septum.inference.steps import Stage, segment_volume
from septum.preprocessing import Orientation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.inference.engine import Engine

ENGINES: dict[str, Callable[[Path, tuple[int, int, int], int | None], Engine]] = {
    "openvino": OpenVINOEngine,
    "onnxruntime": ONNXRuntimeEngine,
}


@dataclass(frozen=True)
class FrameResult:
    """What the model makes of one frame.

    Attributes:
        labels: mask on the frame's own grid, (Z, Y, X) uint8.
        localisation: region of interest and how it was found, on ``working_geometry``.
        working_geometry: grid of the segmenter, slices first.
        seconds: time that the frame took.
    """

    labels: NDArray[np.uint8]
    localisation: Localisation
    working_geometry: Geometry
    seconds: float


class Model:
    """A bundle with its networks ready to run.

    Args:
        bundle: checked bundle.
        engine: ``openvino`` or ``onnxruntime``.
        threads: CPU threads, or ``None`` for the engine's choice.
    """

    def __init__(self, bundle: Bundle, engine: str = "openvino", threads: int | None = None) -> None:
        if engine not in ENGINES:
            raise SeptumError(f"no engine {engine!r}: expected {' or '.join(ENGINES)}.")
        self.bundle, self.engine = bundle, engine

        def stage(manifest: StageManifest) -> Stage:
            graph = ENGINES[engine](bundle.graph(manifest), manifest.multiple, threads)
            return Stage(graph, manifest.preprocessing)

        self._localiser = stage(bundle.manifest.localiser)
        self._segmenter = stage(bundle.manifest.segmenter)

    def segment_frames(self, cine: Cine) -> Iterator[FrameResult]:
        """Segment the frames of a cine one after the other, each on its own."""
        for t in range(len(cine)):
            yield self.segment_volume(cine.frame(t))

    def segment_volume(self, volume: Volume) -> FrameResult:
        """Segment one volume in any order of axes; the mask comes back on its own grid."""
        started = time.perf_counter()
        orientation = Orientation.of(volume.geometry)
        oriented = Volume(
            np.ascontiguousarray(orientation.apply(volume.array)), volume.geometry.permuted(orientation.axes)
        )
        manifest = self.bundle.manifest
        labels, found = segment_volume(
            oriented, self._localiser, self._segmenter, manifest.localisation, manifest.labels.values
        )
        labels = postprocess(labels, manifest.labels.values, manifest.postprocessing)
        return FrameResult(
            labels=np.ascontiguousarray(orientation.undo(labels)),
            localisation=found,
            working_geometry=oriented.geometry.resampled(manifest.segmenter.preprocessing.spacing_mm),
            seconds=time.perf_counter() - started,
        )

    def segment(self, array: NDArray[Any], *, spacing_mm: Sequence[float]) -> Segmentation:
        """Segment an array.

        Args:
            array: (Z, Y, X), or (T, Z, Y, X) for a cine; any numeric type.
            spacing_mm: distance of voxel centres along (Z, Y, X), in mm.

        Returns:
            Labels (T, Z, Y, X); T is 1 for a 3-D array.

        Raises:
            InputError: the array is no image of numbers with 3 or 4 axes, or the spacing is not positive.
        """
        cine = _cine_of(array, spacing_mm)
        labels = np.stack([frame.labels for frame in self.segment_frames(cine)])
        return Segmentation(labels, cine.geometry, self.bundle.manifest.labels)


def load_model(model: str | Path = "cine", *, engine: str = "openvino", threads: int | None = None) -> Model:
    """Load a shipped model by name, or any bundle by its folder.

    Args:
        model: ``cine``, or a bundle's folder.
        engine: ``openvino`` or ``onnxruntime``.
        threads: CPU threads, or ``None`` for the engine's choice.

    Raises:
        BundleError: the bundle is missing or damaged.
        MissingExtraError: the engine is not installed.
    """
    return Model(open_bundle(model), engine, threads)


def _cine_of(array: NDArray[Any], spacing_mm: Sequence[float]) -> Cine:
    frames = np.asarray(array)
    if frames.ndim not in (3, 4) or frames.dtype.kind not in "biuf" or frames.size == 0:
        raise InputError(
            "array: expected numbers with axes (Z, Y, X) or (T, Z, Y, X), "
            f"got {frames.dtype} of shape {frames.shape}."
        )
    if not np.isfinite(frames).all():
        raise InputError("array: expected finite voxels, got NaN or infinity; replace them first.")
    spacing = tuple(float(s) for s in spacing_mm)
    if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise InputError(f"spacing_mm: expected three positive numbers (Z, Y, X) in mm, got {spacing}.")
    frames = frames if frames.ndim == 4 else frames[None]  # T, Z, Y, X
    depth, height, width = frames.shape[1:]
    return Cine(frames, Geometry((depth, height, width), spacing))
