"""The viewer's server speaks to this machine alone, to who has the token, and to its own page."""

from __future__ import annotations

import pytest

from septum.view.security import MOST_BYTES
from support.view_studies import PORT, TOKEN, Page, write_result

OWN = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("results")
    write_result(made)
    return made


@pytest.fixture
def page(folder):
    return Page.of(folder)


def edits(page, **options):
    body = {"base": 0, "action": "revert", "changes": None}
    return page.client.post(f"/api/studies/{page.key}/edits", **({"json": body} | options))


def key_of(answer):
    return answer.json()["error"]["key"]


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_foreign_host_is_refused_whatever_cookie_comes_with_it(page, host):
    answer = page.client.get("/api/studies", headers={"host": host})
    assert (answer.status_code, key_of(answer)) == (403, "foreign_host")


def test_localhost_is_this_machine_too(page):
    answer = page.client.get(
        "/api/studies", headers={"host": f"localhost:{PORT}", "origin": f"http://localhost:{PORT}"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": OWN, "sec-fetch-site": "cross-site"},
        {"origin": OWN, "sec-fetch-site": "same-site"},
    ],
)
def test_a_change_from_another_page_is_refused(page, headers):
    answer = edits(page, headers=headers)
    assert (answer.status_code, key_of(answer)) == (403, "foreign_origin")


def test_a_change_by_a_browser_that_names_no_origin_is_refused(page):
    del page.client.headers["origin"]
    assert edits(page, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert edits(page).status_code == 200  # of a program that has the token


def test_another_page_reads_nothing_but_may_link_to_the_viewer(page):
    del page.client.headers["origin"]
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert page.client.get("/api/studies", headers=headers).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert page.client.get("/", headers=link).status_code == 200


def test_without_the_token_there_is_nothing(page):
    page.client.cookies.clear()
    assert page.client.get("/").status_code == 403
    assert key_of(page.client.get("/api/studies")) == "no_token"
    assert page.client.get("/?token=guess").status_code == 403
    assert "set-cookie" not in page.client.get("/?token=guess").headers
    assert page.client.get("/api/studies", headers={"cookie": f"septum-{PORT}=guess"}).status_code == 403


def test_the_token_leaves_the_address_for_a_cookie_that_no_script_reads(page):
    page.client.cookies.clear()
    answer = page.client.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert cookie.startswith(f"septum-{PORT}=")


def test_every_answer_forbids_what_the_page_does_not_need(page):
    for path in ("/", "/api/studies", f"/api/studies/{page.key}/image"):
        headers = page.client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store" or path == "/"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_a_change_is_json_and_not_too_large(page):
    assert edits(page, json=None, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    json = {"content-type": "application/json"}
    large = edits(page, json=None, content=b"x", headers={**json, "content-length": str(MOST_BYTES + 1)})
    assert (large.status_code, key_of(large)) == (413, "too_large")
    chunks = (b" " * 1024 * 1024 for _ in range(MOST_BYTES // 1024 // 1024 + 1))
    assert edits(page, json=None, content=chunks, headers=json).status_code == 413
    for content in (b"", b"[", b"[]", b"1", b'{"base":"0"}', b'{"base":true}', b"[" * 100_000):
        assert edits(page, json=None, content=content, headers=json).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/studies/../../etc/passwd", "/api/studies/heart", "/api/studies/%2e%2e%2fheart_seg.json",
        "/../app.py", "/%2e%2e/app.py", "/static/../../app.py", "/heart.nii.gz", "//etc/passwd",
    ],
)  # fmt: skip
def test_no_path_of_a_client_opens_a_file(page, path):
    assert page.client.get(path).status_code == 404


def test_nothing_that_the_page_is_told_names_a_folder(page, folder):
    for path in ("/api/studies", f"/api/studies/{page.key}"):
        assert str(folder) not in page.client.get(path).text


def test_other_methods_are_refused(page):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = page.client.request(method, "/api/studies", json={})
        assert answer.status_code in (404, 405)
