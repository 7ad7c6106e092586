"""What the benchmark of one frame writes: the schema of its JSON, and the facts beside the times."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.inference import Bundle

FORMAT: Literal[1] = 1
CPUINFO = Path("/proc/cpuinfo")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Part):
    """Seconds over the repeats: median, quartiles, extremes."""

    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Of at least one value, rounded to 10 microseconds."""
        least, lower, median, upper, most = (
            round(float(q), 5) for q in np.quantile(seconds, np.arange(5) / 4)
        )
        return cls(median=median, lower_quartile=lower, upper_quartile=upper, least=least, most=most)


class Machine(_Part):
    """Where it was measured.

    Attributes:
        processor: its name.
        system: kernel and architecture.
        cores: that the process may use.
        load_average: of the last minute when the measurement began; near 0 on a quiet machine.
    """

    processor: str
    system: str
    cores: int
    load_average: float


class BundleFacts(_Part):
    """Which model; ``sha256`` is of its ``model.json``, ``bytes`` of all its files."""

    name: str
    sha256: str
    bytes: int
    files: dict[str, int]


class ImageFacts(_Part):
    """The synthetic frame along (Z, Y, X)."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    seed: int


class EngineTimes(_Part):
    """One engine.

    Attributes:
        first_load_s: of the first load in the process, which also imports the engine.
        load_s: of the loads after that.
        frame_s: from array to mask.
        stages_s: what that is made of; their sum is ``frame_s`` but for rounding and medians.
    """

    first_load_s: float
    load_s: Spread
    frame_s: Spread
    stages_s: dict[str, Spread]


class Result(_Part):
    """Contents of the JSON; ``threads`` is ``None`` for the engine's own choice."""

    format: Literal[1] = FORMAT
    benchmark: Literal["frame_time"] = "frame_time"
    machine: Machine
    python: str
    versions: dict[str, str]
    bundle: BundleFacts
    image: ImageFacts
    threads: int | None
    repeats: int
    engines: dict[str, EngineTimes]


def machine_facts() -> Machine:
    """The machine as far as the system tells."""
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return Machine(
        processor=next(named, platform.processor() or "unknown"),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        load_average=round(os.getloadavg()[0], 2),
    )


def bundle_facts(bundle: Bundle) -> BundleFacts:
    """Hash and size of a bundle."""
    files = {file.name: file.stat().st_size for file in sorted(bundle.folder.iterdir())}
    return BundleFacts(
        name=bundle.manifest.name, sha256=bundle.sha256, bytes=sum(files.values()), files=files
    )
