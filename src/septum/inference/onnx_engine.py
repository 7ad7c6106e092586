"""ONNX Runtime on the CPU or a GPU: the second engine, an optional extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum.core import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.inference.execution import ModelOptions

#: What ONNX Runtime prints by itself; its errors come as exceptions, too.
ONLY_FATAL = 4
CUDA = "CUDAExecutionProvider"
#: Float32 throughout: TF32 would round the factors of every product to 10 bits.
CUDA_OPTIONS = {"use_tf32": 0}


class ONNXRuntimeEngine:
    """Runs an ONNX graph in float32. Arguments as for the OpenVINO engine.

    Raises:
        MissingExtraError: ONNX Runtime is not installed, or has no GPU to run on where one is asked for.
    """

    def __init__(self, graph: Path, multiple: tuple[int, int, int], options: ModelOptions) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "the engine 'onnxruntime' is not installed; run pip install 'septum[onnx]' (or "
                "'septum[cuda]' for a GPU), or use openvino."
            ) from error
        self.multiple = multiple
        session_options = onnxruntime.SessionOptions()
        session_options.log_severity_level = ONLY_FATAL
        if options.threads is not None:
            session_options.intra_op_num_threads = options.threads
        providers: list[Any] = ["CPUExecutionProvider"]
        if options.device == "cuda":
            providers.insert(0, (CUDA, CUDA_OPTIONS))
            if CUDA not in onnxruntime.get_available_providers():
                raise MissingExtraError(
                    "device cuda: this ONNX Runtime was built without CUDA; run pip uninstall onnxruntime "
                    "and pip install 'septum[cuda]'."
                )
        self._session = onnxruntime.InferenceSession(str(graph), session_options, providers=providers)
        if options.device == "cuda" and CUDA not in self._session.get_providers():
            raise MissingExtraError(
                "device cuda: ONNX Runtime found no GPU that it can use; check the driver, CUDA and cuDNN, "
                "or leave the option out."
            )
        image = self._session.get_inputs()[0]
        self._input, self.in_channels = image.name, _static(image.shape)
        self._names = [output.name for output in self._session.get_outputs()]
        self.channels = {
            output.name: _static(output.shape) if len(output.shape) == 5 else 1
            for output in self._session.get_outputs()
        }

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """See :class:`septum.inference.engine.Engine`."""
        return dict(zip(self._names, self._session.run(self._names, {self._input: image}), strict=True))


def _static(shape: list[Any]) -> int | None:
    """Number of channels, where the graph says it."""
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else None
