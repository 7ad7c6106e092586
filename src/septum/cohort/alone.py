"""A process for the studies of a chunk whose worker was lost: one at a time, so that the guilty one is known.

Run by :func:`septum.cohort.isolation.in_own_process`; it ends with the process that has started it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from septum.cohort.ends import Stopped
from septum.cohort.folder import CohortFolder
from septum.cohort.journal import Journal
from septum.cohort.plan import studies_of
from septum.cohort.segmenting import segment_studies
from septum.cohort.settings import CohortFile
from septum.core import SeptumError
from septum.core.errors import UnexpectedError

if TYPE_CHECKING:
    from septum.workflows.lazy_model import LazyModel

#: How often it is looked whether the parent lives.
_EVERY_S = 0.5


def do_lost(out: Path, chunk: str, model: LazyModel | None = None) -> int:
    """Do the studies of a chunk that were begun and came to no end.

    Args:
        out: folder of the cohort.
        chunk: name of the chunk.
        model: instead of the one that the cohort names.

    Returns:
        The exit code.
    """
    folder = CohortFolder(out)
    try:
        settings = CohortFile.read(folder.settings).settings
        with Journal(folder.journal(chunk)) as journal:
            lost = [one for one in studies_of(folder, chunk) if one.number in journal.lost]
            segment_studies(folder, chunk, lost, settings, journal, model=model, alone=True)
    except Stopped as ended:
        sys.stderr.write(f"septum: {ended.stop.message}\n")
        return ended.stop.exit_code
    except SeptumError as error:
        sys.stderr.write(f"septum: {error}\n")
        return error.exit_code
    except Exception as error:  # noqa: BLE001  # its words may name a patient
        unexpected = UnexpectedError.anonymous(error)
        sys.stderr.write(f"septum: {unexpected}\n")
        return unexpected.exit_code
    return 0


def end_with(parent: int) -> None:
    """End this process when its parent is gone, so that no chunk has two processes.

    Args:
        parent: number of the process that has started this one.
    """

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY_S)
        os._exit(1)

    Thread(target=look, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run the process: folder, chunk and the parent's number are its arguments."""
    out, chunk, parent = arguments
    end_with(int(parent))
    return do_lost(Path(out), chunk)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
