import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotate.files import write_json
from annotate.init import init_workspace
from annotate.settings import Settings, SimulateSettings
from annotate.status import next_command, status
from annotate.tables import LABELS, empty, write
from annotate.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path, Settings())
    return Workspace.find(tmp_path)


def answer(workspace: Workspace, *, at: float) -> None:
    workspace.answers.mkdir(parents=True, exist_ok=True)
    path = workspace.answers / "simulated.jsonl"
    path.write_text("{}\n{}\n", "utf-8")
    os.utime(path, (at, at))


def label(workspace: Workspace, *, at: float) -> None:
    path = workspace.labels / "labels.parquet"
    write(LABELS, empty(LABELS), path)
    os.utime(path, (at, at))


def state_of(workspace: Workspace, name: str) -> tuple[str, str]:
    return next((state.state, state.detail) for state in status(workspace) if state.name == name)


def test_a_new_workspace_begins_with_the_catalogue(workspace: Workspace) -> None:
    states = status(workspace)
    assert {state.state for state in states} == {"missing"}
    assert next_command(states) == "mumic-annotate catalog FOLDER_OR_TABLE"


@pytest.mark.parametrize(("truth", "command"), [("", "serve"), ("truth.csv", "simulate")])
def test_people_answer_where_no_truth_is_set_for_simulated_ones(
    tmp_path: Path, truth: str, command: str
) -> None:
    init_workspace(tmp_path, replace(Settings(), simulate=SimulateSettings(truth=truth)))
    commands = {state.name: state.command for state in status(Workspace.find(tmp_path))}
    assert commands["answers"] == f"mumic-annotate {command}"


def test_newer_answers_make_labels_stale(workspace: Workspace) -> None:
    answer(workspace, at=1000)
    label(workspace, at=2000)
    assert state_of(workspace, "answers") == ("done", "2 images answered")
    assert state_of(workspace, "labels") == ("done", "0 labels")
    answer(workspace, at=3000)
    assert state_of(workspace, "labels")[0] == "stale"


def test_the_newest_run_is_the_one_that_commands_take(workspace: Workspace) -> None:
    """By when it finished: a copy, or a file touched later, is not newer."""
    for name, finished, at in [("a", "2026-01-02T00:00:00Z", 1000), ("b", "2026-01-01", 2000)]:
        file = workspace.runs / name / "run.json"
        write_json(file, {"finished": finished})
        os.utime(file, (at, at))
    assert workspace.latest_run().name == "a"
    assert state_of(workspace, "model") == ("done", "2 runs, newest a")


def test_embeddings_are_counted_of_the_configured_model_without_copies(
    workspace: Workspace,
) -> None:
    model = workspace.settings.model
    for folder, name, shards in [("own", model.name, ("0", "1")), ("other", "ViT-L-14", ("0",))]:
        identity = {"name": name, "pretrained": model.pretrained}
        write_json(workspace.index / folder / "model.json", identity)
        for shard in (*shards, "0.backup"):
            table = pa.table({"content_hash": ["x"] * 7})
            pq.write_table(table, workspace.index / folder / f"shard-{shard}.parquet")
    assert state_of(workspace, "index") == ("done", "14 embeddings")
    (workspace.index / "other" / "model.json").write_text("{")
    assert state_of(workspace, "index") == ("done", "14 embeddings")


def test_damaged_files_are_named_and_to_be_made_again(workspace: Workspace) -> None:
    workspace.labels.mkdir(parents=True)
    (workspace.labels / "labels.parquet").write_bytes(b"PAR1")
    workspace.questions.write_bytes(b"questions:\n  - id: q\xff\n")
    (workspace.runs / "cut").mkdir(parents=True)
    (workspace.runs / "cut" / "run.json").write_text("{")
    assert state_of(workspace, "labels") == ("stale", "labels.parquet cannot be read")
    assert state_of(workspace, "questions") == ("stale", "questions.yaml cannot be read")
    assert state_of(workspace, "model") == ("missing", "")
