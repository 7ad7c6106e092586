"""The routes: thin, each a sentence of HTTP for something that the worklist or a session does."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from septum.view.answers import json_answer, packed, refusal
from septum.view.errors import RefusedError
from septum.view.review import Review
from septum.view.security import MOST_BYTES, Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from septum.view.session import Session
    from septum.view.worklist import Worklist

STATIC = Path(__file__).parent / "static"


def make_app(worklist: Worklist, *, port: int, token: str) -> Guard:
    """Make the server's application.

    Args:
        worklist: the studies.
        port: on which it answers.
        token: that the address has.
    """
    routes = [
        *Routes(worklist).routes(),
        Mount("/", StaticFiles(directory=STATIC, html=True)),
    ]
    return Guard(Starlette(routes=routes), port=port, token=token)


class Routes:
    """What the page can ask for.

    Args:
        worklist: the studies.
    """

    def __init__(self, worklist: Worklist) -> None:
        self.worklist = worklist

    def routes(self) -> list[Route]:
        """List all routes of ``/api``."""
        study = "/api/studies/{key}"
        reading: dict[str, Callable[[Request], Response]] = {
            "/api/studies": self.studies,
            study: self.study,
            f"{study}/image": self.image,
            f"{study}/mask": self.mask,
            f"{study}/volume": self.volume,
            f"{study}/long-axes": self.long_axes,
            f"{study}/long-axes/{{k:int}}": self.long_axis,
        }
        changing: dict[str, Callable[[Request, dict[str, Any]], Response]] = {
            f"{study}/edits": self.edit,
            f"{study}/undo": lambda request, body: self.step(request, body, "undo"),
            f"{study}/redo": lambda request, body: self.step(request, body, "redo"),
            f"{study}/save": self.save,
            f"{study}/verify": lambda request, body: self.save(request, body, verified=True),
            f"{study}/review": self.review,
        }
        return [
            *(Route(path, _reading(answer), methods=["GET"]) for path, answer in reading.items()),
            *(Route(path, _changing(answer), methods=["POST"]) for path, answer in changing.items()),
        ]

    def studies(self, request: Request) -> Response:
        """Give the list."""
        del request
        return json_answer(self.worklist.listed())

    def study(self, request: Request) -> Response:
        """Give one study but for image and mask."""
        key = _key(request)
        entry, session = self.worklist.entry(key), self.worklist.session(key)
        review = self.worklist.review_of(key)
        return json_answer(
            {
                "id": key, "name": entry.name, **session.described(),
                "review": _told(review), "verifiable": self.worklist.is_verifiable(key),
            }
        )  # fmt: skip

    def image(self, request: Request) -> Response:
        """Give the image as one packed block."""
        return packed(self.worklist.session(_key(request)).image())

    def mask(self, request: Request) -> Response:
        """Give the mask, as it is or as the model made it."""
        which = request.query_params.get("which", "current")
        return json_answer(self.worklist.session(_key(request)).mask(which))

    def volume(self, request: Request) -> Response:
        """Give one frame of image or mask as NIfTI."""
        which = request.query_params.get("which", "image")
        frame = request.query_params.get("frame", "0")
        if which not in ("image", "mask") or not frame.isdecimal():
            raise RefusedError("A volume is of image or mask, and of a frame from 0.", "bad_volume")
        content = self.worklist.session(_key(request)).volume(which, int(frame))
        return Response(content, media_type="application/octet-stream")

    def long_axes(self, request: Request) -> Response:
        """List the long-axis slices of a study."""
        return json_answer({"long_axes": self.worklist.session(_key(request)).named_long_axes()})

    def long_axis(self, request: Request) -> Response:
        """Give one of them, with its lines."""
        return json_answer(self.worklist.session(_key(request)).long_axis(request.path_params["k"]))

    def edit(self, request: Request, body: dict[str, Any]) -> Response:
        """Make one edit."""
        base, action, reader = _base(body), str(body.pop("action", "")), self._reader(body)
        return self._changed(_key(request), lambda session: session.edit(base, action, body, reader))

    def step(self, request: Request, body: dict[str, Any], action: str) -> Response:
        """Undo or redo one edit."""
        base, reader = _base(body), self._reader(body)
        return self._changed(_key(request), lambda session: session.step(base, action, reader))

    def _changed(self, key: str, change: Callable[[Session], dict[str, Any]]) -> Response:
        """Change a study; one that another process has changed, too, is read again for the next request."""
        try:
            return json_answer(change(self.worklist.session(key)))
        except RefusedError as error:
            if error.key == "other_viewer":
                self.worklist.forget(key)
            raise

    def save(self, request: Request, body: dict[str, Any], *, verified: bool = False) -> Response:
        """Write the study as it is; with ``verified`` by an explicit act of the reader."""
        base, reader = _base(body), self._reader(body)
        if verified and not reader:
            raise RefusedError("Verifying takes the reader's name; give it.", "no_reader")
        key = _key(request)
        session, files = self.worklist.save(key, base, reader, verified=verified)
        review = _told(self.worklist.review_of(key))
        return json_answer({"files": files, "saved_version": session.saved_version, "review": review})

    def review(self, request: Request, body: dict[str, Any]) -> Response:
        """Take a decision down; without a comment, that of the same reader stays, and no other's."""
        key = _key(request)
        for name in ("base", "at", "mask_sha256"):
            body.pop(name, None)
        body.setdefault("reader", self.worklist.reader)
        try:
            review = Review.model_validate(body)
        except ValueError as error:
            raise RefusedError("A review has a state, a reader and a comment.", "bad_review") from error
        earlier = self.worklist.review_of(key)
        if "comment" not in review.model_fields_set and earlier.reader == review.reader:
            review = review.model_copy(update={"comment": earlier.comment})
        return json_answer({"review": _told(self.worklist.review(key, review))})

    def _reader(self, body: dict[str, Any]) -> str:
        """Who makes a change: as the request says, or else as was said before."""
        named = body.pop("reader", None)
        if isinstance(named, str) and named.strip():
            self.worklist.reader = named.strip()[:200]
        return self.worklist.reader


def _told(review: Review) -> dict[str, Any]:
    """A decision as the page reads it."""
    return review.model_dump(exclude={"at", "mask_sha256"})


def _key(request: Request) -> str:
    return str(request.path_params["key"])


def _base(body: dict[str, Any]) -> int:
    base = body.pop("base", None)
    if type(base) is not int:
        raise RefusedError("A change says on which version it was made: expected base.", "no_base")
    return base


def _reading(answer: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_answered, answer, request)

    return endpoint


def _changing(answer: Callable[[Request, dict[str, Any]], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request)
        except RefusedError as error:
            return refusal(error)
        return await run_in_threadpool(_answered, answer, request, body)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    """The document of a request. Raises :class:`RefusedError`."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise RefusedError(
                f"The request is too large: expected {MOST_BYTES} bytes at most.", "too_large", 413
            )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusedError("The request is no JSON document.", "not_json") from error
    if not isinstance(document, dict):
        raise RefusedError("The request is no JSON object.", "not_json")
    return document


def _answered(answer: Callable[..., Response], *arguments: Any) -> Response:
    """An answer, or the sentence of the error that came instead."""
    try:
        return answer(*arguments)
    except Exception as error:  # noqa: BLE001  # the last place where an error can become an answer
        if os.environ.get("SEPTUM_DEBUG"):
            traceback.print_exception(error, file=sys.stderr)
        return refusal(error)
