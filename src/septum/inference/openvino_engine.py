"""OpenVINO on the CPU: the default engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class OpenVINOEngine:
    """Runs an ONNX graph in float32; the graph is compiled once for all image sizes.

    Args:
        graph: ONNX file.
        multiple: see :class:`septum.inference.engine.Engine`.
        threads: CPU threads; ``None`` leaves the choice to OpenVINO.
    """

    def __init__(self, graph: Path, multiple: tuple[int, int, int], threads: int | None = None) -> None:
        import openvino

        self.multiple = multiple
        settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        compiled = openvino.Core().compile_model(str(graph), "CPU", settings)
        self._names = [_name_of(output.get_names()) for output in compiled.outputs]
        self._request = compiled.create_infer_request()

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        results = self._request.infer([image])
        return {name: results[i].copy() for i, name in enumerate(self._names)}


def _name_of(names: set[str]) -> str:
    """The name that the graph gives an output, among those that compilation may have added."""
    return next((name for name in ("logits", "map") if name in names), min(names))
