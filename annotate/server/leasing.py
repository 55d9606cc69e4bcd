"""Who gets which page: leases, the seats of a page, and when it is done. Runs in a transaction."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from annotate.server.content import votes_of
from annotate.server.errors import NotActive, NotYours, StaleLease
from annotate.server.model import ACTIVE, OpenTask, Rules
from annotate.server.stopping import annotators_wanted

LATEST = 10  # pages that an annotator may correct

# Answers of a page that count, in the order in which their authors first answered it.
COUNTED = """
SELECT seat.annotator_id, answer.accepted, answer.submitted, answer.seconds, answer.content
FROM seat JOIN annotator ON annotator.id = seat.annotator_id
JOIN answer ON answer.id = seat.answer_id
WHERE seat.task_id = ? AND annotator.state IN ('active', 'revoked') ORDER BY seat.first_id
"""
_FREE = """
counted + (SELECT count(*) FROM lease
           WHERE lease.task_id = task.id AND ended IS NULL AND kind = 'seat') < wanted
"""
_NEW_TO_HER = """
NOT EXISTS (SELECT 1 FROM seat WHERE seat.task_id = task.id AND annotator_id = :me)
AND NOT EXISTS (SELECT 1 FROM refusal WHERE refusal.task_id = task.id AND annotator_id = :me)
"""


@dataclass(frozen=True)
class Moment:
    """Now, and when a lease given now expires; ISO 8601 in UTC, so that texts compare as times."""

    now: str
    expires: str


def check_active(db: sqlite3.Connection, annotator_id: str) -> None:
    """Raise NotActive unless the annotator may work."""
    row = db.execute("SELECT state FROM annotator WHERE id = ?", (annotator_id,)).fetchone()
    if row is None or row["state"] != ACTIVE:
        state = "unknown" if row is None else row["state"]
        raise NotActive(f"this annotator is {state}; please ask the owner of the project.")


def next_open(
    db: sqlite3.Connection, annotator_id: str, moment: Moment, *, golden: bool
) -> OpenTask | None:
    """The page that she holds already, else a golden one where it is time, else the next one."""
    db.execute(
        "UPDATE lease SET ended = 'expired' WHERE ended IS NULL AND expires <= ?", (moment.now,)
    )
    held = db.execute(
        "SELECT * FROM lease WHERE annotator_id = ? AND ended IS NULL AND kind != 'correction'",
        (annotator_id,),
    ).fetchone()
    if held is not None:
        db.execute("UPDATE lease SET expires = ? WHERE id = ?", (moment.expires, held["id"]))
        return open_task(db, held["id"])
    me = {"me": annotator_id}
    task = None
    if golden:  # beyond the seats: everybody is measured on them, and labels use the first answers
        task = db.execute(
            "SELECT * FROM task WHERE golden IS NOT NULL AND NOT broken "
            f"AND {_NEW_TO_HER} ORDER BY random() LIMIT 1",
            me,
        ).fetchone()
    if task is not None:
        return grant(db, task, annotator_id, "golden", moment)
    task = db.execute(
        f"SELECT * FROM task WHERE open = 1 AND {_FREE} AND {_NEW_TO_HER} ORDER BY turn LIMIT 1", me
    ).fetchone()
    return None if task is None else grant(db, task, annotator_id, "seat", moment)


def grant(
    db: sqlite3.Connection, task: sqlite3.Row, annotator_id: str, kind: str, moment: Moment
) -> OpenTask:
    """Give a page to a person, with what she had saved on it."""
    earlier = db.execute(
        "SELECT draft FROM lease WHERE annotator_id = ? AND task_id = ? AND ended IN "
        "('expired', 'released') ORDER BY accepted DESC LIMIT 1",
        (annotator_id, task["id"]),
    ).fetchone()
    lease = secrets.token_urlsafe(16)
    db.execute(
        "INSERT INTO lease (id, task_id, annotator_id, kind, accepted, expires, draft) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            lease,
            task["id"],
            annotator_id,
            kind,
            moment.now,
            moment.expires,
            earlier and earlier["draft"],
        ),
    )
    if kind == "seat":  # started pages come first, in the order in which they were started
        started = db.execute("SELECT max(rowid) FROM lease").fetchone()[0]
        db.execute("UPDATE task SET turn = min(turn, ?) WHERE id = ?", (started, task["id"]))
    return open_task(db, lease)


def lease_again(
    db: sqlite3.Connection, annotator_id: str, image_id: str, moment: Moment
) -> OpenTask:
    """Open one of her latest answers for correction."""
    task = db.execute(
        "SELECT task.* FROM (SELECT task_id, answer_id FROM seat WHERE annotator_id = ? "
        "ORDER BY answer_id DESC LIMIT ?) JOIN task ON task.id = task_id "
        "WHERE image_id = ? ORDER BY answer_id DESC LIMIT 1",
        (annotator_id, LATEST, image_id),
    ).fetchone()
    if task is None:
        raise NotYours(f"only your last {LATEST} answers can be corrected.")
    held = db.execute(
        "SELECT id FROM lease WHERE annotator_id = ? AND task_id = ? AND ended IS NULL",
        (annotator_id, task["id"]),
    ).fetchone()
    if held is not None:
        return open_task(db, held["id"])
    return grant(db, task, annotator_id, "correction", moment)


def find_lease(db: sqlite3.Connection, annotator_id: str, image_id: str, lease: str) -> sqlite3.Row:
    """A lease with its page; raises StaleLease unless it is hers and of this image."""
    row: sqlite3.Row | None = db.execute(
        "SELECT lease.*, image_id, questions, golden, counted, wanted, task.open AS open "
        "FROM lease JOIN task ON task.id = task_id "
        "WHERE lease.id = ? AND annotator_id = ? AND image_id = ?",
        (lease, annotator_id, image_id),
    ).fetchone()
    if row is None or row["ended"] in ("skipped", "broken"):
        raise StaleLease("this page is not yours any more; go on with the next one.")
    return row


def open_task(db: sqlite3.Connection, lease: str) -> OpenTask:
    """The page of a lease."""
    row = db.execute(
        "SELECT lease.*, image_id, questions, content FROM lease "
        "JOIN task ON task.id = lease.task_id "
        "LEFT JOIN seat ON seat.task_id = lease.task_id AND seat.annotator_id = lease.annotator_id "
        "LEFT JOIN answer ON answer.id = seat.answer_id WHERE lease.id = ?",
        (lease,),
    ).fetchone()
    return OpenTask(
        row["image_id"],
        tuple(json.loads(row["questions"])),
        lease,
        row["accepted"],
        None if row["draft"] is None else json.loads(row["draft"]),
        None if row["content"] is None else json.loads(row["content"]),
    )


def questions_of(db: sqlite3.Connection, task_questions: str) -> dict[str, list[str]]:
    """Class ids of a page's questions, in its order."""
    return {
        name: json.loads(
            db.execute("SELECT classes FROM question WHERE id = ?", (name,)).fetchone()["classes"]
        )
        for name in json.loads(task_questions)
    }


def has_free_seat(db: sqlite3.Connection, task_id: int) -> bool:
    """Whether one more person may answer a page."""
    row = db.execute(f"SELECT open AND {_FREE} FROM task WHERE id = ?", (task_id,)).fetchone()
    return bool(row[0])


def recount(db: sqlite3.Connection, task_id: int, rules: Rules) -> bool:
    """Store how many answers of a page count and how many it needs; True if it lacks some."""
    counted: list[Any] = db.execute(COUNTED, (task_id,)).fetchall()
    wanted = rules.votes
    if rules.adaptive:
        task = db.execute("SELECT questions FROM task WHERE id = ?", (task_id,)).fetchone()
        asked = questions_of(db, task["questions"])
        classes = list(dict.fromkeys(name for group in asked.values() for name in group))
        votes = [votes_of(json.loads(row["content"])) for row in counted]
        wanted = annotators_wanted(votes, classes, rules)
    db.execute(
        "UPDATE task SET counted = ?, wanted = ? WHERE id = ?", (len(counted), wanted, task_id)
    )
    return len(counted) < wanted
