"""A cohort whose workers, and now and then its scheduler, are killed at random; and what comes of it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from septum.cohort.beginning import unfinished
from septum.cohort.dask_engine import local_cluster, run_on
from septum.cohort.folder import CohortFolder
from septum.cohort.looking import failures
from septum.cohort.parts import rows_of
from support.cohort_parts import CALLS, CLOCK, begun, started, stub_task, write_phantoms

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from septum.cohort.ends import StudyEnded


class Silent:
    """Sees a run, and says nothing."""

    def study(self, ended: StudyEnded) -> None:
        pass

    def say(self, text: str) -> None:
        pass


def drive(out: str, workers: str) -> None:
    """The process of a run: a cluster on this machine with the model of known clock."""
    folder = CohortFolder(Path(out))
    chunks = unfinished(folder)
    if chunks:
        with local_cluster(int(workers)) as client:
            end = run_on(client, folder.path, chunks, Silent(), stub_task)
        if end.stop or end.left:
            raise SystemExit(str(end))
    os._exit(0)


def kill_loop(  # noqa: PLR0913  # what a run of kills is made of
    folder: Path, *, studies: int, kills: int, workers: int = 2, chunk: int = 16, clock_s: float = 0.1,
    pause_s: float = 1.0, whole_every: int = 10, seed: int = 1, say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Run a cohort and kill processes of it at random moments; then let it come to its end.

    Args:
        folder: empty.
        studies: of the cohort; one of them ends every process that segments it.
        kills: how many; fewer if the cohort is done before.
        workers: of the cluster.
        chunk: studies of a chunk.
        clock_s: that a study takes.
        pause_s: mean time between two kills.
        whole_every: each kill of so many ends the scheduler, and with it all workers.
        seed: of moments and victims.
        say: is given a line for every kill.

    Returns:
        What was found in the end.
    """
    random = np.random.default_rng(seed)
    names = [f"P{number:05d}" for number in range(studies)]
    write_phantoms(folder / "in", names, poisoned=[names[studies // 2]])
    cohort = begun(folder / "in", folder / "out", chunk=chunk).folder
    more = {CALLS: str(folder / "calls"), CLOCK: str(clock_s)}
    began, done, runs, killed = time.monotonic(), 0, 1, {"worker": 0, "alone": 0, "scheduler": 0}
    run = started("cohort_kills.drive", cohort.path, workers, **more)
    while run.poll() is None or unfinished(cohort):
        if run.poll() is not None:
            runs += 1
            run = started("cohort_kills.drive", cohort.path, workers, **more)
        if done >= kills:
            run.wait()
            continue
        time.sleep(min(random.exponential(pause_s), 2 * pause_s))
        if not (folder / "calls").exists():
            continue  # no study is begun yet
        victim, what = _victim(run, random, whole=(done + 1) % whole_every == 0)
        if victim is not None:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
                done, killed[what] = done + 1, killed[what] + 1
                say(f"{done}: {what}")
    return {"kills": done, "killed": killed, "runs": runs, "seconds": round(time.monotonic() - began, 1),
            **_found(cohort, folder / "calls", studies, chunk)}  # fmt: skip


def _victim(
    run: subprocess.Popen[bytes], random: np.random.Generator, *, whole: bool
) -> tuple[psutil.Process | None, str]:
    """A process that works: a worker, what works for it, or the run itself with its scheduler."""
    found: list[tuple[psutil.Process, str]] = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                line = " ".join(child.cmdline())
                if "spawn_main" in line:
                    found.append((child, "worker"))
                elif "alone_main" in line:
                    found.append((child, "alone"))
        if found and whole:
            return psutil.Process(run.pid), "scheduler"
    return found[random.integers(len(found))] if found else (None, "")


def _found(cohort: CohortFolder, calls: Path, studies: int, chunk: int) -> dict[str, Any]:
    with rows_of(cohort) as base:
        ((rows, distinct, done),) = base.execute(
            "SELECT count(*), count(DISTINCT number), count(*) FILTER (state = 'done') FROM rows"
        ).fetchall()
    begun_studies = len(calls.read_text().split())
    wrong = failures(cohort)
    return {
        "studies": studies, "chunk": chunk, "rows": rows, "distinct": distinct, "done": done,
        "set_aside": [row["study"] for row in wrong if row["state"] == "set aside"],
        "failed": [row["study"] for row in wrong if row["state"] == "failed"],
        "segmented_more_than_once": begun_studies - studies,
        "journals_left": len(list(cohort.journals.glob("*.jsonl"))),
    }  # fmt: skip
