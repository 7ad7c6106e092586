"""Inputs of every format, whole and damaged, each from a seed and a number: what ``fuzz.py`` reads."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import tempfile
import warnings
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.io.nifti_header import FIELDS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.dicom_study import SECRETS, enhanced, flat, images, stored, write
from support.mutations import EDGES, KEYWORDS, VALUES, with_elements

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    #: The files of an input, by their names below its folder.
    Files = dict[str, bytes]

#: Share of inputs that are DICOM studies, which take ten times as long as a file.
DICOM_SHARE = 0.25
#: Form of the studies in archives.
ZIP = "dicom, zip"
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
        "slices": {f"{z}_sax.nii": one_slice(z) for z in range(4)},
        "mha": {"a.mha": meta("LOCAL", packed=False) + raw},
        "mha, packed": {"a.mha": meta("LOCAL", packed=True) + zlib.compress(raw, 1)},
        "mhd": {"a.mhd": meta("a.raw", packed=False), "a.raw": raw},
        "mhd of a list": {"a.mhd": meta("LIST", packed=False) + listed, **parts},
    }


def one_slice(z: int) -> bytes:
    """A file of one slice, as dcm2niix leaves some cines."""
    header = np.frombuffer(nifti()[0][:348], FIELDS[348]).copy()
    header["dim"][0, 3] = 1
    header["srow_z"][0] = (0, 0, 8, 8 * z)
    return header.tobytes() + bytes(4) + voxels()[:, z].tobytes()


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


def zipped(files: Files, rng: Generator) -> Files:
    """A study in an archive, as UK Biobank has them, that may be damaged itself."""
    packed = io.BytesIO()
    with zipfile.ZipFile(
        packed, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.7 else zipfile.ZIP_STORED
    ) as one:
        one.writestr(zipfile.ZipInfo("manifest.csv"), "filename,patientid,seriesid")
        for name, content in files.items():
            one.writestr(zipfile.ZipInfo(name), content, compress_type=one.compression)
    content = packed.getvalue()
    if rng.random() < 0.6:
        directory = content.find(b"PK\1\2")  # at the end, where most of what can go wrong is written
        start = 0 if rng.random() < 0.4 else directory
        content = content[:start] + with_bytes(content[start:], rng, len(content) - start)
    beside: Files = {"b.nii": b"".join(nifti())} if rng.random() < 0.1 else {}
    return {"1234567_20209_2_0.zip": content, **beside}


def made_input(seed: int, number: int, only: str | None = None) -> tuple[str, Files]:
    """Make an input: its form and its files.

    Args:
        seed: of all inputs.
        number: of this one; it follows from both.
        only: the form, in place of one that is drawn.
    """
    rng = np.random.default_rng([seed, number])
    if only in studies() or only == ZIP or (only is None and rng.random() < DICOM_SHARE):
        form = only or pick(rng, (*studies(), ZIP))
        study = damaged_study(studies()[pick(rng, tuple(studies())) if form == ZIP else form], rng)
        return form, zipped(study, rng) if form == ZIP else study
    form = only or pick(rng, tuple(forms()))
    files = dict(forms()[form])
    for place, (name, content) in enumerate(forms()[form].items()):
        if place == 0 or rng.random() < 0.3:
            files[name] = damaged_file(name, content, rng)
    if len(files) > 1 and rng.random() < 0.05:
        del files[pick(rng, tuple(files))]
    return form, files
