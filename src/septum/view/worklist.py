"""All studies that the server shows, and those of them that are open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from time import sleep
from typing import TYPE_CHECKING, Any

from septum.core import SeptumError
from septum.core.files import sha256_of
from septum.view.errors import RefusedError
from septum.view.journal import now
from septum.view.listing import Entry, find_entries, read_entry
from septum.view.opening import open_study
from septum.view.review import ENDING, TABLE, UNSEEN, Review, Row, read_review, write_review, write_table
from septum.view.saving import is_verifiable, require_verifiable, save
from septum.view.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from septum.workflows.cases import InputCase

#: Studies that are kept in memory; the others are opened again, and their journals replayed.
MOST_OPEN = 4
#: A page that asked for an image has it after so long.
_SHOWN_AFTER_S = 1.0
_STATES_FIRST = {"unseen": 0}
_VERDICTS = {"reject": 0, "review": 1, "fine": 2}


@dataclass
class Progress:
    """How far a segmentation in the background is."""

    done: int = 0
    total: int = 0
    current: str = ""
    frame: int = 0
    frames: int = 0


class Worklist:
    """The studies of some folders of results.

    Args:
        roots: the folders.
        named: images that the user gave, by the names that their results have.
        reader: who looks at them.
        identify: whether the page may show who the patient is.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        named: Mapping[str, InputCase] | None = None,
        reader: str = "",
        identify: bool = False,
    ) -> None:
        self.roots, self.named, self.reader, self.identify = tuple(roots), dict(named or {}), reader, identify
        self.began = now()
        self.progress: Progress | None = None
        self.problems: list[str] = []
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._reviews: dict[str, Review] = {}
        self._opening: dict[str, threading.Lock] = {}
        self._open: OrderedDict[str, Session] = OrderedDict()
        for root in self.roots:
            for entry in find_entries(root):
                self._take(entry)

    def add(self, root: Path, record: Path) -> None:
        """Take up a result that was just written, or written anew."""
        entry = read_entry(root, record)
        if entry is not None:
            self._take(entry)

    def entry(self, key: str) -> Entry:
        """Look up a study. Raises :class:`RefusedError` where there is none of that key."""
        with self._lock:
            if key not in self._entries:
                raise RefusedError("There is no such study; go back to the list.", "no_such_study", 404)
            return self._entries[key]

    def session(self, key: str) -> Session:
        """Open a study, unless it is open; then make the next one of the list ready in the background.

        Raises:
            RefusedError: there is none of that key, or its result cannot be understood.
            InputError: its mask cannot be read.
        """
        session, is_new = self._session(key)
        if is_new:
            self.prepare(session, key)
        return session

    def prepare(self, session: Session | None = None, key: str = "") -> None:
        """Make ready, in the background, a study that is open, and the next one that nobody has seen.

        Args:
            session: that is open; ``None``: only the first one of the list.
            key: of that study.
        """
        threading.Thread(target=self._make_ready, args=(session, key), daemon=True).start()

    def forget(self, key: str) -> None:
        """Close a study: the next request reads it again, with all that its journal has by then."""
        with self._lock:
            self._open.pop(key, None)

    def _session(self, key: str) -> tuple[Session, bool]:
        """A study, and whether it was opened just now."""
        entry = self.entry(key)
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:  # one request reads it, and others wait for that; all else goes on
            with self._lock:
                if key in self._open:
                    self._open.move_to_end(key)
                    return self._open[key], False
            session = Session(open_study(entry, self.named), identify=self.identify)
            with self._lock:
                self._open[key] = session
                if session.file_sha256:
                    self._reviews[key] = self._reviews[key].on(session.file_sha256)
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
        return session, True

    def _make_ready(self, session: Session | None, key: str) -> None:
        with suppress(SeptumError, RuntimeError):  # the latter, where the program ends meanwhile
            if session is not None:
                self._warm_up(session, is_awaited=True)
            with self._lock:
                order = [entry.key for entry in sorted(self._entries.values(), key=self._order)]
            after = order[order.index(key) + 1 :] if key in order else order
            unseen = [one for one in after if self.review_of(one).state == "unseen"]
            if unseen:
                self._warm_up(self._session(unseen[0])[0], is_awaited=session is None)

    @staticmethod
    def _warm_up(session: Session, *, is_awaited: bool) -> None:
        session.image()  # which the page asks for first
        if is_awaited:
            sleep(_SHOWN_AFTER_S)  # the rest would hold it up
        session.warm_up()

    def listed(self) -> dict[str, Any]:
        """Give the list as the page shows it, what needs a look first."""
        with self._lock:
            entries = list(self._entries.values())
            studies = [self._described(entry) for entry in sorted(entries, key=self._order)]
            progress = None if self.progress is None else vars(self.progress).copy()
            return {
                "studies": studies, "progress": progress, "problems": list(self.problems),
                "reader": self.reader,
            }  # fmt: skip

    def review_of(self, key: str) -> Review:
        """Give what was decided about a study."""
        with self._lock:
            return self._reviews.get(key, UNSEEN)

    def review(self, key: str, review: Review) -> Review:
        """Take a decision down, beside the result and in the folder's table.

        A mask that differs from the first one is taken as corrected, and one that does not as accepted,
        whatever was done in between.

        Raises:
            OutputError: it cannot be written.
            RefusedError, InputError: as of :meth:`session`.
        """
        entry, taken = self.entry(key), replace_time(review)
        if taken.state in ("accepted", "corrected"):
            state = "corrected" if self.session(key).is_corrected else "accepted"
            taken = taken.model_copy(update={"state": state})
        with self._lock:
            open_now = self._open.get(key)
            there = sha256_of(entry.paths.mask) if entry.paths.mask.is_file() else ""
            taken = taken.model_copy(
                update={"mask_sha256": there if open_now is None else open_now.file_sha256}
            )
            write_review(entry.paths.beside(ENDING), taken)
            self._reviews[key] = taken
            if taken.reader:
                self.reader = taken.reader
            self._write_table(entry.root)
            return taken

    def is_verifiable(self, key: str) -> bool:
        """Tell whether a study has a report that can be verified. Raises as of :meth:`session`."""
        return is_verifiable(self.session(key), self.entry(key))

    def save(self, key: str, base: int, reader: str, *, verified: bool) -> tuple[Session, list[str]]:
        """Write a study as it is, and list it anew.

        A decision on another mask, or with other phases, does not count any more.

        Args:
            key: of the study.
            base: version that is to be saved.
            reader: who saves it.
            verified: whether this verifies it.

        Returns:
            The study, and the names of the files that were written.

        Raises:
            RefusedError: it was changed elsewhere, or there is nothing that could be verified.
            OutputError: something cannot be written.
        """
        entry, session, decided = self.entry(key), self.session(key), self.review_of(key)
        with session.lock:
            session.require(base)
            if verified:
                require_verifiable(session, entry, self.review_of(key).state)
            before = session.file_sha256
            files = save(session, entry, reader, since=self.began, verified=verified)
        self.add(entry.root, entry.paths.record)
        with self._lock:
            self._look_again(key, decided, before, entry.phases)
        return session, files

    def _look_again(
        self, key: str, decided: Review, before: str, phases: tuple[int | None, int | None]
    ) -> None:
        """Write what a decision is worth after a save.

        Args:
            key: of the study.
            decided: the decision before the save.
            before: SHA-256 of the file of the mask before the save.
            phases: before the save.
        """
        entry = self._entries[key]
        if decided is UNSEEN:
            return
        known = decided.model_copy(update={"mask_sha256": decided.mask_sha256 or before})
        review = known.on(entry.mask_sha256)
        review = review if phases == entry.phases else known.taken_back()
        if review != decided:
            write_review(entry.paths.beside(ENDING), review)
        self._reviews[key] = review
        self._write_table(entry.root)

    def _take(self, entry: Entry) -> None:
        with self._lock:
            key, k = entry.key, 1
            while key in self._entries and self._entries[key].paths.record != entry.paths.record:
                k += 1
                key = f"{entry.key}-{k}"
            self._entries[key] = replace(entry, key=key)
            self._reviews[key] = _counting(read_review(entry.paths.beside(ENDING)), entry)

    def _write_table(self, root: Path) -> None:
        entries = sorted((e for e in self._entries.values() if e.root == root), key=lambda entry: entry.name)
        write_table(
            root / TABLE,
            (
                Row(e.name, self._reviews[e.key], e.verdict, e.flags, e.ejection_fractions)
                for e in entries
                if self._reviews[e.key] is not UNSEEN
            ),
        )

    def _order(self, entry: Entry) -> tuple[int, int, int, str]:
        state = self._reviews[entry.key].state
        return (
            _STATES_FIRST.get(state, 1), _VERDICTS.get(entry.verdict, 0), -len(entry.flags),
            entry.name.casefold(),
        )  # fmt: skip

    def _described(self, entry: Entry) -> dict[str, Any]:
        review, open_now = self._reviews[entry.key], self._open.get(entry.key)
        left, right = entry.ejection_fractions
        return {
            "id": entry.key, "name": entry.name, "verdict": entry.verdict, "flags": list(entry.flags),
            "ef_lv": left, "ef_rv": right, "model": entry.model, "state": review.state,
            "reader": review.reader, "comment": review.comment,
            "edited": entry.is_corrected or (open_now is not None and not open_now.history.is_original),
        }  # fmt: skip


def _counting(review: Review, entry: Entry) -> Review:
    """The decision as it counts now; the mask's file is read only where its JSON tells of another mask."""
    mask = entry.paths.mask
    if review.on(entry.mask_sha256) is review or not mask.is_file():
        return review
    return review.on(sha256_of(mask))


def replace_time(review: Review) -> Review:
    """Give the decision with the time at which it is taken."""
    return review.model_copy(update={"at": now()})
