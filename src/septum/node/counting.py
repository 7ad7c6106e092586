"""How many instances of a study there are: archives are asked by C-FIND, no more often than is of use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydicom import Dataset

from septum.io.dicom.headers import quiet, whole
from septum.node.association import associated
from septum.node.finding import FIND, answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.node.settings import Archive, Receive

_TIMEOUT_S = 30.0
_COUNT = "NumberOfStudyRelatedInstances"


class Counting:
    """Compares what has come of studies with what archives have of them.

    An answer holds for a while, as long as nothing more of the study comes; so does it that an archive does
    not answer.

    Args:
        settings: the peers, with the archives that know of their studies.
        ask_s: for how many seconds an answer holds.
        ask: asks an archive how many instances a study has; takes archive, study and the calling AE title.
        clock: seconds.
    """

    def __init__(
        self,
        settings: Receive,
        ask_s: float,
        ask: Callable[[Archive, str, str], int | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._ask_s, self._ask, self._clock = settings, ask_s, ask or count_at, clock
        self._said: dict[str, tuple[float, int, str]] = {}
        self._silent: dict[Archive, tuple[float, ConnectionError]] = {}

    def lacking(self, source: str, study: str, come: int) -> str:
        """Say what is lacking of a study; nothing where all is there, or where nobody knows that.

        Args:
            source: ``dimse:`` and the AE title of the peer that sent it.
            study: UID.
            come: the number of its instances that have come.

        Raises:
            ConnectionError: the archive that knows it does not answer.
        """
        archive = next((one.count for one in self._settings.peers if source == f"dimse:{one.ae_title}"), None)
        if archive is None:
            return ""
        since = self._clock() - self._ask_s
        self._said = {one: told for one, told in self._said.items() if told[0] > since}
        _, then, said = self._said.get(study, (0.0, -1, ""))
        if then == come:
            return said
        at, error = self._silent.get(archive, (since, None))
        if error is not None and at > since:
            raise error
        try:
            expected = self._ask(archive, study, self._settings.ae_title)
        except ConnectionError as silence:
            self._silent[archive] = (self._clock(), silence)
            raise
        self._silent.pop(archive, None)
        said = "" if expected is None or come >= expected else f"{come} of {expected} instances have come"
        if said:  # a study that is complete is asked for no more
            self._said[study] = (self._clock(), come, said)
        return said


def count_at(archive: Archive, study: str, calling: str) -> int | None:
    """Ask an archive by C-FIND how many instances a study has.

    Args:
        archive: who is asked.
        study: UID.
        calling: AE title by which it is asked.

    Returns:
        The number; ``None`` where the archive knows no such study, or does not tell.

    Raises:
        ConnectionError: it does not answer.
    """
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", study
    setattr(asked, _COUNT, None)
    with quiet(), associated(archive, calling, [FIND], timeout_s=_TIMEOUT_S) as association:
        found = list(answers(association, asked, archive.ae_title))
        return next((number for one in found if (number := whole(one, _COUNT)) is not None), None)
