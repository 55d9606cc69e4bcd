"""A migration in a workspace: what it makes, that it ends the same after any interruption."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotate.cli import main
from annotate.dataset.files import write_dataset
from annotate.labels.stage import label_images
from annotate.tables import CANDIDATES, CATALOG, DATASET, GOLDEN_LABELS, LABELS, read, write
from annotate.workspace import Workspace

HEAD = """\
version: {version}
name: test
categories:
  - {{id: all, name: All}}
classes:
"""
BEFORE = """\
  - id: dog
    name: Dog
    category: all
    vote_threshold: 0.4  # easily overlooked
  - {id: cat, name: Cat, category: all}
  - {id: lamp, name: Lamp, category: all, vote_threshold: 0.8}
  - {id: pool, name: Pool, category: all}
  - {id: sea, name: Sea, category: all}
"""
AFTER = """\
  # what was a dog is a hound
  - id: hound
    name: Hound
    category: all
    aliases: [dog]
  - {id: light, name: Light, category: all, aliases: [cat, lamp]}
  - {id: pool, name: Pool, category: all, replaced_by: [indoor, outdoor]}
  - {id: indoor, name: Indoor pool, category: all}
  - {id: outdoor, name: Outdoor pool, category: all}
  - {id: sea, name: Sea, category: all}
  - {id: bay, name: Bay, category: all, parents: [sea]}
"""
QUESTIONS = """\
taxonomy: {hash}
strategy: grouped
questions:
  - id: q01
    title: Things
    classes: [dog, cat, lamp]
  - id: q02
    title: Water
    classes: [pool, sea]
"""
PEOPLE = ("ann", "bob", "cy", "di", "ed")
# Images, and what each of the five people ticked on them.
TICKS: dict[str, list[list[str]]] = {
    "i0": [["dog", "pool"]] * 5,
    "i1": [["cat"], ["cat"], ["lamp"], [], []],
    "i2": [["pool", "sea"], ["pool"], [], [], []],
    "i3": [["sea"]] * 5,
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "workspace"
    (root / "label_taxonomy").mkdir(parents=True)
    (root / "mumic.toml").write_text(
        '[project]\nclasses = ["dog", "cat", "lamp", "pool", "sea"]  # all\n'
        '[dataset]\nmissing = "allow"\n',
        "utf-8",
    )
    taxonomy = root / "label_taxonomy" / "travel.yaml"
    taxonomy.write_text(HEAD.format(version=1) + BEFORE, "utf-8")
    (root / "questions.yaml").write_text(QUESTIONS.format(hash="abcdef"), "utf-8")
    ids = list(TICKS)
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"{name}.jpg" for name in ids],
            "bytes": 1,
            "width": 8,
            "height": 8,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": [digit * 16 for digit in "0369"],
            "property_id": ids,
            "text": None,
            "present": True,
        }
    )
    write(CATALOG, catalog, root / "data" / "catalog" / "images.parquet")
    answers = root / "data" / "answers" / "all.jsonl"
    answers.parent.mkdir(parents=True)
    answers.write_text("".join(map(line, ids)), "utf-8")
    opened = Workspace.find(root)
    label_images(opened, opened.settings.consolidate)
    write_dataset(opened, opened.settings.dataset)
    taxonomy.write_text(HEAD.format(version=2) + AFTER, "utf-8")
    monkeypatch.chdir(root)
    return root


def response(person: str, ticked: list[str], questions: dict[str, list[str]]) -> dict[str, Any]:
    content = {}
    for question, classes in questions.items():
        boxes = {name: name in ticked for name in classes}
        content[question] = {**boxes, "__none__": not any(boxes.values()), "__unsure__": False}
    return {
        "workerId": person,
        "submissionTime": "2026-01-01T00:00:00Z",
        "answerContent": content,
    }


def line(image: str) -> str:
    shown = {"q01": ["dog", "cat", "lamp"], "q02": ["pool", "sea"]}
    answers = [
        response(person, ticked, shown) for person, ticked in zip(PEOPLE, TICKS[image], strict=True)
    ]
    return json.dumps({"image-id": image, "answers": answers}) + "\n"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def labels(root: Path) -> dict[tuple[str, str], int | None]:
    rows = read(LABELS, root / "data" / "labels" / "labels.parquet")
    return {
        (image, name): None if pd.isna(label) else int(label)
        for image, name, label in zip(
            rows["image_id"], rows["class_id"], rows["label"], strict=True
        )
    }


# By hand from TICKS: hound at 0.4 as the dog was; light is cat or lamp of each person, at 0.6;
# pool is a yes in i0, in i2 two of five, which is a no; bay is new.
EXPECTED = {
    ("i0", "hound"): 1,
    ("i0", "light"): 0,
    ("i0", "sea"): 0,
    ("i1", "hound"): 0,
    ("i1", "light"): 1,
    ("i1", "sea"): 0,
    ("i1", "indoor"): 0,
    ("i1", "outdoor"): 0,
    ("i2", "hound"): 0,
    ("i2", "light"): 0,
    ("i2", "sea"): 0,
    ("i2", "indoor"): 0,
    ("i2", "outdoor"): 0,
    ("i3", "hound"): 0,
    ("i3", "light"): 0,
    ("i3", "sea"): 1,
    ("i3", "indoor"): 0,
    ("i3", "outdoor"): 0,
}
# Where the pool was seen, which one; and the bay wherever there may be sea.
TO_ASK = {("i0", "indoor"), ("i0", "outdoor"), ("i3", "bay")}


def test_a_dry_run_says_everything_and_writes_nothing(workspace: Path) -> None:
    before = tree(workspace)
    done = run("taxonomy", "migrate", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(each["kind"], each["old"], each["new"]) for each in found["changes"]][:3] == [
        ("merged", ["cat", "lamp"], ["light"]),
        ("split", ["pool"], ["indoor", "outdoor"]),
        ("new id", ["dog"], ["hound"]),
    ]
    assert found["ask"] == {"indoor": 1, "outdoor": 1, "bay": 1}
    assert found["thresholds_carried"] == {"hound": 0.4}
    assert tree(workspace) == before


def test_everything_is_carried_over(workspace: Path) -> None:
    answers = (workspace / "data" / "answers" / "all.jsonl").read_bytes()
    splits = split_of(workspace)
    done = run("taxonomy", "migrate", "--apply")
    assert done.exit_code == 0, done.output
    assert labels(workspace) == EXPECTED
    assert (workspace / "data" / "answers" / "all.jsonl").read_bytes() == answers
    assert split_of(workspace) == splits
    yaml = (workspace / "label_taxonomy" / "travel.yaml").read_text("utf-8")
    assert yaml.replace("    vote_threshold: 0.4\n", "") == HEAD.format(version=2) + AFTER
    classes = Workspace.find(workspace).settings.project.classes
    assert classes == ("hound", "light", "indoor", "outdoor", "sea", "bay")
    rows = read(CANDIDATES, workspace / "data" / "candidates" / "round-0001.parquet")
    assert set(zip(rows["image_id"], rows["class_id"], strict=True)) == TO_ASK
    assert set(rows["strategy"]) == {"migration"}


def test_the_round_is_asked_and_its_answers_count_beside_the_old(workspace: Path) -> None:
    run("taxonomy", "migrate", "--apply")
    assert run("tasks", "--yes").exit_code == 0
    manifest = (workspace / "data" / "tasks" / "manifest.jsonl").read_text("utf-8").splitlines()
    asked = {entry["image-id"]: entry["questions"] for entry in map(json.loads, manifest)}
    plan = {
        question["id"]: question["classes"]
        for question in json.loads(run("questions", "show", "--json").stdout)["questions"]
    }
    shown = {image: sorted(c for q in ids for c in plan[q]) for image, ids in asked.items()}
    assert set(shown) == {"i0", "i3"}
    assert {"indoor", "outdoor"} <= set(shown["i0"])
    assert "bay" in shown["i3"]
    assert not {"hound", "sea"} & {name for names in shown.values() for name in names}
    fresh = [
        {
            "image-id": image,
            "answers": [
                response(person, ["indoor", "bay"], {q: plan[q] for q in ids}) for person in PEOPLE
            ],
        }
        for image, ids in asked.items()
    ]
    file = workspace / "data" / "answers" / "fresh.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in fresh), "utf-8")
    assert run("consolidate").exit_code == 0
    now = labels(workspace)
    assert now["i0", "indoor"] == 1
    assert now["i0", "outdoor"] == 0
    assert now["i3", "bay"] == 1
    assert {key: value for key, value in now.items() if key in EXPECTED and key[0] == "i1"} == {
        key: value for key, value in EXPECTED.items() if key[0] == "i1"
    }
    assert "Nothing is left to ask" in run("tasks", "--yes").output


def test_questions_planned_anew_take_no_id_that_stood_for_other_classes(workspace: Path) -> None:
    run("taxonomy", "migrate", "--apply")
    assert run("questions", "plan", "--force", "--no-similarity").exit_code == 0
    shown = json.loads(run("questions", "show", "--json").stdout)["questions"]
    assert shown
    assert not {"q01", "q02"} & {question["id"] for question in shown}
    assert run("consolidate").exit_code == 0
    assert labels(workspace) == EXPECTED


def test_a_second_migration_follows_the_first(workspace: Path) -> None:
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert run("taxonomy", "migrate").exit_code == 1
    taxonomy = workspace / "label_taxonomy" / "travel.yaml"
    text = taxonomy.read_text("utf-8")
    taxonomy.write_text(text.replace("id: hound", "id: canine").replace("[dog]", "[hound]"))
    done = run("taxonomy", "migrate", "--apply")
    assert done.exit_code == 0, done.output
    renamed = {
        (image, "canine" if name == "hound" else name): value
        for (image, name), value in EXPECTED.items()
    }
    assert labels(workspace) == renamed


@pytest.mark.parametrize("after", range(0, 24, 3))
def test_killed_anywhere_it_ends_the_same(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(workspace, twin)
    monkeypatch.chdir(twin)
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    monkeypatch.chdir(workspace)
    with monkeypatch.context() as patched:
        killing(patched, after)
        run("taxonomy", "migrate", "--apply")
    done = run("taxonomy", "migrate", "--apply")
    assert done.exit_code == 0 or "nothing to carry over" in done.output
    assert tree(workspace) == tree(twin)


def killing(patched: pytest.MonkeyPatch, after: int) -> None:
    """End the process before a rename, as far as a test can: nothing is cleaned up after it."""
    left = [after]

    def counted(real: Any) -> Any:
        def rename(*args: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise SystemExit(137)
            return real(*args)

        return rename

    patched.setattr(os, "replace", counted(os.replace))
    patched.setattr(os, "rename", counted(os.rename))
    patched.setattr(os, "unlink", lambda *_: None)


def tree(root: Path) -> dict[str, str]:
    """Every file by its hash; without times, what says how a command was run, and caches."""
    return {
        str(file.relative_to(root)): hashlib.sha256(
            file.read_bytes().replace(str(root).encode(), b"")
        ).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file() and not file.name.startswith(".") and "cache" not in file.parts
    }


def split_of(root: Path) -> dict[str, str]:
    rows = read(DATASET, root / "data" / "dataset" / "images.parquet")
    return dict(zip(rows["image_id"], rows["split"], strict=True))


def test_an_edit_in_between_is_refused_with_a_way_out(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("annotate.migration.apply._write_labels", lambda *_: 1 / 0)
        assert isinstance(run("taxonomy", "migrate", "--apply").exception, ZeroDivisionError)
    taxonomy = workspace / "label_taxonomy" / "travel.yaml"
    kept = taxonomy.read_text("utf-8")
    taxonomy.write_text(kept.replace("name: Bay", "name: Cove"))
    refused = run("taxonomy", "migrate", "--apply")
    assert refused.exit_code == 1
    assert "after.yaml" in refused.output
    taxonomy.write_text(kept)
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert labels(workspace) == EXPECTED


def test_without_an_earlier_list_the_way_out_is_named(workspace: Path) -> None:
    shutil.rmtree(workspace / "data" / "taxonomies")
    refused = run("taxonomy", "migrate")
    assert refused.exit_code == 1
    assert "--from" in refused.output
    before = workspace / "before.yaml"
    before.write_text(HEAD.format(version=1) + BEFORE, "utf-8")
    assert run("taxonomy", "migrate", "--from", str(before)).exit_code == 0


def test_a_damaged_record_is_named_and_no_answer_is_lost_silently(workspace: Path) -> None:
    run("taxonomy", "migrate", "--apply")
    record = workspace / "data" / "migrations" / "0001" / "migration.json"
    record.write_text("{}")
    refused = run("consolidate")
    assert refused.exit_code == 1
    assert "0001" in refused.output
    assert labels(workspace) == EXPECTED


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
