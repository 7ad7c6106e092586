"""Orthanc as a source: its list of changes names studies, whose images are fetched as they come."""

from __future__ import annotations

import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.io.dicom.objects.instances import MANUFACTURER
from septum.node.http_client import HttpClient, HttpError
from septum.node.inbox import RefusedError
from septum.node.states import State
from septum.node.watches import Watch, Watches

if TYPE_CHECKING:
    from septum.node.inbox import Inbox
    from septum.node.settings import OrthancSource
    from septum.node.store import Store

#: Changes that are asked for at once.
_CHANGES = 500
#: Changes after which a study is looked at: a new study or series, or a study that rests after any change.
_OF_STUDIES, _OF_SERIES = ("NewStudy", "StableStudy"), ("NewSeries",)


class OrthancPoller:
    """Looks into one Orthanc.

    Args:
        settings: which.
        inbox: where images go.
        store: where it remembers how far it has read, and which studies it looks at.
        quiet_s: a study without images is looked at for so long.
    """

    def __init__(self, settings: OrthancSource, inbox: Inbox, store: Store, quiet_s: float) -> None:
        self.settings, self._inbox, self._store, self._quiet_s = settings, inbox, store, quiet_s
        self.source = f"orthanc:{settings.name}"
        self._watches, self._client = Watches(store, self.source), HttpClient(settings.url, settings)
        self.answered_at = 0.0
        self._looked_at: dict[str, float] = {}
        self.is_away = False  # the last look had no answer
        self._is_sure = False  # that Orthanc's database is the one whose changes were read

    def step(self) -> bool:
        """Look once; whether there is more to read at once.

        Raises:
            HttpError: Orthanc does not answer; the next look goes on from there.
            FullError: there is no room; likewise.
        """
        try:
            more = self._read_changes()
            for watch in self._watches.all():
                self._look_at(watch)
        except HttpError:
            self._is_sure, self.is_away = False, True
            raise
        self.answered_at, self.is_away = time.time(), False
        return more

    def agrees(self, study: str) -> bool | None:
        """Tell whether a study rests in Orthanc and all its images came; ``None`` where nobody looks."""
        found = [watch for watch in self._watches.all() if watch.study == study]
        return all(watch.agrees and self._rests(watch) for watch in found) if found else None

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _read_changes(self) -> bool:
        since = self._begin()
        answer = self._client.json(f"/changes?since={since}&limit={_CHANGES}")
        studies = {change["ID"] for change in answer["Changes"] if change["ChangeType"] in _OF_STUDIES}
        for change in answer["Changes"]:
            if change["ChangeType"] in _OF_SERIES:
                parent = self._found(f"/series/{change['ID']}")
                studies |= {parent["ParentStudy"]} if parent else set()
        known = {watch.remote for watch in self._watches.all()}
        with self._store.together():
            for remote in studies - known:
                self._watches.note(remote)
            if answer["Changes"]:
                self._watches.advance(int(answer["Last"]))
        return not answer["Done"]

    def _begin(self) -> int:
        """The change after which to read: from the beginning where Orthanc's database is another one."""
        since = self._watches.cursor()
        if since is None or not self._is_sure:
            last = int(self._client.json("/changes?last")["Last"])
            if since is None:
                since = 0 if self.settings.from_beginning else last
            elif last < since:
                since = 0
            self._watches.advance(since)
            self._is_sure = True
        return since

    def _look_at(self, watch: Watch) -> None:
        """Fetch what a study has new, or end looking at it."""
        now = self._store.clock()
        statistics = self._found(f"/studies/{watch.remote}/statistics")
        if not statistics or self._is_over(watch):
            self._watches.end(watch.remote)
            self._looked_at.pop(watch.remote, None)
            return
        count = int(statistics["CountInstances"])
        self._looked_at[watch.remote] = now
        if count == watch.instances and watch.agrees:
            return
        study = watch.study or self._uid(watch.remote)
        self._watches.note(watch.remote, study, watch.instances, agrees=False)  # while its images are fetched
        images = self._images(watch.remote)
        come = self._store.come(study)
        for identifier, sop in images.items():
            if sop not in come:
                self._fetch(identifier)
        agrees = self._store.come(study).issuperset(images.values())
        self._watches.note(watch.remote, study, count, agrees=agrees)

    def _rests(self, watch: Watch) -> bool:
        """Whether looks at a study found as many instances for the whole quiet time."""
        return self._looked_at.get(watch.remote, 0.0) - watch.changed_at >= self._quiet_s

    def _is_over(self, watch: Watch) -> bool:
        """Whether a study is in work, or has rested without an image that could be segmented."""
        if watch.instances < 0:
            return False
        waits = any(job.state is State.RECEIVED for job in self._store.jobs_of(watch.study))
        return not waits and self._store.clock() - watch.changed_at > self._quiet_s

    def _images(self, remote: str) -> dict[str, str]:
        """Orthanc's identifiers of the MR images of a study, with their UIDs; the node's own left out."""
        found: dict[str, str] = {}
        for series in self._found(f"/studies/{remote}/series") or []:
            tags = series["MainDicomTags"]
            if tags.get("Modality") != "MR" or tags.get("Manufacturer") == MANUFACTURER:
                continue
            for one in self._found(f"/series/{series['ID']}/instances") or []:
                found[one["ID"]] = one["MainDicomTags"].get("SOPInstanceUID", "")
        return found

    def _fetch(self, identifier: str) -> None:
        content = self._client.get(f"/instances/{identifier}/file")
        with tempfile.NamedTemporaryFile(dir=self._inbox.incoming, suffix=".dcm") as file:
            file.write(content)
            file.flush()
            try:
                self._inbox.take(Path(file.name), self.source)
            except RefusedError:
                return  # logged there; it counts as missing, so that the study does not agree

    def _uid(self, remote: str) -> str:
        found = self._found(f"/studies/{remote}")
        return str(found["MainDicomTags"].get("StudyInstanceUID", "")) if found else ""

    def _found(self, path: str) -> Any:
        """A document, or nothing where it is gone meanwhile."""
        try:
            return self._client.json(path)
        except HttpError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
