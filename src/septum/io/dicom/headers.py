"""Headers of files that may be damaged or hostile, read in silence: elements as values, or as nothing."""

from __future__ import annotations

import logging
import re
import warnings
import zlib
from contextlib import contextmanager
from functools import cache, lru_cache
from math import isfinite
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.values import convert_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path

    from pydicom import Dataset
    from pydicom.tag import BaseTag


_LOG = logging.getLogger("pydicom")


#: A filter of :mod:`warnings` that nothing passes; its pattern tells it from filters of others.
_NOTHING: tuple[Any, ...] = ("ignore", re.compile("(?s).*"), Warning, re.compile(""), 0)


class _Silence:
    """Warnings and log are settings of the process: one thread ends the silence when no other needs it.

    ``warnings.catch_warnings`` puts back the filters that it found. Where two threads use it at once, the
    later one may put back the silence of the other for good. Here one filter is added and taken out.
    """

    def __init__(self) -> None:
        self._lock, self._users, self._log_was_disabled = Lock(), 0, False
        self._filters: list[Any] = []

    def begin(self) -> None:
        """One more that needs it."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._filters = cast("list[Any]", warnings.filters)
                self._filters.insert(0, _NOTHING)
                self._log_was_disabled, _LOG.disabled = _LOG.disabled, True

    def end(self) -> None:
        """One less."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for filters in (self._filters, cast("list[Any]", warnings.filters)):  # they may be others now
                    while _NOTHING in filters:
                        filters.remove(_NOTHING)
                _LOG.disabled = self._log_was_disabled


_SILENCE = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings and pydicom's log, in whichever threads read at once, until the last has done.

    Both may tell identifiers of the patient. Whatever reads or writes DICOM does so in this silence.
    """
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()


#: An element starts with tag, type of values, two bytes of nothing and length (PS3.5, 7.1.2).
LONGEST_START = 12
#: What a whole number in a header can be at most (VR IS and UL).
_MOST = 2**32


#: Types of values that neither the character set nor another element has a say in, and none of which names
#: anybody.
_PLAIN = frozenset({"CS", "DS", "IS", "TM", "UI", "US"})


@cache
def _tag_of(keyword: str) -> BaseTag:
    """The tag of a keyword; a study asks for the same ones thousands of times."""
    return Tag(keyword)


def values_of(dataset: Dataset | None, keyword: str) -> list[Any]:
    """All values of an element; empty if it is absent, empty or not of its type."""
    tag = _tag_of(keyword)
    if dataset is None or tag not in dataset:
        return []
    try:
        value = _value_of(dataset, tag)
    except Exception:  # noqa: BLE001  # a library's words on a damaged value are not for the user
        value = _as_written(dataset, keyword)
    if value is None or value == "":
        return []
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _value_of(dataset: Dataset, tag: BaseTag) -> Any:
    """The value of an element that is there. Raises whatever a damaged one makes the library raise."""
    raw: Any = dataset.get_item(tag)
    if isinstance(raw, RawDataElement) and raw.VR in _PLAIN and isinstance(raw.value, bytes):
        return _plain_value(raw.VR, raw.value, raw.is_little_endian)
    return dataset[tag].value


@lru_cache(maxsize=4096)
def _plain_value(representation: str, value: bytes, little_endian: bool) -> Any:  # a key
    """Convert bytes as the library does; most elements of a study have the same in every image."""
    raw = RawDataElement(Tag(0), representation, len(value), value, 0, False, little_endian)
    return convert_value(representation, raw)


def _as_written(dataset: Dataset, keyword: str) -> str | None:
    """The text of an element that the library cannot make a value of."""
    try:
        raw = dataset.get_item(keyword).value
        return raw.decode("ascii").strip("\0 ") if isinstance(raw, bytes) else None
    except Exception:  # noqa: BLE001  # as above
        return None


def number(dataset: Dataset | None, keyword: str) -> float | None:
    """The first value as a finite number."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def numbers(dataset: Dataset | None, keyword: str) -> list[float]:
    """All values as finite numbers; empty if one of them is none."""
    try:
        found = [float(part) for value in values_of(dataset, keyword) for part in _parts(value)]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if all(isfinite(value) and abs(value) < 1e12 for value in found) else []


def _parts(value: Any) -> list[Any]:
    r"""Split a value into its numbers: text of some types keeps the backslash, some writers part by commas.

    >>> _parts("1.5\\1.5"), _parts("1.5, 1.5"), _parts("1,5")
    (['1.5', '1.5'], ['1.5', '1.5'], ['1.5'])
    """
    if not isinstance(value, str):
        return [value]
    parts = value.strip("\0 ").split("\\")
    if len(parts) == 1 and "," in value and ("." in value or value.count(",") > 1):
        return [part.strip() for part in value.split(",")]
    return [part.strip().replace(",", ".") for part in parts]


def whole(dataset: Dataset | None, keyword: str) -> int | None:
    """The first value as a whole number."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value == int(value) and abs(value) < _MOST else None


def words(dataset: Dataset | None, keyword: str) -> tuple[str, ...]:
    """All values as text, in upper case."""
    return tuple(str(value).strip().upper() for value in values_of(dataset, keyword))


def text(dataset: Dataset | None, keyword: str) -> str:
    """The first value as text, or nothing."""
    found = values_of(dataset, keyword)
    return str(found[0]).strip() if found else ""


def item(dataset: Dataset | None, keyword: str) -> Dataset | None:
    """The first dataset of a sequence."""
    found = values_of(dataset, keyword)
    return found[0] if found and hasattr(found[0], "get") else None


_DEFLATED = b"1.2.840.10008.1.2.1.99"
_MOST_INFLATED_BYTES = 2**29
_DEFLATED_AT_ONCE = 2**16


class Header(NamedTuple):
    """What was read of a file.

    Attributes:
        elements: those that were asked for.
        end: byte at which the header ends, which is that of the pixels, where there are any.
        after: the bytes that follow, as many as tell what they are and how many.
        size: of the file, in bytes.
    """

    elements: Dataset
    end: int
    after: bytes
    size: int


def read_header(file: Path, tags: list[Any]) -> Header:
    """Read some elements of a file, and no more of it than it holds.

    Raises:
        Exception: of whatever kind a damaged file makes the library raise.
    """
    with file.open("rb") as stream:
        refuse_bomb(stream)
        size = file.stat().st_size
        elements = dcmread(Clamped(stream, size), stop_before_pixels=True, force=True, specific_tags=tags)
        return Header(elements, stream.tell(), stream.read(LONGEST_START), size)


def refuse_bomb(stream: BufferedIOBase) -> bool:
    """Whether a file is deflated; raise ``ValueError`` if it inflates beyond what an MR object can be."""
    head = stream.read(4096)
    deflated = _DEFLATED in head
    if deflated:
        inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
        stream.seek(int.from_bytes(head[140:144], "little") + 144)  # FileMetaInformationGroupLength
        while part := stream.read(_DEFLATED_AT_ONCE):
            inflated += len(inflater.decompress(part))
            if inflated > _MOST_INFLATED_BYTES:
                raise ValueError("inflates without end")
    stream.seek(0)
    return deflated


class Clamped:
    """A file of which no more is asked than it holds: a damaged length must not become an allocation."""

    def __init__(self, stream: BufferedIOBase, size: int) -> None:
        self._stream, self._size = stream, size
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        left = max(0, self._size - self._stream.tell())
        return self._stream.read(left if size < 0 else min(size, left))
