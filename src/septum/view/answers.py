"""Answers of the server: JSON, packed where it is large, and errors as one sentence with a key."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from septum.core import SeptumError
from septum.core.errors import OutputError, UnexpectedError
from septum.view.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: From so many bytes on an answer is packed.
_LARGE = 32 * 1024


def json_answer(document: Any, status: int = 200) -> Response:
    """Answer with a JSON document.

    >>> json_answer({"a": 1}).body
    b'{"a":1}'
    """
    content = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    headers = {}
    if len(content) > _LARGE:
        content, headers = gzip.compress(content, 1, mtime=0), {"Content-Encoding": "gzip"}
    return Response(content, status, headers, "application/json")


def refusal(error: Exception) -> Response:
    """Answer with the sentence of an error.

    >>> refusal(RefusedError("There is no such study.", "no_such_study", 404)).status_code
    404
    """
    told = error if isinstance(error, SeptumError) else UnexpectedError.of(error)
    document: dict[str, Any] = {"key": _key_of(told), "text": str(told)}
    if isinstance(told, RefusedError) and told.version is not None:
        document["version"] = told.version
    return json_answer({"error": document}, _status_of(told))


def packed(content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with bytes that are packed already."""
    return Response(content, 200, {"Content-Encoding": "gzip", **(headers or {})}, "application/octet-stream")


def _key_of(error: SeptumError) -> str:
    if isinstance(error, RefusedError):
        return error.key
    if isinstance(error, OutputError):
        return "cannot_write"
    return "unexpected" if isinstance(error, UnexpectedError) else "cannot_use"


def _status_of(error: SeptumError) -> int:
    if isinstance(error, RefusedError):
        return error.status
    return 500 if isinstance(error, (OutputError, UnexpectedError)) else 422
