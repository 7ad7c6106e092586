"""What readers decide about studies: beside each result, and in one table of a folder."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from septum.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

State = Literal["unseen", "accepted", "corrected", "rejected"]
STATES: tuple[State, ...] = get_args(State)
ENDING = "_review.json"
TABLE = "review.csv"
COLUMNS = ("study", "state", "reader", "comment", "at", "verdict", "flags", "lv_ef_percent", "rv_ef_percent")
#: What a table's program would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t")


class Review(BaseModel):
    """A decision, with who took it and when; nothing in it comes from a patient.

    ``mask_sha256`` is of the file of the mask on which it was taken; empty where that is not known.

    >>> Review(state="accepted", reader="A. Reader").state
    'accepted'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State = "unseen"
    reader: str = Field(default="", max_length=200)
    comment: str = Field(default="", max_length=10_000)
    at: str = ""
    mask_sha256: str = Field(default="", max_length=64)

    def on(self, mask_sha256: str) -> Review:
        """Give the decision as it counts for a mask: of one on another mask only reader and comment are left.

        Args:
            mask_sha256: of the file of the mask.

        >>> Review(state="accepted", reader="A. Reader", mask_sha256="1" * 64).on("2" * 64).state
        'unseen'
        """
        if self.mask_sha256 in ("", mask_sha256):
            return self
        return self.taken_back()

    def taken_back(self) -> Review:
        """Give the decision as one that does not count any more; who took it and the comment stay."""
        return self.model_copy(update={"state": "unseen"})


UNSEEN = Review()


@dataclass(frozen=True)
class Row:
    """A study in the table: its name, the decision, and what it was taken on."""

    study: str
    review: Review
    verdict: str
    flags: tuple[str, ...]
    ejection_fractions: tuple[float | None, float | None]

    def cells(self) -> dict[str, Any]:
        """Give the cells by column; none of them begins a formula."""
        review = self.review
        told = (
            self.study, review.state, review.reader, review.comment, review.at, self.verdict,
            ";".join(self.flags), *self.ejection_fractions,
        )  # fmt: skip
        return {column: _plain(cell) for column, cell in zip(COLUMNS, told, strict=True)}


def read_review(path: Path) -> Review:
    """Read a decision; a study without one that can be read is unseen."""
    try:
        return Review.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return UNSEEN


def write_review(path: Path, review: Review) -> None:
    """Write a decision whole or not at all. Raises :class:`OutputError`."""
    write_text(path, review.model_dump_json(indent=2) + "\n")


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write the table of a folder whole or not at all. Raises :class:`OutputError`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells() for row in rows)
    write_text(path, text.getvalue())


def _plain(cell: str | float | None) -> str | float | None:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
