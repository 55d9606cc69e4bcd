"""The store of the annotation server: tasks, annotators, leases and answers in one SQLite file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from annotate.errors import RemoteError
from annotate.server import answering, export, leasing, loading, people, report
from annotate.server.answering import Submission
from annotate.server.errors import StaleLease
from annotate.server.leasing import Draw, Moment
from annotate.server.model import ACTIVE, Annotator, OpenTask, OwnerReport, Pace, Progress, Rules
from annotate.server.schema import Database
from annotate.times import time_text, utc_now

T = TypeVar("T")
AHEAD = 3  # pages


class Store:
    """What the server knows. Any number of threads and processes may use one file.

    A change is made wholly or not at all. An answer is on disk when ``submit`` returns; among
    others, when ``together`` does. Answers are append-only; a correction is a further one that
    takes the place of the earlier.
    """

    def __init__(self, database: Database, rules: Rules, clock: Callable[[], datetime]) -> None:
        self.rules = rules
        self._database = database
        self._clock = clock
        self._draw = Draw(self._secret(), rules.golden_rate)

    @classmethod
    def open(
        cls,
        path: Path,
        rules: Rules,
        clock: Callable[[], datetime] = utc_now,
        *,
        keep: bool = False,
    ) -> Store:
        """Open the file, or make it.

        Args:
            path: of the database.
            rules: other ones than before hold for all that is there.
            clock: tells the time.
            keep: go on with the rules that the file has, if any: of the server that runs or ran.

        Raises:
            DamagedError: the file is not such a database.
        """
        database = Database(path)
        with database.writing() as db:
            before = db.execute("SELECT value FROM meta WHERE key = 'rules'").fetchone()
            if keep and before is not None:
                rules = Rules.read(before["value"])
            stated = json.dumps(asdict(rules), sort_keys=True)
            if before is None or before["value"] != stated:
                for row in db.execute("SELECT id FROM task").fetchall():
                    leasing.recount(db, row["id"], rules)
                db.execute("INSERT OR REPLACE INTO meta VALUES ('rules', ?)", (stated,))
        return cls(database, rules, clock)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def together(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Make several changes that wait for the disk once; each stands or falls by itself.

        Args:
            calls: of this store's methods, with their arguments.

        Returns:
            What each call gave or raised.

        Raises:
            RemoteError: nothing of all this was stored.
        """
        if len(calls) == 1:
            return [_outcome(calls[0])]
        with self._database.together():
            return [_outcome(call) for call in calls]

    def load_tasks(
        self,
        tasks: Iterable[tuple[str, Sequence[str]]],
        golden: Mapping[str, Mapping[str, bool]],
        questions: Mapping[str, Sequence[str]],
        again: Mapping[tuple[str, str], str] | None = None,
    ) -> dict[str, int]:
        """Add the tasks that are not there yet, and set the known labels of golden images.

        Args:
            tasks: image id and question ids, in the order in which they are handed out.
            golden: by image, what is known of its classes; images without a task are left out.
            questions: class ids of each question.
            again: by image and question that a round asks again, since when answers count.

        Raises:
            InputError: a question is unknown, or has other classes than when people answered it.
        """
        with self._database.writing() as db:
            return loading.load(db, tasks, golden, questions, self.rules, again or {})

    def set_origin(self, origin: str) -> None:
        """Note where people reach the server that runs now."""
        with self._database.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('origin', ?)", (origin,))

    def origin(self) -> str | None:
        """Where people reach the server that runs, or ran last."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()
        return None if row is None else str(row["value"])

    def add_annotator(self, name: str) -> tuple[Annotator, str]:
        """A new annotator and the token of her personal link, which is told only here."""
        with self._database.writing(durable=True) as db:
            return people.insert(db, name, self._now())

    def join(self, panel_id: str) -> Annotator:
        """The annotator of an outside panel's id."""
        with self._database.writing() as db:
            return people.join(db, panel_id, self._now())

    def annotators(self) -> list[Annotator]:
        """Everybody, in the order of joining."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM annotator ORDER BY created, rowid").fetchall()
        return [people.as_annotator(row) for row in rows]

    def joined(self, panel_id: str) -> Annotator | None:
        """The annotator of an outside panel's id; None before she joined."""
        with self._database.reading() as db:
            return people.find_joined(db, panel_id)

    def by_token(self, token: str) -> Annotator | None:
        """Whose link it is; None for an unknown or revoked one."""
        with self._database.reading() as db:
            return people.find_by_token(db, token)

    def set_state(self, annotator_id: str, state: str, reason: str = "") -> int:
        """Change an annotator's state; how many finished images are open again."""
        with self._database.writing(durable=True) as db:
            return people.change_state(db, annotator_id, state, self.rules, reason)

    def next_task(self, annotator_id: str) -> OpenTask | None:
        """The page that she holds, else the next one; None where there is nothing for her."""
        with self._database.writing() as db:
            row = db.execute("SELECT state FROM annotator WHERE id = ?", (annotator_id,)).fetchone()
            if row is None or row["state"] != ACTIVE:
                return None
            return leasing.next_open(db, annotator_id, self._moment(), self._draw)

    def look_ahead(self, annotator_id: str, pages: int = AHEAD) -> list[str]:
        """Images of the pages that will likely be hers next, so that they can be fetched early."""
        with self._database.reading() as db:
            return leasing.look_ahead(db, annotator_id, self._draw, pages)

    def task_again(self, annotator_id: str, image_id: str) -> OpenTask:
        """Open one of her last ten answers to correct it; raises NotYours for any other."""
        with self._database.writing() as db:
            leasing.check_active(db, annotator_id)
            return leasing.lease_again(db, annotator_id, image_id, self._moment())

    def save_draft(
        self, annotator_id: str, image_id: str, lease: str, draft: dict[str, Any]
    ) -> None:
        """Keep what she ticked so far, and the page for her."""
        moment = self._moment()
        with self._database.writing() as db:
            leasing.check_active(db, annotator_id)
            row = leasing.find_lease(db, annotator_id, image_id, lease)
            if row["ended"] == "submitted":
                raise StaleLease("this page was answered already.")
            kept = row["expires"] if row["expires"] <= moment.now else moment.expires
            db.execute(
                "UPDATE lease SET draft = ?, expires = ? WHERE id = ?",
                (json.dumps(draft), kept, lease),
            )

    def submit(
        self, annotator_id: str, image_id: str, lease: str, content: Any, seconds: float
    ) -> None:
        """Take an answer; it is on disk when this returns. The same one sent again does no harm.

        Raises:
            NotActive, StaleLease, FullImage, BadAnswer: it was not taken.
        """
        given = Submission(annotator_id, image_id, lease, content, seconds, self._now())
        with self._database.writing(durable=True) as db:
            leasing.check_active(db, annotator_id)
            answering.take_answer(db, given, self.rules)

    def skip(self, annotator_id: str, image_id: str, lease: str, reason: str) -> None:
        """Leave a page to others; she does not get it again."""
        self._refuse(Submission(annotator_id, image_id, lease, None, 0, self._now()), reason)

    def report_broken(self, annotator_id: str, image_id: str, lease: str, reason: str) -> None:
        """Report an image; it is set aside once ``Rules.broken_reports`` people did."""
        given = Submission(annotator_id, image_id, lease, None, 0, self._now())
        self._refuse(given, reason, kind="broken")

    def _refuse(self, given: Submission, reason: str, kind: str = "skipped") -> None:
        with self._database.writing(durable=True) as db:
            leasing.check_active(db, given.annotator_id)
            answering.refuse(db, given, kind, reason, self.rules)

    def recent(self, annotator_id: str, n: int = leasing.LATEST) -> list[tuple[str, str]]:
        """Image and time of her latest answers, the newest first."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT image_id, submitted FROM seat JOIN answer ON answer.id = answer_id "
                "JOIN task ON task.id = seat.task_id WHERE seat.annotator_id = ? "
                "ORDER BY answer_id DESC LIMIT ?",
                (annotator_id, n),
            ).fetchall()
        return [(row["image_id"], row["submitted"]) for row in rows]

    def held_task(self, annotator_id: str, image_id: str) -> OpenTask | None:
        """The latest page of this image that she holds or held; None if she never did."""
        with self._database.reading() as db:
            row = db.execute(
                "SELECT lease.id FROM lease JOIN task ON task.id = task_id WHERE annotator_id = ? "
                "AND image_id = ? ORDER BY ended IS NULL DESC, lease.rowid DESC LIMIT 1",
                (annotator_id, image_id),
            ).fetchone()
            return None if row is None else leasing.open_task(db, row["id"])

    def progress(self) -> Progress:
        """How far the batch is."""
        with self._database.reading() as db:
            return report.progress(db, self.rules, self._hour_ago())

    def pace(self, annotator_id: str) -> Pace:
        """One annotator's progress."""
        with self._database.reading() as db:
            return report.pace(db, annotator_id, self._now()[:10])

    def owner_report(self) -> OwnerReport:
        """Everything of the owner's page."""
        with self._database.reading() as db:
            return report.owner_report(db, self.rules, self._hour_ago())

    def export(self, folder: Path) -> int:
        """Write ``serve.jsonl`` in the form that ``annotate.answers`` reads; number of lines."""
        with self._database.reading() as db:
            return export.write(db, folder, self.rules)

    def _secret(self) -> bytes:
        """Made once for a database, and the same for all servers of it."""
        with self._database.writing() as db:
            fresh = secrets.token_hex(32)
            db.execute("INSERT OR IGNORE INTO meta VALUES ('draw', ?)", (fresh,))
            row = db.execute("SELECT value FROM meta WHERE key = 'draw'").fetchone()
        return bytes.fromhex(row["value"])

    def _now(self) -> str:
        return time_text(self._clock())

    def _hour_ago(self) -> str:
        return time_text(self._clock() - timedelta(hours=1))

    def _moment(self) -> Moment:
        now = self._clock()
        return Moment(time_text(now), time_text(now + timedelta(seconds=self.rules.lease_seconds)))


def _outcome(call: Callable[[], T]) -> T | Exception:
    """What a call gives or raises; a disk that fails ends whatever stands around it."""
    try:
        return call()
    except RemoteError:
        raise
    except Exception as error:
        return error
