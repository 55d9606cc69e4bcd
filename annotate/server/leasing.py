"""Who gets which page: leases, the seats of a page, and when it is done. Runs in a transaction."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from annotate.server.content import votes_of
from annotate.server.errors import NotActive, NotYours, StaleLease
from annotate.server.model import ACTIVE, OpenTask, Rules
from annotate.server.stopping import annotators_wanted

LATEST = 10  # pages that an annotator may correct

# Answers of a page that count, in the order in which their authors first answered it.
COUNTED = """
SELECT seat.annotator_id, accepted, submitted, seconds, content, fields
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


_HELD = "SELECT * FROM lease WHERE annotator_id = ? AND ended IS NULL AND kind != 'correction'"


@dataclass(frozen=True)
class Draw:
    """Which of a person's pages show golden images, and in what order these come.

    Both follow from a secret, so that nobody can foretell them and still the pages that come next
    can be looked up: what is fetched early must not tell a golden image.

    Attributes:
        secret: of the database.
        rate: share of golden pages.
    """

    secret: bytes
    rate: float

    def is_golden(self, annotator_id: str, page: int) -> bool:
        """Whether her page of this number, from 0, shows a golden image, if there is one left."""
        return self._number(f"page {annotator_id} {page}") < self.rate

    def place(self, annotator_id: str, task_id: int) -> float:
        """Where a golden task stands in her order."""
        return self._number(f"task {annotator_id} {task_id}")

    def _number(self, what: str) -> float:
        digest = hmac.new(self.secret, what.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:7], "big") / 2**56


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
    db: sqlite3.Connection, annotator_id: str, moment: Moment, draw: Draw
) -> OpenTask | None:
    """The page that she holds already, else a golden one where it is time, else the next one."""
    db.execute(
        "UPDATE lease SET ended = 'expired' WHERE ended IS NULL AND expires <= ?", (moment.now,)
    )
    held = db.execute(_HELD, (annotator_id,)).fetchone()
    if held is not None:
        db.execute("UPDATE lease SET expires = ? WHERE id = ?", (moment.expires, held["id"]))
        return open_task(db, held["id"])
    found = _choose(db, annotator_id, _pages_done(db, annotator_id), draw)
    return None if found is None else grant(db, found[0], annotator_id, found[1], moment)


def look_ahead(db: sqlite3.Connection, annotator_id: str, draw: Draw, pages: int) -> list[str]:
    """Images that she will get next unless others take their seats; nothing is kept for her."""
    held = {row["task_id"] for row in db.execute(_HELD, (annotator_id,))}
    start = _pages_done(db, annotator_id) + len(held)
    images: list[str] = []
    for page in range(start, start + pages):
        found = _choose(db, annotator_id, page, draw, held)
        if found is None:
            break
        held.add(found[0]["id"])
        images.append(found[0]["image_id"])
    return images


def _pages_done(db: sqlite3.Connection, annotator_id: str) -> int:
    row = db.execute(
        "SELECT (SELECT count(*) FROM seat WHERE annotator_id = :me) "
        "+ (SELECT count(*) FROM refusal WHERE annotator_id = :me)",
        {"me": annotator_id},
    ).fetchone()
    return int(row[0])


def _choose(
    db: sqlite3.Connection,
    annotator_id: str,
    page: int,
    draw: Draw,
    passed: Collection[int] = frozenset(),
) -> tuple[sqlite3.Row, str] | None:
    """The task of her page of that number, and the kind of its lease; ``passed`` are left out."""
    me = {"me": annotator_id}
    if draw.is_golden(annotator_id, page):
        # Beyond the seats: everybody is measured on them, and labels use the first answers.
        golden = db.execute(
            f"SELECT * FROM task WHERE golden IS NOT NULL AND NOT broken AND {_NEW_TO_HER}", me
        ).fetchall()
        golden = [task for task in golden if task["id"] not in passed]
        if golden:
            return min(golden, key=lambda task: draw.place(annotator_id, task["id"])), "golden"
    tasks = db.execute(
        f"SELECT * FROM task WHERE open = 1 AND {_FREE} AND {_NEW_TO_HER} ORDER BY turn LIMIT :n",
        {**me, "n": len(passed) + 1},
    )
    return next(((task, "seat") for task in tasks if task["id"] not in passed), None)


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
        "SELECT lease.*, image_id, questions, content, fields FROM lease "
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
        None if row["content"] is None else json.loads(row["content"]) | json.loads(row["fields"]),
    )


def questions_of(db: sqlite3.Connection, task_questions: str) -> dict[str, list[str]]:
    """Class ids of a page's questions, in its order."""
    return {
        name: json.loads(
            db.execute("SELECT classes FROM question WHERE id = ?", (name,)).fetchone()["classes"]
        )
        for name in json.loads(task_questions)
    }


def is_question(db: sqlite3.Connection, name: str) -> bool:
    """Whether the plan has such a question, or had it."""
    found = db.execute("SELECT EXISTS (SELECT 1 FROM question WHERE id = ?)", (name,))
    return bool(found.fetchone()[0])


def has_free_seat(db: sqlite3.Connection, task_id: int) -> bool:
    """Whether one more person may answer a page."""
    row = db.execute(f"SELECT open AND {_FREE} FROM task WHERE id = ?", (task_id,)).fetchone()
    return bool(row[0])


def recount(db: sqlite3.Connection, task_id: int, rules: Rules) -> bool:
    """Store how many answers of a page count and how many it needs; True if it lacks some."""
    counted: list[Any] = db.execute(COUNTED, (task_id,)).fetchall()
    wanted = rules.votes
    task = db.execute("SELECT questions FROM task WHERE id = ?", (task_id,)).fetchone()
    if task["questions"] == "[]":  # all its questions were closed
        wanted = len(counted)
    elif rules.adaptive:
        asked = questions_of(db, task["questions"])
        classes = list(dict.fromkeys(name for group in asked.values() for name in group))
        votes = [votes_of(json.loads(row["content"])) for row in counted]
        wanted = annotators_wanted(votes, classes, rules)
    db.execute(
        "UPDATE task SET counted = ?, wanted = ? WHERE id = ?", (len(counted), wanted, task_id)
    )
    return len(counted) < wanted
