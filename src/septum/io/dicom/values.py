"""Values of DICOM elements, or ``None``: a header may say anything, in any type, and must not end a run."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

#: What a whole number in a header can be at most (VR IS and UL).
_MOST = 2**32


def values_of(dataset: Dataset | None, keyword: str) -> list[Any]:
    """All values of an element; empty if it is absent, empty or not of its type."""
    if dataset is None:
        return []
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001  # a library's words on a damaged value are not for the user
        value = _as_written(dataset, keyword)
    if value is None or value == "":
        return []
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


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
