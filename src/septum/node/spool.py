"""Files of images that are being received: what a full disk cannot take is dropped, and its sender told."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from pynetdicom import dimse_messages


class Spool:
    """A file into which an image is written as it comes.

    Writing never fails: what does not fit is dropped, and :attr:`is_cut` says so.

    Args:
        suffix: the ending of its name.

    Attributes:
        name: path of the file, in the folder for temporary files. Empty where none could be made: pynetdicom
            removes whatever has this name.
        is_cut: not everything that was written is there.
    """

    def __init__(self, suffix: str = "") -> None:
        self.name, self.is_cut, self._handle = "", False, -1
        try:
            self._handle, self.name = tempfile.mkstemp(suffix=suffix)
        except OSError:
            self.is_cut = True

    @property
    def file(self) -> Spool:
        """The file itself, as of :func:`tempfile.NamedTemporaryFile`."""
        return self

    def write(self, content: bytes) -> int:
        """Write what there is room for; the number of bytes that were given."""
        left = memoryview(content)
        try:
            while left and not self.is_cut:
                left = left[os.write(self._handle, left) :]
        except OSError:
            self.is_cut = True
            os.truncate(self._handle, 0)  # others may use the room
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def install() -> None:
    """Let pynetdicom write into such files; an error of its own would end the thread of a connection."""
    library: Any = dimse_messages
    library.NamedTemporaryFile = _spool


def _spool(*, delete: bool, mode: str, suffix: str) -> Spool:  # noqa: ARG001  # by the names that it is called with
    return Spool(suffix)
