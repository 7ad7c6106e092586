"""Nodes that are killed in every state of a study, one after the other on one folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import forkserver
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError
from septum.node import listener  # noqa: F401  # loaded before processes are forked
from septum.node.inbox import Inbox
from septum.node.settings import NodeSettings
from septum.node.states import State
from septum.node.store import Store
from septum.node.worker import Worker
from support.node_parts import TruthSegmenter, node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

FRAMES, SLICES = 3, 4
#: What a study of one model comes back as.
OBJECTS = 5
#: Where a node is killed: a method, before or after it, at which of its calls.
POINTS: tuple[tuple[type, str, str, int], ...] = (
    (Inbox, "take", "before", 1), (Inbox, "take", "after", 5), (Inbox, "_keep", "after", 3),
    (Store, "add", "before", 7), (Store, "add", "after", 11),
    (Store, "move", "before", 1), (Store, "move", "after", 1),
    (Store, "take", "before", 3), (Store, "take", "after", 1),
    (Inbox, "gather", "after", 1), (TruthSegmenter, "__call__", "after", 1), (Worker, "_new", "after", 1),
    (Store, "finish", "before", 1), (Store, "finish", "after", 1),
    (Store, "acknowledge", "before", 1), (Store, "acknowledge", "after", 1),
    (Store, "acknowledge", "before", 2), (Store, "acknowledge", "after", 4),
    (Store, "delivered", "before", 1), (Store, "delivered", "after", 1),
    (Store, "postpone", "before", 1), (Store, "postpone", "after", 1),
    (Worker, "_failed", "before", 1), (Worker, "_failed", "after", 1),
)  # fmt: skip
#: Beside them: from outside, so many seconds or less after the study came.
ANY_MOMENT, _MOMENTS_S = len(POINTS), 2.5
NAMES = [
    *(f"{when} {owner.__name__}.{name}, call {call}" for owner, name, when, call in POINTS),
    "at any moment",
]
#: Steps that a study takes only where none of its results is known.
_OF_THE_FIRST_RUN = ("__call__", "_new", "_failed", "postpone")
_WAIT_S = 40.0


def kill_loop(
    folder: Path,
    points: Sequence[int],
    say: Callable[[str], None] = lambda _: None,
    goes_on: Callable[[], bool] = lambda: True,
    seed: int = 0,
) -> dict[str, Any]:
    """Kill nodes at points, one after the other on one folder; then let one run to the end.

    Args:
        folder: empty.
        points: numbers of :data:`POINTS`, or :data:`ANY_MOMENT`.
        say: is given a line for every kill.
        goes_on: whether there is time for another kill.
        seed: of the moments.

    Returns:
        What was found in the end.
    """
    processes, random = _processes(), np.random.default_rng(seed)
    killed: Counter[str] = Counter()
    states: Counter[str] = Counter()
    acknowledged: dict[str, set[str]] = {}
    with peer_at(folder / "pacs") as peer:
        settings = settings_of(
            folder, send=[peer.destination], complete={"quiet_s": 1.0, "patience_s": 5.0},
            limits={"least_free_gb": 0.0, "first_pause_s": 0.05, "longest_pause_s": 0.1, "attempts": 10_000,
                    "send_attempts": 10_000},
        )  # fmt: skip
        for number, point in enumerate(points, start=1):
            if not goes_on():
                break
            name = NAMES[point]
            study = _study_in_work(
                settings, acknowledged, fresh=any(one in name for one in _OF_THE_FIRST_RUN)
            )
            peer.refuse = int("postpone" in name)
            receiver, sender = processes.Pipe(duplex=False)
            child = processes.Process(
                target=_run_until_killed, args=(settings.model_dump_json(), point, sender)
            )
            child.start()
            sender.close()
            with suppress(EOFError):  # killed before it could say where it listens
                _send_all(receiver.recv(), study, acknowledged[study])
            if point == ANY_MOMENT:
                time.sleep(random.uniform(0.0, _MOMENTS_S))
                child.kill()
            child.join(_WAIT_S)
            if child.is_alive():
                name = f"in vain waited for: {name}"
                child.kill()
                child.join()
            elif child.exitcode != -signal.SIGKILL:
                name = f"by itself, {child.exitcode}: {name}"
            killed[name] += 1
            left = _states_left(settings)
            states.update(left)
            say(f"{number} of {len(points)}, study {len(acknowledged)}, {', '.join(left)}: {name}")
        with node_of(settings) as node:  # goes on where the last one was killed
            for study, sops in acknowledged.items():
                if len(sops) < FRAMES * SLICES:
                    _send_all(node.listener.port, study, sops)
            for job in node.store.jobs(State.FAILED):
                node.store.retry(job.id)
            wait_for(
                lambda: {job.state for job in node.store.jobs()} <= {State.SENT, State.IGNORED}, "an end"
            )
        by_state = {"kills_with_a_study_in_state": dict(sorted(states.items()))}
        return _found(settings, peer, acknowledged, killed) | by_state


def _processes() -> Any:
    """Processes that are forked from one in which everything is loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.node_kills"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context


def _study_in_work(settings: NodeSettings, acknowledged: dict[str, set[str]], *, fresh: bool) -> str:
    """The last study, tried again by hand if it failed; another one where that has come to its end."""
    study = f"1.2.3.77.{len(acknowledged)}"
    if acknowledged and not fresh:
        store = Store(settings.data / "node.sqlite")
        last = store.jobs_of(study)
        if last and last[-1].state is State.FAILED:
            store.retry(last[-1].id)
        store.close()
        if not last or last[-1].state is not State.SENT:
            return study
    study = f"1.2.3.77.{len(acknowledged) + 1}"
    acknowledged[study] = set()
    return study


def _states_left(settings: NodeSettings) -> list[str]:
    """The states in which a killed node left studies that are not finished; ``sent`` where all are."""
    store = Store(settings.data / "node.sqlite")
    left = {job.state.value for job in store.jobs() if job.state not in (State.SENT, State.IGNORED)}
    store.close()
    return sorted(left) or [State.SENT.value]


def _send_all(port: int, study: str, acknowledged: set[str]) -> None:
    """Send a study, as a scanner does that begins again; what the node has acknowledged is noted."""
    objects = cine(study, FRAMES, SLICES)
    statuses = send(port, objects)
    acknowledged |= {
        one.SOPInstanceUID for one, status in zip(objects, statuses, strict=False) if status == 0
    }


def _found(
    settings: NodeSettings, peer: Any, acknowledged: dict[str, set[str]], killed: Counter[str]
) -> dict[str, Any]:
    store = Store(settings.data / "node.sqlite")
    came = {study: {one.sop for one in store.instances(study)} for study in acknowledged}
    last = [store.jobs_of(study)[-1].state for study in acknowledged]
    objects = {row["uid"] for row in store.rows("SELECT uid FROM object")}
    results = len(store.rows("SELECT key FROM result"))
    states = Counter(job.state.value for job in store.jobs())
    store.close()
    contents: dict[str, set[str]] = {}
    for uid, digest in peer.got:
        contents.setdefault(uid, set()).add(digest)
    return {
        "kills": sum(killed.values()), "studies": len(acknowledged), "versions": dict(states),
        "studies_sent": sum(state is State.SENT for state in last),
        "images_acknowledged": sum(map(len, acknowledged.values())),
        "images_lost": sum(len(sops - came[study]) for study, sops in acknowledged.items()),
        "results": results, "objects_made": len(objects), "objects_stored": len(contents),
        "objects_not_made": len(contents.keys() - objects),
        "objects_of_two_contents": sum(len(digests) > 1 for digests in contents.values()),
        "stores_repeated_with_the_same_bytes": len(peer.got) - len(contents),
        "kills_by_point": dict(sorted(killed.items())),
    }  # fmt: skip


def _run_until_killed(settings: str, point: int, ready: Connection) -> None:
    """The process of a node that kills itself at a point."""
    if point == ANY_MOMENT:
        _run(settings, TruthSegmenter(), ready)
    owner, name, when, call = POINTS[point]
    method, calls, lock = getattr(owner, name), [0], Lock()

    def counted(*arguments: Any, **named: Any) -> Any:
        with lock:
            calls[0] += 1
            ends = calls[0] == call
        if ends and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = method(*arguments, **named)
        if ends:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, counted)
    _run(settings, Damaging() if name == "_failed" else TruthSegmenter(), ready)


def _run(settings: str, segmenter: TruthSegmenter, ready: Connection) -> None:
    with node_of(NodeSettings.model_validate(json.loads(settings)), segmenter) as node:
        ready.send(node.listener.port)
        signal.pause()


class Damaging(TruthSegmenter):
    """Finds each study damaged, so that it is given up at once."""

    def __call__(self, folder: Path):
        raise InputError(f"{folder} is damaged.")
