"""The server in a real browser: five people finish a batch, and what they did is what comes out.

Everything is the real thing: the task template, the server, its store and its export.
"""

from __future__ import annotations

from typing import Any

import pytest

from annotate.resources import resource
from tests.annotate.server.tabs import (
    DONE,
    HOSTILE,
    PHONE,
    Come,
    Content,
    answers_of,
    at_task,
    box,
    content,
    exported,
)


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


def test_a_comment_in_a_template_of_ones_own_is_kept(start: Any, come: Come) -> None:
    page = resource("templates", "task.html.j2").read_text("utf-8")
    comment = '<crowd-text-area name="comment" label="Comment"></crowd-text-area>'
    server = start(images=1, page=page.replace('<footer class="finish">', comment + "<footer>"))
    tab = come(server, server.link("Ada"))
    frame, image = at_task(tab)
    for key in ("0", "0"):
        tab.keyboard.press(key)
    frame.get_by_label("Comment").fill("dark 0 1 <b>")
    frame.get_by_text("Submit", exact=True).click()
    tab.get_by_text(DONE).wait_for()
    wanted = content("q01 __none__", "q02 __none__") | {"comment": "dark 0 1 <b>"}
    assert answers_of(server) == {("Ada", image): wanted}
    tab.keyboard.press("b")
    tab.locator("#recent-list button").click()
    frame, _ = at_task(tab)
    tab.wait_for_function(
        "() => document.getElementById('task').contentDocument"
        ".querySelector('crowd-text-area').value === 'dark 0 1 <b>'"
    )
