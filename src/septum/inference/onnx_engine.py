"""ONNX Runtime on the CPU: the second engine, an optional extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

#: What ONNX Runtime prints by itself; its errors come as exceptions, too.
ONLY_FATAL = 4


class ONNXRuntimeEngine:
    """Runs an ONNX graph in float32. Arguments as for the OpenVINO engine.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(self, graph: Path, multiple: tuple[int, int, int], threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "the engine 'onnxruntime' is not installed; run pip install 'septum[onnx]', or use openvino."
            ) from error
        self.multiple = multiple
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ONLY_FATAL
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        return dict(zip(self._names, self._session.run(self._names, {self._input: image}), strict=True))
