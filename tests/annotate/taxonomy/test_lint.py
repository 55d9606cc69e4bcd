from __future__ import annotations

from collections.abc import Callable

import pytest

from annotate.taxonomy.lint import lint
from annotate.taxonomy.model import Taxonomy

Load = Callable[[str | bytes], Taxonomy]

HEAD = "version: 1\nname: t\ncategories:\n- {id: c, name: C}\nclasses:\n"


def good(which: str, **changed: str) -> str:
    keys = {
        "id": which,
        "name": which,
        "category": "c",
        "description": f"{which} thing",
        "queries": f"[one {which}, two {which}]",
        "scenario": "s",
    } | changed
    return f"- {{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}\n"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (good("b", queries="[one]"), "class b: 1 queries; 2 or more find"),
        ("- {id: b, name: b, category: c, scenario: s, queries: [x, y]}\n", "no description"),
        (good("b", name="x" * 41), "the name has 41 characters"),
        (good("b", description="a photo with b"), "delete its own beginning"),
        (good("b", description="b thing."), "ends with a full stop"),
        (good("b", name="Bee", aliases="[BEE]"), "alias 'BEE' is the id or the name itself"),
        (good("b", queries="[x, One A]"), "query 'One A' finds the images of a again"),
        (good("b", scenario="alone"), "alone in scenario alone;"),
        (good("b", difficulty="hard"), "1 of 2 classes are hard"),
    ],
)
def test_advice_names_the_line_and_the_class(load: Load, second: str, message: str) -> None:
    first = good("a", scenario="alone2") if "alone" in second else good("a")
    findings = [f for f in lint(load(HEAD + first + second)) if message in f.message]
    assert [finding.line for finding in findings] == [7]
    assert findings[0].class_id in ("b", "")
    assert findings[0].level == "warning"
    assert str(findings[0]).startswith(f"{findings[0].file}:7: warning: ")


def test_a_parent_that_another_parent_implies_is_named(load: Load) -> None:
    text = HEAD + good("a") + good("b", parents="[a]") + good("d", parents="[a, b]")
    assert [f.message for f in lint(load(text))] == ["class d: parent a is implied by b; delete it"]


def test_categories_should_be_neither_empty_nor_crowded(load: Load) -> None:
    head = HEAD.replace("classes:", "- {id: e, name: E}\nclasses:")
    findings = lint(load(head + "".join(good(f"a{i}") for i in range(21))))
    assert [(f.line, f.message.split(";")[0]) for f in findings] == [
        (4, "category c: 21 classes"),
        (5, "category e: no class is in it"),
    ]


def test_a_good_list_gets_no_advice(load: Load) -> None:
    assert lint(load(HEAD + good("a") + good("b"))) == []


def test_a_replaced_class_is_a_record_and_gets_no_advice_but_its_children_do(load: Load) -> None:
    entries = good("a") + good("b") + good("c", parents="[old]") + good("d")
    old = "- {id: old, name: Old, category: c, scenario: s, replaced_by: [a, b]}\n"
    found = lint(load(HEAD + entries + old))
    assert [(finding.class_id, finding.line) for finding in found] == [("c", 8)]
    assert "replaced by a, b" in found[0].message
