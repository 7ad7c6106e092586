"""What happened, one line of JSON each, without names: who sent, what was made of it, where it went."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from septum.core import OutputError
from septum.core.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES, _FILES = 10_000_000, 20


class Codes:
    """Stands for the identifiers of studies and images in logs and names of files.

    Codes are made with a key that lies in the node's folder: who has only a log cannot find out of which
    study a line is.

    Args:
        path: of the key; it is made where there is none.

    Raises:
        OutputError: it cannot be made or read.
    """

    def __init__(self, path: Path) -> None:
        try:
            if not path.exists():
                with atomic_path(path) as temporary:
                    temporary.write_bytes(secrets.token_bytes(32))
                path.chmod(0o600)
            self._key = path.read_bytes()
        except OSError as error:
            raise OutputError(f"{path} cannot be used as the node's key: {error.strerror}.") from error

    def of(self, uid: str) -> str:
        """Sixteen digits that stand for an identifier, always the same."""
        return hmac.new(self._key, uid.encode(), hashlib.sha256).hexdigest()[:16]


class _Rotating(RotatingFileHandler):
    """A full disk ends no node."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the base class's name
        """Do nothing."""


class Audit:
    """The audit log; files of ten megabytes, of which the last twenty are kept.

    Args:
        path: of the newest file.
        codes: for the studies that it names.
    """

    def __init__(self, path: Path, codes: Codes) -> None:
        self._codes = codes
        self._handler = _Rotating(
            path, maxBytes=_MOST_BYTES, backupCount=_FILES, encoding="utf-8", delay=True
        )

    def note(self, event: str, study: str = "", **facts: str | float | None) -> None:
        """Write one line.

        Args:
            event: what happened, in a word.
            study: UID of the study; its code is written.
            facts: what else is to be known; nothing of a patient.
        """
        line: dict[str, object] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        line |= {"study": self._codes.of(study)} if study else {}
        line |= {name: value for name, value in facts.items() if value not in ("", None)}
        self._handler.handle(logging.makeLogRecord({"msg": json.dumps(line, ensure_ascii=True)}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
