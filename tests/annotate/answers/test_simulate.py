"""Simulated annotators: as good and as bad as they must be, and the same at each run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.answers.files import RawAnswers, find_answers
from annotate.answers.packing import check_answers
from annotate.answers.simulate import SimulationSettings, append_lines, simulate
from annotate.cli.console import Program
from annotate.cli.consolidate import consolidate as consolidate_command
from annotate.cli.golden import golden
from annotate.cli.simulate import simulate as simulate_command
from annotate.errors import InputError
from annotate.labels.consolidate import consolidate, propagate
from annotate.labels.golden import mean_f1, score_against_truth, score_annotators
from annotate.labels.truth import Truth
from annotate.labels.votes import count_votes
from annotate.settings import ConsolidateSettings
from annotate.tables import ANSWERS, CATALOG, LABELS, read, write
from annotate.tasks.manifest import TaskLine
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

LEVELS = ("easy", "medium", "hard")


def world(
    seed: int, *, images: int = 700, classes: int = 50, least: float = 0.02, most: float = 0.3
) -> tuple[Taxonomy, Truth, dict[str, tuple[str, ...]], list[TaskLine]]:
    """A taxonomy in which every tenth class has two children, and the truth of some images."""
    rng = np.random.default_rng(seed)
    entries = tuple(
        TaxonomyClass(
            f"c{at:02d}",
            f"Class {at}",
            "all",
            difficulty=LEVELS[at % 3],
            parents=(f"c{at // 10 * 10:02d}",) if at % 10 in (1, 2) else (),
        )
        for at in range(classes)
    )
    taxonomy = Taxonomy("test", "1", (Category("all", "All"),), entries)
    frequency = np.exp(rng.uniform(np.log(least), np.log(most), classes))
    positive = propagate(rng.random((images, classes)) < frequency, taxonomy.ids, taxonomy)
    truth = Truth(tuple(f"i{at:04d}" for at in range(images)), taxonomy.ids, positive)
    questions = {
        f"q{at:02d}": taxonomy.ids[start:stop]
        for at, (start, stop) in enumerate(pairwise(range(0, classes + 1, 5)), 1)
    }
    tasks = [TaskLine(image_id, tuple(questions)) for image_id in truth.image_ids]
    return taxonomy, truth, questions, tasks


def crowd(seed: int = 0, **more: Any) -> SimulationSettings:
    defaults = {
        "crowd": 8,
        "careless": 1,
        "per_image": 5,
        "seconds_per_question": 6.0,
        "seed": seed,
    }
    return SimulationSettings(**{**defaults, **more})


@pytest.mark.parametrize(
    ("seed", "sizes"),
    [(0, {}), (1, {"least": 0.05, "most": 0.4}), (2, {"images": 400, "classes": 40})],
)
def test_one_is_bad_and_five_are_good(seed: int, sizes: dict[str, Any]) -> None:
    taxonomy, truth, questions, tasks = world(seed, **sizes)
    lines = simulate(tasks, questions, taxonomy, truth, crowd(seed))
    found = (RawAnswers("a", 1, line["image-id"], line["answers"]) for line in lines)
    checked = check_answers(found, questions, set(truth.image_ids))
    assert checked.rejects.empty
    labels = consolidate(count_votes(checked.answers, questions), taxonomy, ConsolidateSettings())
    score = score_against_truth(labels, truth)
    alone = score_annotators(checked.answers, questions, taxonomy, truth)
    assert score.macro_precision is not None
    assert score.macro_recall is not None
    assert min(score.macro_precision, score.macro_recall) >= 0.92
    assert 0.65 <= (mean_f1(alone) or 0) <= 0.80
    assert len(alone) == 8
    assert alone.pop("simulated-08") < 0.4 < 0.65 < min(alone.values())


def test_form_of_the_answers() -> None:
    taxonomy, truth, questions, tasks = world(0, images=60)
    lines = list(simulate(tasks, questions, taxonomy, truth, crowd()))
    assert [line["image-id"] for line in lines] == list(truth.image_ids)
    assert json.loads(json.dumps(lines)) == lines
    kinds: Counter[str] = Counter()
    for answers in (line["answers"] for line in lines):
        assert len({answer["workerId"] for answer in answers}) == 5
        for answer in answers:
            start, end = (
                datetime.fromisoformat(answer[name])
                for name in ("acceptanceTime", "submissionTime")
            )
            spent = (end - start).total_seconds()
            assert spent == pytest.approx(answer["timeSpentInSeconds"], abs=0.01)
            assert spent > 0
            for question, boxes in answer["answerContent"].items():
                assert set(boxes) == {*questions[question], "__none__", "__unsure__"}
                assert all(isinstance(value, bool) for value in boxes.values())
                ticked = any(boxes[name] for name in questions[question])
                assert ticked + boxes["__none__"] + boxes["__unsure__"] == 1
                kinds[
                    "unsure" if boxes["__unsure__"] else "none" if boxes["__none__"] else "ticked"
                ] += 1
    assert min(kinds.values()) > 0
    assert len(kinds) == 3


def test_only_what_was_asked_is_answered() -> None:
    taxonomy, truth, questions, tasks = world(0, images=30)
    some = [TaskLine(task.image_id, ("q03", "q01")) for task in tasks]
    for line in simulate(some, questions, taxonomy, truth, crowd()):
        assert all(set(answer["answerContent"]) == {"q01", "q03"} for answer in line["answers"])


def test_an_image_s_answers_depend_on_seed_and_image_alone() -> None:
    taxonomy, truth, questions, tasks = world(0, images=80)
    forward = {
        line["image-id"]: line for line in simulate(tasks, questions, taxonomy, truth, crowd())
    }
    backward = list(simulate(tasks[::-1], questions, taxonomy, truth, crowd()))
    assert all(forward[line["image-id"]] == line for line in backward)
    rest = list(
        simulate(tasks, questions, taxonomy, truth, crowd(), answered=set(list(forward)[:70]))
    )
    assert rest == [forward[image_id] for image_id in list(forward)[70:]]
    assert list(simulate(tasks, questions, taxonomy, truth, crowd(seed=1))) != list(
        forward.values()
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crowd": 4}, "crowd that large"),
        ({"careless": 9}, "careless"),
        ({"careless": -1}, "careless"),
    ],
)
def test_crowds_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    taxonomy, truth, questions, tasks = world(0, images=5)
    with pytest.raises(InputError, match=message):
        list(simulate(tasks, questions, taxonomy, truth, crowd(**settings)))


def test_a_manifest_of_other_questions() -> None:
    taxonomy, truth, questions, _ = world(0, images=5)
    with pytest.raises(InputError, match="q99"):
        list(simulate([TaskLine("i0000", ("q99",))], questions, taxonomy, truth, crowd()))


def test_append_keeps_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"cut":')
    assert append_lines(file, iter([{"a": "ä"}])) == 1
    assert append_lines(file, []) == 0
    assert file.read_bytes() == b'{"cut":\n{"a":"\xc3\xa4"}\n'


def test_append_is_all_or_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise InputError("stop")

    file = tmp_path / "a.jsonl"
    append_lines(file, [{"b": 2}])
    with pytest.raises(InputError):
        append_lines(file, broken())
    assert file.read_bytes() == b'{"b":2}\n'
    assert list(tmp_path.iterdir()) == [file]


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
