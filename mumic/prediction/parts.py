"""Parts of a prediction: finished ones are kept when the command is killed, and put together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from annotate.files import atomic, read_json, write_json


def prepare_parts(folder: Path, task: str) -> None:
    """Keep the parts of a killed command only where they belong to this very task."""
    file = _task_file(folder)
    if not (file.is_file() and read_json(file, "mumic predict") == task):
        shutil.rmtree(folder, ignore_errors=True)
        write_json(file, task)


def listing(stem: Path) -> Path:
    """A part's JSON, which comes last; its rows are beside it in Parquet."""
    return stem.with_suffix(".json")


def is_done(stem: Path) -> bool:
    """Whether all of a part was read; what was set aside may be whole by now."""
    file = listing(stem)
    return file.is_file() and not read_json(file, "mumic predict")["rejects"]


def merge_parts(parts: list[Path], target: Path) -> None:
    """All parts as one file, one part in memory at a time."""
    with atomic(target) as file:
        schema = pq.read_schema(parts[0])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(pq.read_table(part))


def delete_parts(folder: Path) -> None:
    """End a task."""
    _task_file(folder).unlink()  # first: half a folder must not be gone on with
    shutil.rmtree(folder)


def _task_file(folder: Path) -> Path:
    return folder / "task.json"
