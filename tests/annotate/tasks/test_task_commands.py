"""The commands of ``tasks`` and ``questions``, in a workspace with real photos."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotate.tasks.manifest import read_manifest
from annotate.tasks.page import check_template


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


def test_preview_shows_real_pictures(read_page: Callable[[str], Any], workspace: Path) -> None:
    call("questions")
    call("tasks", "--image-prefix", "s3://bucket/x")
    assert "s3://bucket/x/photos/" in (workspace / "data/tasks/manifest.jsonl").read_text("utf-8")
    assert call_json("tasks", "preview", "--images", "6", "--output", "p.html")["images"] == 6
    pages = json.loads(
        (workspace / "p.html").read_text("utf-8").split('id="pages">')[1].split("</script>")[0]
    )
    assert len(pages) == 6
    assert len({source for page in pages for source in read_page(page).sources}) == 6
    assert all(
        (source or "").startswith("data:image/jpeg;base64,")
        for source in read_page(pages[0]).sources
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
