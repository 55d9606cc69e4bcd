"""The server over real HTTP: what nobody gets."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from benchmarks.serve_people import answer_for
from benchmarks.serve_tasks import questions_of


def test_every_response_carries_the_headers(start: Any) -> None:
    server = start()
    browser = server.person("Ada")
    task = browser.get("/api/next")[1]
    pages = ["/", "/annotate", "/api/pace", "/nowhere", "/a/wrong", "/static/crowd-shim.js"]
    for path in [*pages, task["page"], f"/image/{task['image_id']}"]:
        headers = browser.request("GET", path)[1]
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert "server" not in headers


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(start: Any) -> None:
    server = start(public_url="https://annotate.example")
    browser = server.browser()
    path = server.link("Ada").removeprefix(server.origin)
    cookie = browser.request("GET", path)[1]["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/", "secure"):
        assert part in cookie


def test_nothing_of_one_annotator_is_visible_to_another(start: Any) -> None:
    server = start(images=3)
    ada, eve = server.person("Ada"), server.person("Eve")
    first = ada.get("/api/next")[1]
    draft = {"q01": {"c0": True}}
    where = {"image_id": first["image_id"], "lease": first["lease"]}
    assert ada.post("/api/draft", where | {"draft": draft})[0] == 200
    assert ada.get("/api/next")[1]["draft"] == draft
    hers = eve.get("/api/next")[1]
    assert hers["draft"] is None
    assert hers["lease"] != first["lease"]
    stolen = {"image_id": first["image_id"], "lease": first["lease"], "seconds": 1.0}
    content = answer_for(0, first["image_id"], questions_of(server.workspace))
    assert eve.post("/api/submit", stolen | {"content": content})[0] in (403, 404, 409)
    assert server.submit(ada, first)[0] == 200
    assert len(ada.get("/api/recent")[1]) == 1
    assert eve.get("/api/recent")[1] == []
    assert eve.post("/api/again", {"image_id": first["image_id"]})[0] == 404
    assert eve.get("/api/owner")[0] == 401
    for image_id in set(exportable(server)) - {hers["image_id"]}:
        assert eve.request("GET", f"/image/{image_id}")[0] == 404
        assert eve.request("GET", f"/task/{image_id}")[0] == 404


def exportable(server: Any) -> list[str]:
    lines = (server.workspace.tasks / "manifest.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["image-id"] for line in lines]


@pytest.mark.parametrize(
    "path",
    [
        "/image/../../mumic.toml",
        "/image/..%2f..%2fmumic.toml",
        "/image/%2fetc%2fpasswd",
        "/image/photos%2f00000.png",
        "/static/..%2fmumic.toml",
        "/static/task.html.j2",
        "/example/99",
        "/task/%00",
    ],
)
def test_no_path_leads_out_of_the_catalogue(start: Any, path: str) -> None:
    browser = start().person("Ada")
    browser.get("/api/next")
    assert browser.request("GET", path)[0] == 404


def test_changes_need_the_page_the_origin_and_a_small_body(start: Any) -> None:
    server = start()
    browser = server.person("Ada")
    task = browser.get("/api/next")[1]
    body = {"image_id": task["image_id"], "lease": task["lease"], "draft": {}}
    ask = browser.request
    assert ask("POST", "/api/draft", body)[0] == 200
    assert ask("POST", "/api/draft", body, {"X-CSRF": "wrong"})[0] == 403
    assert ask("POST", "/api/draft", body, {"Origin": "http://evil.example"})[0] == 403
    assert ask("POST", "/api/draft", body, {"Content-Type": "text/plain"})[0] == 415
    assert ask("POST", "/api/draft", b"[" * 3000)[0] == 400
    assert ask("POST", "/api/draft", b"[]")[0] == 400
    other = server.person("Eve")
    other.csrf = browser.csrf
    assert other.post("/api/skip", body | {"reason": "x"})[0] == 403, "bound to the session"
    large = json.dumps(body | {"draft": {"x": "y" * 70_000}}).encode()
    assert ask("POST", "/api/draft", large)[0] == 413


def test_a_body_of_unknown_length_is_cut_off(start: Any) -> None:
    browser = start().person("Ada")
    connection = browser._connection
    headers = {
        "Cookie": "; ".join(f"{name}={text}" for name, text in browser.cookies.items()),
        "Content-Type": "application/json",
        "Origin": browser.origin,
        "X-CSRF": browser.csrf,
    }
    connection.putrequest("POST", "/api/draft")
    for name, value in (headers | {"Transfer-Encoding": "chunked"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    for _ in range(9):  # the ninth passes the limit; the body never ends
        connection.send(b"2000\r\n" + b"x" * 8192 + b"\r\n")
    response = connection.getresponse()
    assert response.status == 413
    response.close()


def test_bad_tokens_are_slowed_down_and_good_ones_are_not(start: Any) -> None:
    server = start()
    ada = server.person("Ada")
    late = server.link("Late").removeprefix(server.origin)
    stranger = server.browser()
    found = [stranger.request("GET", f"/a/guess{at}")[0] for at in range(25)]
    assert found == [404] * 20 + [429] * 5
    assert stranger.request("GET", "/owner/guess")[0] == 429
    stranger.cookies["mumic_session"] = "guess"
    status, headers, _ = stranger.request("GET", "/api/next")
    assert (status, headers["retry-after"].isdigit()) == (429, True)
    assert stranger.request("GET", late)[0] == 429, "a true limit holds for right guesses too"
    assert ada.get("/api/next")[0] == 200


def test_a_revoked_link_ends_at_once_and_a_paused_annotator_is_told(start: Any) -> None:
    server = start()
    ada, eve, owner = server.person("Ada"), server.person("Eve"), server.owner()
    ids = {entry.name: entry.id for entry in server.site.desk.store.annotators()}
    assert owner.post("/api/owner/annotator", {"id": ids["Ada"], "state": "revoked"})[0] == 200
    assert ada.get("/api/next")[0] == 401
    assert owner.post("/api/owner/annotator", {"id": ids["Eve"], "state": "paused"})[0] == 200
    assert eve.get("/api/next")[0] == 403
    assert owner.post("/api/owner/annotator", {"id": ids["Eve"], "state": "asleep"})[0] == 400
    assert eve.post("/api/owner/annotator", {"id": ids["Eve"], "state": "active"})[0] == 401


def test_no_log_holds_a_token(
    start: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        server = start()
        link = server.link("Ada")
        browser = server.browser()
        browser.open(link)
        browser.request("GET", "/a/" + "x" * 3000)
        server.owner().get("/api/owner")
    printed = "".join(capfd.readouterr()) + caplog.text
    for secret in (link.rpartition("/")[2], server.site.keys.owner_token, "x" * 100):
        assert secret not in printed
