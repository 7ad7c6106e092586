"""The largest memory that a piece of work takes, where the system can tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_PROCESS = Path("/proc/self")  # Linux alone has it
_FORGET = _PROCESS / "clear_refs"
_PEAK_OF_RESIDENT_SET = "5"


def forget_peak(device: torch.device) -> None:
    """Measure the next peak of memory from here on, if it can be."""
    if device.type == "cuda":
        import torch  # noqa: PLC0415  # tables are made from results without it

        torch.cuda.reset_peak_memory_stats(device)
    elif _can_forget():
        _FORGET.write_text(_PEAK_OF_RESIDENT_SET, encoding="ascii")


def peak_memory_mb(device: torch.device) -> float | None:
    """The largest memory since :func:`forget_peak`, in MB: allocated on the GPU, or resident of this process.

    ``None`` where the system cannot count anew: the largest of the process's whole life would be another
    number.
    """
    if device.type == "cuda":
        import torch  # noqa: PLC0415

        return torch.cuda.max_memory_allocated(device) / 1e6
    if not _can_forget():
        return None
    lines = (_PROCESS / "status").read_text(encoding="ascii", errors="replace").splitlines()
    peaks_kib = [float(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return peaks_kib[0] * 1024 / 1e6 if peaks_kib else None


def _can_forget() -> bool:
    return os.access(_FORGET, os.W_OK)
