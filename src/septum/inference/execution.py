"""How a model runs: what computes its networks, where, in which numbers, with how many threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from septum.core import SeptumError

EngineName = Literal["openvino", "onnxruntime"]
Device = Literal["cpu", "cuda"]
Precision = Literal["f32", "bf16"]


class ModelKeywords(TypedDict, total=False):
    """The fields of :class:`ModelOptions` as keyword arguments, for functions that pass them on."""

    engine: EngineName | None
    device: Device
    precision: Precision
    threads: int | None
    flips: bool


@dataclass(frozen=True)
class ModelOptions:
    """How a model runs.

    >>> ModelOptions(device="cuda").engine_name
    'onnxruntime'

    Attributes:
        engine: ``openvino`` or ``onnxruntime``; ``None`` takes OpenVINO on the CPU and ONNX Runtime on a GPU.
        device: ``cpu``, or ``cuda`` with ONNX Runtime.
        precision: ``f32``, or ``bf16`` with OpenVINO on processors that multiply in it, where it is quicker.
        threads: CPU threads, or ``None`` for the engine's choice.
        flips: average the segmenter's answer over four mirror images of the region, which takes two to three
            times as long.

    Raises:
        SeptumError: a value is unknown, or two do not go together.
    """

    engine: EngineName | None = None
    device: Device = "cpu"
    precision: Precision = "f32"
    threads: int | None = None
    flips: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("engine", self.engine_name, get_args(EngineName)),
            ("device", self.device, get_args(Device)),
            ("precision", self.precision, get_args(Precision)),
        ):
            if value not in known:
                raise SeptumError(f"no {what} {value!r}: expected {' or '.join(known)}.")
        if self.threads is not None and self.threads < 1:
            raise SeptumError(
                f"threads: expected 1 or more, or None for the engine's choice, got {self.threads}."
            )
        if self.device == "cuda" and self.engine_name != "onnxruntime":
            raise SeptumError(f"device cuda: expected the engine onnxruntime, got {self.engine_name}.")
        if self.precision == "bf16" and self.engine_name != "openvino":
            raise SeptumError(f"precision bf16: expected the engine openvino, got {self.engine_name}.")

    @classmethod
    def of(cls, keywords: ModelKeywords) -> ModelOptions:
        """Take over keyword arguments.

        Raises:
            SeptumError: one is unknown, or has no such value.

        >>> ModelOptions.of({"threads": 2}).threads
        2
        """
        known = ModelKeywords.__annotations__
        unknown = [name for name in keywords if name not in known]
        if unknown:
            from septum.core.settings_error import meant  # noqa: PLC0415  # where something is wrong

            raise SeptumError(f"{unknown[0]}: there is no such option{meant(unknown[0], list(known))}.")
        return cls(**keywords)

    @property
    def engine_name(self) -> EngineName:
        """The engine that runs: the one that is given, or the one that suits the device."""
        if self.engine is not None:
            return self.engine
        return "openvino" if self.device == "cpu" else "onnxruntime"
