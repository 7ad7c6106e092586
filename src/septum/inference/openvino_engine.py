"""OpenVINO on the CPU: the default engine."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from septum.core import SeptumError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.inference.execution import ModelOptions


class OpenVINOEngine:
    """Runs an ONNX graph; it is compiled once for all image sizes.

    Args:
        graph: ONNX file.
        multiple: see :class:`septum.inference.engine.Engine`.
        options: of which threads and precision matter here.

    Raises:
        SeptumError: bf16 is asked of a processor that does not multiply in it.
    """

    def __init__(self, graph: Path, multiple: tuple[int, int, int], options: ModelOptions) -> None:
        import openvino

        self.multiple = multiple
        core = openvino.Core()
        if options.precision == "bf16" and "BF16" not in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise SeptumError(
                "precision bf16: expected a processor that multiplies in bfloat16, and this one does not; "
                "leave the option out."
            )
        settings: dict[str, str | int] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": options.precision,
        }
        if options.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = options.threads
            # Else it ties its threads to the first processors, as all other processes do.
            settings["ENABLE_CPU_PINNING"] = False
        compiled = core.compile_model(str(graph), "CPU", settings)
        self.in_channels = _static(compiled.input(0).partial_shape, 1)
        self._names = [_name_of(output.get_names()) for output in compiled.outputs]
        self.channels = {
            name: _static(output.partial_shape, 1) if len(output.partial_shape) == 5 else 1
            for name, output in zip(self._names, compiled.outputs, strict=True)
        }
        self._request, self._turn = compiled.create_infer_request(), Lock()

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        with self._turn:  # a request computes one image at a time, whichever thread brings it
            results = self._request.infer([image], share_inputs=True)
            return {name: results[i].copy() for i, name in enumerate(self._names)}


def _static(shape: Any, axis: int) -> int | None:
    return int(shape[axis].get_length()) if shape[axis].is_static else None


def _name_of(names: set[str]) -> str:
    """The name that the graph gives an output, among those that compilation may have added."""
    return next((name for name in ("logits", "map") if name in names), min(names))
