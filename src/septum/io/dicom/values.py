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
        return []
    if value is None or value == "":
        return []
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def number(dataset: Dataset | None, keyword: str) -> float | None:
    """The first value as a finite number."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def numbers(dataset: Dataset | None, keyword: str) -> list[float]:
    """All values as finite numbers; empty if one of them is none."""
    try:
        found = [float(value) for value in values_of(dataset, keyword)]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if all(isfinite(value) and abs(value) < 1e12 for value in found) else []


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
