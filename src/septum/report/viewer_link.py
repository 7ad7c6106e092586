"""The address of a study in the viewer, where one runs on this machine."""

from __future__ import annotations

import hashlib

#: Where ``septum view`` answers if nothing else does.
HOST = "127.0.0.1"
PORT = 8642


def study_key(name: str, input_sha256: str) -> str:
    """Give the key of a study by its name and the hash of its image; it tells nothing of either.

    >>> study_key("heart", "ab")
    '3b788425a94e8c62'
    """
    return hashlib.sha256(f"{name}\n{input_sha256}".encode("utf-8", "surrogateescape")).hexdigest()[:16]


def viewer_address(name: str, input_sha256: str) -> str:
    """Give the address at which a viewer at the usual port shows a study.

    >>> viewer_address("heart", "ab")
    'http://127.0.0.1:8642/#/study/3b788425a94e8c62'
    """
    return f"http://{HOST}:{PORT}/#/study/{study_key(name, input_sha256)}"
