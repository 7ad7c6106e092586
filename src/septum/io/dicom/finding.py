"""Which files are DICOM, recognised without a library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from septum.core.files import is_plain_file
from septum.io.names import image_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = (".dcm", ".dicom", ".ima")
_MAGIC_AT, _MAGIC = 128, b"DICM"
#: Without preamble a file begins with an element of group 2 or 8, little endian: group, element, then the
#: representation in two letters or the length; of the first elements of these groups.
_BARE_GROUPS = (b"\x02\x00", b"\x08\x00")
_BARE_ELEMENTS = (0x00, 0x01, 0x02, 0x05, 0x06, 0x08, 0x10, 0x12, 0x16, 0x18)
_BARE_LENGTH = 256
#: An index of the files of a medium: whatever it says is in the files, too.
_INDEX = "DICOMDIR"


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by the four letters after its preamble, its first element, or its ending.

    A file with the ending of another image format is not, nor is an index (``DICOMDIR``).
    """
    name = path.name
    if name.startswith(".") or name.upper() == _INDEX or image_suffix(path) or not is_plain_file(path):
        return False
    if name.lower().endswith(_SUFFIXES):
        return True
    try:
        with path.open("rb") as stream:
            start = stream.read(_MAGIC_AT + len(_MAGIC))
            unnamed = (
                not path.suffix or path.suffix[1:].isdigit()
            )  # ``IM0001``, or an identifier: ``MR.1.2.840``
            return start[_MAGIC_AT:] == _MAGIC or (unnamed and _is_bare(start))
    except OSError:
        return False


def _is_bare(start: bytes) -> bool:
    """Whether a file without preamble begins as DICOM does."""
    if len(start) <= _MAGIC_AT or start[:2] not in _BARE_GROUPS or start[3]:
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return start[2] in _BARE_ELEMENTS and (explicit or int.from_bytes(start[4:8], "little") <= _BARE_LENGTH)


def dicom_files(path: Path) -> Iterator[Path]:
    """The DICOM files in a folder and its subfolders, hidden ones left out, in order; or the file itself.

    Those of a zip archive are of :class:`septum.io.dicom.zipped.ZippedFile`, which reads as a path does.
    """
    if is_zip(path):
        from septum.io.dicom.zipped import members  # noqa: PLC0415  # only an archive needs it

        magic = (file for file in members(path) if file.begin(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC)
        yield from cast("Iterator[Path]", magic)
        return
    if is_plain_file(path):
        yield from [path] * is_dicom(path)
        return
    for parent, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (file for name in sorted(names) if is_dicom(file := Path(parent, name)))


def count_files(path: Path) -> int:
    """Number of files where :func:`dicom_files` looks, of any kind."""
    if is_zip(path):
        from septum.io.dicom.zipped import members  # noqa: PLC0415  # as above

        return sum(1 for _ in members(path))
    if is_plain_file(path):
        return 1
    count = 0
    for _, subfolders, names in os.walk(path):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        count += sum(not name.startswith(".") for name in names)
    return count


def is_zip(path: Path) -> bool:
    """Tell by its name whether a file is a zip archive, which may hold a study as a folder does."""
    return path.suffix.lower() == ".zip" and is_plain_file(path)


def holds_dicom(path: Path) -> bool:
    """Whether a path is a DICOM file, or a folder or a zip archive with one in it."""
    return next(dicom_files(path), None) is not None
