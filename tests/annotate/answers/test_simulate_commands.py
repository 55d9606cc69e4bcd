"""``simulate`` and what comes after it, as commands in a workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.answers.files import find_answers
from annotate.cli.console import Program
from annotate.cli.consolidate import consolidate as consolidate_command
from annotate.cli.golden import golden
from annotate.cli.simulate import simulate as simulate_command
from annotate.tables import ANSWERS, CATALOG, LABELS, read, write

YAML = """\
version: 1
name: Test
categories: [{id: all, name: All}]
classes:
  - {id: pool, name: Pool, category: all, description: a pool, queries: [a, b]}
  - {id: indoor, name: Indoor, category: all, description: indoor, parents: [pool], queries: [a, b]}
  - {id: snow, name: Snow, category: all, description: snow, queries: [a, b]}
  - {id: dog, name: Dog, category: all, description: a dog, queries: [a, b]}
"""
QUESTIONS_YAML = """\
taxonomy: none
strategy: grouped
questions:
  - {id: q01, title: Water, classes: [pool, snow]}
  - {id: q02, title: Rest, classes: [indoor, dog]}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty images, asked two questions each; every command below runs in it."""
    (tmp_path / "mumic.toml").write_text(
        '[project]\ntaxonomy = "classes.yaml"\n[simulate]\ntruth = "truth.csv"\n'
    )
    (tmp_path / "classes.yaml").write_text(YAML)
    (tmp_path / "questions.yaml").write_text(QUESTIONS_YAML)
    ids = [f"i{at:02d}" for at in range(40)]
    write(CATALOG, catalog_table(ids), tmp_path / "data/catalog/images.parquet")
    shown = [("indoor",), ("pool", "dog"), ("snow",), ("",)]
    rows = [f"{i}.jpg,{name}" for at, i in enumerate(ids) for name in shown[at % 4]]
    (tmp_path / "truth.csv").write_text("\n".join(["path,class_id", *rows]) + "\n")
    write_manifest(tmp_path, ids)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def catalog_table(ids: list[str]) -> pd.DataFrame:
    count = len(ids)
    return pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"{i}.jpg" for i in ids],
            "bytes": 1,
            "width": 8,
            "height": 8,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": [f"{at * 0x0F1E2D3C4B5A6978 % 2**64:016x}" for at in range(count)],
            "property_id": [f"p{at // 2}" for at in range(count)],
            "text": None,
            "present": True,
        }
    )


def write_manifest(root: Path, ids: list[str]) -> None:
    (root / "data/tasks").mkdir(parents=True, exist_ok=True)
    lines = [{"source-ref": f"{i}.jpg", "image-id": i, "questions": ["q01", "q02"]} for i in ids]
    (root / "data/tasks/manifest.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )


def run(*arguments: str, expect: int = 0) -> Any:
    program = Program("mumic-annotate")
    for command in (simulate_command, consolidate_command, golden):
        program.add_command(command)
    result = CliRunner().invoke(program, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


def test_the_commands(workspace: Path) -> None:
    summary = run("simulate", "--json")
    assert (summary["answered"], summary["already_answered"]) == (40, 0)
    assert 0 < summary["single_annotator_f1"] < 1
    whole = (workspace / "data/answers/simulated.jsonl").read_bytes()
    assert run("simulate", "--json")["answered"] == 0
    assert (workspace / "data/answers/simulated.jsonl").read_bytes() == whole

    summary = run("consolidate", "--json")
    assert summary["images"] == 40
    assert summary["set_aside"] == 0
    assert summary == json.loads((workspace / "data/labels/summary.json").read_bytes())
    labels = read(LABELS, workspace / "data/labels/labels.parquet")
    assert set(labels["class_id"]) == {"pool", "indoor", "snow", "dog"}
    assert len(read(ANSWERS, workspace / "data/labels/answers.parquet")) == 40 * 5 * 2
    assert "Agreement" in run("consolidate")
    assert "annotation_rule" not in summary
    rule = {"rule": "5 votes, early stop"}
    (workspace / "data/answers/serve.json").write_text(json.dumps(rule))
    assert run("consolidate", "--json")["annotation_rule"] == "5 votes, early stop"
    assert "server's rule: 5 votes, early stop" in run("consolidate")
    (workspace / "data/answers/serve.json").write_text("[")
    assert "serve.json: not readable" in run("consolidate", expect=1)
    (workspace / "data/answers/serve.json").unlink()

    scores = run("golden", "--truth", "truth.csv", "--json")
    assert scores["macro_f1"] > scores["single_annotator_f1"]
    assert scores["images"] == 40
    assert json.loads((workspace / "data/golden/score.json").read_bytes()) == scores
    assert "A single annotator's mean F1" in run("golden", "score", "--truth", "truth.csv")


def test_people_s_answers_are_left_alone_and_new_images_are_added(workspace: Path) -> None:
    ids = [f"i{at:02d}" for at in range(40)]
    write_manifest(workspace, ids[:10])
    folder = workspace / "data/answers"
    folder.mkdir(parents=True)
    person = {"image-id": "i03", "answers": [{"workerId": "ann", "answerContent": {}}]}
    (folder / "people.jsonl").write_text(json.dumps(person) + "\n")
    assert run("simulate", "--json")["answered"] == 9
    write_manifest(workspace, ids)
    assert run("simulate", "--json")["answered"] == 30
    answered = [raw.image_id for raw in find_answers(folder)]
    assert sorted(answered) == ids


def test_messages_of_the_commands(workspace: Path) -> None:
    assert "no answers in" in run("consolidate", expect=1)
    assert "no labels at" in run("golden", "--truth", "truth.csv", expect=1)
    assert "more than 0" in run("consolidate", "--threshold", "0", expect=1)
    folder = workspace / "data/answers"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").write_text("{}\n")
    assert "none of 1 answers" in run("consolidate", expect=1)
    assert "unknown image" in run("consolidate", expect=1)
    (workspace / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    assert "true labels" in run("simulate", expect=1)
    assert "no truth at" in run("simulate", "--truth", "none.csv", expect=1)
    (workspace / "data/tasks/manifest.jsonl").write_text('{"image-id": 3}\n')
    assert "manifest.jsonl:1" in run("simulate", "--truth", "truth.csv", expect=1)
    (workspace / "data/tasks/manifest.jsonl").unlink()
    assert "no tasks at" in run("simulate", "--truth", "truth.csv", expect=1)
