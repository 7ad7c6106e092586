"""Damage images and studies of every format from a seed; report what ends in neither result nor refusal.

    python tools/fuzz.py --seed 1 --inputs 20000
    python tools/fuzz.py --seed 2 --seconds 60 --keep finds

Each input follows from the seed and its number alone: ``--only NUMBER`` makes one again. Reported are errors
other than a :class:`septum.core.SeptumError`, warnings of Python, refusals that are not one sentence or that
tell a patient's name, images that contradict themselves, masks whose header and voxels disagree, more than
2 GB of memory and more than a minute. It needs the environment for development (``tests/support`` makes the
studies).
"""

from __future__ import annotations

import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from septum.core import VENTRICLES, Segmentation, SeptumError
from septum.io import (
    content_sha256,
    dicom_contents,
    find_images,
    mask_suffix,
    read_mask,
    read_study,
    write_mask,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fuzz_inputs import SECRETS, made_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_SECONDS = 60
MOST_BYTES = 2 * 2**30
MOST_CHARACTERS = 2000


class TooSlowError(BaseException):
    """An input has taken its time; no reader catches this."""


@dataclass(frozen=True)
class Find:
    """One input that ended in neither a result nor a refusal."""

    number: int
    form: str
    what: str


def faults(folder: Path, read: list[Path]) -> Iterator[str]:
    """Read all that is in a folder, and say what is wrong about results and refusals.

    Args:
        folder: of the input.
        read: gets what was read.
    """
    sources: list[Path] = [folder]
    yield from _refusal(lambda: sources.extend(_found(folder)))
    for source in dict.fromkeys(sources):
        yield from _refusal(lambda source=source: content_sha256(source))
        if source.is_dir():
            yield from _refusal(lambda source=source: dicom_contents(source))
        kept: list[Any] = []
        yield from _refusal(lambda source=source, kept=kept: kept.append(read_study(source, allow_mask=True)))
        if kept:
            read.append(source)
            yield from _contradictions(kept[0], folder)


def _found(folder: Path) -> list[Path]:
    listing = find_images(folder)
    return [*listing.images, *listing.studies]


def _refusal(read: Callable[[], Any]) -> Iterator[str]:
    """What is wrong about the error that reading ends with, if it ends with one."""
    try:
        read()
    except SeptumError as error:
        text = str(error)
        if not text.endswith(".") or "\n" in text or len(text) > MOST_CHARACTERS:
            yield f"a refusal that is no sentence: {text[:200]!r}"
        if any(secret in text for secret in SECRETS):
            yield "a refusal that tells who the patient is"
    except Exception as error:  # noqa: BLE001  # what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        yield f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"


def _contradictions(study: Any, folder: Path) -> Iterator[str]:
    """What an image, or a mask written beside it, says that cannot be."""
    cine, geometry = study.cine, study.cine.geometry
    if cine.array.dtype != np.float32 or not np.isfinite(cine.array).all():
        yield "voxels that are no finite float32"
    direction = np.asarray(geometry.direction)
    if cine.array.shape[1:] != geometry.shape or min(geometry.spacing_mm) <= 0:
        yield "a grid that does not fit its voxels"
    if (
        not np.allclose(direction.T @ direction, np.eye(3), atol=1e-4)
        or not np.isfinite(geometry.origin_mm).all()
    ):
        yield "axes that are not at right angles, or an origin that is none"
    times = cine.frame_times_ms
    if times is not None and (len(times) != len(cine) or not np.isfinite(times).all()):
        yield "times that do not fit the frames"
    labels = (np.indices(cine.array.shape).sum(axis=0) % 4).astype(np.uint8)
    path = folder / f"mask{mask_suffix(study)}"
    write_mask(path, Segmentation(labels, geometry, VENTRICLES), study)
    mask = read_mask(path)
    if not np.array_equal(mask.cine.array, labels):
        yield "a mask whose voxels are others when they are read again"
    if not np.allclose(mask.cine.geometry.spacing_mm, geometry.spacing_mm, rtol=1e-3):
        yield f"a mask of spacing {mask.cine.geometry.spacing_mm} for {geometry.spacing_mm}"
    path.unlink()


@contextmanager
def limited() -> Iterator[None]:
    """Raise :class:`TooSlowError` where the time is up, and errors in place of warnings."""

    def ring(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(MOST_SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judged(
    seed: int, number: int, keep: Path | None = None, form: str | None = None
) -> tuple[list[Find], str]:
    """Make one input and read it; what is wrong is kept in a folder, if one is given.

    Returns:
        What is wrong, and its form with what came of it: ``read`` or ``refused``.
    """
    form, files = made_input(seed, number, form)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: list[str] = []
    read: list[Path] = []
    with tempfile.TemporaryDirectory(prefix="septum-fuzz-") as name:
        folder = Path(name, "in")
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        folder.mkdir(exist_ok=True)
        try:
            with limited():
                found += faults(folder, read)
        except TooSlowError:
            found.append(f"more than {MOST_SECONDS} s")
        except Exception as error:  # noqa: BLE001  # of writing a mask
            found.append(f"{type(error).__name__} while a mask was written or read: {str(error)[:200]}")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024
        if grown > MOST_BYTES:
            found.append(f"{grown / 2**30:.1f} GB of memory")
        if found and keep is not None:
            shutil.copytree(folder, keep / f"{seed}-{number}", dirs_exist_ok=True)
    return [Find(number, form, what) for what in found], f"{form}: {'read' if read else 'refused'}"


@click.command()
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--inputs", type=int, help="Stop after so many.")
@click.option("--seconds", type=float, help="Stop after so long.")
@click.option("--only", type=int, help="Make this input alone.")
@click.option("--form", help='Only this form, such as "nrrd, gzip", "slices" or "dicom, zip".')
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the inputs that are reported.")
def main(  # one argument an option
    seed: int,
    inputs: int | None,
    seconds: float | None,
    *,
    only: int | None,
    form: str | None,
    keep: Path | None,
) -> None:
    """Damage images and studies, read them, and report what ends in neither a result nor a refusal."""
    started, counts, finds, number = time.monotonic(), Counter[str](), 0, only or 0
    last = number + 1 if only is not None else inputs
    while (last is None or number < last) and (seconds is None or time.monotonic() - started < seconds):
        if last is None and seconds is None:
            raise click.UsageError("give --inputs, --seconds or --only.")
        found, outcome = judged(seed, number, keep, form)
        for find in found:
            click.echo(f"{find.number}\t{find.form}\t{find.what}")
        finds += len(found)
        counts[outcome] += 1
        number += 1
    for outcome, count in sorted(counts.items()):
        click.echo(f"{count:7,} {outcome}", err=True)
    spent = f"{time.monotonic() - started:.0f} s"
    click.echo(f"{sum(counts.values()):7,} inputs of seed {seed} in {spent}: {finds} finds", err=True)
    sys.exit(1 if finds else 0)


if __name__ == "__main__":
    main()
