"""The server in a real browser: five people finish a batch, and what they did is what comes out.

Everything is the real thing: the task template, the server, its store and its export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate.cli import main

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
QUESTIONS = {"q01": ("c0", "c1", "c2", "c3", "c4"), "q02": ("c5", "c6")}
HOSTILE = '"><script>window.hacked = 1</script>{{ 7 | times: 6 }}'
DONE = "All done. Thank you!"
Come = Callable[..., Any]
Content = dict[str, dict[str, bool]]


@pytest.fixture
def come(browser: Any) -> Iterator[Come]:
    """Opens a link; a request elsewhere, an error or a stranger's script fails the test."""
    tabs: list[Any] = []
    strange: list[str] = []

    def open_link(server: Any, link: str, **options: Any) -> Any:
        context = browser.new_context(reduced_motion="reduce", **options)
        tab = context.new_page()
        tabs.append(tab)
        tab.on("pageerror", lambda error: strange.append(str(error)))
        tab.on("console", lambda entry: heard(entry))
        tab.on("request", lambda request: asked(request.url, server.origin))
        tab.goto(link)
        return tab

    def heard(entry: Any) -> None:
        # The browser's own words where a test takes the connection or the leave to work.
        if entry.type == "error" and not re.search("ERR_|status of 403", entry.text):
            strange.append(entry.text)

    def asked(url: str, origin: str) -> None:
        if not url.startswith((origin, "data:", "about:", "blob:")):
            strange.append(url)

    yield open_link
    hacked = [frame.evaluate("window.hacked") for tab in tabs for frame in tab.frames]
    for tab in tabs:
        tab.context.close()
    assert strange == []
    assert set(hacked) <= {None}


def at_task(tab: Any, before: str = "") -> tuple[Any, str]:
    """The frame of the task once it is ready for keys, and its image; another one than before."""
    tab.wait_for_function(
        """before => {
            const page = document.getElementById("task").contentDocument;
            const path = page ? page.location.pathname : "";
            return path.startsWith("/task/") && path !== "/task/" + before
                && page.querySelector(".question.active") && page.hasFocus();
        }""",
        arg=before,
    )
    path = tab.evaluate("document.getElementById('task').contentDocument.location.pathname")
    return tab.frame_locator("#task"), path.removeprefix("/task/")


def box(frame: Any, question: str, value: str) -> Any:
    return frame.locator(f'crowd-checkbox[name="{question}"][value="{value}"]')


def content(*ticked: str) -> Content:
    """An answer of the whole page by hand: what is not named is an explicit no."""
    return {
        question: {
            value: f"{question} {value}" in ticked for value in (*ids, "__none__", "__unsure__")
        }
        for question, ids in QUESTIONS.items()
    }


def exported(server: Any) -> dict[str, list[dict[str, Any]]]:
    """The answers by image, as the owner gets them."""
    status, _, data = server.owner().request("GET", "/api/owner/export")
    assert status == 200
    lines = [json.loads(line) for line in data.decode().splitlines()]
    return {line["image-id"]: line["answers"] for line in lines}


def answers_of(server: Any) -> dict[tuple[str, str], Content]:
    """What each annotator said on each image."""
    names = {entry.id: entry.name for entry in server.site.desk.store.annotators()}
    return {
        (names[answer["workerId"]], image): answer["answerContent"]
        for image, answers in exported(server).items()
        for answer in answers
    }


def test_five_people_finish_a_batch_and_the_answers_are_what_they_did(
    start: Any, come: Come
) -> None:
    server = start(images=2)
    clicks = {
        "Mouse 1": ("q01 c0, q02 c5", "q01 __none__, q02 __none__"),
        "Mouse 2": ("q01 c2, q01 c1, q02 __unsure__", "q01 c0, q02 c6, q02 c5"),
        "Thumb": ("q01 __unsure__, q01 c1, q02 __none__", "q01 c4, q02 c6"),
    }
    keys = {
        "Keys 1": ("1 3 ArrowDown 2", "0 u"),
        "Keys 2": ("2 2 0 1", "1 2 3 ArrowDown 0"),
    }
    typed = {
        "Keys 1": ("q01 c0, q01 c2, q02 c6", "q01 __none__, q02 __unsure__"),
        "Keys 2": ("q01 __none__, q02 c5", "q01 c0, q01 c1, q01 c2, q02 __none__"),
    }
    tabs = {
        who: come(server, server.link(who), **(PHONE if who == "Thumb" else {}))
        for who in (*clicks, *keys)
    }
    wanted: dict[tuple[str, str], Content] = {}
    seen = dict.fromkeys(tabs, "")
    for at in range(2):
        for who, tab in tabs.items():
            frame, seen[who] = at_task(tab, seen[who])
            done = (clicks | typed)[who][at]
            wanted[who, seen[who]] = content(*done.split(", "))
            if who in keys:
                for key in (*keys[who][at].split(), "Enter"):
                    tab.keyboard.press(key)
                continue
            for entry in (*done.split(", "), "Submit"):
                place = frame.get_by_text(entry, exact=True)
                place = place if entry == "Submit" else box(frame, *entry.split())
                place.tap() if who == "Thumb" else place.click()
    for tab in tabs.values():
        tab.get_by_text(DONE).wait_for()
    assert len(wanted) == 10
    assert answers_of(server) == wanted
    everything = [answer for answers in exported(server).values() for answer in answers]
    assert all(0 < answer["timeSpentInSeconds"] < 600 for answer in everything)
    assert all(answer["acceptanceTime"] < answer["submissionTime"] for answer in everything)


def test_tab_and_space_alone_are_enough(start: Any, come: Come) -> None:
    server = start(images=1)
    tab = come(server, server.link("Ada"))
    frame, image = at_task(tab)
    for value in ("q01 c1", "q02 __none__"):
        for _ in range(40):
            if frame.locator("crowd-checkbox:focus").count() and value == frame.locator(
                "crowd-checkbox:focus"
            ).evaluate("box => box.name + ' ' + box.value"):
                break
            tab.keyboard.press("Tab")
        tab.keyboard.press("Space")
    tab.keyboard.press("Tab")  # Unsure
    tab.keyboard.press("Tab")  # Submit
    tab.keyboard.press("Enter")
    tab.get_by_text(DONE).wait_for()
    assert answers_of(server) == {("Ada", image): content("q01 c1", "q02 __none__")}


def test_hostile_names_are_text_wherever_they_stand(start: Any, come: Come) -> None:
    server = start(images=1)
    tab = come(server, server.link("<b>Eve</b> {{ 1 }}"))
    frame, image = at_task(tab)
    assert box(frame, "q01", "c1").locator(".name").inner_text() == HOSTILE
    assert box(frame, "q01", "c3").locator(".name").inner_text() == "كرسي"
    tab.keyboard.press("g")
    guide = tab.frame_locator("#guidelines-page")
    guide.get_by_text(HOSTILE, exact=True).wait_for()
    tab.keyboard.press("Escape")
    for key in ("2", "ArrowDown", "0", "Enter"):
        tab.keyboard.press(key)
    tab.get_by_text(DONE).wait_for()
    owner = come(server, f"{server.origin}/owner/{server.site.keys.owner_token}")
    owner.locator("#people").get_by_text("<b>Eve</b> {{ 1 }}", exact=True).wait_for()
    owner.locator("#classes").get_by_text(HOSTILE, exact=True).wait_for()
    assert answers_of(server) == {("<b>Eve</b> {{ 1 }}", image): content("q01 c1", "q02 __none__")}


def test_a_draft_outlives_the_page_and_an_answer_can_be_corrected(start: Any, come: Come) -> None:
    server = start(images=1)
    tab = come(server, server.link("Ada"))
    frame, image = at_task(tab)
    box(frame, "q01", "c2").click()
    tab.get_by_text("Saved").wait_for()
    tab.reload()
    frame, _ = at_task(tab)
    box(frame, "q01", "c2").and_(frame.locator("[checked]")).wait_for()
    for key in ("ArrowDown", "0", "Enter"):
        tab.keyboard.press(key)
    tab.get_by_text(DONE).wait_for()
    assert answers_of(server) == {("Ada", image): content("q01 c2", "q02 __none__")}
    tab.keyboard.press("b")
    tab.locator("#recent-list button").click()
    frame, again = at_task(tab)
    box(frame, "q01", "c2").and_(frame.locator("[checked]")).wait_for()
    assert again == image
    box(frame, "q01", "c0").click()
    frame.get_by_text("Submit", exact=True).click()
    tab.get_by_text(DONE).wait_for()
    assert answers_of(server) == {("Ada", image): content("q01 c0", "q01 c2", "q02 __none__")}
    assert server.site.desk.store.progress().answers == 1


@pytest.mark.parametrize("reloaded", [False, True])
def test_an_answer_survives_a_lost_connection(start: Any, come: Come, reloaded: bool) -> None:
    server = start(images=1)
    tab = come(server, server.link("Ada"))
    _, image = at_task(tab)
    tab.route("**/api/submit", lambda route: route.abort())
    for key in ("1", "ArrowDown", "2", "Enter"):
        tab.keyboard.press(key)
    tab.get_by_text("Your answer is kept here and is sent again").wait_for()
    assert server.site.desk.store.progress().answers == 0
    tab.unroute_all()
    if reloaded:
        tab.reload()
    tab.get_by_text(DONE).wait_for()
    assert answers_of(server) == {("Ada", image): content("q01 c0", "q02 c6")}


def test_the_next_photos_are_there_before_their_turn(start: Any, come: Come) -> None:
    server = start(images=3)
    tab = come(server, server.link("Ada"))
    _, first = at_task(tab)
    tab.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".filter(entry => /[/]image[/]/.test(entry.name) && entry.responseEnd).length === 2"
    )
    for key in ("0", "0", "Enter"):
        tab.keyboard.press(key)
    frame, second = at_task(tab, first)
    assert frame.locator("#photo").evaluate("photo => photo.decode().then(() => photo.src)")
    sizes = frame.locator("html").evaluate(
        "() => performance.getEntriesByType('resource')"
        ".filter(entry => /[/]image[/]/.test(entry.name)).map(entry => entry.transferSize)"
    )
    assert sizes == [0], "from the browser's cache"
    assert second != first


def test_skip_and_report_with_reasons_on_a_phone(start: Any, come: Come) -> None:
    server = start(images=2)
    tab = come(server, server.link("Ada"), **PHONE)
    frame, first = at_task(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert frame.locator("html").evaluate("root => root.scrollWidth") == 390
    tab.keyboard.press("s")
    tab.get_by_label("I know this place").check()
    tab.locator("#leave-words").fill("bad <b>")
    tab.locator("#leave-yes").click()
    _, second = at_task(tab, first)
    tab.locator("#broken").tap()
    tab.locator("#leave-yes").tap()
    tab.get_by_text(DONE).wait_for()
    with server.site.desk.store._database.reading() as db:
        rows = db.execute("SELECT image_id, kind, reason FROM refusal JOIN task ON id = task_id")
        found = {tuple(row) for row in rows}
    assert found == {
        (first, "skipped", "I know this place: bad <b>"),
        (second, "broken", "It does not load"),
    }


def test_who_is_paused_is_told_and_keeps_nothing_open(start: Any, come: Come) -> None:
    server = start(images=2)
    tab = come(server, server.link("Ada"))
    at_task(tab)
    (ada,) = server.site.desk.store.annotators()
    server.site.desk.store.set_state(ada.id, "paused")
    for key in ("0", "0", "Enter"):
        tab.keyboard.press(key)
    tab.get_by_text("Your work is paused").wait_for()
    assert not tab.locator("#task").is_visible()
    assert server.site.desk.store.progress().answers == 0


def test_the_owners_page(start: Any, come: Come) -> None:
    server = start(images=2)
    contents = [content("q01 c0", "q02 __none__")] * 3 + [content("q01 __none__", "q02 __none__")]
    for number, said in enumerate(contents):
        person = server.person(f"P{number}")
        task = person.get("/api/next")[1]
        body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 0}
        assert person.post("/api/submit", body | {"content": said})[0] == 200
    tab = come(server, f"{server.origin}/owner/{server.site.keys.owner_token}")
    tab.get_by_text("0 of 2").wait_for()
    assert tab.locator("#people tr").count() == 4
    bed = tab.locator("#classes tr", has_text="Bed").locator("td").all_inner_texts()
    assert bed[:4] == ["Bed", "4", "3", "50 %"]  # 3 of the 6 pairs of people agree
    assert tab.locator("#split b").inner_text() == "3 yes, 1 no"
    picture = tab.locator("#split img")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") == 64
    tab.get_by_role("button", name="Exclude P3").click()
    tab.get_by_role("button", name="Activate P3").wait_for()
    assert tab.locator("#split b").count() == 0
    with tab.expect_download() as download:
        tab.get_by_text("Export answers").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert sum(len(json.loads(line)["answers"]) for line in lines) == 3
    tab.locator("#count").fill("2")
    tab.get_by_text("Make links").click()
    tab.locator("#links li").nth(1).wait_for()
    urls = [entry.input_value() for entry in tab.locator("#links input").all()]
    assert len({server.browser().open(url) for url in urls}) == 1
    assert all(url.startswith(server.origin + "/a/") for url in urls)


def test_the_owners_page_before_anybody_came(start: Any, come: Come) -> None:
    server = start(images=2)
    tab = come(server, f"{server.origin}/owner/{server.site.keys.owner_token}")
    tab.get_by_text("0 of 2").wait_for()
    with tab.expect_download() as download:
        tab.get_by_text("Export answers").click()
    assert download.value.path().read_bytes() == b""


def test_the_page_of_links_is_a_file_to_copy_from(
    start: Any, browser: Any, axe_faults: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = start()
    monkeypatch.chdir(server.workspace.root)
    names = ["--name", HOSTILE, "--name", "Ben", "--output", str(tmp_path / "links.html")]
    result = CliRunner().invoke(main, ["serve", "links", "--json", *names])
    assert result.exit_code == 0, result.output
    wanted = [link["url"] for link in json.loads(result.stdout)["links"]]
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((tmp_path / "links.html").as_uri())
    assert tab.locator("#links b").all_inner_texts() == [HOSTILE, "Ben"]
    assert [entry.input_value() for entry in tab.locator("#links input").all()] == wanted
    tab.get_by_text("Copy").nth(1).click()
    tab.get_by_text("Copied").wait_for()
    assert tab.evaluate("navigator.clipboard.readText()") == wanted[1]
    assert tab.evaluate("window.hacked") is None
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert axe_faults(tab) == {}
    context.close()


@pytest.mark.parametrize(
    ("scheme", "options"), [("light", {}), ("dark", PHONE)], ids=["desktop", "phone"]
)
def test_axe_finds_no_fault(
    start: Any, come: Come, axe_faults: Any, scheme: str, options: dict[str, Any]
) -> None:
    server = start(images=1)
    tab = come(server, server.link("Ada"), color_scheme=scheme, **options)
    at_task(tab)
    assert axe_faults(tab) == {}
    tab.locator("#guide").click()
    tab.frame_locator("#guidelines-page").get_by_text("What counts").wait_for()
    assert axe_faults(tab) == {}
    tab.locator("#guide-close").click()
    tab.locator("#skip").click()
    assert axe_faults(tab) == {}
    tab.get_by_text("Cancel").click()
    at_task(tab)
    for key in ("0", "0", "Enter"):
        tab.keyboard.press(key)
    tab.get_by_text(DONE).wait_for()
    assert axe_faults(tab) == {}
    tab.locator("#back").click()
    tab.locator("#recent-list img").wait_for()
    assert axe_faults(tab) == {}
    link = f"{server.origin}/owner/{server.site.keys.owner_token}"
    owner = come(server, link, color_scheme=scheme, **options)
    owner.get_by_text("Make links").click()
    owner.locator("#links li").nth(4).wait_for()
    assert axe_faults(owner) == {}
