"""The miniature study, run once by several processes: every method, two folds."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from septum.methods import mask_rcnn
from septum_study.declaration import load_study
from support.study_processes import septum


@dataclass(frozen=True)
class Ran:
    """What a run has left.

    Attributes:
        results, work: its folders.
        log: what its processes said.
    """

    results: Path
    work: Path
    log: str

    @property
    def folders(self) -> list[str]:
        return ["--study", "miniature", "--results", str(self.results), "--work", str(self.work)]


@pytest.fixture(scope="session")
def miniature(tmp_path_factory):
    """All units that can run here, by two processes on one ledger."""
    root = tmp_path_factory.mktemp("miniature")
    folders = ["--study", "miniature", "--results", root / "results", "--work", root / "work"]
    done = septum("study", "run", *folders, "--all", "--parallel", 2, "--threads", 1)
    return Ran(root / "results", root / "work", done.stderr)


@pytest.fixture(scope="session")
def runnable():
    """Units of the miniature study whose method can run here."""
    study = load_study("miniature")
    absent = {"acdc-mask-rcnn"} if mask_rcnn.unavailable() else set()
    return [f"{row.key}:{fold}" for row, fold in study.units() if row.key not in absent]
