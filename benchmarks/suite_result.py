"""What the speed benchmark writes: the schema of its JSON."""

from __future__ import annotations

from typing import Literal

from frame_time_result import BundleFacts, Machine, Spread
from pydantic import BaseModel, ConfigDict

FORMAT: Literal[1] = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProcessTimes(_Part):
    """A command as a whole process, several times.

    Attributes:
        wall_s: from its start to its end.
        peak_mb: largest proportional set size of all its processes, in MB, in a run of its own.
    """

    wall_s: Spread
    peak_mb: float | None = None


class Folder(_Part):
    """A folder of volumes in one process.

    Attributes:
        volumes: how many.
        warm_s: seconds a volume from the first mask written to the last, over the repeats.
        wall_s: of the whole process.
    """

    volumes: int
    warm_s: Spread
    wall_s: Spread


class Inside(_Part):
    """Where the time of volumes goes inside a process whose model is loaded.

    Attributes:
        volumes: how many different ones.
        wall_s: for all of them, reading and writing overlapped with the networks.
        overlapped_networks_s: time in the networks within that.
        networks_s: time in the networks, all steps one after the other.
        other_s: of the other steps then: reading, resampling, region, pasting, writing the mask.
        rest_s: of what follows from the mask then: indices, verdict, record.
        flop: floating-point operations of the networks' convolutions.
    """

    volumes: int
    wall_s: float
    overlapped_networks_s: float
    networks_s: float
    other_s: float
    rest_s: float
    flop: float


class Peer(_Part):
    """nnU-Net beside us; ``configuration`` as it names it."""

    configuration: str
    mirroring: bool
    volume: ProcessTimes
    folder: Folder | None


class Accuracy(_Part):
    """Mean Dice of unseen cases by the fast path and by the reference path.

    Attributes:
        cases: volumes.
        reference: float32 in torch.
        fast: by way of computing; each frame alone, but for ``cine``: both phases as one cine.
    """

    cases: int
    reference: float
    fast: dict[str, float]


class Point(_Part):
    """One point of the scaling measurement."""

    frames: int
    shape: tuple[int, int, int]
    threads: int
    wall_s: float
    segment_s: float
    peak_mb: float


class Suite(_Part):
    """Contents of ``benchmarks/results/suite.json``; ``None`` where something was not measured.

    Attributes:
        commit: of the code.
        versions: of the libraries.
        environment_mb: size on disk of what ``pip install septum`` brings, pip included.
        best_gflops: best rate of convolution measured on this machine.
        imports_s: `septum --help`, `import septum`, and all imports with both graphs compiled, with and
            without Python's compiled files.
        volume: a volume of 216 x 256 x 10 by way of computing.
        cine: a cine of 30 such frames.
        cine_first_frame_s, cine_frame_s: of the cine's frames, the first with the search for the heart.
    """

    format: Literal[1] = FORMAT
    benchmark: Literal["suite"] = "suite"
    machine: Machine
    python: str
    commit: str
    versions: dict[str, str]
    bundle: BundleFacts
    environment_mb: float
    best_gflops: float
    imports_s: dict[str, Spread]
    volume: dict[str, ProcessTimes]
    cine: ProcessTimes
    cine_first_frame_s: float
    cine_frame_s: Spread
    folder: Folder
    inside: dict[str, Inside]
    accuracy: Accuracy | None
    peers: list[Peer]
    peer_facts: dict[str, str | int | float | dict[str, str] | dict[str, int] | None]
    scaling: list[Point]
