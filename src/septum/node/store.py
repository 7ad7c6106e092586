"""The node's memory: studies and their states in SQLite, which outlive a node that is killed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from septum.node.database import Database
from septum.node.states import ENDS, STEPS, Delivery, Instance, Job, Outgoing, State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path


class Store(Database):
    """Studies, their states, and what was sent. Each method is one step that happens whole or not at all.

    Several threads may use it, and several processes the same file.

    Args:
        path: the SQLite file; it is made.
        clock: seconds since 1970.

    Raises:
        OutputError: it cannot be opened.

    >>> from pathlib import Path
    >>> store = Store(Path("node.sqlite"), clock=lambda: 100.0)
    >>> store.add("1.2", Instance("1.2.3", "a.dcm", "0f"), "dimse:MR1")
    True
    >>> [(job.version, job.state.value) for job in store.jobs()]
    [(1, 'received')]
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self.clock = clock

    # What comes in.

    def add(self, study: str, instance: Instance, source: str) -> bool:
        """Note an image that lies in the inbox.

        It belongs to the version of its study that is not yet begun, or begins another one.

        Args:
            study: UID.
            instance: the image.
            source: where it came from.

        Returns:
            Whether it is new; an image that is there with the same content changes nothing.
        """
        with self.together():
            known = self.one("SELECT sha256 FROM instance WHERE study = ? AND sop = ?", study, instance.sop)
            if known is not None and known["sha256"] == instance.sha256:
                self._touch(study)
                return False
            self.execute(
                "INSERT OR REPLACE INTO instance (study, sop, file, sha256) VALUES (?, ?, ?, ?)",
                study, instance.sop, instance.file, instance.sha256,
            )  # fmt: skip
            self._renew(study, source)
            return True

    def add_other(self, study: str, sop: str) -> None:
        """Note an object that is no image to segment, since it counts among those of its study."""
        with self.together():
            self.execute("INSERT OR IGNORE INTO other (study, sop) VALUES (?, ?)", study, sop)
            self._touch(study)

    def instances(self, study: str) -> list[Instance]:
        """List the images of a study, in the order in which they came."""
        rows = self.rows("SELECT sop, file, sha256 FROM instance WHERE study = ? ORDER BY number", study)
        return [Instance(row["sop"], row["file"], row["sha256"]) for row in rows]

    def come(self, study: str) -> set[str]:
        """List the UIDs of the objects of a study that have come, images and others."""
        rows = self.rows(
            "SELECT sop FROM instance WHERE study = ?1 UNION SELECT sop FROM other WHERE study = ?1", study
        )
        return {row["sop"] for row in rows}

    def count(self, study: str) -> int:
        """Count the objects of a study that have come, images and others."""
        return len(self.come(study))

    def studies(self) -> list[str]:
        """List the UIDs of all studies of which there are images."""
        return [row["study"] for row in self.rows("SELECT DISTINCT study FROM instance")]

    # What is made of it.

    def move(self, job: int, state: State, reason: str = "", next_at: float = 0.0) -> None:
        """Bring a version into another state.

        Args:
            job: its number.
            state: where to.
            reason: why, in a sentence.
            next_at: not before this it goes on.

        Raises:
            ValueError: no such step leads there.
        """
        with self.together():
            now = self.job(job).state
            if state not in STEPS[now]:
                raise ValueError(f"job {job}: {now} is not followed by {state}")
            self.execute(
                "UPDATE job SET state = ?, reason = ?, changed_at = ?, next_at = ? WHERE id = ?",
                state, reason, self.clock(), next_at, job,
            )  # fmt: skip
            self._remember(job, state, reason)

    def take(self) -> Job | None:
        """Begin with the study that has waited longest, if one is due; the attempt counts from now."""
        with self.together():
            row = self.one(
                "SELECT id FROM job WHERE state = ? AND next_at <= ? ORDER BY received_at, id LIMIT 1",
                State.QUEUED, self.clock(),
            )  # fmt: skip
            if row is None:
                return None
            self.execute("UPDATE job SET attempts = attempts + 1 WHERE id = ?", row["id"])
            self.move(row["id"], State.RUNNING)
            return self.job(row["id"])

    def put_back(self, job: int, reason: str, next_at: float = 0.0) -> None:
        """Let a study that was begun wait again, without its attempt being counted."""
        with self.together():
            self.move(job, State.QUEUED, reason, next_at)
            self.execute("UPDATE job SET attempts = attempts - 1 WHERE id = ?", job)

    def recover(self, attempts: int) -> int:
        """Put back what a node that is gone had begun; how many that were.

        The quiet time of studies that still wait begins again: their senders may have found nobody.

        Args:
            attempts: with so many of them, a study that ended the node each time is given up.
        """
        with self.together():
            self.execute("UPDATE job SET received_at = ? WHERE state = ?", self.clock(), State.RECEIVED)
            left = self.jobs(State.RUNNING)
            for job in left:
                if job.attempts < attempts:
                    self.move(job.id, State.QUEUED, "the node was ended meanwhile")
                else:
                    self.move(
                        job.id, State.FAILED, f"the node was ended {job.attempts} times amid this study"
                    )
            return len(left)

    def finish(
        self, job: int, keys: Iterable[str], objects: Sequence[Outgoing], destinations: Sequence[str],
        reason: str = "",
    ) -> int:  # fmt: skip
        """Note what was made of a study, to be sent to every destination that has not got it yet.

        Args:
            job: number of the version.
            keys: what the results are known by.
            objects: what is to be sent.
            destinations: where to.
            reason: what is to be said of it.

        Returns:
            The number of objects that are new to a destination.
        """
        with self.together():
            for key in keys:
                self.execute("INSERT OR IGNORE INTO result (key, job) VALUES (?, ?)", key, job)
            new = 0
            for name in destinations:
                added = 0
                for place, one in enumerate(objects):
                    added += self.execute(
                        "INSERT OR IGNORE INTO object (destination, uid, job, place, sop_class, path) "
                        "VALUES (?, ?, ?, ?, ?, ?)", name, one.uid, job, place, one.sop_class, one.path,
                    )  # fmt: skip
                if added:
                    self.execute(
                        "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, '', 0, 0)", job, name, State.DONE
                    )
                new += added
            self.move(job, State.DONE if new else State.SENT, reason)
            return new

    def job_of(self, key: str) -> int | None:
        """Find the version whose results are known by a key."""
        row = self.one("SELECT job FROM result WHERE key = ?", key)
        return None if row is None else int(row["job"])

    # What goes out.

    def due(self, destination: str) -> Delivery | None:
        """Find what a destination is to get next."""
        with self._lock:
            row = self.one(
                "SELECT job, attempts FROM delivery WHERE destination = ? AND state = ? AND next_at <= ? "
                "ORDER BY next_at, job LIMIT 1", destination, State.DONE, self.clock(),
            )  # fmt: skip
            if row is None:
                return None
            objects = self.rows(
                "SELECT uid, sop_class, path FROM object WHERE destination = ? AND job = ? "
                "AND sent_at IS NULL ORDER BY place", destination, row["job"],
            )  # fmt: skip
            begun = self.one("SELECT 1 FROM begun WHERE job = ? AND destination = ?", row["job"], destination)
        outgoing = tuple(Outgoing(one["uid"], one["sop_class"], one["path"]) for one in objects)
        return Delivery(int(row["job"]), destination, int(row["attempts"]), outgoing, begun is not None)

    def begin(self, delivery: Delivery) -> None:
        """Note that a delivery is tried: from now on its destination may have objects of it."""
        self.execute("INSERT OR IGNORE INTO begun VALUES (?, ?)", delivery.job, delivery.destination)

    def acknowledge(self, destination: str, uid: str) -> None:
        """Note that a destination has an object: it is not sent there again."""
        self.execute(
            "UPDATE object SET sent_at = ? WHERE destination = ? AND uid = ?", self.clock(), destination, uid
        )

    def delivered(self, delivery: Delivery) -> None:
        """Note that a destination has everything of a study; with the last one the study is sent."""
        self._settle(delivery, State.SENT, "")

    def postpone(self, delivery: Delivery, reason: str, next_at: float) -> None:
        """Try a delivery again later."""
        self.execute(
            "UPDATE delivery SET attempts = attempts + 1, reason = ?, next_at = ? "
            "WHERE job = ? AND destination = ?", reason, next_at, delivery.job, delivery.destination,
        )  # fmt: skip

    def give_up(self, delivery: Delivery, reason: str) -> None:
        """Try a delivery no more until somebody wants it."""
        self._settle(delivery, State.FAILED, reason)

    def is_ours(self, uid: str) -> bool:
        """Tell whether an object was made here."""
        return self.one("SELECT 1 FROM object WHERE uid = ? LIMIT 1", uid) is not None

    # By hand, and looked at.

    def retry(self, job: int) -> State:
        """Begin again with what was given up or left out; the state in which it is then.

        Raises:
            ValueError: there is no such version, or it is neither failed nor ignored.
        """
        with self.together():
            found = self.job(job)
            if found.state not in (State.FAILED, State.IGNORED):
                raise ValueError(f"job {job} is {found.state}: expected one that is failed or ignored")
            again = self.execute(
                "UPDATE delivery SET state = ?, attempts = 0, next_at = 0 WHERE job = ? AND state = ?",
                State.DONE, job, State.FAILED,
            )  # fmt: skip
            if not again:
                self.execute("UPDATE job SET attempts = 0 WHERE id = ?", job)
            state = State.DONE if again else State.QUEUED
            self.move(job, state, "retried by hand")
            return state

    def job(self, number: int) -> Job:
        """Find a version. Raises :class:`ValueError`."""
        row = self.one("SELECT * FROM job WHERE id = ?", number)
        if row is None:
            raise ValueError(f"there is no job {number}")
        return _job(row)

    def jobs(self, *states: State) -> list[Job]:
        """List versions, those that came first first; of some states, or all."""
        query = "SELECT * FROM job WHERE state IN (SELECT value FROM json_each(?)) ORDER BY id"
        return [_job(row) for row in self.rows(query, json.dumps(states or tuple(State)))]

    def jobs_of(self, study: str) -> list[Job]:
        """List the versions of a study, the first one first."""
        return [_job(row) for row in self.rows("SELECT * FROM job WHERE study = ? ORDER BY version", study)]

    def counts(self) -> dict[State, int]:
        """Count versions by state."""
        rows = self.rows("SELECT state, COUNT(*) AS n FROM job GROUP BY state")
        return dict.fromkeys(State, 0) | {State(row["state"]): int(row["n"]) for row in rows}

    def waiting(self) -> int:
        """Count the versions that are not finished."""
        states = json.dumps([state for state in State if state not in ENDS])
        return int(
            self.one("SELECT COUNT(*) AS n FROM job WHERE state IN (SELECT value FROM json_each(?))", states)[
                "n"
            ]
        )

    def history(self, job: int) -> list[tuple[float, State, str]]:
        """List the states that a version went through, with the time and the reason."""
        rows = self.rows("SELECT at, state, reason FROM history WHERE job = ? ORDER BY rowid", job)
        return [(row["at"], State(row["state"]), row["reason"]) for row in rows]

    def deliveries(self, job: int) -> dict[str, tuple[State, str, int]]:
        """Tell state, reason and attempts of each destination of a version."""
        rows = self.rows("SELECT * FROM delivery WHERE job = ? ORDER BY destination", job)
        return {row["destination"]: (State(row["state"]), row["reason"], row["attempts"]) for row in rows}

    def unsent(self) -> int:
        """Count the objects that are still to be sent."""
        return int(self.one("SELECT COUNT(*) AS n FROM object WHERE sent_at IS NULL")["n"])

    def purge(self, before: float) -> tuple[list[str], list[int]]:
        """Forget the images of studies that came to an end before a moment; what was sent is remembered.

        Returns:
            UIDs of the studies, and numbers of their versions.
        """
        with self.together():
            rows = self.rows(
                "SELECT study FROM job GROUP BY study HAVING MAX(changed_at) < ? AND "
                "SUM(state NOT IN (SELECT value FROM json_each(?))) = 0 "
                "AND study IN (SELECT study FROM come)", before, json.dumps(ENDS),
            )  # fmt: skip
            studies = [row["study"] for row in rows]
            jobs = []
            for study in studies:
                self.execute("DELETE FROM instance WHERE study = ?", study)
                self.execute("DELETE FROM other WHERE study = ?", study)
                jobs += [int(row["id"]) for row in self.rows("SELECT id FROM job WHERE study = ?", study)]
        return studies, jobs

    # How it is done.

    def _renew(self, study: str, source: str) -> None:
        """Let a study wait for more, in the version that is not yet begun or in a new one."""
        now = self.clock()
        row = self.one("SELECT * FROM job WHERE study = ? ORDER BY version DESC LIMIT 1", study)
        last = None if row is None else _job(row)
        if last is not None and last.state in (State.RECEIVED, State.QUEUED):
            self.execute("UPDATE job SET received_at = ?, source = ? WHERE id = ?", now, source, last.id)
            if last.state is State.QUEUED:
                self.move(last.id, State.RECEIVED, "more of the study came")
            return
        version = 1 if last is None else last.version + 1
        if last is not None and last.state is State.FAILED and not self.deliveries(last.id):
            self.move(last.id, State.IGNORED, f"more of the study came: see version {version}")
        number = self.insert(
            "INSERT INTO job (study, version, state, reason, attempts, source, received_at, changed_at,"
            " next_at) VALUES (?, ?, ?, '', 0, ?, ?, ?, 0)",
            study, version, State.RECEIVED, source, now, now,
        )  # fmt: skip
        self._remember(number, State.RECEIVED, "")

    def _touch(self, study: str) -> None:
        """Begin the quiet time of a study that still waits again."""
        self.execute(
            "UPDATE job SET received_at = ? WHERE study = ? AND state = ?",
            self.clock(),
            study,
            State.RECEIVED,
        )

    def _settle(self, delivery: Delivery, state: State, reason: str) -> None:
        """Bring a delivery to its end, and its version to its own with the last one."""
        with self.together():
            self.execute(
                "UPDATE delivery SET state = ?, reason = ? WHERE job = ? AND destination = ?",
                state, reason, delivery.job, delivery.destination,
            )  # fmt: skip
            left = self.deliveries(delivery.job)
            states = {one for one, _, _ in left.values()}
            if State.DONE in states:
                return
            failed = "; ".join(
                f"{name}: {why}" for name, (one, why, _) in left.items() if one is State.FAILED
            )
            said = self.job(delivery.job).reason
            self.move(delivery.job, State.FAILED if failed else State.SENT, failed or said)

    def _remember(self, job: int, state: State, reason: str) -> None:
        self.execute("INSERT INTO history VALUES (?, ?, ?, ?)", job, self.clock(), state, reason)


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"], study=row["study"], version=row["version"], state=State(row["state"]),
        reason=row["reason"], attempts=row["attempts"], source=row["source"],
        received_at=row["received_at"], changed_at=row["changed_at"], next_at=row["next_at"],
    )  # fmt: skip
