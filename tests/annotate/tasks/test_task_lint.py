"""``tasks lint``: each fault of a template by its line, and none in the template that is built."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annotate.questions.planning import QuestionPlan, plan_questions
from annotate.resources import resource
from annotate.settings import QuestionSettings, TaskSettings
from annotate.tasks.findings import TemplateFinding
from annotate.tasks.lint import lint_template
from annotate.tasks.page import make_template
from annotate.tasks.source import take_apart
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

NOWHERE = Path("does-not-exist")
GOOD = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
<img src="{{ task.input.source-ref | grant_read_access }}" alt="">
<!-- here -->
</crowd-form>
"""


def lint(text: str, **options: Any) -> list[TemplateFinding]:
    return lint_template(text, own_templates=NOWHERE, **options)


def told(text: str, **options: Any) -> list[tuple[int, str, bool]]:
    return [(found.line, found.rule, found.error) for found in lint(text, **options)]


def test_a_plain_template_is_good() -> None:
    assert told(GOOD) == []


def test_what_we_build_is_good(
    taxonomy_of: Callable[[list[str]], Taxonomy], plan_of: Callable[[Taxonomy], QuestionPlan]
) -> None:
    taxonomies = [
        load_taxonomy(resource("label_taxonomy", "travel.yaml")),
        taxonomy_of(["{{ 1 }}", '" onclick="x', "</crowd-form><crowd-form>", "{% endraw %}{% if"]),
    ]
    plans = [plan_questions(taxonomies[0], QuestionSettings()), plan_of(taxonomies[1])]
    for taxonomy, plan in zip(taxonomies, plans, strict=True):
        assert lint(make_template(plan, taxonomy, TaskSettings(), NOWHERE)) == []


BOX = '<crowd-checkbox name="{}" value="{}"></crowd-checkbox>'


@pytest.mark.parametrize(
    ("part", "rule", "said"),
    [
        ("{{ task.input.q | }}", "liquid", "not valid Liquid"),
        ("\n{% if %}", "liquid", "not valid Liquid"),
        ("{{ nothing.at.all }}", "liquid", "'nothing.at.all' is not defined"),
        ("{{ task.input.question }}", "liquid", "use one of them; did you mean questions?"),
        ("{{ task.input.image-id | upcse }}", "liquid", "filter 'upcse'.*did you mean upcase"),
        ("<p>{{ task.input.image-id | safe }}", "liquid", "has no such filter"),
        ("{% include 'other' %}", "liquid", "needs a second file"),
        ("<b>{{ task.input.image-id | skip_autoescape }}</b>", "escape", "drop skip_autoescape"),
        ('<b title="{{ task.input.image-id | skip_autoescape }}">', "escape", "ends the attribute"),
        ('<b title="{{ task.input.questions | to_json }}">', "escape", r"\| escape"),
        ("<b title={{ task.input.image-id }}>", "escape", 'title="{{ … }}"'),
        ("<b onclick=\"go('{{ task.input.image-id }}')\">", "escape", "does not protect"),
        (
            "<script>var x = {{ task.input.questions | to_json }}</script>",
            "escape",
            "dataset|data-x",
        ),
        ("<crowd-form></crowd-form>", "form", "second crowd-form"),
        ("</crowd-form><crowd-input name='a'></crowd-input>", "form", "outside the crowd-form"),
        ("<crowd-input></crowd-input>", "names", "no name"),
        (BOX.format("q", "a") * 2, "names", "collides with line 4"),
        (BOX.format("q", "a") + "<crowd-input name='q'></crowd-input>", "names", "collides"),
        (
            "{% for q in task.input.questions %}" + BOX.format("q", "a") + "{% endfor %}",
            "names",
            "every turn of a loop",
        ),
        ("<img alt='' src='s3://bucket/a.jpg'>", "image", "cannot be read by a browser"),
    ],
)
def test_an_error_is_named_with_its_line_and_remedy(part: str, rule: str, said: str) -> None:

    found = lint(GOOD.replace("<!-- here -->", part))
    errors = [each for each in found if each.error and each.rule == rule]
    line = 4 + part.startswith("\n")
    assert [each.line for each in errors] == [line], found
    assert re.search(said, f"{errors[0].what}; {errors[0].remedy}")
    assert len([each for each in found if each.error and each.rule != rule]) == 0, found


@pytest.mark.parametrize(
    ("part", "rule", "said"),
    [
        ("<crowd-tableau></crowd-tableau>", "differs", "no <crowd-tableau>"),
        ("<crowd-text-area name=a required></crowd-text-area>", "differs", "has no effect"),
        ("<script src='https://host/x.js'></script>", "differs", "asks no other host"),
        ("<script type=module></script>", "differs", "modules"),
        ("<b onclick='go()'>", "differs", "onclick"),
        ("<input type=checkbox name=a>", "differs", "not documented"),
        ("{% capture x %}a{% endcapture %}", "differs", "escaped twice"),
        ("{{ 'a & b' }}", "differs", "by Ground Truth and not by the local page"),
        ("<b>{{ task.input.questions | to_json }}</b>", "escape", "become markup"),
        ("<img alt='' src='{{ task.input.source-ref }}'>", "image", "grant_read_access"),
        ("<b id=a></b><i id=a></i>", "names", "the id 'a'"),
    ],
)
def test_a_warning_is_no_error(part: str, rule: str, said: str) -> None:
    (found,) = lint(GOOD.replace("<!-- here -->", part))
    assert (found.line, found.rule, found.error) == (4, rule, False)
    assert said in found.what + found.remedy


@pytest.mark.parametrize(
    "part",
    [
        '<b title="{{ task.input.questions | to_json | escape }}">',
        "{% raw %}{{ nothing | safe }}{% endraw %}",
        "{% comment %}<crowd-form>{{ nothing }}{% endcomment %}",
        "<crowd-tabs><crowd-tab header=a><crowd-card></crowd-card></crowd-tab></crowd-tabs>"
        "<crowd-modal link-text=a></crowd-modal><crowd-instructions></crowd-instructions>"
        "<crowd-radio-group><crowd-radio-button name=a></crowd-radio-button></crowd-radio-group>"
        "<crowd-input name=b></crowd-input><crowd-text-area name=c></crowd-text-area>",
        "{% if task.input.questions contains 'a' %}" + BOX.format("q", "a") + "{% else %}"
        "" + BOX.format("q", "a") + "{% endif %}",
        "{% for q in task.input.questions %}" + BOX.format("{{ q }}", "a") + "{% endfor %}",
        BOX.format("q", "a") + BOX.format("q", "b") + BOX.format("r", "a"),
    ],
)
def test_what_is_right_is_left_alone(part: str) -> None:
    assert told(GOOD.replace("<!-- here -->", part)) == []


def test_scripts_form_and_size() -> None:
    assert told("<b>") == [(1, "form", True), (1, "form", True)]
    doubled = GOOD.replace("<!-- here -->", GOOD.splitlines()[0])
    assert told(doubled) == [(4, "form", True)]
    assert told(GOOD.replace('"></script>', '" ></script>')) == [(1, "form", True)]
    assert told(GOOD + "x" * 128_000) == [(1, "size", True)]
    assert told(GOOD + "x" * 116_000) == [(1, "size", False)]
    assert told("{{" * 2_000_000) == [(1, "size", True)]


pieces = st.sampled_from(
    ["{{", "}}", "{%", "%}", " if a ", " raw ", "endraw", "<a b=", '"', "'", ">", "<![", "\n", "</"]
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=14).map("".join))
def test_any_text_is_answered_with_findings(text: str) -> None:
    assert lint(text), "at least that it has no form"
    assert all(1 <= found.line <= text.count("\n") + 1 for found in lint(text))
    assert take_apart(text).text == text


def call(*words: str) -> Result:
    from annotate.cli.console import Program
    from annotate.cli.questions import questions
    from annotate.cli.tasks import tasks

    return CliRunner().invoke(Program(commands=[questions, tasks]), words)


def test_the_command(workspace: Path) -> None:
    missing = call("tasks", "lint")
    assert missing.exit_code == 1
    assert "with `mumic-annotate tasks`" in missing.stderr
    call("questions")
    call("tasks")
    built = call("tasks", "lint")
    assert (built.exit_code, built.stdout.rsplit(": ", 1)[1]) == (0, "no faults\n")
    page = workspace / "page.liquid.html"
    page.write_text(GOOD.replace("source-ref", "photo"), "utf-8")
    wrong = call("tasks", "lint", str(page), "--json")
    assert wrong.exit_code == 1
    summary = json.loads(wrong.stdout)
    assert (summary["errors"], summary["findings"][0]["line"]) == (1, 3)
    (workspace / "m.jsonl").write_text('{"photo": "a", "b": 1}\n{"photo": "c"}\n', "utf-8")
    assert call("tasks", "lint", str(page), "--manifest", "m.jsonl").exit_code == 0
    (workspace / "m.jsonl").write_text("[]\n", "utf-8")
    assert "m.jsonl:1: a line" in call("tasks", "lint", str(page), "--manifest", "m.jsonl").stderr
    page.write_bytes(b"\xff")
    assert "not UTF-8" in call("tasks", "lint", str(page)).stderr


def test_a_template_is_checked_outside_a_workspace_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text(GOOD, "utf-8")
    assert call("tasks", "lint", "page.html").exit_code == 0
    assert "no mumic.toml" in call("tasks", "lint").stderr
