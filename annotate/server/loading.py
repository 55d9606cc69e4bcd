"""Tasks into the database. Runs in a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence

from annotate.errors import InputError
from annotate.server.leasing import recount
from annotate.server.model import Rules
from annotate.tasks.again import is_before

_NOT_STARTED = 10**15  # turns of pages that nobody opened; golden ones come last in the queue


def load(
    db: sqlite3.Connection,
    tasks: Iterable[tuple[str, Sequence[str]]],
    golden: Mapping[str, Mapping[str, bool]],
    questions: Mapping[str, Sequence[str]],
    rules: Rules,
    again: Mapping[tuple[str, str], str],
) -> dict[str, int]:
    """Add what is not there yet.

    An image that is asked further questions later (the children, once the parents are known)
    gets another page with just these, and people who answered the first may answer it too. So
    does a question that a round asks again, unless it has a page without answers from before
    that round. What the page before was told is kept.
    """
    _load_questions(db, questions)
    _close_questions(db, questions, rules)
    counts = {"added": 0, "known": 0, "golden": 0, "golden_without_task": 0}
    asked: dict[str, set[str]] = {}
    rounds: dict[str, int] = {}
    for row in db.execute("SELECT id, image_id, round, questions FROM task"):
        names = json.loads(row["questions"])
        image_id = row["image_id"]
        asked.setdefault(image_id, set()).update(
            name
            for name in names
            if not _answered_before(db, row["id"], again.get((image_id, name), ""))
        )
        rounds[row["image_id"]] = max(rounds.get(row["image_id"], 0), row["round"])
    for image_id, wanted in tasks:
        missing = [name for name in wanted if name not in asked.get(image_id, ())]
        for name in missing:
            if name not in questions:
                raise InputError(
                    f"image {image_id}: question {name!r} is not in the plan. Make the tasks anew "
                    "with `mumic-annotate tasks`."
                )
        if not missing:
            counts["known"] += 1
            continue
        asked.setdefault(image_id, set()).update(missing)
        rounds[image_id] = rounds.get(image_id, 0) + 1
        turn = _NOT_STARTED * (2 if image_id in golden else 1) + len(asked)
        made = db.execute(
            "INSERT INTO task (image_id, round, questions, turn, wanted) VALUES (?, ?, ?, ?, ?)",
            (image_id, rounds[image_id], json.dumps(missing), turn, rules.votes),
        )
        recount(db, int(made.lastrowid or 0), rules)
        counts["added"] += 1
    counts["golden"] = len(golden.keys() & asked.keys())
    counts["golden_without_task"] = len(golden.keys() - asked.keys())
    db.execute("UPDATE task SET golden = NULL WHERE golden IS NOT NULL")
    db.executemany(
        "UPDATE task SET golden = ? WHERE image_id = ? AND questions != '[]'",
        ((json.dumps(dict(known)), image_id) for image_id, known in golden.items()),
    )
    return counts


def _load_questions(db: sqlite3.Connection, questions: Mapping[str, Sequence[str]]) -> None:
    for name, classes in questions.items():
        text = json.dumps(list(classes))
        row = db.execute("SELECT classes FROM question WHERE id = ?", (name,)).fetchone()
        if row is not None and set(json.loads(row["classes"])) != set(classes) and _used(db, name):
            raise InputError(
                f"question {name} has other classes than when people answered it. Give the changed "
                "question a new id in questions.yaml, or move the database of annotations away."
            )
        db.execute("INSERT OR REPLACE INTO question VALUES (?, ?)", (name, text))


def _close_questions(db: sqlite3.Connection, plan: Collection[str], rules: Rules) -> None:
    """Take off the pages what the plan does not ask any more; a page of nothing else is done.

    The other questions of a page go on with the answers that it has.
    """
    for row in db.execute("SELECT id, questions FROM task").fetchall():
        names = json.loads(row["questions"])
        left = [name for name in names if name in plan]
        if left != names:
            db.execute("UPDATE task SET questions = ? WHERE id = ?", (json.dumps(left), row["id"]))
            db.execute(
                "UPDATE lease SET ended = 'released' WHERE task_id = ? AND ended IS NULL",
                (row["id"],),
            )
            recount(db, row["id"], rules)


def _answered_before(db: sqlite3.Connection, task_id: int, since: str) -> bool:
    """Whether a page has an answer from before a time; every answer is later than ""."""
    if not since:
        return False
    row = db.execute("SELECT min(submitted) FROM answer WHERE task_id = ?", (task_id,)).fetchone()
    return row[0] is not None and is_before(row[0], since)


def _used(db: sqlite3.Connection, question: str) -> bool:
    return bool(
        db.execute(
            "SELECT EXISTS (SELECT 1 FROM answer, json_each(answer.content) AS given "
            "WHERE given.key = ?)",
            (question,),
        ).fetchone()[0]
    )
