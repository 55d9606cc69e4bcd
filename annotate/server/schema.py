"""The database file of the annotation server: its tables, connections and transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from annotate.errors import DamagedError, InputError, RemoteError

VERSION = 2
BUSY_SECONDS = 30.0

# answer: append-only; content holds the questions, fields whatever else an edited template asks.
# seat: which answer of a person stands, one a person and page.
# task.wanted, counted and open follow from the answers; they are kept so that finding the next
# page is one look into an index. task.turn orders pages: started ones first, the oldest foremost.
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE question (id TEXT PRIMARY KEY, classes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    image_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    questions TEXT NOT NULL,
    golden TEXT,
    turn INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    counted INTEGER NOT NULL DEFAULT 0,
    broken INTEGER NOT NULL DEFAULT 0,
    open INTEGER GENERATED ALWAYS AS (counted < wanted AND NOT broken) STORED,
    UNIQUE (image_id, round)
);
CREATE INDEX task_open ON task (turn) WHERE open = 1;
CREATE INDEX task_golden ON task (id) WHERE golden IS NOT NULL;
CREATE TABLE annotator (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'excluded', 'revoked')),
    reason TEXT NOT NULL DEFAULT '',
    token_hash TEXT UNIQUE,
    created TEXT NOT NULL
);
CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES task,
    annotator_id TEXT NOT NULL REFERENCES annotator,
    kind TEXT NOT NULL CHECK (kind IN ('seat', 'golden', 'correction')),
    accepted TEXT NOT NULL,
    expires TEXT NOT NULL,
    ended TEXT CHECK (ended IN ('submitted', 'skipped', 'broken', 'expired', 'released')),
    draft TEXT
);
CREATE INDEX lease_open ON lease (task_id) WHERE ended IS NULL;
CREATE INDEX lease_expiry ON lease (expires) WHERE ended IS NULL;
CREATE INDEX lease_person ON lease (annotator_id, task_id);
CREATE UNIQUE INDEX lease_one ON lease (annotator_id, task_id) WHERE ended IS NULL;
CREATE TABLE answer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES task,
    annotator_id TEXT NOT NULL REFERENCES annotator,
    lease_id TEXT NOT NULL UNIQUE REFERENCES lease,
    accepted TEXT NOT NULL,
    submitted TEXT NOT NULL,
    seconds REAL NOT NULL,
    content TEXT NOT NULL,
    fields TEXT NOT NULL DEFAULT '{}',
    supersedes INTEGER UNIQUE REFERENCES answer
);
CREATE INDEX answer_person ON answer (annotator_id, id);
CREATE INDEX answer_time ON answer (submitted);
CREATE TRIGGER answer_kept BEFORE DELETE ON answer
    BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TRIGGER answer_unchanged BEFORE UPDATE ON answer
    BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TABLE seat (
    task_id INTEGER NOT NULL REFERENCES task,
    annotator_id TEXT NOT NULL REFERENCES annotator,
    first_id INTEGER NOT NULL REFERENCES answer,
    answer_id INTEGER NOT NULL REFERENCES answer,
    PRIMARY KEY (task_id, annotator_id)
) WITHOUT ROWID;
CREATE INDEX seat_person ON seat (annotator_id, answer_id);
CREATE TABLE refusal (
    task_id INTEGER NOT NULL REFERENCES task,
    annotator_id TEXT NOT NULL REFERENCES annotator,
    kind TEXT NOT NULL CHECK (kind IN ('skipped', 'broken')),
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (task_id, annotator_id)
) WITHOUT ROWID;
"""
_FIELDS_OF_ANSWERS = "ALTER TABLE answer ADD COLUMN fields TEXT NOT NULL DEFAULT '{}'"


class Database:
    """Connections to one SQLite file, lent to one thread at a time.

    A lock puts the writers of this process in a queue: SQLite itself would let them poll, and the
    unlucky wait long. Writers of other processes are waited for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self._shared = _Shared()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._lent() as connection:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                self._make(connection)
            except sqlite3.DatabaseError as error:
                raise DamagedError(
                    f"{path}: not usable as the database of annotations ({error}). Move it away, "
                    "or put a copy back."
                ) from error

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version == 1:
                connection.execute(_FIELDS_OF_ANSWERS)
            elif version != VERSION and (version or tables):
                raise InputError(
                    f"{self.path}: no database of this version's annotation server (version "
                    f"{version}, expected {VERSION}). Use the version that made it, or move it."
                )
            if not version:
                for statement in _statements(_TABLES):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise InputError(f"{self.path}: cannot be opened ({error}).") from error
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextlib.contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.append(connection)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of everything, for the length of a block."""
        if self._shared.connection is not None:
            yield self._shared.connection
            return
        with self._lent() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextlib.contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: everything in the block is done, or nothing.

        Args:
            durable: on disk when the block ends, so that a loss of power cannot take it. Anything
                survives the death of the process.

        Raises:
            RemoteError: the disk is full, or another process holds the file for too long.
        """
        if self._shared.connection is not None:
            with self._stored(), _savepoint(self._shared.connection):
                yield self._shared.connection
            return
        with self._writing, self._lent() as connection, self._stored():
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One durable transaction around all that this thread writes in the block.

        Whatever is written inside is still done wholly or not at all by itself; what it shares is
        the wait for the disk, at the end of the block.

        Raises:
            RemoteError: as :meth:`writing`; nothing of the block was stored.
        """
        with self.writing(durable=True) as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                self._shared.connection = None

    @contextlib.contextmanager
    def _stored(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise RemoteError(f"{self.path}: nothing was stored ({error}); retry.") from error

    def close(self) -> None:
        """Close the idle connections; the last one folds the write-ahead log into the file."""
        while self._idle:
            self._idle.pop().close()


class _Shared(threading.local):
    """The connection of the transaction that a thread has open, within ``Database.together``."""

    connection: sqlite3.Connection | None = None


@contextlib.contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """A part of a transaction that is undone alone where it fails."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk ends it all
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
