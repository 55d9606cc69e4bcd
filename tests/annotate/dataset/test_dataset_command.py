"""``dataset`` and ``dataset stats`` in a workspace: the same bytes again, after a kill too."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from annotate.cli.console import open_workspace
from annotate.files import write_json
from annotate.locks import exclusive
from annotate.tables import LABELS, read, write
from tests.annotate.dataset.command import hashes, run, write_workspace
from tests.annotate.killing import run_and_kill


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_workspace(tmp_path)
    thresholds = {"water": 0.6, "snow": 0.4, "gone": 0.5}
    write_json(tmp_path / "data/labels/summary.json", {"thresholds": thresholds})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_the_same_bytes_again(workspace: Path) -> None:
    folder = workspace / "data/dataset"
    assert "200 images in 30 groups" in run("dataset")
    first = hashes(folder)
    assert set(first) == {
        "images.parquet",
        "classes.json",
        "splits.parquet",
        "votes.parquet",
        "stats.json",
        "lock.json",
    }
    run("dataset", "build")
    assert hashes(folder) == first
    for file in folder.iterdir():
        file.unlink()
    run("dataset")
    assert hashes(folder) == first
    lock = json.loads((folder / "lock.json").read_bytes())
    assert lock["images_hash"] == first["images.parquet"]
    assert lock["splits_hash"] == first["splits.parquet"]
    assert lock["thresholds"] == {"water": 0.6, "snow": 0.4}
    assert lock["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    labels_file = workspace / "data/labels/labels.parquet"
    assert lock["labels_hash"] == hashlib.sha256(labels_file.read_bytes()).hexdigest()


def test_a_kill_at_any_moment_leaves_the_dataset_as_before_or_as_after(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("dataset")
    before = hashes(workspace / "data/dataset")
    # As many classes, one of them another: columns and their names must change together.
    file = workspace / "classes.yaml"
    file.write_text(file.read_text().replace("id: snow, name: Snow", "id: lake, name: Lake"))
    labels = read(LABELS, workspace / "data/labels/labels.parquet")
    renamed = labels["class_id"].replace("snow", "lake")
    labels = labels.assign(class_id=renamed, label=1 - labels["label"])
    write(LABELS, labels, workspace / "data/labels/labels.parquet")
    copies = [tmp_path / f"killed{at}" for at in range(40)]
    for copy in copies:
        shutil.copytree(workspace, copy, ignore=shutil.ignore_patterns("killed*"))
    calls = run_and_kill("dataset build", copies)
    after = hashes(copies[0] / "data/dataset")
    assert set(after) == set(before)
    assert after["images.parquet"] != before["images.parquet"]

    seen = []
    for copy in copies[1 : calls + 1]:
        monkeypatch.chdir(copy)
        open_workspace()  # as every command does
        found = hashes(copy / "data/dataset")
        assert found in (before, after)
        seen.append(found == after)
        (copy / "data/dataset/.stats.html.x.tmp").write_bytes(b"half")
        run("dataset")
        assert hashes(copy / "data/dataset") == after
    assert seen == sorted(seen)
    assert 1 < sum(seen) < len(seen) - 1


@pytest.mark.parametrize("command", ["build", "build --locked", "verify"])
def test_one_process_at_a_time(workspace: Path, command: str) -> None:
    run("dataset")
    with exclusive(workspace / "data/dataset/.lock"):
        assert "another process is making" in run("dataset", *command.split(), expect=1)
    run("dataset", *command.split())


def test_stats_and_options(workspace: Path) -> None:
    assert "no stats.json" in run("dataset", "stats", expect=1)
    built = json.loads(run("dataset", "--test", "0.2", "--train", "0.7", "--json"))
    assert built["images"]["test"] > 30
    shown = json.loads(run("dataset", "stats", "--json", "--samples", "0"))
    assert {name: shown[name] for name in built} == built
    table = run("dataset", "stats").splitlines()
    assert table[0].split()[:5] == ["class", "positives", "train", "validation", "test"]
    row = next(line.split() for line in table if line.startswith("snow"))
    counts = built["classes"]["snow"]["positive"]
    assert [int(cell) for cell in row[2:5]] == [
        counts[name] for name in ("train", "validation", "test")
    ]


def test_messages(workspace: Path) -> None:
    assert "sum to 1" in run("dataset", "--train", "0.5", expect=1)
    (workspace / "data/dataset").mkdir(parents=True, exist_ok=True)
    (workspace / "data/dataset/splits.parquet").write_bytes(b"PAR1 cut")
    assert "splits.parquet" in run("dataset", expect=1)
    (workspace / "data/labels/labels.parquet").unlink()
    (workspace / "data/dataset/splits.parquet").unlink()
    assert "mumic-annotate consolidate" in run("dataset", expect=1)
