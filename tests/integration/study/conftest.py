"""The miniature study, run once: every method."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from septum.methods import mask_rcnn
from septum_study.declaration import load_study
from support.study_processes import finished, septum

ON_BOTH_FOLDS = ("acdc-dr-unet", "acdc-end-to-end-keep-z", "lasc-yang")


@dataclass(frozen=True)
class Ran:
    """What a run has left.

    Attributes:
        results, work: its folders.
        log: what the two processes that began it said.
    """

    results: Path
    work: Path
    log: str

    @property
    def folders(self) -> list[str]:
        return ["--study", "miniature", "--results", str(self.results), "--work", str(self.work)]


@pytest.fixture(scope="session")
def runnable():
    """Units that run here: every row whose method can on one fold, some of either data set on the other."""
    absent = {"acdc-mask-rcnn"} if mask_rcnn.unavailable() else set()
    rows = [row.key for row in load_study("miniature").rows if row.key not in absent]
    return [f"{row}:0" for row in rows] + [f"{row}:1" for row in ON_BOTH_FOLDS]


@pytest.fixture(scope="session")
def miniature(tmp_path_factory, runnable):
    """The units: the first two by two processes on one ledger, the others in this one."""
    root = tmp_path_factory.mktemp("miniature")
    folders = ["--study", "miniature", "--results", root / "results", "--work", root / "work"]
    both = septum("study", "run", *folders, "--next", "--parallel", 2, "--threads", 1)
    left = [unit for unit in runnable if unit not in finished(both.stderr)]
    septum("study", "run", *left, *folders, "--threads", 1)
    return Ran(root / "results", root / "work", both.stderr)
