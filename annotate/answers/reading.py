"""The answers of a folder, of which only what is new is read.

What each file said is kept in ``data/cache/answers/``, with the file's state. A file in the same
state is not opened; of any other only lines that nobody has read are parsed. The cache can be
deleted at any time: labels come out the same without it.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.answers.blocks import Block, read_blocks
from annotate.answers.checking import Questions
from annotate.answers.choices import Choices
from annotate.answers.files import job_answers, line_files
from annotate.answers.lines import SCHEMA, Lines, question_sets, raw_lines, read_lines
from annotate.errors import InputError
from annotate.files import atomic, remove_stale

IDENTITY = b"mumic"  # key in a file's metadata
VERSION = 3  # of the rules by which lines are read; another one makes kept files void
RECENT = 2_000_000_000  # ns: what changed just before it was read may change within the same tick
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Keeping:
    """That what is read is to be kept for the next time.

    Attributes:
        on_progress: called with the number of lines read since the last call.
        on_read: called once, with how many lines were parsed and how many were known before.
    """

    on_progress: Progress | None = None
    on_read: Callable[[int, int], object] | None = None


@dataclass(frozen=True)
class Reading:
    """What the files of a folder say.

    Attributes:
        files: name and lines of each file.
        unchanged_files: how many were not opened.
        new_lines: how many lines were parsed.
        known_lines: how many were there before.
    """

    files: list[tuple[str, Lines]]
    unchanged_files: int
    new_lines: int
    known_lines: int


def read_folder(
    folder: Path,
    questions: Mapping[str, Sequence[str]],
    manifest_images: Sequence[str] = (),
    cache: Path | None = None,
    keep: Keeping | None = None,
) -> Reading:
    """Read all answers of a folder.

    Args:
        folder: ``data/answers``.
        questions: class ids of each question.
        manifest_images: image ids in the order of the manifest that a job was given.
        cache: where what was read is kept; None: nowhere.
        keep: None: nothing is written there.

    Raises:
        InputError: a file may not be read.
    """
    known = question_sets(questions)
    rules = _hash({name: sorted(classes) for name, classes in known.items()})
    files, unchanged, new = [], 0, 0
    for path in line_files(folder):
        kept = None if cache is None else _Kept(cache / f"{_hash(path.name)}.parquet", rules)
        lines, added = _read_file(path, known, kept, keep)
        files.append((path.name, lines))
        unchanged += added is None
        new += added or 0
    if cache is not None and keep is not None:
        _forget_others(cache, files)
    files += raw_lines(job_answers(folder, manifest_images), known)
    total = sum(lines.table.num_rows for _, lines in files)
    if keep is not None and keep.on_read is not None:
        keep.on_read(new, total - new)
    return Reading(files, unchanged, new, total - new)


@dataclass(frozen=True)
class _Kept:
    """Where a file's lines are kept, and the hash of the questions they were read with."""

    path: Path
    rules: str


def _read_file(
    path: Path, questions: Questions, kept: _Kept | None, keep: Keeping | None
) -> tuple[Lines, int | None]:
    """Lines of a file, and how many were new; None if it was not opened."""
    before, state = (None, None) if kept is None else _load(kept)
    try:
        with path.open("rb") as file:
            now = _state(path)
            if before is not None and state == now:
                return before, None
            blocks = _told(read_blocks(file), keep.on_progress if keep else None)
            hashed = kept is not None and keep is not None
            with _uncollected():
                lines, added = read_lines(blocks, questions, before, hashed=hashed)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if kept is not None and keep is not None:
        settled = now[1] + RECENT < time.time_ns()
        _save(kept, lines, now if settled else [])
    return lines, added


def _told(blocks: Iterable[Block], on_progress: Progress | None) -> Iterator[Block]:
    """Blocks, each told of once it is done with."""
    for block in blocks:
        yield block
        if on_progress is not None:
            on_progress(len(block.lines))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without searches for cycles of objects: lines make many objects, and no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _load(kept: _Kept) -> tuple[Lines | None, Any]:
    """What was kept, and the state in which the file was; nothing if it cannot be used."""
    if not kept.path.is_file():
        return None, None
    with contextlib.suppress(pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        table = pq.read_table(kept.path)
        identity = json.loads(table.schema.metadata[IDENTITY])
        if identity["rules"] == [VERSION, kept.rules]:
            choices = [(name, Choices(*entry)) for name, entry in identity["choices"]]
            return Lines(table.cast(SCHEMA), choices), identity["state"]
    return None, None


def _save(kept: _Kept, lines: Lines, state: list[int]) -> None:
    identity = {
        "rules": [VERSION, kept.rules],
        "state": state,
        "choices": [[name, list(choices)] for name, choices in lines.choices],
    }
    table = lines.table.replace_schema_metadata({IDENTITY: json.dumps(identity).encode()})
    with atomic(kept.path) as file:
        pq.write_table(table, file, compression="zstd")


def _forget_others(cache: Path, files: Sequence[tuple[str, Lines]]) -> None:
    """Delete what was kept of files that are gone."""
    remove_stale(cache)
    wanted = {f"{_hash(name)}.parquet" for name, _ in files}
    for path in cache.glob("*.parquet"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]
