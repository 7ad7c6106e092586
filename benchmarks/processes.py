"""``septum segment`` as a whole process: time and memory, on a volume, a cine, a folder, and as it grows."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from footprint import Cost, cost_of
from frame_time_result import Spread
from suite_result import Folder, Point, ProcessTimes

from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The volume of the targets: 216 x 256 x 10 voxels of 1.5625 x 1.5625 x 10 mm, as many of ACDC's.
SHAPE, IN_PLANE_MM = (10, 256, 216), 1.5625
CINE_FRAMES = 30
SEED = 0
#: What is varied one at a time, from a cine of 10 frames of SHAPE with all threads.
FRAMES, SLICES, MATRICES = (1, 5, 10, 20, 30), (5, 10, 15, 20), (144, 256, 384, 512)


@dataclass(frozen=True)
class Command:
    """What is run: program and options before the input."""

    words: tuple[str, ...]

    def once(self, inputs: Sequence[Path], out: Path, *options: str, memory: bool = False) -> Cost:
        """Segment inputs into a folder."""
        asked = [*self.words, *map(str, inputs), "-o", str(out), *options]
        return cost_of(asked, out.parent / "output.txt", memory=memory)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes."""
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as folder:
        yield Path(folder)


def phantom(file: Path, frames: int, shape: tuple[int, int, int], in_plane_mm: float = IN_PLANE_MM) -> Path:
    """A synthetic cine as int16 NIfTI."""
    slices, *matrix = shape
    settings = PhantomSettings(
        frames=frames, slices=slices, matrix=(matrix[0], matrix[1]), in_plane_mm=in_plane_mm
    )
    cine = beating_heart(np.random.default_rng(SEED), settings).cine
    write_image(file, type(cine)(cine.array.astype(np.int16), cine.geometry, cine.frame_interval_ms))
    return file


def process_times(command: Command, image: Path, repeats: int, *options: str) -> ProcessTimes:
    """Of one input; the first run is not counted, and memory is watched in a run of its own."""
    with scratch() as folder:
        walls = [command.once([image], folder / f"out{i}", *options).wall_s for i in range(1 + repeats)]
        peak = command.once([image], folder / "memory", *options, memory=True).peak_bytes
    return ProcessTimes(wall_s=Spread.of(walls[1:]), peak_mb=round(peak / 1e6, 1))


def frame_seconds(command: Command, image: Path) -> tuple[float, Spread]:
    """Seconds of a cine's first frame and of the others, as its record has them."""
    with scratch() as folder:
        command.once([image], folder / "out")
        (record,) = (folder / "out").glob("*_seg.json")
        first, *others = json.loads(record.read_text(encoding="utf-8"))["timings_s"]["frames"]
    return first, Spread.of(others)


def folder_times(command: Command, images: Sequence[Path], repeats: int) -> Folder:
    """Of a folder: warm from the first mask to the last, as the peer is measured."""
    walls, warm = [], []
    with scratch() as folder:
        for i in range(repeats):
            out = folder / f"out{i}"
            walls.append(command.once(images, out).wall_s)
            written = sorted(mask.stat().st_mtime for mask in out.rglob("*_seg.nii.gz"))
            if len(written) != len(images):
                raise RuntimeError(f"expected {len(images)} masks, got {len(written)}")
            warm.append((written[-1] - written[0]) / (len(written) - 1))
    return Folder(volumes=len(images), warm_s=Spread.of(warm), wall_s=Spread.of(walls))


def command_times(words: Sequence[str], repeats: int) -> Spread:
    """Seconds of a command that needs no input; the first run is not counted."""
    with scratch() as folder:
        return Spread.of(
            [cost_of(words, folder / "o.txt", memory=False).wall_s for _ in range(1 + repeats)][1:]
        )


def uncompiled_times(words: Sequence[str], repeats: int) -> Spread:
    """The same where Python finds no compiled files, as in the first run after some kinds of installing."""
    seconds = []
    for _ in range(repeats):
        with scratch() as folder:
            python, *rest = words
            asked = [python, "-X", f"pycache_prefix={folder / 'none'}", *rest]
            seconds.append(cost_of(asked, folder / "o.txt", memory=False).wall_s)
    return Spread.of(seconds)


def scaling(command: Command, threads: int) -> list[Point]:
    """Time and memory as frames, slices, matrix and threads are varied, one at a time."""
    asked = [(frames, SHAPE, IN_PLANE_MM, threads) for frames in FRAMES]
    asked += [(10, (slices, *SHAPE[1:]), IN_PLANE_MM, threads) for slices in SLICES]
    extent_mm = 256 * IN_PLANE_MM
    asked += [(10, (SHAPE[0], matrix, matrix), extent_mm / matrix, threads) for matrix in MATRICES]
    asked += [(10, SHAPE, IN_PLANE_MM, n) for n in range(1, threads)]
    with scratch() as folder:
        return [_point(command, folder / str(i), *one) for i, one in enumerate(dict.fromkeys(asked))]


def _point(
    command: Command, folder: Path, frames: int, shape: tuple[int, int, int], in_plane_mm: float, threads: int
) -> Point:
    folder.mkdir()
    image = phantom(folder / "cine.nii.gz", frames, shape, in_plane_mm)
    time.sleep(0.2)  # let the threads that made the phantom end
    quiet = command.once([image], folder / "quiet", "--threads", str(threads))
    watched = command.once([image], folder / "watched", "--threads", str(threads), memory=True)
    timings = json.loads((folder / "quiet" / "cine_seg.json").read_text(encoding="utf-8"))["timings_s"]
    return Point(
        frames=frames, shape=shape, threads=threads, wall_s=round(quiet.wall_s, 3),
        segment_s=round(sum(timings["frames"]), 3), peak_mb=round(watched.peak_bytes / 1e6, 1),
    )  # fmt: skip
