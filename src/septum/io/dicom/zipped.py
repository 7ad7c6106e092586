"""DICOM files in a zip archive, read in place: as UK Biobank hands out its studies."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX = ".zip"
#: Larger members are taken to be damaged: no MR object is so large.
MOST_MEMBER_BYTES = 2**29
_ENCRYPTED = 0x1
#: What unpacking a damaged member ends with; ``OSError`` of bzip2, too, whose number is then missing.
_DAMAGED = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, order=True)
class ZippedFile:
    """A file in an archive, with what the DICOM reader needs of a path; nothing is unpacked to the disk.

    Attributes:
        archive: the zip file.
        member: name in it.
        size: in bytes, unpacked.
        opened: the archive.
    """

    archive: Path
    member: str
    size: int = field(compare=False)
    opened: zipfile.ZipFile = field(compare=False, repr=False)

    def __str__(self) -> str:
        """Name the archive and the file in it."""
        return f"{self.archive}/{self.member}"

    def open(self, mode: str = "rb") -> BytesIO:
        """Unpack it into memory. Raises ``ValueError`` if it is too large, or the archive is damaged."""
        del mode
        return BytesIO(self.read_bytes())

    def read_bytes(self) -> bytes:
        """Unpack it into memory, as :meth:`open`."""
        if self.size > MOST_MEMBER_BYTES:
            raise ValueError("a file that no scanner writes")
        try:
            return self.opened.read(self.member)
        except _DAMAGED as error:
            raise ValueError("a damaged archive") from error
        except OSError as error:
            if error.errno is None:
                raise ValueError("a damaged archive") from error
            raise

    def begin(self, count: int) -> bytes:
        """Unpack its first bytes; none where the archive is damaged."""
        try:
            with self.opened.open(self.member) as stream:
                return stream.read(count)
        except (*_DAMAGED, OSError, ValueError):
            return b""

    def stat(self) -> SimpleNamespace:
        """Tell its size, as of a path."""
        return SimpleNamespace(st_size=self.size)


def members(archive: Path) -> Iterator[ZippedFile]:
    """List the files in an archive in the order of their names; none where it is no zip file.

    Hidden and encrypted files are left out.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return
    for info in sorted(opened.infolist(), key=lambda info: info.filename):
        name = info.filename.rsplit("/", maxsplit=1)[-1]
        if name and not name.startswith(".") and not info.flag_bits & _ENCRYPTED:
            yield ZippedFile(archive, info.filename, info.file_size, opened)
