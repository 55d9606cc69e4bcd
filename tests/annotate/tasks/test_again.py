"""Images that are asked again for some classes only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.files import write_json
from annotate.questions.planning import Question, QuestionPlan
from annotate.tables import CANDIDATES, empty, write
from annotate.tasks.again import asked_again

PLAN = QuestionPlan(
    "", "grouped", (Question("q01", "A", ("dog", "cat")), Question("q02", "B", ("pool",)))
)


def round_of(folder: Path, number: int, strategy: str, pairs: Any, since: str = "") -> None:
    rows = pd.DataFrame(pairs, columns=["image_id", "class_id"]).assign(
        round=number, strategy=strategy, seed=0
    )
    rows = rows.reindex(columns=list(CANDIDATES.columns))
    write(CANDIDATES, rows.astype(empty(CANDIDATES).dtypes), folder / f"round-{number:04}.parquet")
    write_json(folder / f"round-{number:04}.json", {"since": since} if since else {})


def answer(folder: Path, image: str, question: str, people: list[str], when: str) -> None:
    folder.mkdir(exist_ok=True)
    answers = [
        {"workerId": name, "submissionTime": when, "answerContent": {question: {}}}
        for name in people
    ]
    with (folder / "all.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"image-id": image, "answers": answers}) + "\n")


def test_only_rounds_that_ask_again_count_and_only_for_their_classes(tmp_path: Path) -> None:
    round_of(tmp_path, 1, "similarity", [("a", "dog"), ("b", "pool")])
    assert asked_again(tmp_path, tmp_path / "answers", PLAN, annotators=2) == {}
    round_of(tmp_path, 2, "migration", [("a", "pool"), ("a", "cat"), ("c", "gone")])
    found = asked_again(tmp_path, tmp_path / "answers", PLAN, annotators=2)
    assert found == {"a": ("q01", "q02")}


def test_a_question_is_done_with_enough_people(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    round_of(tmp_path, 1, "migration", [("a", "pool")])
    answer(answers, "a", "q02", ["ann"], "2026-01-01T00:00:00Z")
    answer(answers, "a", "q02", ["ann"], "2026-01-02T00:00:00Z")
    answer(answers, "a", "q01", ["bob"], "2026-01-02T00:00:00Z")
    assert asked_again(tmp_path, answers, PLAN, annotators=2) == {"a": ("q02",)}
    answer(answers, "a", "q02", ["bob"], "2026-01-02T00:00:00Z")
    assert asked_again(tmp_path, answers, PLAN, annotators=2) == {}


def test_answers_of_excluded_people_do_not_count(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    round_of(tmp_path, 1, "migration", [("a", "pool")])
    answer(answers, "a", "q02", ["ann", "bob"], "2026-01-01T00:00:00Z")
    assert asked_again(tmp_path, answers, PLAN, annotators=2) == {}
    again = asked_again(tmp_path, answers, PLAN, annotators=2, excluded={"bob": "clicks"})
    assert again == {"a": ("q02",)}


def test_after_an_audit_only_later_answers_count(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    round_of(tmp_path, 1, "audit", [("a", "dog")], since="2026-03-01T00:00:00Z")
    answer(answers, "a", "q01", ["ann", "bob"], "2026-02-01T00:00:00.000Z")
    assert asked_again(tmp_path, answers, PLAN, annotators=2) == {"a": ("q01",)}
    answer(answers, "a", "q01", ["cy", "di"], "2026-03-01T10:00:00.000Z")
    assert asked_again(tmp_path, answers, PLAN, annotators=2) == {}
