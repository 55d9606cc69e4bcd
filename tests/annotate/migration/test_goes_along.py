"""What a migration carries beside answers: imported labels, and the golden set with its sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.migration.carry import Step
from annotate.migration.golden import carry_sample
from annotate.tables import GOLDEN_LABELS, GOLDEN_SAMPLE, LABELS, read, write
from annotate.taxonomy.diff import Source
from tests.annotate.migration.world import BEFORE, EXPECTED, HEAD, labels, response, run


def test_imported_labels_go_along_and_are_kept(workspace: Path) -> None:
    file = workspace / "data" / "imports" / "coco" / "labels.parquet"
    cells = {("x", "dog"): 1, ("x", "cat"): 0, ("x", "lamp"): 0, ("x", "pool"): 1}
    cells |= {("y", "cat"): 1, ("y", "pool"): 0, ("z", "cat"): 0}
    before = pd.DataFrame(
        [(*key, label) for key, label in cells.items()], columns=["image_id", "class_id", "label"]
    ).assign(yes=0, no=0, unsure=0, rate=float("nan"), decided="imported")
    write(LABELS, before, file)
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    rows = read(LABELS, file)
    assert {tuple(row) for row in rows[["image_id", "class_id", "label"]].to_numpy()} == {
        ("x", "hound", 1),
        ("x", "light", 0),
        ("y", "light", 1),
        ("y", "indoor", 0),
        ("y", "outdoor", 0),
    }  # of z nobody said whether there is a lamp
    kept = workspace / "data" / "migrations" / "0001" / "imports-before" / "coco.parquet"
    assert len(read(LABELS, kept)) == len(cells)


def test_the_dataset_keeps_the_settings_that_it_was_built_with(workspace: Path) -> None:
    """It was built with ``missing = "allow"``: four images leave every class a gap somewhere."""
    toml = workspace / "mumic.toml"
    toml.write_text(toml.read_text().replace('"allow"', '"refuse"\nnear_duplicate_bits = 9'))
    before = json.loads((workspace / "data/dataset/lock.json").read_text())["settings"]
    done = run("taxonomy", "migrate", "--apply")
    assert done.exit_code == 0, done.output
    after = json.loads((workspace / "data/dataset/lock.json").read_text())["settings"]
    assert after == before
    assert (after["missing"], after["near_duplicate_bits"]) == ("allow", 4)
    listed = json.loads((workspace / "data/dataset/classes.json").read_text())["classes"]
    # The bay has no answer yet. All others had, and stay.
    assert [entry["id"] for entry in listed] == ["hound", "light", "indoor", "outdoor", "sea"]
    assert "left out" not in done.output


def test_classes_that_a_strict_dataset_must_leave_out_are_named(workspace: Path) -> None:
    """All in one split; the list is by hand from ``TICKS``."""
    lock = workspace / "data/dataset/lock.json"
    stated = json.loads(lock.read_text())
    stated["settings"] |= {"missing": "refuse", "train": 1.0, "validation": 0.0, "test": 0.0}
    lock.write_text(json.dumps(stated))
    (workspace / "data/dataset/splits.parquet").unlink()
    done = run("taxonomy", "migrate", "--apply")
    assert done.exit_code == 0, done.output
    # Nobody was seen to have a pool indoors or outdoors: only that there is none is known.
    assert "left out of it, because a split would lack them: indoor, outdoor" in done.output
    made = json.loads((workspace / "data/migrations/0001/done.json").read_text())
    assert made["classes_left_out"] == ["indoor", "outdoor"]
    listed = json.loads((workspace / "data/dataset/classes.json").read_text())["classes"]
    assert [entry["id"] for entry in listed] == ["hound", "light", "sea"]


def test_experts_labels_go_along(workspace: Path) -> None:
    file = workspace / "data" / "golden" / "labels.parquet"
    said = [("i0", "dog", 1), ("i1", "cat", 0), ("i1", "lamp", 0), ("i3", "pool", 1)]
    golden = pd.DataFrame(said, columns=["image_id", "class_id", "label"])
    write(GOLDEN_LABELS, golden, file)
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert {tuple(row) for row in read(GOLDEN_LABELS, file).to_numpy()} == {
        ("i0", "hound", 1),
        ("i1", "light", 0),
    }  # which pool it is, no expert has said
    assert labels(workspace)["i0", "hound"] == 1


def test_experts_answers_from_before_count_beside_later_ones(workspace: Path) -> None:
    """One expert before, one after: a no goes over by her word, a pool that two saw does not."""
    file = workspace / "data" / "golden" / "answers" / "old.jsonl"
    file.parent.mkdir(parents=True)
    shown = {"q02": ["pool", "sea"]}
    said: dict[str, list[list[str]]] = {"i1": [["sea"]], "i2": [["pool"], []]}
    lines = [
        {
            "image-id": image,
            "answers": [response(f"e{at}", ticks, shown) for at, ticks in enumerate(each)],
        }
        for image, each in said.items()
    ]
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    plan = json.loads(run("questions", "show", "--json").stdout)["questions"]
    (question,) = (each for each in plan if "bay" in each["classes"])
    asked = {question["id"]: list(question["classes"])}
    later = {"image-id": "i3", "answers": [response("e0", ["bay"], asked)]}
    (file.parent / "new.jsonl").write_text(json.dumps(later) + "\n")
    assert run("golden", "collect").exit_code == 0
    rows = read(GOLDEN_LABELS, workspace / "data" / "golden" / "labels.parquet")
    found = {(image, name): label for image, name, label in rows.to_numpy()}
    assert {key: label for key, label in found.items() if key[0] != "i3"} == {
        ("i1", "sea"): 1,
        ("i1", "indoor"): 0,
        ("i1", "outdoor"): 0,
        ("i2", "sea"): 0,
    }  # of i2 the experts were split, so neither part is known
    assert found["i3", "bay"] == found["i3", "sea"] == 1


# By class: question, what it was drawn for, and the chance. q01 asks dog, cat and lamp of i0 and
# i1, and q02 pool and sea of i0.
SAMPLE = [
    ("i0", "q01", "dog", "near", 0.5),
    ("i0", "q01", "cat", "question", 0.5),
    ("i0", "q01", "lamp", "clear", 0.5),
    ("i0", "q02", "pool", "random", 0.25),
    ("i0", "q02", "sea", "random", 0.25),
    ("i1", "q01", "dog", "question", 0.2),
    ("i1", "q01", "cat", "question", 0.2),
    ("i1", "q01", "lamp", "near", 0.2),
]


def sample_of(rows: list[tuple[str, str, str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(GOLDEN_SAMPLE.columns))


def consolidated_before(root: Path, *options: str) -> None:
    """Consolidate by the label list of before, then put the present one back."""
    taxonomy = root / "label_taxonomy" / "travel.yaml"
    present = taxonomy.read_text("utf-8")
    taxonomy.write_text(HEAD.format(version=1) + BEFORE, "utf-8")
    result = run("consolidate", *options)
    assert result.exit_code == 0, result.output
    taxonomy.write_text(present, "utf-8")


def forecast() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("taxonomy", "migrate", "--json").stdout)
    return found


def test_labels_are_decided_as_they_were(workspace: Path) -> None:
    consolidated_before(workspace, "--threshold", "0.8")
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    # Three of five saw the light of i1. A hound has a threshold of its own.
    assert labels(workspace) == EXPECTED | {("i1", "light"): 0}
    summary = json.loads((workspace / "data/labels/summary.json").read_text())
    assert summary["thresholds"]["light"] == 0.8
    assert summary["settings"]["consolidate"]["vote_threshold"] == 0.8


def test_the_method_stays_and_the_forecast_is_of_that_method_and_of_experts(
    workspace: Path,
) -> None:
    said = [("i0", "pool", 0), ("i4", "dog", 1)]  # nobody voted on i4
    golden = pd.DataFrame(said, columns=["image_id", "class_id", "label"])
    write(GOLDEN_LABELS, golden, workspace / "data" / "golden" / "labels.parquet")
    consolidated_before(workspace, "--method", "pooled-dawid-skene")
    expected = forecast()
    # No pool, so neither of its parts is to be asked of i0. What is new or made of others is asked
    # of the golden i4, and the bay of i3.
    assert expected["ask"] == {"light": 1, "indoor": 1, "outdoor": 1, "bay": 2}
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    rows = read(LABELS, workspace / "data/labels/labels.parquet")
    assert len(rows) == expected["labels"]
    assert rows["probability"].notna().any()
    assert labels(workspace)["i0", "indoor"] == labels(workspace)["i0", "outdoor"] == 0
    assert labels(workspace)["i4", "hound"] == 1


def test_labels_of_another_tool_s_votes_are_carried_although_there_are_answers(
    workspace: Path,
) -> None:
    rows = [("i1", name, f"w{at}", at < 3) for name in ("dog", "cat", "lamp") for at in range(4)]
    votes = pd.DataFrame(rows, columns=["image", "class", "annotator", "answer"])
    votes.astype({"answer": int}).to_csv(workspace / "votes.csv", index=False)
    consolidated_before(workspace, "--votes", "votes.csv")
    assert labels(workspace) == {("i1", "dog"): 1, ("i1", "cat"): 1, ("i1", "lamp"): 0}
    assert forecast()["labels"] == 2
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert labels(workspace) == {("i1", "hound"): 1, ("i1", "light"): 1}
    assert not (workspace / "data/labels/answers.parquet").exists()
    summary = json.loads((workspace / "data/labels/summary.json").read_text())
    assert summary["thresholds"] == {"hound": 0.4, "light": 0.6}
    assert "consolidate" in run("annotators").output


def test_the_sample_of_the_golden_set_goes_along(workspace: Path) -> None:
    file = workspace / "data" / "golden" / "sample.parquet"
    write(GOLDEN_SAMPLE, sample_of(SAMPLE), file)
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    rows = read(GOLDEN_SAMPLE, file)
    found = {
        (image, name): (why, chance)
        for image, name, why, chance in rows[
            ["image_id", "class_id", "drawn_for", "probability"]
        ].itertuples(index=False)
    }
    assert found == {
        ("i0", "hound"): ("near", 0.5),
        ("i0", "light"): ("clear", 0.5),  # cat and lamp were asked together
        ("i0", "sea"): ("random", 0.25),
        ("i1", "hound"): ("question", 0.2),
        ("i1", "light"): ("near", 0.2),
    }  # of the parts of the pool, nobody can say with which chance they are known
    asked = {
        name: question["id"]
        for question in json.loads(run("questions", "show", "--json").stdout)["questions"]
        for name in question["classes"]
    }
    assert all(asked[n] == q for n, q in zip(rows["class_id"], rows["question_id"], strict=True))
    kept = workspace / "data" / "migrations" / "0001" / "golden-before" / "sample.parquet"
    assert len(read(GOLDEN_SAMPLE, kept)) == len(SAMPLE)


def test_a_class_merged_across_questions_is_no_sample() -> None:
    rows = [("i0", "q01", "cat", "near", 0.5), ("i0", "q02", "lamp", "near", 0.5)]
    step = Step({"light": (Source("cat", True), Source("lamp", True))}, {})
    assert carry_sample(sample_of(rows), step, {"q03": ("light",)}).empty
