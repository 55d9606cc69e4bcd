"""The photo and the examples on the task page, and the page for everybody: axe-core's rules."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import TaskSettings
from annotate.tasks.examples import examples_in
from annotate.tasks.page import inline_image, make_template, render_preview, render_previews
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

Opened = Callable[..., Iterator[Any]]
Faults = Callable[[Any], dict[str, list[str]]]
NOWHERE = Path("does-not-exist")
BED = ("beds/a.jpg", "s3://bucket/b.jpg", "not https://host/sofa.jpg?a=1&b=2")
HOSTILE = "\"><img src=x onerror=window.hacked=1>{{ 1 }}'%}.jpg"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What is painted at a point of the photo, as its place in the photo: both from 0 to 1.
SEEN_AT = """([x, y]) => {
    const box = document.getElementById("photo").getBoundingClientRect();
    return [(x - box.x) / box.width, (y - box.y) / box.height];
}"""


@pytest.fixture(scope="module")
def preview() -> str:
    classes = (
        TaxonomyClass("bed", "Bed", "x", description="a place to sleep", examples=BED),
        TaxonomyClass("sofa", "Sofa", "x", examples=(HOSTILE,)),
        TaxonomyClass("pool", "Pool", "x", description="water to swim in"),
        TaxonomyClass("sea", "Sea", "x", description="salt water"),
    )
    taxonomy = Taxonomy("test", "1", (Category("x", "X"),), classes)
    questions = (
        Question("q01", "Room", ("bed", "sofa")),
        Question("q02", "Water", ("pool", "sea")),
    )
    plan = QuestionPlan(taxonomy.hash, "grouped", questions)
    settings = TaskSettings()
    template = make_template(plan, taxonomy, settings, NOWHERE)
    shades = np.linspace(0, 255, 90 * 60).reshape(60, 90).astype("uint8")
    photo = inline_image(Image.fromarray(shades))
    pictures = {
        address: inline_image(Image.new("RGB", (40, 30), (10 * at, 99, 99)))
        for at, address in enumerate(examples_in(template, taxonomy, settings))
    }
    task = {"source-ref": "a.jpg", "questions": ["q01", "q02"]}
    return render_preview(template, task, photo, NOWHERE, pictures)


@pytest.fixture
def page(opened: Opened, preview: str) -> Iterator[Any]:
    yield from opened(preview)


def scale(page: Any) -> float:
    transform = page.evaluate("getComputedStyle(document.getElementById('photo')).transform")
    return 1.0 if transform == "none" else float(transform.split("(")[1].split(",")[0])


def test_the_wheel_zooms_at_the_pointer_and_dragging_moves(page: Any) -> None:
    point = [200.0, 300.0]
    under = page.evaluate(SEEN_AT, point)
    page.mouse.move(*point)
    page.mouse.wheel(0, -400)
    page.locator("#zoom-level:not(:empty)").wait_for()
    assert scale(page) > 1.5
    assert page.evaluate(SEEN_AT, point) == pytest.approx(under, abs=0.01)
    page.mouse.down()
    page.mouse.move(point[0] + 40, point[1] - 30)
    page.mouse.up()
    assert page.evaluate(SEEN_AT, [point[0] + 40, point[1] - 30]) == pytest.approx(under, abs=0.01)
    for _ in range(12):
        page.mouse.wheel(0, 400)
    page.locator("#zoom-level:empty").wait_for(state="attached")
    assert scale(page) == 1
    assert page.locator("crowd-checkbox[checked]").count() == 0


def test_the_keyboard_zooms_and_moves_and_answers_as_before(page: Any) -> None:
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.5**2)
    assert page.locator("#zoom-level").inner_text() == "225 %"
    before = page.evaluate("document.getElementById('photo').getBoundingClientRect().x")
    page.keyboard.press("Shift+ArrowLeft")
    after = page.evaluate("document.getElementById('photo').getBoundingClientRect().x")
    assert after - before == pytest.approx(80)
    assert page.locator('.active[data-question="q01"]').count() == 1
    page.keyboard.press("ArrowDown")
    assert page.locator('.active[data-question="q02"]').count() == 1
    for _ in range(3):
        page.keyboard.press("-")
    assert scale(page) == 1


def test_double_click_and_buttons(page: Any) -> None:
    page.mouse.dblclick(200, 300)
    assert scale(page) == pytest.approx(2.5)
    page.mouse.dblclick(200, 300)
    assert scale(page) == 1
    for _ in range(20):
        page.locator("#zoom-in").click()
    assert scale(page) == 8
    page.locator("#zoom-out").focus()
    page.keyboard.press("Enter")
    assert scale(page) == pytest.approx(8 / 1.5)
    assert page.locator("#message crowd-alert").count() == 0, "Enter on a button submits nothing"


def test_two_fingers_zoom_on_a_phone(opened: Opened, preview: str) -> None:
    for tab in opened(preview, **PHONE):
        debugger = tab.context.new_cdp_session(tab)
        under = tab.evaluate(SEEN_AT, [195, 150])
        for kind, fingers in [
            ("touchStart", (165, 225)),
            ("touchMove", (135, 255)),
            ("touchMove", (105, 285)),
            ("touchEnd", ()),
        ]:
            points = [{"x": x, "y": 150, "id": at} for at, x in enumerate(fingers)]
            debugger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert scale(tab) == pytest.approx(3, rel=0.02)
        assert tab.evaluate(SEEN_AT, [195, 150]) == pytest.approx(under, abs=0.02)
        assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_examples_come_on_demand_and_from_no_host(page: Any) -> None:
    examples = page.locator('[id="q01-bed"] .examples li')
    assert not examples.first.is_visible()
    page.locator('[aria-controls="q01-bed"]').click()
    told = "items => items.map(item => getComputedStyle(item, '::after').content)"
    assert examples.evaluate_all(told) == ['"✓ Tick"', '"✓ Tick"', '"✕ Do not tick"']
    page.locator('[aria-controls="q01-sofa"]').click()
    widths = page.evaluate(
        """Promise.all([...document.querySelectorAll(".example")].map(
            image => image.decode().then(() => image.naturalWidth)))"""
    )
    assert widths == [40] * 4
    colours = {
        Image.open(io.BytesIO(b64decode(source.split(",")[1]))).convert("RGB").getpixel((9, 9))
        for source in page.evaluate("[...document.querySelectorAll('.example')].map(i => i.src)")
    }
    assert len(colours) == 4, "each example is its own picture"
    assert page.locator("#q01-sofa .description").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_fault(
    opened: Opened, preview: str, scheme: str, options: dict[str, Any], axe_faults: Faults
) -> None:
    """Rules of WCAG 2.2 A and AA and good practice, in three states of the page."""
    for tab in opened(preview, color_scheme=scheme, reduced_motion="reduce", **options):
        assert axe_faults(tab) == {}
        for key in ["?", "1", "ArrowDown", "u", "+", "ArrowUp"]:
            tab.keyboard.press(key)
        assert axe_faults(tab) == {}
        for key in ["1", "Enter"]:
            tab.keyboard.press(key)
        assert tab.locator("#message crowd-alert").count() == 1
        assert axe_faults(tab) == {}
        for key in ["0", "Enter"]:
            tab.keyboard.press(key)
        assert tab.locator("#answer").count() == 1
        assert axe_faults(tab) == {}


def test_axe_finds_no_fault_around_several_previews(
    opened: Opened, preview: str, axe_faults: Faults
) -> None:
    for tab in opened(render_previews([preview, preview], "T", NOWHERE)):
        tab.frame_locator("#page").locator(".question").first.wait_for()
        assert axe_faults(tab) == {}


def test_axe_can_find_faults(opened: Opened, axe_faults: Faults) -> None:
    for tab in opened("<title>x</title><img src='data:,'><p style='color:#bbb'>pale"):
        assert {"image-alt", "color-contrast"} <= set(axe_faults(tab))
