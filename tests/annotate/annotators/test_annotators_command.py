"""The command: its report, and work without somebody, on the server too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.answers.choices import NONE, UNSURE
from annotate.cli import main
from annotate.server.run import open_store
from annotate.tables import CATALOG, GOLDEN_LABELS, GOLDEN_SAMPLE, LABELS, empty, read, write
from annotate.tasks.answered import answered_images
from annotate.workspace import Workspace

YAML = """\
version: 1
name: test
categories: [{id: all, name: All}]
classes:
  - {id: snow, name: Snow, category: all}
  - {id: dog, name: Dog, category: all}
"""
QUESTIONS = """\
taxonomy: none
strategy: grouped
questions:
  - {id: q01, title: All, classes: [snow, dog]}
"""
IMAGES = tuple(f"i{at:02d}" for at in range(30))
PEOPLE = ("ann", "bob", "cy", "dee", "lazy")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirty images with snow, answered by four people who see it and one who ticks nothing."""
    (tmp_path / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (tmp_path / "classes.yaml").write_text(YAML)
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    catalog = empty(CATALOG).reindex(range(len(IMAGES)))
    catalog = catalog.assign(
        image_id=IMAGES, uri=[f"{image}.jpg" for image in IMAGES], present=True
    )
    write(CATALOG, catalog, tmp_path / "data/catalog/images.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(who: str) -> dict[str, dict[str, bool]]:
    snow = who != "lazy"
    return {"q01": {"snow": snow, "dog": False, NONE: not snow, UNSURE: False}}


def answer_by_file(folder: Path) -> None:
    lines = [
        {
            "image-id": image,
            "answers": [
                {"workerId": who, "timeSpentInSeconds": 5, "answerContent": content(who)}
                for who in PEOPLE
            ],
        }
        for image in IMAGES
    ]
    (folder / "data/answers").mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "data/answers/people.jsonl").write_text(text)


def run(*arguments: str, expect: int = 0) -> Any:
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


def test_the_report(workspace: Path) -> None:
    answer_by_file(workspace)
    run("consolidate")
    golden = pd.DataFrame({"image_id": IMAGES[:10], "class_id": "snow", "label": 1})
    write(GOLDEN_LABELS, golden, workspace / "data/golden/labels.parquet")
    found = run("annotators", "--json")
    rows = {row["annotator_id"]: row for row in found["annotators"]}
    assert rows["lazy"]["flags"] == ["always none"]
    assert rows["ann"]["flags"] == []
    assert rows["lazy"]["golden_recall"] == 0
    assert rows["ann"]["golden_recall"] == rows["ann"]["golden_precision"] == 1
    assert rows["ann"]["seconds"] == 5
    assert rows["ann"]["sensitivity"] > 0.9 > 0.1 > rows["lazy"]["sensitivity"]
    snow = next(row for row in found["classes"] if row["class_id"] == "snow")
    assert snow["prevalence"] == pytest.approx(0.8)
    assert json.loads((workspace / "data/labels/annotators.json").read_text())["images"] == 30
    text = run("annotators")
    assert "always none" in text
    assert "Krippendorff's alpha" in text
    printed = [line.split() for line in text.splitlines()]
    assert ["ann", "30", "30", "5"] in [row[:4] for row in printed], "images, answers, seconds"
    # Of the 10 pairs of votes on snow 4 differ, of those on dog none: 0.8 are equal. 120 of 300
    # votes are yes: alpha 1 - 0.2 / (2 * 120 * 180 / (300 * 299)), kappa 1 - 0.2 / 0.48 and
    # AC1 (0.8 - 0.48) / 0.52.
    measures = ["0.585", "0.583", "0.615", "0.800"]
    assert ["question", "votes", "yes", "alpha", "kappa", "AC1", "equal"] in printed
    assert ["q01", "300", "0.400", *measures] in printed


def test_that_golden_figures_are_of_a_sample_is_said(workspace: Path) -> None:
    """By hand: ten golden images, of which nine were sure to be drawn and one stands for a lot."""
    answer_by_file(workspace)
    run("consolidate")
    golden = pd.DataFrame({"image_id": IMAGES[:10], "class_id": "snow", "label": [1] * 9 + [0]})
    write(GOLDEN_LABELS, golden, workspace / "data/golden/labels.parquet")
    word = "count every golden image the same"
    assert word not in run("annotators")
    sample = pd.DataFrame({"image_id": IMAGES[:10], "question_id": "q01", "class_id": "snow"})
    sample = sample.assign(drawn_for="near", probability=[1.0] * 9 + [0.05])
    write(GOLDEN_SAMPLE, sample, workspace / "data/golden/sample.parquet")
    assert word in run("annotators")
    found = run("annotators", "--json")
    assert found["golden_sampled"]
    rows = {row["annotator_id"]: row for row in found["annotators"]}
    assert rows["ann"]["golden_precision"] == pytest.approx(0.9)


def test_experts_answers_that_nobody_collected_count(workspace: Path) -> None:
    answer_by_file(workspace)
    run("consolidate")
    assert not run("annotators", "--json")["golden"]
    folder = workspace / "data/golden/answers"
    folder.mkdir(parents=True)
    lines = [
        {"image-id": image, "answers": [{"workerId": "expert", "answerContent": content("ann")}]}
        for image in IMAGES[:3]
    ]
    (folder / "experts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = run("annotators", "--json")
    rows = {row["annotator_id"]: row for row in found["annotators"]}
    assert found["golden"]
    assert (rows["ann"]["golden_positives"], rows["ann"]["golden_recall"]) == (3, 1)
    assert rows["lazy"]["golden_recall"] == 0


def test_without_somebody_labels_are_made_anew_and_images_asked_again(workspace: Path) -> None:
    answer_by_file(workspace)
    run("consolidate")
    text = run("annotators", "--exclude", "lazy", "--reason", "never ticks")
    assert "30 images lack answers; `mumic-annotate tasks` asks them." in text
    assert "Excluded: lazy (never ticks)" in text
    labels = read(LABELS, workspace / "data/labels/labels.parquet")
    snow = labels[labels["class_id"] == "snow"]
    assert set(snow["yes"]) == {4}
    assert set(snow["no"]) == {0}
    place = Workspace.find(workspace)
    asked = {"q01": ("snow", "dog")}
    assert answered_images(place, asked, 5) == set()
    assert answered_images(place, asked, 4) == set(IMAGES)
    # It lasts: the next run leaves her out too, until she is taken back.
    assert run("consolidate", "--json")["annotators"] == 4
    found = run("annotators", "--include", "lazy", "--json")
    assert found["changed"]["included"] == ["lazy"]
    assert found["excluded"] == {}
    assert len(found["annotators"]) == 5
    assert not (workspace / "data/annotators.json").exists()


def test_the_server_s_images_are_open_again(workspace: Path) -> None:
    place = Workspace.find(workspace)
    store = open_store(place, place.settings.serve)
    store.load_tasks([(image, ["q01"]) for image in IMAGES], {}, {"q01": ("snow", "dog")})
    ids = {}
    for name in PEOPLE:
        annotator, _ = store.add_annotator(name)
        ids[name] = annotator.id
        while (task := store.next_task(annotator.id)) is not None:
            store.submit(annotator.id, task.image_id, task.lease, content(name), 5.0)
    assert store.progress().done == 30
    store.export(place.answers)
    store.close()
    run("consolidate")
    found = run("annotators", "--exclude", "lazy", "--json")
    assert found["changed"] == {
        "excluded": [ids["lazy"]],
        "included": [],
        "reopened": 30,
        "lacking": 30,
        "of_votes": False,
    }
    store = open_store(place, place.settings.serve)
    assert store.progress().done == 0
    fresh, _ = store.add_annotator("flo")
    assert store.next_task(fresh.id) is not None
    assert store.next_task(ids["lazy"]) is None
    store.close()
    assert run("annotators", "--include", "lazy", "--json")["changed"]["included"] == [ids["lazy"]]
    store = open_store(place, place.settings.serve)
    assert store.progress().done == 30
    store.close()


def test_messages(workspace: Path) -> None:
    assert "consolidate" in run("annotators", expect=1)
    answer_by_file(workspace)
    run("consolidate")
    assert "did you mean lazy" in run("annotators", "--exclude", "lasy", expect=1)
    everybody = [word for who in PEOPLE for word in ("--exclude", who)]
    assert "none of" in run("annotators", *everybody, expect=1)
    assert "--exclude" in run("annotators", "--reason", "ticks at random", expect=2)
    assert "--exclude" in run("annotators", "--include", "lazy", "--reason", "new", expect=2)
    assert not (workspace / "data/annotators.json").exists()
    (workspace / "data/annotators.json").write_text("[]")
    assert "annotators.json" in run("consolidate", expect=1)
