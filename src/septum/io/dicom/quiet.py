"""Silence while headers are read: the library's words repeat values of headers, which may name a patient."""

from __future__ import annotations

import logging
import warnings
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger("pydicom")


class _Silence:
    """Warnings and log are settings of the process: one thread ends the silence when no other needs it."""

    def __init__(self) -> None:
        self._lock, self._users, self._ended = Lock(), 0, ExitStack()

    def begin(self) -> None:
        """One more that needs it."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._ended.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                self._ended.callback(setattr, _LOG, "disabled", _LOG.disabled)
                _LOG.disabled = True

    def end(self) -> None:
        """One less."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._ended.close()


_SILENCE = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings and pydicom's log, in whichever threads read at once, until the last has done."""
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()
