"""From the graphs of a bundle to stages that fit its description."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from septum.core import BundleError, SeptumError
from septum.inference.mirroring import MirrorEngine
from septum.inference.onnx_engine import ONNXRuntimeEngine
from septum.inference.openvino_engine import OpenVINOEngine
from septum.inference.steps import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from septum.inference.bundle import Bundle, Manifest, StageManifest
    from septum.inference.engine import GraphEngine
    from septum.inference.execution import ModelOptions

ENGINES: dict[str, Callable[[Path, tuple[int, int, int], ModelOptions], GraphEngine]] = {
    "openvino": OpenVINOEngine,
    "onnxruntime": ONNXRuntimeEngine,
}


def load_stages(bundle: Bundle, manifest: Manifest, options: ModelOptions) -> tuple[Stage, Stage]:
    """Localiser and segmenter of a bundle, compiled; neither has run yet.

    Args:
        bundle: that holds them.
        manifest: its description.
        options: how they run.

    Raises:
        SeptumError: the processor cannot do what is asked for.
        BundleError: a graph cannot be compiled, or does not take or give what the bundle describes.
        MissingExtraError: the engine is not installed, or finds no GPU.
    """
    with ThreadPoolExecutor(1) as beside:  # one graph is compiled while the other is
        other = beside.submit(_load, bundle, manifest.segmenter, options, {"logits"})
        localiser = _load(bundle, manifest.localiser, options, {"logits", "map"})
        segmenter = other.result()
    check_channels(bundle.graph(manifest.segmenter), segmenter, manifest.labels.names)
    return (
        Stage(localiser, manifest.localiser.preprocessing),
        Stage(MirrorEngine(segmenter) if options.flips else segmenter, manifest.segmenter.preprocessing),
    )


def check_channels(path: Path, graph: GraphEngine, structures: tuple[str, ...]) -> None:
    """Refuse a graph that does not tell a background and these structures from each other.

    Args:
        path: of the graph.
        graph: that is compiled.
        structures: their names; a single one may have a channel of its own and no background.

    Raises:
        BundleError: it has another number of channels.
    """
    channels = graph.channels["logits"]
    if channels in (None, len(structures) + 1) or channels == len(structures) == 1:
        return
    raise BundleError(
        f"{path}: expected {len(structures) + 1} channels (background, {', '.join(structures)}), got "
        f"{channels}; restore the bundle."
    )


def _load(bundle: Bundle, manifest: StageManifest, options: ModelOptions, expected: set[str]) -> GraphEngine:
    return load_graph(bundle.graph(manifest), manifest.multiple, options, expected)


def load_graph(
    path: Path, multiple: tuple[int, int, int], options: ModelOptions, expected: set[str]
) -> GraphEngine:
    """Compile a graph for images of one channel.

    Args:
        path: of the graph.
        multiple: the image size along (Z, Y, X) is a multiple of this.
        options: how it runs.
        expected: names of the outputs that it must have.

    Raises:
        SeptumError: the processor cannot do what is asked for.
        BundleError: it cannot be compiled, or does not take or give what is expected.
        MissingExtraError: the engine is not installed, or finds no GPU.
    """
    try:
        graph = ENGINES[options.engine_name](path, multiple, options)
    except (SeptumError, ImportError, MemoryError):
        raise
    except Exception as error:  # engines share no class of errors
        raise BundleError(
            f"{path}: expected an ONNX graph for images of one channel, but {options.engine_name} cannot run "
            "it; restore the bundle."
        ) from error
    if graph.in_channels not in (None, 1):
        raise BundleError(
            f"{path}: expected an ONNX graph for images of one channel, got one for {graph.in_channels}; "
            "restore the bundle."
        )
    if not expected <= graph.channels.keys():
        raise BundleError(
            f"{path}: expected the outputs {' and '.join(sorted(expected))}, "
            f"got {' and '.join(sorted(graph.channels))}; restore the bundle."
        )
    return graph
