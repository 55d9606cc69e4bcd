"""The lock: what it records, and that it makes the same dataset again or refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotate.files import write_json
from annotate.tables import CATALOG, LABELS, read, write
from tests.annotate.dataset.command import hashes, run, write_workspace
from tests.annotate.dataset.made import YAML, labels_of, many


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_workspace(tmp_path)
    summary = {
        "thresholds": {"water": 0.6},
        "settings": {"consolidate": {"method": "majority", "min_votes": 3}},
    }
    write_json(tmp_path / "data/labels/summary.json", summary)
    answers = tmp_path / "data/answers"
    answers.mkdir()
    (answers / "round-1.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_recorded(workspace: Path) -> None:
    run("dataset", "build", "--split", "iterative")
    lock = json.loads((workspace / "data/dataset/lock.json").read_bytes())
    # sha256 of "{}" and a line's end
    known = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    assert lock["answers"] == {"answers/round-1.jsonl": known}
    assert lock["taxonomy_version"] == "1"
    assert lock["consolidation"] == {"method": "majority", "min_votes": 3}
    assert lock["settings"]["split"] == "iterative"
    assert lock["seed"] == 0


def test_a_fresh_copy_gets_the_same_bytes_from_the_lock_alone(workspace: Path) -> None:
    folder = workspace / "data/dataset"
    run("dataset", "build", "--train", "0.7", "--test", "0.2", "--split", "iterative")
    first = hashes(folder)
    for file in folder.iterdir():
        if file.name != "lock.json":
            file.unlink()
    run("dataset", "build", "--locked")  # mumic.toml still says 80/10/10 and lowest-frequency
    assert hashes(folder) == first
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
    assert hashes(folder) == first


def test_later_builds_need_the_splits_that_they_grew_from(workspace: Path) -> None:
    folder = workspace / "data/dataset"
    labels = many(200)[0]
    write(LABELS, labels[labels["image_id"] < "i0150"], workspace / "data/labels/labels.parquet")
    run("dataset")
    write(LABELS, labels, workspace / "data/labels/labels.parquet")
    run("dataset")
    second = hashes(folder)
    (folder / "images.parquet").unlink()
    assert "images.parquet is missing" in run("dataset", "verify", expect=1)
    run("dataset", "build", "--locked")
    assert hashes(folder) == second
    (folder / "splits.parquet").unlink()
    assert "splits of earlier builds" in run("dataset", "build", "--locked", expect=1)


def test_what_changed_is_named_and_nothing_written(workspace: Path) -> None:
    run("dataset")
    folder = workspace / "data/dataset"
    first = hashes(folder)
    (workspace / "data/answers/round-1.jsonl").write_text("{ }\n")
    (workspace / "data/answers/round-2.jsonl").write_text("{}\n")
    catalog = read(CATALOG, workspace / "data/catalog/images.parquet")
    write(
        CATALOG,
        catalog.assign(property_id="one"),
        workspace / "data/catalog/images.parquet",
    )
    (workspace / "classes.yaml").write_text(YAML.replace("some water", "much water"))
    for command in (["verify"], ["build", "--locked"]):
        said = run("dataset", *command, expect=1)
        assert "answers/round-1.jsonl changed" in said
        assert "answers/round-2.jsonl is new" in said
        assert "catalogue changed" in said
        assert "label list changed" in said
        assert "labels.parquet" not in said
    assert hashes(folder) == first


def test_what_decided_changed_labels_is_named_and_nothing_where_they_did_not(
    workspace: Path,
) -> None:
    (workspace / "questions.yaml").write_text("questions: []\n")
    (workspace / "data/annotators.json").write_text('{"excluded": {}}')
    (workspace / "data/migrations/0001").mkdir(parents=True)
    (workspace / "data/migrations/0001/migration.json").write_text("{}")
    run("dataset")
    lock = json.loads((workspace / "data/dataset/lock.json").read_bytes())
    # sha256 of "questions: []" and a line's end
    known = "17a8e7e7dc5e6b61937438bd0fb69bfe907dbd7c6c6c9a86aa324c6e2c392d27"
    assert lock["decided_with"]["questions.yaml"] == known
    assert len(lock["decided_with"]) == 3

    (workspace / "questions.yaml").write_text("questions: [] # for the next round\n")
    (workspace / "data/annotators.json").unlink()
    (workspace / "data/golden").mkdir()
    (workspace / "data/golden/labels.parquet").write_bytes(b"experts'")
    (workspace / "data/migrations/0001/migration.json").write_text("{ }")
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
    labels = many(200, seed=1)[0]
    write(LABELS, labels, workspace / "data/labels/labels.parquet")
    said = run("dataset", "verify", expect=1)
    command = "mumic-annotate consolidate --method majority --min-votes 3"
    assert f"labels.parquet changed: run `{command}`" in said
    for state in (
        "questions.yaml changed, and consolidate decides with it",
        "annotators.json is gone",
        "golden/labels.parquet is new",
        "migrations/0001/migration.json changed",
    ):
        assert state in said

    older = {
        key: value for key, value in lock.items() if key not in ("decided_with", "import_order")
    }
    write_json(workspace / "data/dataset/lock.json", older)
    assert "decides with" not in run("dataset", "verify", expect=1)


def test_damage_is_found_and_mended(workspace: Path) -> None:
    run("dataset")
    folder = workspace / "data/dataset"
    first = hashes(folder)
    (folder / "classes.json").write_text("{}")
    assert "classes.json is missing or not the locked one" in run("dataset", "verify", expect=1)
    run("dataset", "build", "--locked")
    assert hashes(folder) == first
    (folder / "lock.json").write_text("{}")
    assert "not a lock" in run("dataset", "verify", expect=1)


def test_locked_takes_no_other_settings(workspace: Path) -> None:
    run("dataset")
    assert "--locked" in run("dataset", "build", "--locked", "--train", "0.9", expect=2)


def test_labels_of_votes_win_over_imported_ones_that_fill_what_is_unknown(workspace: Path) -> None:
    imported = labels_of({("i0000", "water"): 0, ("i0000", "snow"): 0, ("i0001", "snow"): 1})
    voted = labels_of({("i0000", "water"): 1, ("i0000", "snow"): None})
    write(LABELS, voted, workspace / "data/labels/labels.parquet")
    write(LABELS, imported, workspace / "data/imports/mine/labels.parquet")
    run("dataset", "build", "--missing", "allow")
    from annotate.tables import DATASET

    table = read(DATASET, workspace / "data/dataset/images.parquet")
    assert [list(row) for row in table["labels"].iloc[:1]] == [[1, 0]]
    lock = json.loads((workspace / "data/dataset/lock.json").read_bytes())
    assert list(lock["imports"]) == ["imports/mine/labels.parquet"]
    assert lock["import_order"] == ["mine"]
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
