"""Per-case results of a bundle's robustness, and the record beside them that says whose they are.

``NAME.csv`` has a line for each case, level and structure; ``NAME.json`` the bundle's SHA-256 and the content
of the cases. Results of another bundle, or of other perturbations, are never taken for a bundle's own.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import InputError
from septum.core.files import write_text
from septum.metrics.scores_file import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.metrics.scores_file import Row

#: ``dice_before`` is that of the mask of the image as it is, taken through the same change. A Dice is empty
#: where neither mask has the structure, and it and all that follows where a level cannot be had.
COLUMNS = (
    "case", "patient", "phase", "perturbation", "level", "structure", "dice", "dice_before",
    "foreground_inside", "localisation", "warnings",
)  # fmt: skip


class RobustnessRecord(BaseModel):
    """What was measured.

    Attributes:
        format: version of this schema.
        bundle, bundle_sha256: name of the model, and hash of its ``model.json``.
        dataset: whose test patients were measured.
        perturbations: version of what the perturbations do.
        flips: whether the segmenter's answers are means over mirror images.
        engine: that ran the networks, the last time.
        made_by: version and commit of the code, the last time.
        cases: hash of image and mask, by case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    bundle: str
    bundle_sha256: str
    dataset: str
    perturbations: int
    flips: bool
    engine: str
    made_by: str
    cases: dict[str, str]

    @property
    def identity(self) -> str:
        """What must be the same for results to belong together, in words."""
        flips = "with" if self.flips else "without"
        return (
            f"bundle {self.bundle_sha256[:12]}, {flips} flips, perturbations of version {self.perturbations}"
        )

    @classmethod
    def read(cls, folder: Path, bundle: str) -> RobustnessRecord | None:
        """Read the record of a bundle's results; ``None`` where there are none.

        Args:
            folder: of the results.
            bundle: name of the model.

        Raises:
            InputError: there is one that cannot be used, or results without one.
        """
        path, results = record_path(folder, bundle), csv_path(folder, bundle)
        if not path.is_file() and not results.is_file():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InputError(
                f"{path}: expected the record that says of which bundle {results.name} is, found none that "
                "can be read; remove both files and measure again."
            ) from error

    def write(self, folder: Path) -> None:
        """Write the record, whole or not at all. Raises :class:`OutputError`."""
        write_text(record_path(folder, self.bundle), self.model_dump_json(indent=2) + "\n")


def csv_path(folder: Path, bundle: str) -> Path:
    """Where the per-case results of a bundle lie."""
    return folder / f"{bundle}.csv"


def record_path(folder: Path, bundle: str) -> Path:
    """Where their record lies."""
    return folder / f"{bundle}.json"


def read_robustness(folder: Path, bundle: str) -> list[Row]:
    """The result lines of a bundle; none where there is no file.

    Raises:
        InputError: the file does not have the columns of these results.
    """
    path = csv_path(folder, bundle)
    if not path.is_file():
        return []
    try:
        rows = read_rows(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as robustness results: {error}; measure again.") from error
    if rows and set(rows[0]) != set(COLUMNS):
        raise InputError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, got {', '.join(map(str, rows[0]))}; remove "
            "the file and measure again."
        )
    return rows


def write_robustness(folder: Path, bundle: str, rows: Iterable[Row]) -> None:
    """Write result lines as CSV, whole or not at all. Raises :class:`OutputError`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(csv_path(folder, bundle), text.getvalue())
