"""What computes the networks, where, with how many threads and in which numbers."""

from __future__ import annotations

from dataclasses import dataclass

from septum.core import SeptumError

ENGINE_NAMES = ("openvino", "onnxruntime")
DEVICES = ("cpu", "cuda")
PRECISIONS = ("f32", "bf16")


@dataclass(frozen=True)
class Execution:
    """How networks are run.

    Attributes:
        engine: ``openvino`` or ``onnxruntime``; ``None`` takes OpenVINO on the CPU and ONNX Runtime on a GPU.
        threads: CPU threads, or ``None`` for the engine's choice.
        device: ``cpu``, or ``cuda`` with ONNX Runtime.
        precision: ``f32``, or ``bf16`` with OpenVINO on processors that multiply in it, where it is quicker.

    Raises:
        SeptumError: a value is unknown, or two do not go together.
    """

    engine: str | None = None
    threads: int | None = None
    device: str = "cpu"
    precision: str = "f32"

    def __post_init__(self) -> None:
        if self.engine is None:
            object.__setattr__(self, "engine", "openvino" if self.device == "cpu" else "onnxruntime")
        for what, value, known in (
            ("engine", self.engine, ENGINE_NAMES),
            ("device", self.device, DEVICES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise SeptumError(f"no {what} {value!r}: expected {' or '.join(known)}.")
        if self.threads is not None and self.threads < 1:
            raise SeptumError(
                f"threads: expected 1 or more, or None for the engine's choice, got {self.threads}."
            )
        if self.device == "cuda" and self.engine != "onnxruntime":
            raise SeptumError(f"device cuda: expected the engine onnxruntime, got {self.engine}.")
        if self.precision == "bf16" and self.engine != "openvino":
            raise SeptumError(f"precision bf16: expected the engine openvino, got {self.engine}.")
