"""Answers out of the database, as Ground Truth's worker responses."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotate.files import atomic, remove_stale, write_json
from annotate.server.leasing import COUNTED
from annotate.server.model import Rules

EXPORT_FILE = "serve.jsonl"
RULE_FILE = "serve.json"


def effective(db: sqlite3.Connection, task: sqlite3.Row) -> list[sqlite3.Row]:
    """The answers of a page that make its labels: the first that are enough, never one more.

    More can stand in the database: golden images are shown to everybody, and an annotator who
    was paused may come back after others took her place.
    """
    answers: list[sqlite3.Row] = db.execute(COUNTED, (task["id"],)).fetchall()
    return answers[: task["wanted"]]


def lines(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """One line for each image with answers, as ``docs/formats.md`` says, sorted by image."""
    line: dict[str, Any] = {"image-id": None, "answers": []}
    for task in db.execute("SELECT * FROM task WHERE counted > 0 ORDER BY image_id, round"):
        if task["image_id"] != line["image-id"]:
            if line["answers"]:
                yield line
            line = {"image-id": task["image_id"], "answers": []}
        line["answers"] += [_response(row) for row in effective(db, task)]
    if line["answers"]:
        yield line


def _response(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "workerId": row["annotator_id"],
        "acceptanceTime": row["accepted"],
        "submissionTime": row["submitted"],
        "timeSpentInSeconds": row["seconds"],
        "answerContent": json.loads(row["content"]) | json.loads(row["fields"]),
    }


def write(db: sqlite3.Connection, folder: Path, rules: Rules) -> int:
    """Write ``serve.jsonl`` atomically; the number of lines. Nothing is made of no answers.

    ``serve.json`` beside it names the rule by which images were done: five votes, or another.
    """
    path, count = folder / EXPORT_FILE, 0
    if not path.exists() and next(lines(db), None) is None:
        return 0
    remove_stale(folder, path.name)
    with atomic(path) as file:
        for line in lines(db):
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            count += 1
    about = {"rule": rules.name, "adaptive": rules.adaptive, **asdict(rules)}
    write_json(folder / RULE_FILE, about)
    return count
