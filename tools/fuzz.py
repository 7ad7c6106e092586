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

import bz2
import gzip
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
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
from septum.io.nifti_header import FIELDS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.dicom_study import SECRETS, enhanced, flat, images, stored, write
from support.mutations import EDGES, KEYWORDS, VALUES, with_elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    #: The files of an input, by their names below its folder.
    Files = dict[str, bytes]

MOST_SECONDS = 60
MOST_BYTES = 2 * 2**30
MOST_CHARACTERS = 2000
#: Share of inputs that are DICOM studies, which take ten times as long as a file.
DICOM_SHARE = 0.25
#: Words that a number of a header is replaced by.
WORDS = (
    *(
        "",
        "0",
        "-1",
        "1",
        "3",
        "7",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "1e-308",
        "65536",
        "4294967296",
        "99999999999999999999",
    ),
    *(
        "none",
        "(0,0,0)",
        "(1,0,0)",
        "(nan,nan,nan)",
        "True",
        "False",
        "LIST",
        "LOCAL",
        "a.raw",
        "%d 1 2 1",
        "%03d.raw 0 9999999 1",
    ),
    *(
        "../../etc/passwd",
        "/dev/zero",
        ".",
        "short",
        "double",
        "block",
        "raw",
        "gzip",
        "hex",
        "text",
        "MET_UCHAR",
        "MET_DOUBLE",
    ),
    *("left-posterior-superior", "vector", "time", "list", "\N{GREEK SMALL LETTER MU}m", "x" * 70_000),
)
GEOMETRY = np.diag([1.5, 1.5, 8.0])


class TooSlowError(BaseException):
    """An input has taken its time; no reader catches this."""


@dataclass(frozen=True)
class Find:
    """One input that ended in neither a result nor a refusal."""

    number: int
    form: str
    what: str


def voxels() -> NDArray[np.int16]:
    """A cine (T, Z, Y, X) of noise."""
    return np.random.default_rng(0).integers(0, 900, (3, 4, 44, 48)).astype("<i2")


def nifti(size: int = 348, magic: bytes = b"n+1") -> tuple[bytes, bytes]:
    """A header and its voxels."""
    header = np.zeros((), FIELDS[size])
    header["sizeof_hdr"], header["magic"] = size, magic if size == 348 else b"n+2"
    header["dim"][:5] = (4, 48, 44, 4, 3)
    header["datatype"], header["bitpix"], header["scl_slope"] = 4, 16, 1.0
    header["pixdim"][:5] = (1.0, 1.5, 1.5, 8.0, 0.04)
    header["vox_offset"], header["xyzt_units"] = size + 4, 10
    header["qform_code"] = header["sform_code"] = 1
    for row, letter in enumerate("xyz"):
        header[f"srow_{letter}"] = (*GEOMETRY[row], 10.0 * row)
    header["descrip"] = SECRETS[0].encode()
    return header.tobytes() + bytes(4), voxels().tobytes()


def nrrd(encoding: str, where: str = "") -> bytes:
    """A header; its voxels stand elsewhere."""
    lines = ["NRRD0005", "type: short", "dimension: 4", "space: left-posterior-superior", "sizes: 48 44 4 3"]
    lines += ["space directions: (1.5,0,0) (0,1.5,0) (0,0,8) none", "kinds: domain domain domain list"]
    lines += [
        "endian: little",
        "space origin: (1,2,3)",
        'units: "mm" "mm" "mm" "ms"',
        f"content: {SECRETS[0]}",
    ]
    lines += ["axis 3 index values:=0 40 80", f"encoding: {encoding}", *[where] * bool(where)]
    return "\n".join([*lines, "" if "LIST" in where else "\n"]).encode()


def meta(where: str, *, packed: bool) -> bytes:
    """A header of a MetaImage; its voxels stand elsewhere."""
    lines = ["ObjectType = Image", "NDims = 4", "BinaryData = True", "BinaryDataByteOrderMSB = False"]
    lines += [f"CompressedData = {packed}", "TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"]
    lines += [
        "Offset = 1 2 3 0",
        "ElementSpacing = 1.5 1.5 8 40",
        "DimSize = 48 44 4 3",
        f"Comment = {SECRETS[0]}",
    ]
    lines += ["ElementType = MET_SHORT", f"ElementDataFile = {where}", ""]
    return "\n".join(lines).encode()


@cache
def forms() -> dict[str, Files]:
    """Whole inputs of every format that is a file, by name."""
    raw = voxels().tobytes()
    parts = {f"s{t}.raw": voxels()[t].tobytes() for t in range(3)}
    listed = "\n".join(parts).encode()
    one, two = b"".join(nifti()), b"".join(nifti(540))
    pair = nifti(magic=b"ni1")
    return {
        "nii": {"a.nii": one},
        "nii.gz": {"a.nii.gz": gzip.compress(one, 1)},
        "nii, version 2": {"a.nii": two},
        "hdr and img": {"a.hdr": pair[0], "a.img": bytes(352) + pair[1]},
        "hdr.gz and img.gz": {
            "a.hdr.gz": gzip.compress(pair[0]),
            "a.img.gz": gzip.compress(bytes(352) + raw, 1),
        },
        "nrrd, raw": {"a.nrrd": nrrd("raw") + raw},
        "nrrd, gzip": {"a.nrrd": nrrd("gzip") + gzip.compress(raw, 1)},
        "nrrd, bzip2": {"a.nrrd": nrrd("bzip2") + bz2.compress(raw, 1)},
        "nrrd, hex": {"a.nrrd": nrrd("hex") + raw.hex().encode()},
        "nrrd, text": {"a.nrrd": nrrd("text") + " ".join(map(str, voxels().ravel())).encode()},
        "nhdr": {"a.nhdr": nrrd("raw", "data file: a.raw"), "a.raw": raw},
        "nhdr of a list": {"a.nhdr": nrrd("raw", "data file: LIST 3") + listed, **parts},
        "nhdr of a pattern": {"a.nhdr": nrrd("raw", "data file: s%d.raw 0 2 1"), **parts},
        "mha": {"a.mha": meta("LOCAL", packed=False) + raw},
        "mha, packed": {"a.mha": meta("LOCAL", packed=True) + zlib.compress(raw, 1)},
        "mhd": {"a.mhd": meta("a.raw", packed=False), "a.raw": raw},
        "mhd of a list": {"a.mhd": meta("LIST", packed=False) + listed, **parts},
    }


@cache
def studies() -> dict[str, Files]:
    """Whole DICOM studies by form."""
    from pydicom.uid import RLELossless  # noqa: PLC0415  # heavy, and not needed for files

    made = {}
    for form in ("dicom", "dicom, packed", "dicom, enhanced"):
        objects = [enhanced(stored(2, 3))] if "enhanced" in form else flat(images(stored(2, 4)))
        for one in objects:
            if "packed" in form:
                one.compress(RLELossless)
        with tempfile.TemporaryDirectory() as folder:
            made[form] = {
                path.name: path.read_bytes() for path in sorted(write(Path(folder), objects).iterdir())
            }
    return made


def pick(rng: Generator, choices: Any) -> Any:
    """One of several."""
    return choices[int(rng.integers(len(choices)))]


def with_bytes(content: bytes, rng: Generator, header: int) -> bytes:
    """Overwrite, put in, take out or cut, most of it in the header."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        span = min(header, len(data)) if rng.random() < 0.75 else len(data)
        at, value = int(rng.integers(max(1, span))), pick(rng, EDGES)
        if rng.random() < 0.5:
            value = rng.bytes(int(rng.integers(1, 9)))
        what = pick(rng, ("overwrite", "overwrite", "overwrite", "insert", "delete", "repeat", "cut", "zero"))
        if what == "overwrite":
            data[at : at + len(value)] = value
        elif what == "insert":
            data[at:at] = value
        elif what == "delete":
            del data[at : at + len(value)]
        elif what == "repeat":
            data[at:at] = data[at : at + int(rng.integers(1, 4000))]
        elif what == "zero":
            data[at : at + 64] = bytes(len(data[at : at + 64]))
        else:
            del data[at:]
    return bytes(data)


def with_fields(content: bytes, rng: Generator) -> bytes:
    """Other values in fields of a NIfTI header."""
    size = 348 if content[:4] == (348).to_bytes(4, "little") else 540
    if len(content) < size:
        return content
    header = np.frombuffer(content[:size], FIELDS[size]).copy()
    for _ in range(int(rng.integers(1, 4))):
        name = pick(rng, FIELDS[size].names)
        field = header[name]
        if field.dtype.kind == "S":
            continue
        odd = (0, 1, -1, 2, 3, 7, 255, 1007, 32767, -32768, 2**31 - 1, np.nan, np.inf, 1e-30, 1e30, 0.9)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = np.array(pick(rng, odd), float).astype(field.dtype.base)
        if field.ndim > 1:
            field[0, int(rng.integers(field.shape[1]))] = value
        else:
            header[name] = value
    return header.tobytes() + content[size:]


def with_lines(content: bytes, rng: Generator) -> bytes:
    """Other words in the lines of a header that is text; lines taken out, twice, or in another place."""
    end = content.find(b"\n\n") if content.startswith(b"NRRD") else content.find(b"ElementDataFile")
    end = content.find(b"\n", max(0, end)) + 1
    lines = content[:end].split(b"\n")
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        what = pick(rng, ("word", "word", "word", "word", "drop", "double", "move"))
        if what == "word":
            words = lines[at].split(b" ")
            words[int(rng.integers(len(words)))] = pick(rng, WORDS).encode()
            lines[at] = b" ".join(words)
        elif what == "double":
            lines.insert(at, lines[at])
        else:
            line = lines.pop(at)
            if what == "move":
                lines.insert(int(rng.integers(len(lines) + 1)), line)
            if not lines:
                break
    return b"\n".join(lines) + content[end:]


def damaged_file(name: str, content: bytes, rng: Generator) -> bytes:
    """One file of an image after some damage; a packed one inside or outside of its packing."""
    packed = name.endswith(".gz")
    if packed and rng.random() < 0.7:
        return gzip.compress(damaged_file(name.removesuffix(".gz"), gzip.decompress(content), rng), 1)
    is_text = content.startswith((b"NRRD", b"ObjectType"))
    if is_text and rng.random() < 0.6:
        return with_lines(content, rng)
    if not is_text and not packed and name.endswith((".nii", ".hdr")) and rng.random() < 0.6:
        return with_fields(content, rng)
    return with_bytes(content, rng, 700)


def damaged_study(files: Files, rng: Generator) -> Files:
    """A DICOM study with files that are damaged, lost, doubled, empty, cut or elsewhere."""
    made = dict(files)
    what = pick(rng, ("elements", "elements", "elements", "bytes", "files"))
    odd = [
        (pick(rng, KEYWORDS), pick(rng, VALUES), rng.random() < 0.8) for _ in range(int(rng.integers(1, 4)))
    ]
    share = pick(rng, (0.1, 0.5, 1.0))
    for name, content in files.items():
        if rng.random() > share:
            continue
        if what == "elements":
            made[name] = with_elements(content, odd)
        elif what == "bytes":
            made[name] = with_bytes(content, rng, 2000)
        else:
            fate = pick(rng, ("lost", "empty", "cut", "cut in the header", "elsewhere", "twice", "other"))
            del made[name]
            made |= {
                "lost": {},
                "empty": {name: b""},
                "cut": {name: content[: int(rng.integers(len(content)))]},
                "cut in the header": {name: content[: int(rng.integers(1500))]},
                "elsewhere": {f"{pick(rng, 'ab')}/{name}": content},
                "twice": {name: content, f"b/{name}": content},
                "other": {name: content, "a.nii": b"".join(nifti()), "z.txt": b"a note"},
            }[fate]
    return made


def made_input(seed: int, number: int) -> tuple[str, Files]:
    """Its form and its files."""
    rng = np.random.default_rng([seed, number])
    if rng.random() < DICOM_SHARE:
        form = pick(rng, tuple(studies()))
        return form, damaged_study(studies()[form], rng)
    form = pick(rng, tuple(forms()))
    files = dict(forms()[form])
    for place, (name, content) in enumerate(forms()[form].items()):
        if place == 0 or rng.random() < 0.3:
            files[name] = damaged_file(name, content, rng)
    if len(files) > 1 and rng.random() < 0.05:
        del files[pick(rng, tuple(files))]
    return form, files


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


def judged(seed: int, number: int, keep: Path | None = None) -> tuple[list[Find], str]:
    """Make one input and read it; what is wrong is kept in a folder, if one is given.

    Returns:
        What is wrong, and its form with what came of it: ``read`` or ``refused``.
    """
    form, files = made_input(seed, number)
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
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the inputs that are reported.")
def main(seed: int, inputs: int | None, seconds: float | None, only: int | None, keep: Path | None) -> None:
    """Damage images and studies, read them, and report what ends in neither a result nor a refusal."""
    started, counts, finds, number = time.monotonic(), Counter[str](), 0, only or 0
    last = number + 1 if only is not None else inputs
    while (last is None or number < last) and (seconds is None or time.monotonic() - started < seconds):
        if last is None and seconds is None:
            raise click.UsageError("give --inputs, --seconds or --only.")
        found, outcome = judged(seed, number, keep)
        for find in found:
            click.echo(f"{find.number}\t{find.form}\t{find.what}")
        finds += len(found)
        counts[outcome] += 1
        number += 1
    for form, count in sorted(counts.items()):
        click.echo(f"{count:7,} {form}", err=True)
    spent = f"{time.monotonic() - started:.0f} s"
    click.echo(f"{sum(counts.values()):7,} inputs of seed {seed} in {spent}: {finds} finds", err=True)
    sys.exit(1 if finds else 0)


if __name__ == "__main__":
    main()
