"""A template of one's own with other elements of Amazon's: what they do, and what they answer.

The shapes of answers are those that AWS documents for each element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate.tasks.page import CROWD_SCRIPT, render_preview

Opened = Callable[[str], Iterator[Any]]
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
TEMPLATE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Own</title>
{CROWD_SCRIPT}</head><body><main><h1>Own</h1><crowd-form>
<crowd-instructions link-text="How to" link-type="button">
  <short-summary>Look twice.</short-summary>
  <detailed-instructions>Every room counts.</detailed-instructions>
  <positive-example>A bed</positive-example><negative-example>A box</negative-example>
</crowd-instructions>
<crowd-modal link-text="Fine print"><p>Small letters</p></crowd-modal>
<crowd-alert type="info" dismissible>Welcome</crowd-alert>
<crowd-card heading="The card" image="{PIXEL}"><p>Inside</p></crowd-card>
<crowd-radio-group>
  <crowd-radio-button name="day" value="light">Day</crowd-radio-button>
  <crowd-radio-button name="night" value="dark">Night</crowd-radio-button>
</crowd-radio-group>
<crowd-text-area name="words" label="Words" max-length="20"></crowd-text-area>
<input type="hidden" name="kept" value="">
<crowd-tabs>
  <crowd-tab header="One"><crowd-input name="code" label="Code" required
    allowed-pattern="[a-z]+"></crowd-input></crowd-tab>
  <crowd-tab header="Two"><crowd-checkbox name="seen" required>Seen</crowd-checkbox></crowd-tab>
</crowd-tabs>
<crowd-image-classifier-multi-select name="animals" src="{{{{ task.input.source-ref
  | grant_read_access }}}}" header="Which animals?" categories="['Cat', &quot;Dog's&quot;, 'Pig']"
  exclusion-category="{{ text: 'None of the above' }}">
  <full-instructions header="All of it"><p>Long text</p></full-instructions>
  <short-instructions>Short text</short-instructions>
</crowd-image-classifier-multi-select>
<crowd-button form-action="reset" variant="link">Empty</crowd-button>
<crowd-button form-action="submit" variant="primary">Send</crowd-button>
</crowd-form></main></body></html>"""
EMPTY = {
    "day": {"light": False},
    "night": {"dark": False},
    "kept": "",
    "seen": {"on": False},
    "animals": {"labels": []},
}


def preview(template: str) -> str:
    return render_preview(template, {"source-ref": "s3://b/a.gif"}, PIXEL, Path("does-not-exist"))


@pytest.fixture
def page(opened: Opened) -> Iterator[Any]:
    yield from opened(preview(TEMPLATE))


def answer(page: Any) -> Any:
    return page.evaluate("document.querySelector('crowd-form').answer()")


def send(page: Any) -> Any:
    page.get_by_role("button", name="Send").click()
    shown = page.locator("#answer pre")
    return json.loads(shown.inner_text()) if shown.count() else None


def choose(page: Any, label: str) -> None:
    page.get_by_label(label, exact=True).click()


def test_the_answer_has_the_shapes_that_aws_documents(page: Any) -> None:
    assert answer(page) == EMPTY, "empty texts have no key, empty boxes say false"
    page.get_by_role("radio", name="Day").click()
    page.get_by_role("radio", name="Night").click()
    page.get_by_label("Words").fill("1 0 u")
    page.get_by_label("Code").fill("abc")
    page.get_by_role("tab", name="Two").click()
    page.get_by_role("checkbox", name="Seen").click()
    choose(page, "Cat")
    choose(page, "Dog's")
    assert send(page) == {
        "day": {"light": False},
        "night": {"dark": True},
        "words": "1 0 u",
        "kept": "",
        "code": "abc",
        "seen": {"on": True},
        "animals": {"labels": ["Cat", "Dog's"]},
    }


def test_a_radio_group_is_exclusive_by_keys_too(page: Any) -> None:
    page.get_by_role("radio", name="Day").focus()
    page.keyboard.press("Space")
    assert answer(page)["day"] == {"light": True}
    page.keyboard.press("ArrowDown")
    assert (answer(page)["day"], answer(page)["night"]) == ({"light": False}, {"dark": True})
    assert page.get_by_role("radio", name="Night").get_attribute("aria-checked") == "true"


def test_the_tab_key_stops_once_at_a_radio_group(page: Any) -> None:
    def stops(key: str) -> list[str]:
        page.evaluate("document.activeElement.blur()")
        page.locator("crowd-card" if key == "Tab" else "crowd-text-area").focus()
        found = []
        for _ in range(2):
            page.keyboard.press(key)
            found.append(page.evaluate("document.activeElement.textContent.trim()"))
        return [text for text in found if text in ("Day", "Night")]

    page.locator("crowd-card").evaluate("card => card.tabIndex = -1")
    assert stops("Tab") == ["Day"]
    page.get_by_role("radio", name="Night").click()
    assert stops("Tab") == ["Night"]
    assert stops("Shift+Tab") == ["Night"]
    page.get_by_role("radio", name="Night").evaluate("button => button.disabled = true")
    assert stops("Tab") == ["Day"]


def test_the_exclusion_category_excludes_both_ways(page: Any) -> None:
    choose(page, "Cat")
    choose(page, "None of the above")
    assert answer(page)["animals"] == {"labels": ["None of the above"]}
    choose(page, "Pig")
    assert answer(page)["animals"] == {"labels": ["Pig"]}


def test_what_is_required_holds_the_answer_back_and_is_shown(page: Any) -> None:
    page.get_by_role("tab", name="Two").click()
    assert send(page) is None
    assert page.get_by_label("Code").is_visible(), "its tab was brought to the front"
    assert page.evaluate("document.activeElement.localName") == "crowd-input"
    page.get_by_label("Code").fill("ABC")
    assert send(page) is None, "not the allowed pattern"
    page.get_by_label("Code").fill("abc")
    assert send(page) is None
    assert page.get_by_role("checkbox", name="Seen").get_attribute("aria-invalid") == "true"
    page.get_by_role("checkbox", name="Seen").click()
    assert send(page) is None
    assert page.get_by_text("Choose at least one.").is_visible()
    choose(page, "Pig")
    assert send(page) == EMPTY | {
        "code": "abc",
        "seen": {"on": True},
        "animals": {"labels": ["Pig"]},
    }


def test_reset_empties_and_an_answer_fills_in_again(page: Any) -> None:
    said = {
        "day": {"light": True},
        "night": {"dark": False},
        "words": "w",
        "kept": "",
        "code": "abc",
        "seen": {"on": True},
        "animals": {"labels": ["Dog's"]},
    }
    page.evaluate("said => document.querySelector('crowd-form').fill(said)", said)
    assert answer(page) == said
    page.get_by_role("button", name="Empty").click()
    assert answer(page) == EMPTY


def test_instructions_modal_and_alert_open_and_close(page: Any) -> None:
    for opens, shows in [
        ("How to", "Every room counts."),
        ("Fine print", "Small letters"),
        ("View full instructions", "Long text"),
    ]:
        assert not page.get_by_text(shows).is_visible()
        page.get_by_role("button", name=opens).click()
        assert page.get_by_text(shows).is_visible()
        page.keyboard.press("Escape")
        assert not page.get_by_text(shows).is_visible()
    assert page.get_by_text("Short text").is_visible()
    assert page.get_by_role("heading", name="The card").is_visible()
    page.locator("crowd-alert").get_by_role("button", name="Close").click()
    assert page.locator("crowd-alert").count() == 0


def test_axe_finds_no_fault(page: Any, axe_faults: Any) -> None:
    assert axe_faults(page) == {}
    page.get_by_role("button", name="How to").click()
    assert axe_faults(page) == {}


def test_an_element_that_is_not_there_says_so(opened: Opened) -> None:
    html = preview(f"{CROWD_SCRIPT}<crowd-form><crowd-polygon></crowd-polygon></crowd-form>")
    for page in opened(html):
        warning = page.locator("crowd-alert").inner_text()
        assert warning.startswith("<crowd-polygon> works in Ground Truth only")
