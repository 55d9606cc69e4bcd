"""The commands in a workspace: sample, experts' answers to its tasks, score, thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from annotate.labels.consolidate import decide, propagate
from annotate.server.run import make_site
from annotate.settings import ConsolidateSettings
from annotate.tables import GOLDEN_LABELS, GOLDEN_SAMPLE, LABELS, read, write
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from tests.annotate.golden.commands_world import (
    CLASSES,
    WORLD,
    YAML,
    careless_answers,
    expert_answers,
    make_workspace,
    run,
    write_truth,
)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    run("consolidate")
    return tmp_path


def test_from_sample_to_score(workspace: Path) -> None:
    summary = run("golden", "sample", "--near", "8", "--clear", "5", "--random", "60", "--json")
    sample = read(GOLDEN_SAMPLE, workspace / "data/golden/sample.parquet")
    assert summary["images"] == sample["image_id"].nunique() < 299
    assert summary["population"] == 299  # one image is gone
    assert "i000003" not in set(sample["image_id"])

    # The experts' server has these tasks and these only, in a database of its own.
    experts = Workspace.find(workspace).for_experts()
    site, counts = make_site(experts, experts.settings.serve)
    assert counts["added"] == summary["images"]
    assert site.desk.store.rules.votes == 1
    site.desk.store.close()
    assert not (workspace / "data/annotation.sqlite3").exists()
    assert "no expert has answered yet" in run("golden", "collect", expect=1)

    expert_answers(workspace)
    scores = run("golden", "--json")
    assert scores["sampled"]
    labels = read(GOLDEN_LABELS, workspace / "data/golden/labels.parquet")
    asked = sample[["image_id", "class_id"]].merge(labels)
    assert len(asked) == len(sample)
    truth = pd.DataFrame(WORLD.truth, index=WORLD.votes.image_ids, columns=CLASSES)
    expected = [truth.loc[image, name] for image, name in asked[["image_id", "class_id"]].values]
    assert asked["label"].tolist() == [int(value) for value in expected]
    assert {row["class_id"] for row in scores["classes"]} == set(CLASSES)
    assert "Mean over 4 classes" in run("golden")
    page = (workspace / "data/golden/score.html").read_text()
    assert page.count("<svg") == 1 + 4
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_mistake_in_the_own_page_is_named(workspace: Path) -> None:
    write_truth(workspace)
    own = workspace / "templates/golden.html.j2"
    own.parent.mkdir()
    own.write_text("<style>{{ style }}</style>\n{{ summary.images }} of {{ nothing }}", "utf-8")
    said = run("golden", expect=1)
    assert f"{own}:2: it does not render: 'nothing' is undefined" in said
    own.write_text("<style>{{ style }}</style>\n{{ summary.images }} images", "utf-8")
    images = run("golden", "--json")["images"]
    page = (workspace / "data/golden/score.html").read_text("utf-8")
    assert page.endswith(f"\n{images} images")
    assert "--ink:" in page


def test_experts_answer_after_the_annotators_last_day(workspace: Path) -> None:
    text = (workspace / "mumic.toml").read_text()
    (workspace / "mumic.toml").write_text(text + '[consolidate]\nuntil = "2026-01-31"\n')
    run("golden", "sample", "--near", "8", "--clear", "5", "--random", "60")
    expert_answers(workspace)
    file = workspace / "data/golden/answers/serve.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["answers"][0]["submissionTime"] = "2026-02-10T09:00:00.000Z"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = run("golden", "collect", "--json")
    assert (found["images"], found["set_aside"]) == (len(lines), 0)
    # For annotators the day stands.
    people = workspace / "data/answers/people.jsonl"
    people.write_text(people.read_text() + json.dumps(lines[0]) + "\n")
    run("consolidate")
    rejects = pd.read_parquet(workspace / "data/labels/rejects.parquet")
    assert any(str(reason).startswith("late") for reason in rejects["reason"])


def test_recall_without_random_images_is_said_to_be_of_the_strata(workspace: Path) -> None:
    """Of snow people see half: what nobody saw is missed, and a sample of strata never has it."""
    word = "are of the drawn strata (near, clear) only"
    snow = WORLD.truth[:, 2]
    found = decide(WORLD.votes.yes, WORLD.votes.no, [0.6] * 4, ConsolidateSettings())[:, 2] == 1
    recall = found[snow].mean()
    for random, said in (("0", True), ("299", False)):
        size = ("--near", "299", "--clear", "299", "--random", random)
        assert (word in run("golden", "sample", *size)) == said
        expert_answers(workspace)
        scores = run("golden", "--json")
        assert scores["strata_only"] == (["near", "clear"] if said else [])
        row = next(row for row in scores["classes"] if row["class_id"] == "snow")
        if said:
            assert row["recall"] > recall + 0.03
        else:
            assert row["recall"] == pytest.approx(recall, abs=0.01)  # one image is gone
        assert (word in run("golden")) == said
        assert (word in run("golden", "thresholds")) == said
        assert ("no random images" in (workspace / "data/golden/score.html").read_text()) == said
    run("golden", "sample", "--near", "20", "--clear", "0", "--random", "0")
    assert "strata (near) only" in run("golden")


def test_options_that_do_not_go_together_are_refused(workspace: Path) -> None:
    write_truth(workspace)
    both = ("golden", "thresholds", "--precision", "0.9", "--beta", "2")
    assert "--beta weighs recall in F" in run(*both, expect=2)
    text = (workspace / "mumic.toml").read_text()
    (workspace / "mumic.toml").write_text(text + "[golden]\nprecision = 0.9\n")
    assert "F2 now" in run("golden", "thresholds", "--beta", "2")


def test_thresholds_are_written_where_the_golden_set_carries_them(workspace: Path) -> None:
    write_truth(workspace)
    found = run("golden", "thresholds", "--json")
    rows = {row["class_id"]: row for row in found["classes"]}
    assert rows["snow"]["moved"]
    assert rows["snow"]["threshold"] < 0.6
    assert not rows["dog"]["moved"]
    assert rows["snow"]["positives"] == int(WORLD.truth[:, 2].sum())
    assert (workspace / "classes.yaml").read_text() == YAML
    assert "golden positives" in run("golden", "thresholds", "--write")
    moved = {name: row["threshold"] for name, row in rows.items() if row["moved"]}
    expected = YAML
    for name, value in moved.items():
        line = next(line for line in YAML.splitlines() if f"id: {name}," in line)
        end = line.rindex("}")
        changed = f"{line[:end]}, vote_threshold: {value:g}{line[end:]}"
        expected = expected.replace(line, changed)
    assert (workspace / "classes.yaml").read_text() == expected
    assert load_taxonomy(workspace / "classes.yaml").by_id["snow"].vote_threshold is not None
    few = run("golden", "thresholds", "--min-positives", "1000", "--json")
    assert few["moved"] == 0
    assert {row["reason"] for row in few["classes"]} == {"too few golden positives"}


def test_a_class_that_stays_at_a_threshold_of_its_own_is_marked(workspace: Path) -> None:
    write_truth(workspace)
    file = workspace / "classes.yaml"
    file.write_text(YAML.replace("name: Dog,", "name: Dog, vote_threshold: 0.7,"))
    few = ("golden", "thresholds", "--min-positives", "1000")
    rows = {row["class_id"]: row for row in run(*few, "--json")["classes"]}
    assert {name for name, row in rows.items() if row["own"]} == {"dog"}
    text = run(*few)
    dog = next(line for line in text.splitlines() if line.startswith("dog"))
    assert "stays 0.7*" in dog
    assert text.count("stays 0.6 ") == 3
    assert "* its own, not the default of 0.6. To return a class to the default" in text
    assert f"delete its vote_threshold in {file}" in text
    file.write_text(YAML)
    assert "* its own" not in run(*few)


def test_a_precision_that_is_asked_for(workspace: Path) -> None:
    write_truth(workspace)
    found = run("golden", "thresholds", "--precision", "0.9", "--json")
    chosen = [row["threshold"] for row in found["classes"]]
    moved = [row["moved"] for row in found["classes"]]
    assert moved[CLASSES.index("snow")]
    scores = []
    for limits in (chosen, [0.6] * 4):
        labels = decide(WORLD.votes.yes, WORLD.votes.no, limits, ConsolidateSettings()) == 1
        labels = propagate(labels, WORLD.taxonomy.ids, WORLD.taxonomy)
        scores.append(precision_recall_fscore_support(WORLD.truth, labels)[:2])
    (precision, recall), (_, before) = scores
    assert (precision[moved] >= 0.9).all()
    assert (recall[moved] > before[moved]).all()
    never = run("golden", "thresholds", "--precision", "1", "--min-positives", "1", "--json")
    rows = {row["class_id"]: row for row in never["classes"]}
    assert all(row["threshold"] == row["default"] for row in rows.values() if not row["moved"])


def test_labels_of_another_method_are_scored_as_that_method_makes_them(workspace: Path) -> None:
    careless_answers(workspace)
    expected = {}
    for method in ("pooled-dawid-skene", "majority"):
        run("consolidate", "--method", method)
        frame = read(LABELS, workspace / "data/labels/labels.parquet")
        table = frame.pivot_table(index="image_id", columns="class_id", values="label")
        labels = table.loc[list(WORLD.votes.image_ids), list(CLASSES)].to_numpy(float) == 1
        expected[method] = precision_recall_fscore_support(WORLD.truth, labels)
    assert (expected["pooled-dawid-skene"][2] > expected["majority"][2] + 0.05).any()
    write_truth(workspace)
    # With the experts' word the labels are the truth itself, which would score itself.
    assert run("consolidate", "--method", "pooled-dawid-skene", "--json")["decided"]["golden"]
    scores = run("golden", "--json")
    for at, name in enumerate(("precision", "recall", "f1")):
        found = [row[name] for row in scores["classes"]]
        np.testing.assert_allclose(found, expected["pooled-dawid-skene"][at])
    assert {row["threshold"] for row in scores["classes"]} == {None}
    text = run("golden")
    assert "Labels by pooled-dawid-skene, estimated without the experts' word" in text
    assert "estimated anew by pooled" in (workspace / "data/golden/score.html").read_text()
    assert "play no part" in run("golden", "thresholds", "--write", expect=1)
    assert (workspace / "classes.yaml").read_text() == YAML
    run("consolidate", "--method", "majority")
    rows = run("golden", "--json")["classes"]
    assert {row["threshold"] for row in rows} == {0.6}
    np.testing.assert_allclose([row["f1"] for row in rows], expected["majority"][2])


def test_messages(workspace: Path) -> None:
    assert "no golden labels yet" in run("golden", expect=1)
    assert "golden sample" in run("serve", "--experts", "--port", "0", expect=1)
    assert "no truth at" in run("golden", "--truth", "none.csv", expect=1)
    assert "no truth at" in run("golden", "collect", "--truth", "none.csv", expect=1)
    text = (workspace / "mumic.toml").read_text()
    (workspace / "mumic.toml").write_text(text + "[golden]\nfolds = 1\n")
    write_truth(workspace)
    assert "folds" in run("golden", "thresholds", expect=1)
    frame = pd.DataFrame({"image_id": ["other"], "class_id": ["dog"], "label": [1]})
    (workspace / "mumic.toml").write_text(text)
    write(GOLDEN_LABELS, frame, workspace / "data/golden/labels.parquet")
    assert "none of the labelled images" in run("golden", expect=1)
