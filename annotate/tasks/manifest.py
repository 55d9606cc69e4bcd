"""The manifest of tasks: which image is asked which questions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.errors import InputError, MissingError


@dataclass(frozen=True)
class TaskLine:
    """One line of ``manifest.jsonl``: an image and the ids of its questions."""

    image_id: str
    questions: tuple[str, ...]


def read_manifest(path: Path) -> list[TaskLine]:
    """Read ``data/tasks/manifest.jsonl``, in its order.

    Raises:
        MissingError: no such file.
        InputError: a line is not what ``docs/formats.md`` says, or an image stands in two lines.
    """
    if not path.is_file():
        raise MissingError(f"no tasks at {path}. Make them with `mumic-annotate tasks`.")
    tasks: dict[str, TaskLine] = {}
    for number, raw in enumerate(path.read_bytes().splitlines(), 1):
        if not raw.strip():
            continue
        task = _task(_json(raw))
        if task is None:
            raise InputError(
                f"{path}:{number}: a line must be a JSON object with a text `image-id` and a list "
                "`questions`. Make the manifest anew with `mumic-annotate tasks`."
            )
        if task.image_id in tasks:
            raise InputError(
                f"{path}:{number}: image {task.image_id} stands in an earlier line too."
            )
        tasks[task.image_id] = task
    return list(tasks.values())


def manifest_keys(path: Path) -> tuple[str, ...]:
    """The keys that every line of any Ground Truth manifest has.

    Raises:
        MissingError: no such file.
        InputError: a line is no JSON object, or there is none.
    """
    if not path.is_file():
        raise MissingError(f"no manifest at {path}.")
    keys: dict[str, None] | None = None
    for number, raw in enumerate(path.read_bytes().splitlines(), 1):
        entry = _json(raw) if raw.strip() else {}
        if not isinstance(entry, dict):
            raise InputError(f"{path}:{number}: a line must be a JSON object.")
        if raw.strip():
            keys = {key: None for key in (entry if keys is None else keys) if key in entry}
    if keys is None:
        raise InputError(f"{path} has no lines, so that it does not say which keys there are.")
    return tuple(keys)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _task(entry: Any) -> TaskLine | None:
    if not isinstance(entry, dict):
        return None
    image_id, questions = entry.get("image-id"), entry.get("questions")
    if not isinstance(image_id, str) or not isinstance(questions, list):
        return None
    if not all(isinstance(question, str) for question in questions):
        return None
    return TaskLine(image_id, tuple(questions))
