"""A node's studies as a user looks at them, and brings back those that were given up; the node may run."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from septum.core import InputError
from septum.core.locks import is_locked
from septum.node.audit import Codes
from septum.node.states import State
from septum.node.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from septum.node.states import Job

DATABASE, KEY, LOG, LOCK = "node.sqlite", "node.key", "audit.log", "node.lock"


def status(data: Path, *, every: bool = False, uids: bool = False) -> dict[str, Any]:
    """Describe a node: whether it runs, how many studies are in which state, and those that are not sent.

    Args:
        data: folder of the node.
        every: list studies that are sent or were left out, too.
        uids: name studies by their UIDs; by codes alone otherwise.

    Raises:
        InputError: there is no node's folder.
    """
    with _opened(data) as store:
        codes = Codes(data / KEY)
        shown = [job for job in store.jobs() if every or job.state not in (State.SENT, State.IGNORED)]
        return {
            "running": is_locked(data / LOCK),
            "studies": {state.value: n for state, n in store.counts().items()},
            "objects_unsent": store.unsent(),
            "jobs": [_described(store, codes, job, uids=uids) for job in shown],
        }


def retry(data: Path, jobs: Sequence[int], *, every: bool = False) -> list[tuple[int, str]]:
    """Begin again with studies that were given up or left out.

    Args:
        data: folder of the node.
        jobs: their numbers.
        every: all that have failed, too.

    Returns:
        Each with the state in which it is now.

    Raises:
        InputError: there is no node's folder, or one of them is not there or in another state.
    """
    with _opened(data) as store:
        failed = [job.id for job in store.jobs(State.FAILED)] if every else []
        try:
            with store.together():
                return [(job, store.retry(job).value) for job in dict.fromkeys([*jobs, *failed])]
        except ValueError as error:
            raise InputError(f"{data}: {error}; look at the status of the node.") from error


@contextmanager
def _opened(data: Path) -> Iterator[Store]:
    if not (data / DATABASE).is_file():
        raise InputError(f"{data} is no folder of a node: expected {DATABASE} in it; start the node first.")
    store = Store(data / DATABASE)
    try:
        yield store
    finally:
        store.close()


def _described(store: Store, codes: Codes, job: Job, *, uids: bool) -> dict[str, Any]:
    sending = {
        name: {"state": state.value, "attempts": attempts, "reason": reason}
        for name, (state, reason, attempts) in store.deliveries(job.id).items()
    }
    told = {
        "job": job.id, "study": codes.of(job.study), "version": job.version, "state": job.state.value,
        "reason": job.reason, "attempts": job.attempts, "source": job.source,
        "images": len(store.instances(job.study)), "changed": _moment(job.changed_at), "sending": sending,
    }  # fmt: skip
    return told | ({"study_uid": job.study} if uids else {})


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
