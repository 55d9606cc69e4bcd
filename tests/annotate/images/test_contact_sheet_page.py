"""The contact sheet in a real browser: what a reader sees, with thousands of images too."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from annotate.images.contact_sheet import Sheet, write_sheet
from tests.annotate.images.sheets import HOSTILE, STRATA, entries, workspace

MANY = 5_000
HEAVY = 30_000_000  # bytes of a page with so many photos, at least


def many() -> pd.DataFrame:
    """Ten classes of two queries each; one class, a query and a stratum have a hostile name."""
    names = [HOSTILE, "Pets", *(f"Class {at}" for at in range(8))]
    order = np.arange(MANY)
    ranks = order // 10
    frame = entries(
        MANY,
        group=[names[at % 10] for at in order],
        query=[HOSTILE if rank % 2 else "a photo with a dog" for rank in ranks],
        rank=ranks + 1,
        score=0.4 - 0.0001 * ((ranks * 7) % 500),
        stratum=[HOSTILE if rank % 4 else "type=a" for rank in ranks],
        property_id=[HOSTILE] * MANY,
        chance=0.25,
    )
    frame.loc[1, "uri"] = "broken.jpg"
    frame.loc[11, "uri"] = "gone.jpg"
    return frame.sample(frac=1, random_state=0).sort_values("group", kind="stable")


@pytest.fixture(scope="module")
def big(root: Path) -> Path:
    sheet = Sheet(HOSTILE, [(HOSTILE, HOSTILE), ("Seed", "0")], many(), STRATA)
    write_sheet(sheet, root / "data" / "big.html", workspace(root))
    assert (root / "data" / "big.html").stat().st_size > HEAVY
    return root / "data" / "big.html"


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """The page from its file; any request, error or script of a stranger fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
    tab = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda entry: errors.append(entry.text))
    tab.goto(file.as_uri())
    yield tab
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]
    assert errors == []
    assert tab.evaluate("window.hacked") is None
    context.close()


@pytest.fixture
def page(browser: Any, big: Path) -> Iterator[Any]:
    with opened(browser, big) as tab:
        yield tab


def images(page: Any) -> int:
    return int(page.locator("#sheet img").count())


def decoded(page: Any) -> int:
    """Pictures of the whole document that the browser has decoded."""
    script = "[...document.images].filter(image => image.complete && image.naturalWidth).length"
    return int(page.evaluate(script))


def numbers(page: Any) -> list[str]:
    """First lines of the filled cells' captions, in order."""
    page.locator(".cell").nth(9).wait_for()
    return list(page.locator(".cell .numbers").all_inner_texts())


def choose(page: Any, box: str, name: str) -> None:
    """Choose the option of this name; its count and the marks around the name are left out."""
    texts = page.locator(f"#{box} option").all_text_contents()
    [at] = [at for at, text in enumerate(texts) if text.startswith(f"\u2068{name}\u2069 (")]
    page.select_option(f"#{box}", index=at)


def test_pictures_come_as_the_reader_scrolls(page: Any) -> None:
    assert page.locator("#sheet li").count() == MANY
    page.locator(".cell").nth(9).wait_for()
    assert decoded(page) <= images(page) < 200
    first = page.locator("#sheet img").first
    assert first.evaluate("image => [image.complete, image.naturalWidth]") == [True, 240]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    middle = page.locator("#sheet li").nth(MANY // 2).locator("button")
    middle.wait_for()
    assert decoded(page) < 400


def test_a_filter_leaves_only_the_chosen_class(page: Any) -> None:
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    page.locator("#sheet li").nth(MANY // 2).locator("button").wait_for()
    choose(page, "group", "Class 3")
    page.locator(".cell").nth(9).wait_for()
    names = page.locator("#sheet img").evaluate_all("all => all.map(image => image.alt)")
    assert len(names) > 9
    assert {name.split(",")[0] for name in names} == {"Class 3"}
    assert page.locator("#sheet img").first.is_visible()
    data = page.evaluate("JSON.parse(document.getElementById('data').textContent).group")
    shown = page.locator("#sheet li").evaluate_all("all => all.map(cell => cell.dataset.at)")
    assert sorted(map(int, shown)) == [at for at, name in enumerate(data) if name == "Class 3"]
    assert decoded(page) < 200  # what was scrolled past is gone with its cells


def test_filters_count_and_show_what_was_chosen(page: Any) -> None:
    assert page.locator("#group option").count() == 11
    assert page.locator("#shown").inner_text() == "5,000 of 5,000 candidates · 2 not readable"
    choose(page, "group", "Pets")
    assert page.locator("#sheet li").count() == 500
    assert page.locator("#sheet h2").all_inner_texts() == ["Pets 500"]
    choose(page, "stratum", HOSTILE)
    assert page.locator("#sheet li").count() == 375
    assert page.locator("#shown").inner_text().startswith("375 of 5,000")
    choose(page, "query", "a photo with a dog")
    assert page.locator("#sheet li").count() == 125
    choose(page, "group", "Class 3")
    assert page.locator("#sheet li").count() == 125, "what was chosen stays where the class has it"
    page.select_option("#group", index=0)
    page.select_option("#query", index=0)
    page.select_option("#stratum", index=0)
    assert page.locator("#sheet li").count() == MANY


def test_sorted_by_rank_then_by_score_and_by_query(page: Any) -> None:
    choose(page, "group", "Pets")
    assert page.locator("#sheet h3").count() == 2
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == ["#1", "#3", "#5"]
    page.locator("#apart").uncheck()
    assert page.locator("#sheet h3").count() == 0
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == ["#1", "#2", "#3"]
    page.select_option("#sort", "score")
    wanted = sorted(range(500), key=lambda rank: (rank * 7) % 500)[:3]
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == [f"#{at + 1}" for at in wanted]
    scores = [float(text.split(" ")[-1]) for text in numbers(page)]
    assert scores == sorted(scores, reverse=True)


def test_unreadable_pictures_say_why(page: Any) -> None:
    choose(page, "group", "Pets")
    page.locator("#apart").uncheck()
    page.locator(".cell .broken").nth(1).wait_for()
    reasons = page.locator(".cell .broken").all_inner_texts()
    assert reasons[0].startswith("not a picture in a format that can be read")
    assert reasons[1] == "no such file"


def test_hostile_names_are_text(page: Any) -> None:
    assert page.title().startswith("\"'><img src=x")
    assert page.locator("h1").evaluate("e => e.textContent") == HOSTILE
    assert page.locator(".facts dd").first.evaluate("e => e.textContent") == HOSTILE
    groups = page.locator("#sheet h2 bdi").evaluate_all("all => all.map(e => e.textContent)")
    assert groups.count(HOSTILE) == 1
    rows = page.locator(".strata tbody bdi").evaluate_all("all => all.map(e => e.textContent)")
    assert rows == ["type=a", "type=b", HOSTILE]
    assert page.locator("img[onerror]").count() == 0


def test_a_click_enlarges_and_the_keyboard_goes_on(page: Any) -> None:
    choose(page, "group", "Pets")
    page.locator("#apart").uncheck()
    cell = page.locator(".cell").nth(2)
    assert cell.locator("img").get_attribute("alt") == "Pets, rank 3, score 0.399"
    cell.focus()
    page.keyboard.press("Enter")
    large = page.locator("#large")
    receipt = large.locator("dl").inner_text()
    assert "Chance of being drawn\n25.0 %" in receipt
    assert large.locator(".picture img").bounding_box()["width"] > 300
    assert "id00021" in receipt
    assert large.locator("a").get_attribute("href") == "../9.jpg"
    page.keyboard.press("ArrowRight")
    assert "id00031" in large.locator("dl").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "id00011" in large.locator("dl").inner_text()
    page.keyboard.press("Escape")
    assert not large.is_visible()
    assert "\n#2 " in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").startswith("#3 ")


def test_bars_show_both_shares(page: Any) -> None:
    row = page.locator(".strata tbody tr").first
    assert row.locator("td.n").all_inner_texts() == ["300", "75.0\u00a0%", "10", "25.0\u00a0%"]
    before, after = (row.locator(f"rect.{kind}").bounding_box() for kind in ("before", "after"))
    assert before["width"] == pytest.approx(3 * after["width"], rel=0.02)
    assert before["width"] > 200


def test_printing_brings_every_picture_that_is_shown(page: Any) -> None:
    choose(page, "group", "Pets")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert images(page) == 498
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()


def test_the_policy_lets_nothing_else_run(browser: Any, big: Path) -> None:
    tab = browser.new_page()
    tab.goto(big.as_uri())
    found = tab.evaluate(
        """() => { const s = document.createElement("script");
                   s.textContent = "window.injected = 1"; document.body.append(s);
                   return typeof window.injected }"""
    )
    assert found == "undefined"
    policy = tab.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    tab.close()


def phone(browser: Any, big: Path, scheme: str) -> tuple[int, str]:
    size = {"width": 390, "height": 844}
    options = {"viewport": size, "is_mobile": True, "has_touch": True, "color_scheme": scheme}
    with opened(browser, big, **options) as tab:
        width = tab.evaluate("document.documentElement.scrollWidth")
        return width, tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_phone_in_the_light_and_in_the_dark(browser: Any, big: Path) -> None:
    assert phone(browser, big, "light") == (390, "rgb(255, 255, 255)")
    assert phone(browser, big, "dark") == (390, "rgb(20, 26, 33)")


@pytest.mark.parametrize("count", [3, 0])
def test_a_sheet_with_little_to_show(browser: Any, root: Path, count: int) -> None:
    write_sheet(Sheet("R", [], entries(count)), root / "few.html", workspace(root))
    with opened(browser, root / "few.html") as tab:
        assert not tab.locator("#query").is_visible()
        assert not tab.locator("#stratum").is_visible()
        assert tab.locator(".strata").count() == 0
        assert tab.locator("#sort option").all_text_contents() == ["as listed"]
        if count:
            tab.locator(".cell").nth(count - 1).wait_for()
        assert images(tab) == count
        assert ("No candidates." in tab.locator("#sheet").inner_text()) == (count == 0)


def test_inside_another_page(browser: Any, root: Path) -> None:
    """As the demo's page shows it: in a sandbox, where links to files would start elsewhere."""
    sheet = Sheet("Round 1", [], entries(400))
    write_sheet(sheet, root / "inner.html", workspace(root))
    inner = html.escape((root / "inner.html").read_text("utf-8"))
    frame = f'<iframe width="900" height="600" sandbox="allow-scripts" srcdoc="{inner}"></iframe>'
    head = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
    (root / "outer.html").write_text(head + frame, "utf-8")
    with opened(browser, root / "outer.html") as tab:
        inside = tab.frame_locator("iframe")
        inside.locator(".cell").nth(14).wait_for()  # beyond what the frame shows
        assert inside.locator("#sheet img").count() < 200
        inside.locator(".cell").first.click()
        assert "0.jpg" in inside.locator("#large dl").inner_text()
        assert inside.locator("#large a").count() == 0
