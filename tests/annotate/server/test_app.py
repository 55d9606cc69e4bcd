"""The server over real HTTP: what people get, and what nobody gets."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate.errors import InputError
from annotate.labels.stage import label_images
from annotate.mining.draw import Draw, receipts
from annotate.server.images import web_safe
from annotate.server.run import bind, check_settings, make_site
from annotate.settings import ServeSettings
from annotate.tables import CANDIDATES, write, write_json
from annotate.tasks.build import build_tasks
from annotate.tasks.objects import write_tasks
from benchmarks.serve import exported
from benchmarks.serve_people import Browser, answer_for
from benchmarks.serve_tasks import questions_of


def submit(server: Any, browser: Browser, task: dict[str, Any], person: int = 0) -> tuple[int, Any]:
    content = answer_for(person, task["image_id"], questions_of(server.workspace))
    body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 2.0}
    return browser.post("/api/submit", body | {"content": content})


def test_people_answer_and_the_labels_are_made_of_it(start: Any) -> None:
    server = start(images=3, votes=3)
    said: dict[str, list[Any]] = {}
    for person in range(4):
        browser = server.person(f"P{person}")
        while (found := browser.get("/api/next"))[0] == 200:
            task = found[1]
            assert task["questions"] == ["q01", "q02"]
            assert submit(server, browser, task, person) == (200, {"stored": True})
            content = answer_for(person, task["image_id"], questions_of(server.workspace))
            said.setdefault(task["image_id"], []).append(content)
        assert found == (204, None)
        browser.close()
    owner = server.owner()
    status, _, content_of_file = owner.request("GET", "/api/owner/export")
    assert status == 200
    stored = exported(server.workspace)
    assert content_of_file == (server.workspace.answers / "serve.jsonl").read_bytes()
    assert {image: len(answers) for image, answers in stored.items()} == dict.fromkeys(said, 3)
    for image, answers in stored.items():
        assert len({answer["workerId"] for answer in answers}) == 3
        contents = [answer["answerContent"] for answer in answers]
        assert sorted(contents, key=str) == sorted(said[image], key=str)
    summary = label_images(server.workspace, server.workspace.settings.consolidate)
    assert (summary["images"], summary["set_aside"]) == (3, 0)


def test_what_an_audit_asks_again_is_asked_and_the_old_answers_stay(start: Any) -> None:
    server = start(images=2, votes=2)
    workspace = server.workspace
    browsers = [server.person(name) for name in ("Ada", "Eve")]
    for person, browser in enumerate(browsers):
        while (found := browser.get("/api/next"))[0] == 200:
            assert submit(server, browser, found[1], person)[0] == 200
    server.site.desk.store.export(workspace.answers)
    assert build_tasks(workspace, workspace.settings.tasks).tasks is None
    image = next(iter(exported(workspace)))
    since = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    pair = pd.DataFrame({"image_id": [image], "class_id": ["c6"]})  # of the second question
    rows = receipts([pair], "audit", Draw(n=1, top=1, seed=0, round=2))
    write(CANDIDATES, rows, workspace.candidates / "round-0002.parquet")
    told = {"since": since.isoformat().replace("+00:00", "Z")}
    write_json(workspace.candidates / "round-0002.json", told)
    time.sleep(max(0.0, (since - datetime.now(UTC)).total_seconds()))
    built = build_tasks(workspace, workspace.settings.tasks)
    assert built.tasks is not None
    write_tasks(built.tasks, workspace.tasks)
    for added in (1, 0):  # started again, nothing is added twice
        site, counts = make_site(workspace, ServeSettings(port=0))
        site.desk.store.close()
        assert counts["added"] == added
    questions = {"q02": questions_of(workspace)["q02"]}
    for person, browser in enumerate(browsers):
        status, task = browser.get("/api/next")
        assert (status, task["image_id"], task["questions"]) == (200, image, ["q02"])
        where = {"image_id": image, "lease": task["lease"], "seconds": 1.0}
        content = answer_for(person, image, questions)
        assert browser.post("/api/submit", where | {"content": content})[0] == 200
        assert browser.get("/api/next")[0] == 204
    server.site.desk.store.export(workspace.answers)
    assert [list(a["answerContent"]) for a in exported(workspace)[image]] == [
        *[["q01", "q02"]] * 2,
        *[["q02"]] * 2,
    ]
    assert build_tasks(workspace, workspace.settings.tasks).tasks is None


def test_a_page_shows_the_picture_and_hostile_names_as_text(start: Any) -> None:
    server = start()
    browser = server.person("Ada")
    task = browser.get("/api/next")[1]
    status, headers, page = browser.request("GET", task["page"])
    assert status == 200
    assert b"window.hacked" in page
    assert b"<script>window.hacked" not in page
    assert b"assets.crowd.aws" not in page
    policy = headers["content-security-policy"]
    digest = hashlib.sha256(b"window.hacked = 1").digest()
    assert "unsafe" not in policy
    assert digest.hex() not in policy
    assert f'src="/image/{task["image_id"]}"'.encode() in page
    status, headers, data = browser.request("GET", f"/image/{task['image_id']}")
    assert (status, headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (64, 48)
    again = {"If-None-Match": headers["etag"]}
    assert browser.request("GET", f"/image/{task['image_id']}", headers=again)[0] == 304


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
    assert submit(server, ada, first)[0] == 200
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


def test_a_picture_that_changed_since_is_not_shown(start: Any) -> None:
    server = start(images=1)
    browser = server.person("Ada")
    task = browser.get("/api/next")[1]
    Image.new("RGB", (64, 48)).save(server.workspace.root / "photos" / "00000.png")
    status, _, body = browser.request("GET", f"/image/{task['image_id']}")
    assert status == 404
    assert b"changed since" in body


@pytest.mark.parametrize("form", ["BMP", "TIFF", "GIF"])
def test_what_browsers_do_not_show_becomes_a_jpeg(form: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "#808080").save(buffer, form)
    shown = web_safe(buffer.getvalue(), max_pixels=1000)
    assert shown.media_type == "image/jpeg"
    with Image.open(io.BytesIO(shown.data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (30, 20))


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


def test_the_owner_sees_the_work_and_makes_links(start: Any) -> None:
    server = start()
    owner = server.owner()
    status, found = owner.post("/api/owner/links", {"count": 2})
    assert status == 200
    assert [link["name"] for link in found["links"]] == ["Annotator 1", "Annotator 2"]
    person = server.browser()
    assert person.open(found["links"][0]["url"]) == 200
    assert submit(server, person, person.get("/api/next")[1])[0] == 200
    report = owner.get("/api/owner")[1]
    assert report["progress"]["answers"] == 1
    assert sorted(entry["answers"] for entry in report["annotators"]) == [0, 1]
    for count in (0, 101, True, "2", None):
        assert owner.post("/api/owner/links", {"count": count})[0] == 400


def test_an_outside_panel_sends_people_with_ids_of_its_own(start: Any) -> None:
    link = "https://panel.example/done?who={annotator}"
    server = start(panel_parameter="PID", completion_link=link)
    browser, key = server.browser(), server.site.keys.panel_key
    assert browser.request("GET", "/join?PID=p1")[0] == 404, "only with the panel's key"
    assert browser.request("GET", f"/join?key={key}&PID=a/b")[0] == 400
    assert browser.open(f"/join?key={key}&PID=5f-1") == 200
    assert submit(server, browser, browser.get("/api/next")[1])[0] == 200
    assert browser.get("/api/pace")[1]["completion"] == "https://panel.example/done?who=5f-1"
    again = server.browser()
    again.open(f"/join?key={key}&PID=5f-1")
    assert again.get("/api/pace")[1]["done"] == 1


def test_a_panel_can_send_the_completion_code_along(start: Any) -> None:
    link = "https://panel.example/done?cc={completion}&who={annotator}"
    server = start(panel_parameter="PID", completion_parameter="cc", completion_link=link)
    join = f"/join?key={server.site.keys.panel_key}&PID=p1"
    browser = server.browser()
    assert browser.request("GET", f"{join}&cc=https://evil.example/")[0] == 400
    assert browser.open(f"{join}&cc=C0DE-1") == 200
    done = "https://panel.example/done?cc=C0DE-1&who=p1"
    assert browser.get("/api/pace")[1]["completion"] == done
    other = server.browser()
    assert other.open(join) == 200
    assert other.get("/api/pace")[1]["completion"] == "", "half a link leads nowhere"


@pytest.mark.parametrize(
    "settings",
    [
        {"completion_link": "panel.example"},
        {"completion_link": "https://{completion}/", "completion_parameter": "cc"},
        {"completion_link": "https://panel.example/{completion}"},
        {"completion_link": "https://panel.example/", "completion_parameter": "cc"},
    ],
)
def test_where_people_are_sent_back_to_is_checked(settings: dict[str, str]) -> None:
    with pytest.raises(InputError, match="completion_"):
        check_settings(replace(ServeSettings(), **settings))  # type: ignore[arg-type]


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


def test_answers_are_not_held_back_to_be_sent_together() -> None:
    with bind("127.0.0.1", 0) as port:
        # What asyncio asks for before it sets TCP_NODELAY on what it accepts; else 40 ms are lost.
        assert port.proto == socket.IPPROTO_TCP
