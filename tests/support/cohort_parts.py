"""A cohort for tests: small phantoms in folders, and a model of a known clock that needs no network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.cohort.alone import do_lost, end_with
from septum.cohort.beginning import begin, unfinished
from septum.cohort.running import run_here
from septum.cohort.settings import CohortSettings
from septum.cohort.work import work_on
from septum.core import Localisation, LocalisationPath, Region
from septum.inference import FrameResult, ModelOptions, open_bundle
from septum.inference.out_of_distribution import Evidence
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from septum.cohort.beginning import Begun
    from septum.cohort.ends import ChunkReport, StudyEnded
    from septum.cohort.folder import CohortFolder
    from septum.cohort.running import RunEnd
    from septum.core import Cine

SETTINGS = PhantomSettings(frames=2, slices=5, matrix=(68, 68), in_plane_mm=3.0)
#: What a test says by the environment, since a worker is a process of its own: where calls are counted, how
#: long a study takes, and what a poisoned one does to its process.
CALLS, CLOCK, POISON = "COHORT_TEST_CALLS", "COHORT_TEST_SECONDS", "COHORT_TEST_POISON"
#: The grey value of a corner by which a study is known as poisoned.
POISONED = 7777.0
TESTS = Path(__file__).resolve().parents[1]


@cache
def phantom() -> Any:
    return beating_heart(np.random.default_rng(5), SETTINGS)


class StubModel:
    """Gives the phantom's true mask after a while; a poisoned study ends the process."""

    def __init__(self) -> None:
        self.bundle, self.options = open_bundle("cine"), ModelOptions(threads=1)
        self.loaded = self

    def begin(self) -> None:
        return

    def segment_frames(self, cine: Cine) -> Iterator[FrameResult]:
        if os.environ.get(CALLS):
            with Path(os.environ[CALLS]).open("a", encoding="ascii") as stream:
                stream.write("1\n")
        if cine.array[0, 0, 0, 0] == POISONED:
            os.kill(os.getpid(), int(os.environ.get(POISON, signal.SIGSEGV)))
            time.sleep(10)
        time.sleep(float(os.environ.get(CLOCK, "0")))
        frames, *shape = cine.array.shape
        for labels in hearts_of(frames, tuple(shape)):
            region = Localisation(Region((0, 0, 0), tuple(shape)), LocalisationPath.MAP)
            evidence = Evidence(0.99, 0.99, (0.95, 0.9, 0.95))
            yield FrameResult(labels, region, cine.geometry, evidence, 0.0)


@cache
def hearts_of(frames: int, shape: tuple[int, ...]) -> Any:
    """A ring about a cavity that grows smaller, and a ball beside it, in all slices but the outer ones."""
    y, x = np.ogrid[: shape[1], : shape[2]]
    from_middle = np.hypot(y - shape[1] / 2, x - shape[2] / 2)
    beside = np.hypot(y - shape[1] / 2, x - shape[2] / 2 + 22)
    labels = np.zeros((frames, *shape), np.uint8)
    for t in range(frames):
        labels[t, 1:-1][:, beside < 9 - t] = 1
        labels[t, 1:-1][:, from_middle < 13] = 2
        labels[t, 1:-1][:, from_middle < 9 - t] = 3
    return labels


def write_phantoms(folder: Path, names: Sequence[str], *, poisoned: Sequence[str] = ()) -> None:
    """One phantom, linked into the folder of each name; those that are poisoned are marked."""
    folder.mkdir(parents=True, exist_ok=True)
    first = folder.parent / "phantom.nii.gz"
    if not first.exists():
        write_image(first, phantom().cine)
    for name in names:
        (folder / name).mkdir()
        if name in poisoned:
            cine = phantom().cine
            array = cine.array.copy()
            array[0, 0, 0, 0] = POISONED
            write_image(folder / name / "cine.nii.gz", replace(cine, array=array))
        else:
            os.link(first, folder / name / "cine.nii.gz")


def write_some(folder: Path, count: int) -> Path:
    write_phantoms(folder, [f"P{number}" for number in range(count)])
    return folder


def begun(source: Path, out: Path, *, chunk: int = 4, **settings: Any) -> Begun:
    return begin([source], out, CohortSettings(**settings), chunk=chunk)


@cache
def stub() -> Any:
    return StubModel()


def stub_work(out: Path, chunk: str, **tell: Any) -> ChunkReport:
    return work_on(out, chunk, model=stub(), alone=stub_alone, **tell)


class Seen:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.ended: list[StudyEnded] = []
        self.said: list[str] = []

    def study(self, ended: StudyEnded) -> None:
        self.ended.append(ended)

    def say(self, text: str) -> None:
        self.said.append(text)


def run(folder: CohortFolder, shard: tuple[int, int] | None = None) -> tuple[RunEnd, Seen]:
    """Do what is left, in this process."""
    seen = Seen()
    return run_here(folder.path, unfinished(folder, shard), seen, stub_work), seen


def stub_task(out: str, chunk: str) -> dict[str, Any]:
    """What a worker of Dask does in tests."""
    from septum.cohort.dask_engine import work_on_chunk

    return work_on_chunk(out, chunk, stub_work)


def stub_alone(out: Path, chunk: str) -> int:
    code = f"import support.cohort_parts as p; p.alone_main({str(out)!r}, {chunk!r}, {os.getpid()})"
    return subprocess.run([sys.executable, "-c", code], check=False, env=environment()).returncode


def alone_main(out: str, chunk: str, parent: int) -> None:
    end_with(parent)
    os._exit(do_lost(Path(out), chunk, stub()))


def environment(**more: str) -> dict[str, str]:
    """In which a process finds these functions."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]), **more}


def started(function: str, *arguments: Any, **more: str) -> subprocess.Popen[bytes]:
    """A process that calls a function of ``support``, as in ``cohort_parts.shard_main``."""
    module, _, name = function.rpartition(".")
    told = ", ".join(repr(str(one)) for one in arguments)
    code = f"import support.{module} as m; m.{name}({told})"
    return subprocess.Popen([sys.executable, "-c", code], env=environment(**more))


def shard_main(out: str, shard: str) -> None:
    """The process of a shard."""
    from septum.cohort.beginning import unfinished
    from septum.cohort.folder import CohortFolder

    number, count = map(int, shard.split("/"))
    for chunk in unfinished(CohortFolder(Path(out)), (number, count)):
        report = stub_work(Path(out), chunk)
        if report.stop:
            sys.stderr.write(report.stop.message + "\n")
            os._exit(report.stop.exit_code)
