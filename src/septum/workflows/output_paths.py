"""What the files of one case are called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.io.names import RECORD_ENDING, model_ending

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class OutputPaths:
    """Where the results of one case lie: its mask, and in ``folder`` all that stands beside it.

    Attributes:
        folder: of the JSON and the outputs.
        stem: how their names begin.
        mask: the mask's file.

    >>> from pathlib import Path
    >>> paths = OutputPaths(Path("out"), "heart", Path("out/heart_seg.nii.gz"))
    >>> paths.record.as_posix(), paths.beside("_report.html").as_posix()
    ('out/heart_seg.json', 'out/heart_report.html')
    """

    folder: Path
    stem: str
    mask: Path

    @property
    def record(self) -> Path:
        """The JSON."""
        return self.beside(RECORD_ENDING)

    @property
    def lock(self) -> Path:
        """The file that whoever writes any of these holds; its name is that of a leftover."""
        case = hashlib.sha256(self.stem.casefold().encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / f".septum-{case[:16]}.lock"

    def of_model(self, model: str) -> OutputPaths:
        """Name the files of another model's result, next to the first one's: ``heart_la_seg.nii.gz``.

        Args:
            model: its name; what does not belong into a file's name goes.

        >>> from pathlib import Path
        >>> OutputPaths(Path("out"), "heart", Path("out/heart_seg.nii.gz")).of_model("la").record.name
        'heart_la_seg.json'
        """
        stem = self.stem + model_ending(model)
        return OutputPaths(self.folder, stem, self.mask.with_name(stem + self.mask.name[len(self.stem) :]))

    def beside(self, ending: str) -> Path:
        """Path of the file whose name is the stem and this ending."""
        return self.folder / f"{self.stem}{ending}"
