"""A migration in a workspace: what it makes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from annotate.files import write_json
from annotate.locks import exclusive
from annotate.tables import CANDIDATES, empty, read, write
from annotate.workspace import Workspace
from tests.annotate.migration.world import (
    AFTER,
    BEFORE,
    EXPECTED,
    HEAD,
    PEOPLE,
    TO_ASK,
    labels,
    response,
    run,
    split_of,
    tree,
)


def test_a_dry_run_says_everything_and_writes_but_the_list(workspace: Path) -> None:
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
    listed = Path(found["ask_file"])
    rows = [tuple(line.split(",")) for line in listed.read_text("utf-8").splitlines()]
    assert rows[0] == ("class_id", "image_id", "uri")
    assert {(image, name, uri) for name, image, uri in rows[1:]} == {
        (image, name, f"{image}.jpg") for image, name in TO_ASK
    }
    assert listed == workspace / "data" / "migrations" / "to-ask.csv"
    text = run("taxonomy", "migrate").output
    assert str(listed) in text
    assert "Nothing else was written" in text
    listed.unlink()
    assert tree(workspace) == before


def test_a_list_that_holds_no_longer_goes_away(workspace: Path) -> None:
    taxonomy = workspace / "label_taxonomy" / "travel.yaml"
    edited = taxonomy.read_text("utf-8")
    listed = Path(json.loads(run("taxonomy", "migrate", "--json").stdout)["ask_file"])
    before = HEAD.format(version=1) + BEFORE.replace("name: Dog", "name: Hound")
    taxonomy.write_text(before, "utf-8")
    done = run("taxonomy", "migrate", "--json")
    assert json.loads(done.stdout)["ask_file"] == ""
    assert not listed.exists()
    assert "\nNothing was written" in run("taxonomy", "migrate").output
    taxonomy.write_text(edited, "utf-8")
    run("taxonomy", "migrate")
    assert listed.exists()
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert not listed.exists()  # the round is the list now


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


def test_a_round_that_is_being_drawn_keeps_its_number(workspace: Path) -> None:
    with exclusive(workspace / "data" / ".candidates.lock"):
        refused = run("taxonomy", "migrate", "--apply")
    assert refused.exit_code == 1
    assert "another process is drawing a round" in refused.stderr
    # Meanwhile round 1 was drawn; files beside the rounds have no say.
    rounds = workspace / "data" / "candidates"
    write(CANDIDATES, empty(CANDIDATES), rounds / "round-0001.parquet")
    write_json(rounds / "round-0001.json", {"round": 1})
    write_json(rounds / "round-0007-notes.json", {"migration": 1})
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    rows = read(CANDIDATES, rounds / "round-0002.parquet")
    assert set(zip(rows["image_id"], rows["class_id"], strict=True)) == TO_ASK


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


def test_ids_stay_fresh_however_often_questions_are_planned_anew(workspace: Path) -> None:
    run("taxonomy", "migrate", "--apply")
    shown: dict[str, tuple[str, ...]] = {"q01": ("dog", "cat", "lamp"), "q02": ("pool", "sea")}
    for strategy in ("grouped", "grouped", "binary", "category", "binary"):
        before = planned()
        line = ("questions", "plan", "--force", "--no-similarity", "--strategy", strategy)
        assert run(*line).exit_code == 0
        after = planned()
        if strategy == "grouped" and shown.keys() & after.keys():
            assert after == before  # the same plan again keeps its ids
        for name, classes in after.items():
            assert shown.setdefault(name, classes) == classes


def planned() -> dict[str, tuple[str, ...]]:
    found = json.loads(run("questions", "show", "--json").stdout)["questions"]
    return {question["id"]: tuple(question["classes"]) for question in found}


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
    other = run("taxonomy", "migrate", "--from", str(taxonomy))
    assert other.exit_code == 2
    assert "Finish it without --from" in other.output
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


def test_the_list_before_is_the_one_that_was_last_consolidated(workspace: Path) -> None:
    taxonomy = workspace / "label_taxonomy" / "travel.yaml"
    edited = taxonomy.read_text("utf-8")
    for threshold in ("1.0", "0.4"):  # tried, and taken back
        before = HEAD.format(version=1) + BEFORE.replace("0.4", threshold)
        taxonomy.write_text(before, "utf-8")
        assert run("consolidate").exit_code == 0
    taxonomy.write_text(edited, "utf-8")
    found = json.loads(run("taxonomy", "migrate", "--json").stdout)
    assert found["thresholds_carried"] == {"hound": 0.4}


def test_a_damaged_record_is_named_and_no_answer_is_lost_silently(workspace: Path) -> None:
    run("taxonomy", "migrate", "--apply")
    record = workspace / "data" / "migrations" / "0001" / "migration.json"
    record.write_text("{}")
    refused = run("consolidate")
    assert refused.exit_code == 1
    assert "0001" in refused.output
    assert labels(workspace) == EXPECTED
