"""Taking an answer, a draft or a refusal into the database. Runs in a transaction."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotate.server.content import check_content, votes_of
from annotate.server.errors import BadAnswer, FullImage, StaleLease
from annotate.server.golden_watch import GoldenCounts, count_golden, reason_to_pause
from annotate.server.leasing import (
    find_lease,
    has_free_seat,
    is_question,
    questions_of,
    recount,
)
from annotate.server.model import PAUSED, Rules
from annotate.server.people import change_state


@dataclass(frozen=True)
class Submission:
    """Which page was answered by whom, with what and when (``seconds`` by the page's own clock)."""

    annotator_id: str
    image_id: str
    lease: str
    content: Any
    seconds: float
    now: str


def take_answer(db: sqlite3.Connection, given: Submission, rules: Rules) -> None:
    """Store an answer; the same answer sent twice is stored once.

    Raises:
        StaleLease: the page was given back, or was answered otherwise under this lease.
        FullImage: the lease expired and others took the seat.
        BadAnswer: the content does not fit the questions.
    """
    lease = find_lease(db, given.annotator_id, given.image_id, given.lease)
    content, fields = check_content(given.content, questions_of(db, lease["questions"]))
    if any(is_question(db, name) for name in fields):
        raise BadAnswer("the answer holds a question that this page does not ask; reload it.")
    texts = json.dumps(content), json.dumps(fields)
    if lease["ended"] == "submitted":
        stored = db.execute("SELECT content, fields FROM answer WHERE lease_id = ?", (given.lease,))
        if tuple(stored.fetchone()) != texts:
            raise StaleLease("this page was answered already; go back to it to correct it.")
        return
    seat = _seat(db, lease, given)
    if seat is not None and lease["kind"] != "correction":
        raise StaleLease("you have answered this image already; go back to it to correct it.")
    lost = lease["ended"] is not None or lease["expires"] <= given.now
    if seat is None and lost and lease["kind"] == "seat":
        db.execute("UPDATE lease SET ended = 'expired' WHERE id = ?", (given.lease,))
        if not has_free_seat(db, lease["task_id"]):
            raise FullImage("others have answered this image meanwhile; go on with the next one.")
    _store(db, lease, seat, given, texts)
    recount(db, lease["task_id"], rules)
    if lease["golden"] is not None:
        reason = reason_to_pause(golden_counts(db, given.annotator_id), rules)
        if reason is not None:
            change_state(db, given.annotator_id, PAUSED, rules, reason)


def _seat(db: sqlite3.Connection, lease: sqlite3.Row, given: Submission) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM seat WHERE task_id = ? AND annotator_id = ?",
        (lease["task_id"], given.annotator_id),
    ).fetchone()
    return row


def _store(
    db: sqlite3.Connection,
    lease: sqlite3.Row,
    seat: sqlite3.Row | None,
    given: Submission,
    texts: tuple[str, str],
) -> None:
    who = (lease["task_id"], given.annotator_id)
    earlier = None if seat is None else seat["answer_id"]
    seconds = _seconds(given.seconds, lease["accepted"], given.now)
    answer = db.execute(
        "INSERT INTO answer (task_id, annotator_id, lease_id, accepted, submitted, seconds, "
        "content, fields, supersedes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*who, given.lease, lease["accepted"], given.now, seconds, *texts, earlier),
    ).lastrowid
    if seat is None:
        db.execute("INSERT INTO seat VALUES (?, ?, ?, ?)", (*who, answer, answer))
    else:
        db.execute(
            "UPDATE seat SET answer_id = ? WHERE task_id = ? AND annotator_id = ?", (answer, *who)
        )
    db.execute("UPDATE lease SET ended = 'submitted' WHERE id = ?", (given.lease,))


def _seconds(told: float, accepted: str, now: str) -> float:
    """The page's own figure, which leaves out breaks, but never more than the clock allows."""
    elapsed = (datetime.fromisoformat(now) - datetime.fromisoformat(accepted)).total_seconds()
    elapsed = max(elapsed, 0.0)
    return round(min(max(told, 0.0), elapsed), 3) if math.isfinite(told) else elapsed


def golden_counts(db: sqlite3.Connection, annotator_id: str) -> GoldenCounts:
    """All her answers to images with known labels against these."""
    rows = db.execute(
        "SELECT golden, content FROM task JOIN seat ON seat.task_id = task.id "
        "JOIN answer ON answer.id = answer_id WHERE golden IS NOT NULL AND seat.annotator_id = ?",
        (annotator_id,),
    )
    counts = GoldenCounts()
    for row in rows:
        counts += count_golden(json.loads(row["golden"]), votes_of(json.loads(row["content"])))
    return counts


def refuse(db: sqlite3.Connection, given: Submission, kind: str, reason: str, rules: Rules) -> None:
    """Give a page back for good: skipped, or its image reported as broken."""
    lease = find_lease(db, given.annotator_id, given.image_id, given.lease)
    if lease["ended"] == "submitted":
        raise StaleLease("this page was answered already.")
    db.execute("UPDATE lease SET ended = ? WHERE id = ?", (kind, given.lease))
    db.execute(
        "INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?)",
        (lease["task_id"], given.annotator_id, kind, reason[:500], given.now),
    )
    if kind == "broken":
        db.execute(
            "UPDATE task SET broken = 1 WHERE image_id = ? AND ? <= (SELECT count(DISTINCT "
            "annotator_id) FROM refusal WHERE task_id = task.id AND kind = 'broken')",
            (given.image_id, rules.broken_reports),
        )
