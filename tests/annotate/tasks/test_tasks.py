from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from annotate.errors import InputError
from annotate.questions.planning import Question, QuestionPlan, plan_questions
from annotate.resources import resource
from annotate.settings import QuestionSettings, TaskSettings
from annotate.tables import CANDIDATES, CATALOG, write
from annotate.tasks.liquid import check_liquid, render_liquid
from annotate.tasks.manifest import read_manifest
from annotate.tasks.objects import (
    answered_images,
    check_manifest,
    label_categories,
    make_manifest,
    source_ref,
)
from annotate.tasks.page import check_template, make_template, render_preview, render_previews
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

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


class Page(HTMLParser):
    """The form of a rendered page: boxes, legends, and the text of each class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.boxes: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.legends: list[str] = []
        self.described: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str | None] = []
        self._into: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if "src" in found:
            self.sources.append(found["src"])
        if tag == "crowd-checkbox":
            self.boxes.append((found["name"] or "", found["value"] or ""))
        into = {"name": self.names, "description": self.described}.get(found.get("class") or "")
        if tag == "legend":
            into = self.legends
        if into is not None:
            into.append("")
        self._into = into

    def handle_data(self, data: str) -> None:
        if self._into:
            self._into[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._into = None


def taxonomy_of(names: list[str]) -> Taxonomy:
    classes = [
        TaxonomyClass(f"c{at}", name, "x", description=f"about {name}")
        for at, name in enumerate(names)
    ]
    return Taxonomy("test", "1", (Category("x", "X"),), tuple(classes))


def plan_of(taxonomy: Taxonomy) -> QuestionPlan:
    ids = taxonomy.ids
    groups = [ids[at : at + 5] for at in range(0, len(ids), 5)]
    questions = [
        Question(f"q{at:02}", taxonomy.by_id[group[0]].name, group)
        for at, group in enumerate(groups, 1)
    ]
    return QuestionPlan(taxonomy.hash, "grouped", tuple(questions))


def rendered(names: list[str], questions: list[str] | None = None) -> Page:
    taxonomy = taxonomy_of(names)
    plan = plan_of(taxonomy)
    template = make_template(plan, taxonomy, SETTINGS, NOWHERE)
    asked = [question.id for question in plan.questions] if questions is None else questions
    task = {"source-ref": "s3://b/a.jpg", "image-id": "1", "questions": asked}
    return Page(render_liquid(template, task, grant=lambda uri: f"https://signed/{uri}?a=1&b=2"))


def test_each_question_has_its_classes_none_and_unsure() -> None:
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


def test_a_question_that_is_not_asked_is_not_in_the_form() -> None:
    page = rendered([f"Class {at}" for at in range(12)], ["q03", "q01"])
    assert {name for name, _ in page.boxes} == {"q01", "q03"}
    assert page.legends == ["Class 0", "Class 10"]
    assert rendered(["A", "B"], []).boxes == []


def test_hostile_texts_come_through_as_text() -> None:
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
def test_any_text_survives_jinja_liquid_and_html(names: list[str]) -> None:
    page = rendered(names)
    assert [name for name in page.names if name not in ("None of these", "Unsure")] == names
    assert page.described == [f"About {name}" for name in names]


def test_the_template_of_all_travel_classes_fits() -> None:
    taxonomy = load_taxonomy(resource("label_taxonomy", "travel.yaml"))
    plan = plan_questions(taxonomy, QuestionSettings())
    template = make_template(plan, taxonomy, SETTINGS, NOWHERE)
    assert len(template) < 128_000
    task = {"source-ref": "a", "questions": [question.id for question in plan.questions]}
    page = Page(render_liquid(template, task, grant=str))
    asked = [value for _, value in page.boxes if not value.startswith("__")]
    assert sorted(asked) == sorted(taxonomy.ids)
    assert {value: name for name, value in page.boxes if not value.startswith("__")} == {
        class_id: question.id for question in plan.questions for class_id in question.classes
    }


def test_a_template_that_is_too_large_is_refused() -> None:
    taxonomy = taxonomy_of([f"{at} " + "long " * 99 for at in range(120)])
    with pytest.raises(InputError, match=r"128,000; shorten"):
        make_template(plan_of(taxonomy), taxonomy, SETTINGS, NOWHERE)


def test_the_users_own_template_wins_and_its_faults_are_named(tmp_path: Path) -> None:
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


def test_a_preview_asks_no_host_for_anything() -> None:
    taxonomy = taxonomy_of(list(HOSTILE))
    template = make_template(plan_of(taxonomy), taxonomy, SETTINGS, NOWHERE)
    task = {"source-ref": "a.jpg", "questions": ["q01", "q02"]}
    page = render_preview(template, task, "data:image/jpeg;base64,AAAA", NOWHERE)
    assert Page(page).sources == ["data:image/jpeg;base64,AAAA"]
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


def test_manifest_lines_order_and_limits() -> None:
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


def test_limits_of_ground_truth() -> None:
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


def test_label_categories_are_the_classes_asked() -> None:
    assert label_categories(plan_of(taxonomy_of(["A", "B"]))) == {
        "document-version": "2018-11-28",
        "labels": [{"label": "c0"}, {"label": "c1"}],
    }


def test_answered_needs_enough_distinct_people(tmp_path: Path) -> None:
    def line(image: str, *people: str) -> str:
        return json.dumps({"image-id": image, "answers": [{"workerId": name} for name in people]})

    lines = [
        line("a", "1", "2", "3"),
        line("b", "1", "1", "1"),
        line("c", "1", "2"),
        "{broken",
        "[]",
    ]
    (tmp_path / "one.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "two.jsonl").write_text(line("c", "3"), "utf-8")
    assert answered_images(tmp_path, annotators=3) == {"a", "c"}
    assert answered_images(tmp_path / "nothing", annotators=3) == set()


# ---- the commands, in a workspace with real photos


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    names = ["Bed", "Pool", "Sofa", "Bath", "Desk", "Lamp", "Oven"]
    (tmp_path / "mumic.toml").write_text('[project]\ntaxonomy = "labels.yaml"\n', "utf-8")
    (tmp_path / "labels.yaml").write_text(taxonomy_of(names).to_json(), "utf-8")
    (tmp_path / "photos").mkdir()
    ids = [f"{at:020x}" for at in range(6)]
    for at in range(5):
        Image.new("RGB", (60, 40), (40 * at, 90, 120)).save(tmp_path / "photos" / f"{at}.jpg")
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"photos/{at}.jpg" for at in range(5)] + ["s3://bucket/5.jpg"],
            "bytes": 1,
            "width": 60,
            "height": 40,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": "0" * 16,
            "property_id": None,
            "text": None,
            "present": True,
        }
    )
    write(CATALOG, catalog, tmp_path / "data/catalog/images.parquet")
    for number, images in enumerate([ids[:4], ids[3:]], 1):
        write(
            CANDIDATES,
            candidates(number, images),
            tmp_path / f"data/candidates/round-{number:04}.parquet",
        )
    return tmp_path


def candidates(number: int, images: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "round": number,
            "image_id": images,
            "class_id": "c0",
            "strategy": "similarity",
            "query": "q",
            "rank": 1,
            "score": 0.2,
            "stratum": None,
            "draw_probability": 1.0,
            "inclusion_probability": 1.0,
            "seed": 0,
        }
    )


def call(*words: str) -> Result:
    from annotate.cli.console import Program
    from annotate.cli.questions import questions
    from annotate.cli.tasks import tasks

    program = Program(commands=[questions, tasks])
    return CliRunner().invoke(program, words)


def call_json(*words: str) -> Any:
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_from_candidates_to_tasks(workspace: Path) -> None:
    assert call_json("questions")["questions"] == 2
    built = call("tasks")
    assert built.exit_code == 0, built.output
    assert "6 images x 2 questions, 30 answers: 0.1 people-hours, 1.98 USD" in built.stderr
    folder = workspace / "data/tasks"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "template.liquid.html",
        "manifest.jsonl",
        "label-categories.json",
        "preview.html",
        "tasks.json",
    }
    first = {name: (folder / name).read_bytes() for name in names}
    tasks = read_manifest(folder / "manifest.jsonl")
    assert len({task.image_id for task in tasks}) == 6
    check_template((folder / "template.liquid.html").read_text("utf-8"))
    about = json.loads((folder / "tasks.json").read_text("utf-8"))
    assert about["forecast"]["money"] == pytest.approx(6 * 0.08 + 6 * 5 * 2 * 6 / 3600 * 15)
    assert call("tasks", "build").exit_code == 0
    assert first == {name: (folder / name).read_bytes() for name in names}, "same input, same files"


def test_answered_images_are_not_asked_again(workspace: Path) -> None:
    call("questions")
    assert call_json("tasks", "--annotators", "2")["images"] == 6
    (workspace / "data/answers").mkdir()
    with (workspace / "data/answers/a.jsonl").open("w") as file:
        for at in range(4):
            people = [{"workerId": "x"}, {"workerId": "y"}][: 1 if at == 0 else 2]
            file.write(json.dumps({"image-id": f"{at:020x}", "answers": people}) + "\n")
    again = call_json("tasks", "--annotators", "2")
    assert (again["images"], again["answered"]) == (3, 3)
    assert call_json("tasks", "--annotators", "2", "--all", "--limit", "5")["images"] == 5
    assert call_json("tasks", "--annotators", "1")["images"] == 2


def test_preview_shows_real_pictures(workspace: Path) -> None:
    call("questions")
    call("tasks", "--image-prefix", "s3://bucket/x")
    assert "s3://bucket/x/photos/" in (workspace / "data/tasks/manifest.jsonl").read_text("utf-8")
    assert call_json("tasks", "preview", "--images", "6", "--output", "p.html")["images"] == 6
    pages = json.loads(
        (workspace / "p.html").read_text("utf-8").split('id="pages">')[1].split("</script>")[0]
    )
    assert len(pages) == 6
    assert len({source for page in pages for source in Page(page).sources}) == 6
    assert all(
        (source or "").startswith("data:image/jpeg;base64,") for source in Page(pages[0]).sources
    )


def assert_fails(said: str, *words: str) -> None:
    result = call(*words)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert said in result.stderr, result.stderr


def test_every_missing_stage_is_named(workspace: Path) -> None:
    assert_fails("Plan them with `mumic-annotate questions`", "tasks")
    assert_fails("with `mumic-annotate tasks`", "tasks", "preview")
    call("questions")
    for path in (workspace / "data/candidates").iterdir():
        path.unlink()
    assert_fails("`mumic-annotate mine --all`", "tasks")


def test_questions_commands(workspace: Path) -> None:
    call("questions")
    assert "Bath, Desk, Lamp, Oven" in call("questions", "show").stdout
    assert call("questions", "lint").exit_code == 0
    costs = call_json("questions", "cost", "--images", "1000")["forecasts"]
    assert [(each["strategy"], each["questions"]) for each in costs] == [
        ("grouped", 2),
        ("category", 1),
        ("binary", 7),
    ]
    # 1000 images, five people, 6 s a question: 1000 * .08 + 1000 * 5 * 7 * 6 / 3600 * 15
    assert costs[2]["money"] == pytest.approx(80 + 875)


def test_an_edited_plan_is_kept_and_checked(workspace: Path) -> None:
    call("questions")
    path = workspace / "questions.yaml"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    moved = [line for line in lines if line.strip() in ("- c1", "- c2")]
    edited = "".join(line for line in lines if line not in moved) + "".join(moved)
    path.write_text(edited, "utf-8")
    assert_fails("edited by hand", "questions", "--strategy", "binary")
    assert path.read_text("utf-8") == edited
    assert_fails("broken rules (size)", "questions", "lint")
    assert call("tasks").exit_code == 0, "a plan that breaks a rule can still be asked"
    path.write_text(edited.replace("      - c2\n", ""), "utf-8")
    assert "Warning: Sofa (c2) is in no question" in call("tasks").stderr
    assert call_json("questions", "--strategy", "binary", "--force")["questions"] == 7
