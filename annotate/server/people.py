"""Annotators in the database: personal links, states, and what a change of state reopens."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3

from annotate.errors import InputError
from annotate.server.leasing import recount
from annotate.server.model import ACTIVE, EXCLUDED, PAUSED, STATES, Annotator, Rules

PANEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def insert(db: sqlite3.Connection, name: str, now: str) -> tuple[Annotator, str]:
    """A new annotator and the token of her link; only its SHA-256 is stored."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InputError("an annotator's name needs 1 to 80 printable characters.")
    token = secrets.token_urlsafe(32)
    annotator = Annotator("annotator-" + secrets.token_hex(4), name, ACTIVE)
    _store(db, annotator, token_hash(token), now)
    return annotator, token


def join(db: sqlite3.Connection, panel_id: str, now: str) -> Annotator:
    """The annotator of an outside panel's id; made at the first call.

    Her id is ``panel-`` and the panel's, so that nobody joins as a person with a link.
    """
    if not PANEL_ID.fullmatch(panel_id):
        raise InputError("a panel's id has 1 to 64 letters, digits, dots, hyphens or underscores.")
    annotator = find_joined(db, panel_id)
    if annotator is None:
        annotator = Annotator("panel-" + panel_id, "panel-" + panel_id, ACTIVE)
        _store(db, annotator, None, now)
    return annotator


def find_joined(db: sqlite3.Connection, panel_id: str) -> Annotator | None:
    """The annotator of an outside panel's id; None before she joined."""
    row = db.execute("SELECT * FROM annotator WHERE id = ?", ("panel-" + panel_id,)).fetchone()
    return None if row is None else as_annotator(row)


def _store(db: sqlite3.Connection, annotator: Annotator, hashed: str | None, now: str) -> None:
    try:
        db.execute(
            "INSERT INTO annotator (id, name, state, token_hash, created) VALUES (?, ?, ?, ?, ?)",
            (annotator.id, annotator.name, annotator.state, hashed, now),
        )
    except sqlite3.IntegrityError as error:
        raise InputError(f"there is an annotator {annotator.name!r}; use another name.") from error


def find_by_token(db: sqlite3.Connection, token: str) -> Annotator | None:
    """Whose link it is; None for an unknown or revoked one.

    The look-up is by SHA-256, so its time says nothing about the token, and the hash found is
    compared once more in constant time.
    """
    hashed = token_hash(token)
    row = db.execute(
        "SELECT * FROM annotator WHERE token_hash = ? AND state != 'revoked'", (hashed,)
    ).fetchone()
    if row is None or not hmac.compare_digest(row["token_hash"], hashed):
        return None
    return as_annotator(row)


def token_hash(token: str) -> str:
    """What is stored of a token; tokens are long and random, so no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()


def change_state(
    db: sqlite3.Connection, annotator_id: str, state: str, rules: Rules, reason: str = ""
) -> int:
    """Change an annotator's state; how many images that were done are open again.

    Answers of paused and excluded annotators do not count, so their images need others; answers
    of a revoked one do, only her link is dead. Pages that she holds are given back.
    """
    if state not in STATES:
        raise InputError(f"unknown state {state!r}; {', '.join(STATES)}.")
    found = db.execute(
        "UPDATE annotator SET state = ?, reason = ? WHERE id = ?", (state, reason, annotator_id)
    )
    if found.rowcount == 0:
        raise InputError(f"there is no annotator {annotator_id!r}.")
    if state != ACTIVE:
        db.execute(
            "UPDATE lease SET ended = 'released' WHERE annotator_id = ? AND ended IS NULL",
            (annotator_id,),
        )
    tasks = db.execute(
        "SELECT task.id, image_id, counted < wanted AS lacking FROM seat "
        "JOIN task ON task.id = task_id WHERE annotator_id = ?",
        (annotator_id,),
    ).fetchall()
    lacking = {row["image_id"] for row in tasks if recount(db, row["id"], rules)}
    if state not in (PAUSED, EXCLUDED):
        return 0
    return len(lacking & {row["image_id"] for row in tasks if not row["lacking"]})


def as_annotator(row: sqlite3.Row) -> Annotator:
    """The row of an annotator without its secrets."""
    return Annotator(row["id"], row["name"], row["state"], row["reason"])
