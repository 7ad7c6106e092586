"""From the graphs of a bundle to stages that are known to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import BundleError, SeptumError
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.inference.openvino_engine import OpenVINOEngine
from septum.inference.steps import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.inference.bundle import Bundle, StageManifest
    from septum.inference.engine import Engine

ENGINES: dict[str, Callable[[Path, tuple[int, int, int], int | None], Engine]] = {
    "openvino": OpenVINOEngine,
    "onnxruntime": ONNXRuntimeEngine,
}


def load_stages(bundle: Bundle, engine: str, threads: int | None) -> tuple[Stage, Stage]:
    """Localiser and segmenter of a bundle; each has run once, on the smallest image.

    Raises:
        SeptumError: there is no such engine.
        BundleError: a graph cannot be run, or does not give what the bundle describes.
        MissingExtraError: the engine is not installed.
    """
    if engine not in ENGINES:
        raise SeptumError(f"no engine {engine!r}: expected {' or '.join(ENGINES)}.")
    manifest = bundle.manifest
    localiser, _ = _load(bundle, manifest.localiser, engine, threads, {"logits", "map"})
    segmenter, outputs = _load(bundle, manifest.segmenter, engine, threads, {"logits"})
    names, channels = manifest.labels.names, len(outputs["logits"][0])
    if channels != len(names) + 1 and not channels == len(names) == 1:
        raise BundleError(
            f"{bundle.graph(manifest.segmenter)}: expected {len(names) + 1} channels (background, "
            f"{', '.join(names)}), got {channels}; restore the bundle."
        )
    return localiser, segmenter


def _load(
    bundle: Bundle, manifest: StageManifest, engine: str, threads: int | None, expected: set[str]
) -> tuple[Stage, dict[str, NDArray[np.float32]]]:
    """A stage, and what its network gives for an image of zeros."""
    path = bundle.graph(manifest)
    try:
        graph = ENGINES[engine](path, manifest.multiple, threads)
        outputs = graph.run(np.zeros((1, 1, *manifest.multiple), dtype=np.float32))
    except (SeptumError, ImportError, MemoryError):
        raise
    except Exception as error:  # engines share no class of errors
        raise BundleError(
            f"{path}: expected an ONNX graph for images of one channel, but {engine} cannot run it; "
            "restore the bundle."
        ) from error
    if not expected <= outputs.keys():
        raise BundleError(
            f"{path}: expected the outputs {' and '.join(sorted(expected))}, "
            f"got {' and '.join(sorted(outputs))}; restore the bundle."
        )
    return Stage(graph, manifest.preprocessing), outputs
