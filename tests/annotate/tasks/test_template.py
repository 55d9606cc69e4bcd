from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.questions.planning import QuestionPlan, plan_questions
from annotate.resources import resource
from annotate.settings import QuestionSettings, TaskSettings
from annotate.tasks.liquid import check_liquid, render_liquid
from annotate.tasks.objects import (
    check_manifest,
    label_categories,
    make_manifest,
    source_ref,
)
from annotate.tasks.page import make_template, render_preview, render_previews
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

SETTINGS = TaskSettings()
NOWHERE = Path("does-not-exist")
HOSTILE = (
    "{{ 7 | times: 6 }}",
    "{% raw %}{% endraw %}{% if",
    "{% endraw %}{{ task.input }}",
    '"><script>window.hacked = 1</script>',
    "' onclick='window.hacked=1",
    "&lt;b&gt; & <b>",
    "🛏️ مرحبا",
    "[[ title ]] [% for %] [#",
    "</fieldset></crowd-form>",
    "{#- }} %}",
)


def test_each_question_has_its_classes_none_and_unsure(rendered: Callable[..., Any]) -> None:
    page = rendered([f"Class {at}" for at in range(7)])
    others = ["__none__", "__unsure__"]
    assert page.boxes == [
        *[("q01", value) for value in ["c0", "c1", "c2", "c3", "c4", *others]],
        *[("q02", value) for value in ["c5", "c6", *others]],
    ]
    assert page.sources[:2] == [
        "https://assets.crowd.aws/crowd-html-elements.js",
        "https://signed/s3://b/a.jpg?a=1&b=2",
    ]
    assert page.tags.count("crowd-form") == 1


def test_a_question_that_is_not_asked_is_not_in_the_form(rendered: Callable[..., Any]) -> None:
    page = rendered([f"Class {at}" for at in range(12)], ["q03", "q01"])
    assert {name for name, _ in page.boxes} == {"q01", "q03"}
    assert page.legends == ["Class 0", "Class 10"]
    assert rendered(["A", "B"], []).boxes == []


def test_hostile_texts_come_through_as_text(rendered: Callable[..., Any]) -> None:
    page = rendered(list(HOSTILE))
    shown = [name for name in page.names if name not in ("None of these", "Unsure")]
    assert shown == list(HOSTILE)
    assert page.described == [f"About {name}" for name in HOSTILE]
    assert page.legends == [HOSTILE[0], HOSTILE[5]]
    assert page.tags.count("script") == 2, "Amazon's and the page's own"
    assert page.tags.count("fieldset") == 2


texts = st.text(st.sampled_from(list("{}%#[]<>&\"'/\\- ab|é")), min_size=1, max_size=24)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(texts.map(lambda text: f"x{text}"), min_size=1, max_size=4))
def test_any_text_survives_jinja_liquid_and_html(
    rendered: Callable[..., Any], names: list[str]
) -> None:
    page = rendered(names)
    assert [name for name in page.names if name not in ("None of these", "Unsure")] == names
    assert page.described == [f"About {name}" for name in names]


def test_the_template_of_all_travel_classes_fits(read_page: Callable[[str], Any]) -> None:
    taxonomy = load_taxonomy(resource("label_taxonomy", "travel.yaml"))
    plan = plan_questions(taxonomy, QuestionSettings())
    template = make_template(plan, taxonomy, SETTINGS, NOWHERE)
    assert len(template) < 128_000
    task = {"source-ref": "a", "questions": [question.id for question in plan.questions]}
    page = read_page(render_liquid(template, task, grant=str))
    asked = [value for _, value in page.boxes if not value.startswith("__")]
    assert sorted(asked) == sorted(taxonomy.ids)
    assert {value: name for name, value in page.boxes if not value.startswith("__")} == {
        class_id: question.id for question in plan.questions for class_id in question.classes
    }


def test_a_template_that_is_too_large_is_refused(
    taxonomy_of: Callable[[list[str]], Taxonomy], plan_of: Callable[[Taxonomy], QuestionPlan]
) -> None:
    taxonomy = taxonomy_of([f"{at} " + "long " * 99 for at in range(120)])
    with pytest.raises(InputError, match=r"128,000; shorten"):
        make_template(plan_of(taxonomy), taxonomy, SETTINGS, NOWHERE)


def test_the_users_own_template_wins_and_its_faults_are_named(
    taxonomy_of: Callable[[list[str]], Taxonomy],
    plan_of: Callable[[Taxonomy], QuestionPlan],
    tmp_path: Path,
) -> None:
    taxonomy = taxonomy_of(["A", "B"])
    (tmp_path / "task.css").write_text("body { color: hotpink }", "utf-8")
    assert "hotpink" in make_template(plan_of(taxonomy), taxonomy, SETTINGS, tmp_path)
    packaged = resource("templates", "task.html.j2").read_text("utf-8")
    for old, new, said in [
        ("[% for question in questions %]", "[% for %]", r"task.html.j2:\d+: .*correct"),
        ("[[ description ]]", "[[ descr ]]", "'descr' is undefined"),
        ("| grant_read_access", "| grant_acces", "filter 'grant_acces'"),
        ("{% endif %}", "", "not valid Liquid"),
        ("<crowd-form>", "<form>", "<crowd-form exactly once"),
    ]:
        (tmp_path / "task.html.j2").write_text(packaged.replace(old, new), "utf-8")
        with pytest.raises(InputError, match=said):
            make_template(plan_of(taxonomy), taxonomy, SETTINGS, tmp_path)


def test_liquid_filters_of_ground_truth() -> None:
    source = (
        "{{ task.input.q | to_json }}|{{ task.input.q | to_json | escape }}|"
        "{{ task.input.t }}|{{ task.input.t | skip_autoescape }}"
    )
    page = render_liquid(source, {"q": ["a"], "t": "<b>"}, grant=str)
    assert page == '["a"]|[&#34;a&#34;]|&lt;b&gt;|<b>'
    with pytest.raises(InputError, match="got no address"):
        render_liquid("{{ task.input.x | grant_read_access }}", {"x": ""}, grant=str)
    with pytest.raises(InputError, match="undefined"):
        render_liquid("{{ task.input.nothing }}", {}, grant=str)
    with pytest.raises(InputError, match="filter 'safe'"):
        check_liquid("{{ a | safe }}")


def test_a_preview_asks_no_host_for_anything(
    taxonomy_of: Callable[[list[str]], Taxonomy],
    plan_of: Callable[[Taxonomy], QuestionPlan],
    read_page: Callable[[str], Any],
) -> None:
    taxonomy = taxonomy_of(list(HOSTILE))
    template = make_template(plan_of(taxonomy), taxonomy, SETTINGS, NOWHERE)
    task = {"source-ref": "a.jpg", "questions": ["q01", "q02"]}
    page = render_preview(template, task, "data:image/jpeg;base64,AAAA", NOWHERE)
    assert read_page(page).sources == ["data:image/jpeg;base64,AAAA"]
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert "default-src 'none'" in page
    several = render_previews([page, "</script><b>"], "T", NOWHERE)
    embedded = several.split('id="pages">')[1].split("</script>")[0]
    assert json.loads(embedded) == [page, "</script><b>"]


def catalog_of(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [f"i{at}" for at in range(count)],
            "uri": [f"photos/{at}.jpg" for at in range(count)],
            "present": [at != 3 for at in range(count)],
        }
    )


def test_manifest_lines_order_and_limits(
    taxonomy_of: Callable[[list[str]], Taxonomy], plan_of: Callable[[Taxonomy], QuestionPlan]
) -> None:
    plan = plan_of(taxonomy_of(["A"] * 7))
    images = [f"i{at}" for at in range(50)] + ["unknown"]
    manifest = make_manifest(images, catalog_of(50), plan, SETTINGS, seed=1)
    order = [entry["image-id"] for entry in manifest]
    assert sorted(order) == sorted(f"i{at}" for at in range(50) if at != 3), "present images only"
    assert order != sorted(order, key=lambda image: int(image[1:]))
    assert order == [
        e["image-id"] for e in make_manifest(images[::-1], catalog_of(50), plan, SETTINGS, seed=1)
    ]
    assert order != [
        e["image-id"] for e in make_manifest(images, catalog_of(50), plan, SETTINGS, seed=2)
    ]
    assert manifest[0] == {
        "source-ref": f"photos/{order[0][1:]}.jpg",
        "image-id": order[0],
        "questions": ["q01", "q02"],
    }
    assert make_manifest(images, catalog_of(50), plan, SETTINGS, seed=1, limit=4) == manifest[:4]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("photos/a.jpg", "s3://bucket/hotels/photos/a.jpg"),
        ("/data/a.jpg", "s3://bucket/hotels/data/a.jpg"),
        ("s3://other/a.jpg", "s3://other/a.jpg"),
        ("https://host/a.jpg", "https://host/a.jpg"),
    ],
)
def test_image_prefix(uri: str, expected: str) -> None:
    assert (
        source_ref(uri, "s3://bucket/hotels") == source_ref(uri, "s3://bucket/hotels/") == expected
    )


def test_limits_of_ground_truth(
    taxonomy_of: Callable[[list[str]], Taxonomy], plan_of: Callable[[Taxonomy], QuestionPlan]
) -> None:
    good = {"source-ref": "s3://b/a", "image-id": "1", "questions": ["q01"]}
    check_manifest([good] * 100_000)
    with pytest.raises(InputError, match=r"100,001 images.*--limit"):
        check_manifest([good] * 100_001)
    with pytest.raises(InputError, match="line 2: 'questions' has more than 20,000"):
        check_manifest([good, {**good, "questions": ["q" * 30] * 700}])
    with pytest.raises(InputError, match="line 1 has more than 100,000"):
        check_manifest([{**good, "source-ref": "x" * 100_000}])
    with pytest.raises(InputError, match="must name a bucket"):
        make_manifest(
            [],
            catalog_of(1),
            plan_of(taxonomy_of(["A"])),
            replace(SETTINGS, image_prefix="http://x"),
        )


def test_label_categories_are_the_classes_asked(
    taxonomy_of: Callable[[list[str]], Taxonomy], plan_of: Callable[[Taxonomy], QuestionPlan]
) -> None:
    assert label_categories(plan_of(taxonomy_of(["A", "B"]))) == {
        "document-version": "2018-11-28",
        "labels": [{"label": "c0"}, {"label": "c1"}],
    }
