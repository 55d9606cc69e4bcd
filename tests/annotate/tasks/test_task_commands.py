"""The commands of ``tasks`` and ``questions``, in a workspace with real photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotate.answers.choices import NONE, UNSURE
from annotate.jobs.request import job_name
from annotate.questions.file import read_classes
from annotate.tables import CATALOG, write
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
    asked = read_classes(workspace / "questions.yaml")

    def content(empty: bool) -> dict[str, dict[str, bool]]:
        return {
            question: dict.fromkeys((*classes, UNSURE), False) | {NONE: not empty}
            for question, classes in asked.items()
        }

    (workspace / "data/answers").mkdir()
    with (workspace / "data/answers/a.jsonl").open("w") as file:
        for at in range(4):
            people = [
                {"workerId": name, "answerContent": content(at == 1 and name == "y")}
                for name in ("x", "y")[: 1 if at == 0 else 2]
            ]
            file.write(json.dumps({"image-id": f"{at:020x}", "answers": people}) + "\n")
    again = call_json("tasks", "--annotators", "2")
    assert (again["images"], again["answered"]) == (4, 2), (
        "one has an answer too few, one an empty one"
    )
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


def rewrite(workspace: Path, *lines: str) -> None:
    text = (workspace / "mumic.toml").read_text("utf-8")
    (workspace / "mumic.toml").write_text("\n".join([text, *lines, ""]), "utf-8")


def test_a_high_price_is_refused_without_a_person(workspace: Path) -> None:
    call("questions")
    rewrite(workspace, "[tasks]", "largest_price = 1.5")
    refused = call("tasks")  # 1.98 USD
    assert refused.exit_code == 1
    assert "largest_price = 1.50 USD" in refused.stderr
    assert "--yes" in refused.stderr
    assert not (workspace / "data/tasks").exists()
    assert call_json("tasks", "--limit", "4")["images"] == 4, "cheaper"
    assert call_json("tasks", "--yes")["images"] == 6
    rewrite(workspace, "pay_per_hour = 1e6")
    assert call("tasks").exit_code == 1
    text = (workspace / "mumic.toml").read_text("utf-8")
    (workspace / "mumic.toml").write_text(text.replace("= 1.5", "= 0"), "utf-8")
    assert call("tasks").exit_code == 0, "0 never asks"


@pytest.mark.parametrize(("typed", "written"), [("n", False), ("y", True)])
def test_a_person_is_asked_about_a_high_price(workspace: Path, typed: str, written: bool) -> None:
    call("questions")
    rewrite(workspace, "[tasks]", "largest_price = 1.5")
    person, terminal = os.openpty()
    os.write(person, f"{typed}\n".encode())
    program = [sys.executable, "-m", "annotate", "tasks", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        program, stdin=terminal, capture_output=True, text=True, check=False, env=environment
    )
    os.close(person)
    os.close(terminal)
    assert "1.98 USD" in done.stderr
    assert "Write the tasks? [y/N]" in done.stderr
    assert (done.returncode == 0) is written, done.stderr
    assert (workspace / "data/tasks/manifest.jsonl").exists() is written
    assert bool(done.stdout) is written, "the question is no part of the summary"


def test_preview_opens_a_browser(workspace: Path) -> None:
    call("questions")
    call("tasks")
    browser = workspace / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened.txt\n', "utf-8")
    browser.chmod(0o755)
    program = [sys.executable, "-m", "annotate", "tasks", "preview", "--open"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run(program, check=True, env={**environment, "BROWSER": f"{browser} %s"})
    opened = (workspace / "opened.txt").read_text("utf-8").strip()
    assert opened == (workspace / "data/tasks/preview.html").as_uri()


def test_nothing_in_the_manifest_tells_a_golden_image(workspace: Path) -> None:
    """Whatever the catalogue says of some images, all lines look alike and stand where they did."""
    call("questions")
    call("tasks")
    manifest = workspace / "data/tasks/manifest.jsonl"
    before = manifest.read_bytes()
    path = workspace / "data/catalog/images.parquet"
    catalog = pd.read_parquet(path)
    golden = [at % 2 == 0 for at in range(len(catalog))]
    captions = pd.Series([{True: "expert"}.get(each) for each in golden], dtype=object)
    write(CATALOG, catalog.assign(golden=golden, text=captions), path)
    call("tasks")
    assert manifest.read_bytes() == before
    lines = [json.loads(line) for line in before.splitlines()]
    assert {tuple(line) for line in lines} == {("source-ref", "image-id", "questions")}
    assert len({tuple(line["questions"]) for line in lines}) == 1


def test_a_telling_folder_is_named(workspace: Path) -> None:
    call("questions")
    assert "golden" not in call("tasks").stderr
    path = workspace / "data/catalog/images.parquet"
    catalog = pd.read_parquet(path)
    catalog.loc[0, "uri"] = "golden/0.jpg"
    catalog.loc[1, "uri"] = "hotel-golden-gate/golden.jpg"
    write(CATALOG, catalog, path)
    assert "1 images lie in a folder that says golden, such as golden/0.jpg" in call("tasks").stderr


def test_the_job_request_belongs_to_these_files(workspace: Path) -> None:
    call("questions")
    call("tasks")
    path = workspace / "data/tasks/job.json"
    assert not path.exists(), "no [job] location yet"
    rewrite(workspace, "[job]", 'location = "s3://bucket/annotation/"')
    call("tasks", "--annotators", "3")
    first = json.loads(path.read_text("utf-8"))
    assert first["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 3
    files = [workspace / "data/tasks" / name for name in ("manifest.jsonl", "template.liquid.html")]
    name = job_name(*(file.read_bytes() for file in files))
    assert first["LabelingJobName"] == name
    call("tasks", "--limit", "2")
    assert json.loads(path.read_text("utf-8"))["LabelingJobName"] != name


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
    assert_fails("1 broken rule (size)", "questions", "lint")
    assert call("tasks").exit_code == 0, "a plan that breaks a rule can still be asked"
    path.write_text(edited.replace("      - c2\n", ""), "utf-8")
    assert "Warning: Sofa (c2) is in no question" in call("tasks").stderr
    assert call_json("questions", "--strategy", "binary", "--force")["questions"] == 7
