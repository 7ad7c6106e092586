"""Bodies of STOW-RS requests: whole, in chunks, cut short, too long."""

from __future__ import annotations

import io
import tempfile

import pytest

from septum.node.inbox import RefusedError
from septum.node.multipart import boundary_of, on_disk, parts

BODY = (
    b"--b\r\nContent-Type: application/dicom\r\n\r\n" + b"\x00\r\n--x" * 3 + b"\r\n--b\r\n\r\nB\r\n--b--\r\n"
)


def taken(stream, headers, folder, most_bytes=1000):
    with on_disk(stream, headers, folder, most_bytes) as file:
        return list(parts(file, b"b"))


def test_parts_may_hold_anything_but_the_boundary(tmp_path):
    found = taken(io.BytesIO(BODY), {"Content-Length": str(len(BODY))}, tmp_path)
    assert found == [b"\x00\r\n--x" * 3, b"B"]


def test_a_body_may_come_in_chunks(tmp_path):
    chunked = b"".join(b"%x;n=1\r\n%s\r\n" % (len(one), one) for one in (BODY[:7], BODY[7:])) + b"0\r\n\r\n"
    assert taken(io.BytesIO(chunked), {"Transfer-Encoding": "chunked"}, tmp_path) == [
        b"\x00\r\n--x" * 3,
        b"B",
    ]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, {}),
        (BODY, {"Content-Length": "-1"}),
        (BODY, {"Content-Length": "900"}),
        (BODY * 20, {"Content-Length": str(len(BODY) * 20)}),
        (b"ff\r\nabc", {"Transfer-Encoding": "chunked"}),
        (b"", {"Transfer-Encoding": "chunked"}),
    ],
)
def test_what_is_cut_short_or_too_long_is_refused_and_leaves_nothing(tmp_path, body, headers):
    with pytest.raises(RefusedError):
        taken(io.BytesIO(body), headers, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["", "application/dicom", "multipart/related; type=x"])
def test_a_request_must_say_what_parts_it(kind):
    with pytest.raises(RefusedError):
        boundary_of(kind)


def test_an_empty_body_has_no_parts():
    with tempfile.TemporaryFile() as file:
        assert list(parts(file, b"b")) == []
