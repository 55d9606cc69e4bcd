"""The server over real HTTP: what people, panels and the owner get."""

from __future__ import annotations

import hashlib
import io
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate.errors import InputError
from annotate.files import write_json
from annotate.labels.stage import label_images
from annotate.mining.draw import Draw, receipts
from annotate.server.images import web_safe
from annotate.server.run import bind, check_settings, make_site
from annotate.settings import ServeSettings
from annotate.tables import CANDIDATES, write
from annotate.tasks.build import build_tasks
from annotate.tasks.objects import write_tasks
from benchmarks.serve import exported
from benchmarks.serve_people import answer_for
from benchmarks.serve_tasks import questions_of


def test_people_answer_and_the_labels_are_made_of_it(start: Any) -> None:
    server = start(images=3, votes=3)
    said: dict[str, list[Any]] = {}
    for person in range(4):
        browser = server.person(f"P{person}")
        while (found := browser.get("/api/next"))[0] == 200:
            task = found[1]
            assert task["questions"] == ["q01", "q02"]
            assert server.submit(browser, task, person) == (200, {"stored": True})
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
            assert server.submit(browser, found[1], person)[0] == 200
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


def test_the_owner_sees_the_work_and_makes_links(start: Any) -> None:
    server = start()
    owner = server.owner()
    status, found = owner.post("/api/owner/links", {"count": 2})
    assert status == 200
    assert [link["name"] for link in found["links"]] == ["Annotator 1", "Annotator 2"]
    person = server.browser()
    assert person.open(found["links"][0]["url"]) == 200
    assert server.submit(person, person.get("/api/next")[1])[0] == 200
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
    assert server.submit(browser, browser.get("/api/next")[1])[0] == 200
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


def test_answers_are_not_held_back_to_be_sent_together() -> None:
    with bind("127.0.0.1", 0) as port:
        # What asyncio asks for before it sets TCP_NODELAY on what it accepts; else 40 ms are lost.
        assert port.proto == socket.IPPROTO_TCP
