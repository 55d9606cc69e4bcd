"""What a run's folder says of its label list, and of steps recorded on a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from mumic.run import Run
from mumic.training.train import Reports, TrainOptions, train
from tests.mumic.training.test_cuda_graph import GPU

CHANGED = "the label list has changed since the dataset was built; run `mumic-annotate dataset`"


def _trained(workspace: Workspace) -> tuple[Run, list[str]]:
    notes: list[str] = []
    run = train(workspace, TrainOptions(run="one"), Reports(on_note=notes.append))
    return run, [note for note in notes if CHANGED in note]


def test_the_snapshot_is_the_list_that_was_trained_on(tmp_path: Path, tiny_workspace: Any) -> None:
    run, said = _trained(tiny_workspace(tmp_path / "ws", epochs=1))
    listed = json.loads((run.path / "classes.json").read_text())
    snapshot = load_taxonomy(run.path / "taxonomy.yaml")
    assert snapshot.hash == listed["taxonomy_hash"] == run.record["taxonomy_hash"]
    assert said == []


@pytest.mark.parametrize("text", [None, "classes: []\n"])
def test_a_list_that_the_dataset_does_not_know_is_told_of_and_is_no_snapshot(
    tmp_path: Path, tiny_workspace: Any, text: str | None
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    before = workspace.taxonomy.read_text()
    workspace.taxonomy.write_text(text or before.replace("bed, as seen", "a bed, as seen"))
    run, said = _trained(workspace)
    assert len(said) == 1
    assert not (run.path / "taxonomy.yaml").exists()
    assert (run.path / "dataset.lock.json").exists()
    assert run.record["finished"]


def test_other_classes_of_the_project_are_another_list(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    file = workspace.root / "mumic.toml"
    file.write_text(file.read_text().replace("classes = []", 'classes = ["bed", "pets"]'))
    run, said = _trained(Workspace.find(workspace.root))
    assert len(said) == 1
    assert not (run.path / "taxonomy.yaml").exists()
    assert len(run.classes) == 4


def test_without_a_list_there_is_nothing_to_tell(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    workspace.taxonomy.unlink()
    run, said = _trained(workspace)
    assert said == []
    assert not (run.path / "taxonomy.yaml").exists()


def test_the_record_says_whether_steps_are_recorded(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun with a recording, given up for want of memory: in the end there was none."""
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.setattr("mumic.training.train.recorded_size", lambda *_: 8)
    monkeypatch.setattr("mumic.training.cuda_graph.record", lambda *_: None)
    begun: list[bool] = []

    def look(report: Any) -> None:
        record = json.loads((workspace.runs / "one" / "run.json").read_text())
        begun.append(record["environment"]["recorded_steps"])

    run = train(workspace, TrainOptions(run="one"), Reports(on_step=look))
    assert begun == [True] * 3
    assert run.record["environment"]["recorded_steps"] is False
    assert run.record["environment"]["torch"] == torch.__version__


@GPU
@pytest.mark.parametrize(("micro_batch", "recorded"), [(0, True), (4, False)])
def test_on_a_gpu_whole_batches_are_recorded(
    tmp_path: Path, tiny_workspace: Any, micro_batch: int, recorded: bool
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, micro_batch=micro_batch)
    assert train(workspace).record["environment"]["recorded_steps"] is recorded
