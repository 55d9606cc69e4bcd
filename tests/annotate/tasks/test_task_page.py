"""The task page in a real browser: what an annotator does, and the answer that comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import TaskSettings
from annotate.tasks.page import inline_image, make_template, render_preview, render_previews
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

Opened = Callable[[str], Iterator[Any]]
NOWHERE = Path("does-not-exist")
HOSTILE = (
    '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{ 1 }}{% if %}🛏️ مرحبا'
)
NAMES = ["Bed", "Sofa", "Desk", "Lamp", "Pool", HOSTILE, "Sea"]


@pytest.fixture(scope="module")
def pages() -> list[str]:
    from PIL import Image

    classes = tuple(
        TaxonomyClass(f"c{at}", name, "x", description=f"about {name}")
        for at, name in enumerate(NAMES)
    )
    taxonomy = Taxonomy("test", "1", (Category("x", "X"),), classes)
    groups = {
        "q01": ("Room", taxonomy.ids[:4]),
        "q02": (HOSTILE, taxonomy.ids[4:6]),
        "q03": ("View", taxonomy.ids[6:]),
    }
    questions = tuple(Question(name, title, ids) for name, (title, ids) in groups.items())
    plan = QuestionPlan(taxonomy.hash, "grouped", questions)
    template = make_template(plan, taxonomy, TaskSettings(), NOWHERE)
    image = inline_image(Image.new("RGB", (64, 48), "teal"))
    return [
        render_preview(template, {"source-ref": "a.jpg", "questions": asked}, image, NOWHERE)
        for asked in (["q01", "q02", "q03"], ["q02"])
    ]


@pytest.fixture
def page(opened: Opened, pages: list[str]) -> Iterator[Any]:
    yield from opened(pages[0])


def box(page: Any, question: str, value: str) -> Any:
    return page.locator(f'crowd-checkbox[name="{question}"][value="{value}"]')


def ticked(page: Any) -> set[tuple[str, str]]:
    found = page.evaluate(
        "[...document.querySelectorAll('crowd-checkbox[checked]')].map(b => [b.name, b.value])"
    )
    return {(name, value) for name, value in found}


def answer(page: Any) -> Any:
    shown = page.locator("#answer pre")
    return json.loads(shown.inner_text()) if shown.count() else None


def test_the_answer_is_exactly_what_was_clicked(page: Any) -> None:
    for question, value in [
        ("q01", "c0"),
        ("q01", "c2"),
        ("q01", "c3"),
        ("q02", "__none__"),
        ("q03", "c6"),
    ]:
        box(page, question, value).click()
    box(page, "q01", "c3").click()
    box(page, "q03", "__unsure__").click()
    page.get_by_text("Submit", exact=True).click()
    assert answer(page) == {
        "q01": {
            "c0": True,
            "c1": False,
            "c2": True,
            "c3": False,
            "__none__": False,
            "__unsure__": False,
        },
        "q02": {"c4": False, "c5": False, "__none__": True, "__unsure__": False},
        "q03": {"c6": True, "__none__": False, "__unsure__": True},
    }


def test_keys_typed_into_a_text_tick_nothing(opened: Opened, pages: list[str]) -> None:
    note = '<crowd-text-area name="note" label="Note"></crowd-text-area></crowd-form>'
    for page in opened(pages[0].replace("</crowd-form>", note)):
        page.get_by_label("Note").click()
        page.keyboard.type("0 1 u")
        assert ticked(page) == set()
        assert page.evaluate("document.querySelector('crowd-form').answer().note") == "0 1 u"


def test_none_excludes_all_others_both_ways(page: Any) -> None:
    box(page, "q01", "c0").click()
    box(page, "q01", "__unsure__").click()
    box(page, "q02", "c4").click()
    box(page, "q01", "__none__").click()
    assert ticked(page) == {("q01", "__none__"), ("q02", "c4")}
    box(page, "q01", "c1").click()
    assert ticked(page) == {("q01", "c1"), ("q02", "c4")}
    box(page, "q01", "__none__").click()
    box(page, "q01", "__unsure__").click()
    assert ticked(page) == {("q01", "__unsure__"), ("q02", "c4")}


def test_keyboard_alone(page: Any) -> None:
    for key in ["2", "4", "2", "ArrowDown", "0", "u", "ArrowUp", "ArrowUp", "1", "Enter"]:
        page.keyboard.press(key)
    assert answer(page) == {
        "q01": {
            "c0": True,
            "c1": False,
            "c2": False,
            "c3": True,
            "__none__": False,
            "__unsure__": False,
        },
        "q02": {"c4": False, "c5": False, "__none__": True, "__unsure__": False},
        "q03": {"c6": False, "__none__": False, "__unsure__": True},
    }


def test_tab_and_space_reach_every_box(page: Any) -> None:
    for _ in range(2):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") in ("zoom-in", "zoom-out")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "c0"
    page.keyboard.press("Space")
    assert ticked(page) == {("q01", "c0")}
    assert box(page, "q01", "c0").get_attribute("aria-checked") == "true"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#q01-c0").is_visible(), (
        "Enter on the question mark explains and does not submit"
    )
    assert page.locator("#message crowd-alert").count() == 0


def test_enter_on_a_focused_box_submits_and_does_not_tick(page: Any) -> None:
    box(page, "q01", "c1").focus()
    page.keyboard.press("Enter")
    assert ticked(page) == set()
    assert page.locator("#message crowd-alert").count() == 1


@pytest.mark.parametrize("by_key", [True, False])
def test_an_unanswered_question_blocks_and_is_named(page: Any, by_key: bool) -> None:
    box(page, "q01", "c0").click()
    box(page, "q03", "c6").click()
    if by_key:
        page.keyboard.press("Enter")
    else:
        page.get_by_text("Submit", exact=True).click()
    assert answer(page) is None
    assert HOSTILE in page.locator("#message").inner_text()
    assert page.evaluate("document.activeElement.dataset.question") == "q02"
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    assert answer(page)["q02"] == {"c4": True, "c5": False, "__none__": False, "__unsure__": False}


def test_explanations_and_progress(page: Any) -> None:
    assert not page.locator("#q01-c0").is_visible()
    page.keyboard.press("?")
    assert page.locator("#q01-c0").inner_text() == "About Bed"
    page.keyboard.press("?")
    assert not page.locator("#q01-c0").is_visible()
    assert page.locator("#count").inner_text() == "0 of 3 answered"
    page.keyboard.press("1")
    assert page.locator("#count").inner_text() == "1 of 3 answered"
    page.keyboard.press("1")
    assert page.locator("#count").inner_text() == "0 of 3 answered"


def test_hostile_names_are_shown_as_they_are(page: Any) -> None:
    assert box(page, "q02", "c5").locator(".name").inner_text() == HOSTILE
    assert page.locator("legend").nth(1).inner_text() == HOSTILE
    assert page.locator("img").count() == 1


def test_a_question_that_was_not_asked_has_no_key(opened: Opened, pages: list[str]) -> None:
    for tab in opened(pages[1]):
        tab.keyboard.press("2")
        tab.keyboard.press("Enter")
        assert answer(tab) == {
            "q02": {"c4": False, "c5": True, "__none__": False, "__unsure__": False}
        }


def test_several_previews_in_one_page(opened: Opened, pages: list[str]) -> None:
    for tab in opened(render_previews(pages, "T", NOWHERE)):
        frame = tab.frame_locator("#page")
        assert frame.locator(".question").count() == 3
        tab.get_by_text("Next photo").click()
        frame.locator('.question[data-question="q02"]').wait_for()
        assert frame.locator(".question").count() == 1


def test_one_column_on_a_phone(browser: Any, pages: list[str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(pages[0], "utf-8")
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    heights = tab.evaluate(
        "[...document.querySelectorAll('crowd-checkbox')].map(b => b.offsetHeight)"
    )
    assert min(heights) >= 44
    box(tab, "q01", "c0").tap()
    assert ticked(tab) == {("q01", "c0")}
    assert tab.locator("#photo").bounding_box()["y"] == 0
    context.close()
