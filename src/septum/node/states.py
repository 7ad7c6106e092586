"""The states of a study in the node, and which may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a version of a study waits for, or what became of it."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SENT = "sent"
    IGNORED = "ignored"
    FAILED = "failed"


#: Every step that there is. Failed is left when a user wants it, or when more of the study comes.
STEPS: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.QUEUED, State.FAILED}),
    State.QUEUED: frozenset({State.RUNNING, State.RECEIVED}),
    State.RUNNING: frozenset({State.DONE, State.SENT, State.IGNORED, State.QUEUED, State.FAILED}),
    State.DONE: frozenset({State.SENT, State.FAILED}),
    State.SENT: frozenset(),
    State.IGNORED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED, State.DONE, State.IGNORED}),
}
#: Nothing more happens to these by itself.
ENDS = (State.SENT, State.IGNORED, State.FAILED)


@dataclass(frozen=True)
class Job:
    """One version of a study: the instances that had come when it was complete.

    Attributes:
        id: number.
        study: UID of the study.
        version: from 1; each time that instances come after a version was complete, there is another.
        state: see :class:`State`.
        reason: why it is in this state, in a sentence; often empty.
        attempts: to segment it.
        source: where its last instance came from, such as ``orthanc:pacs``.
        received_at: when its last instance came, in seconds since 1970.
        changed_at: when it came into its state.
        next_at: not before this it is tried again.
    """

    id: int
    study: str
    version: int
    state: State
    reason: str
    attempts: int
    source: str
    received_at: float
    changed_at: float
    next_at: float


@dataclass(frozen=True)
class Instance:
    """An image of a study that lies in the inbox.

    Attributes:
        sop: UID of the instance.
        file: its name in the study's folder.
        sha256: of the file.
    """

    sop: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Outgoing:
    """An object that is to be sent.

    Attributes:
        uid: of the instance.
        sop_class: what kind it is.
        path: its file, counted from the outbox.
    """

    uid: str
    sop_class: str
    path: str


@dataclass(frozen=True)
class Delivery:
    """Objects of a study that one destination has not yet.

    Attributes:
        job: number of the version.
        destination: name.
        attempts: so far.
        objects: those that are not yet acknowledged.
        begun: it was tried before, so that the destination may have more than it has acknowledged.
    """

    job: int
    destination: str
    attempts: int
    objects: tuple[Outgoing, ...]
    begun: bool = False


def pause_s(attempts: int, first_s: float, longest_s: float) -> float:
    """Seconds to wait after so many attempts: twice as long each time, up to a limit.

    >>> [pause_s(n, 5.0, 60.0) for n in (1, 2, 3, 9)]
    [5.0, 10.0, 20.0, 60.0]
    """
    return min(first_s * 2.0 ** (attempts - 1), longest_s)
