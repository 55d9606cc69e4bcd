"""The owner's page, the page of links, and all pages before axe, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate.cli import main
from tests.annotate.server.tabs import (
    DONE,
    HOSTILE,
    PHONE,
    Come,
    at_task,
    content,
)


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
