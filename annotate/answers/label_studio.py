"""Label Studio's JSON export: choices of images.

The export names what was ticked, not what could be: the choices of a control are all that anybody
ticked in it, anywhere in the file. A submitted annotation says no to those that it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotate.answers.foreign import ForeignVotes
from annotate.answers.found import parse_json
from annotate.errors import InputError


def read_label_studio(path: Path) -> ForeignVotes:
    """Read an export.

    Cancelled (skipped) annotations and tasks without an image are set aside. ``line`` of what is
    set aside counts the tasks from 1.

    Raises:
        InputError: it is no list of tasks.
    """
    tasks = parse_json(path.read_bytes())
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(
            f"{path}: not a JSON export of Label Studio (a list of tasks); choose JSON when you "
            "export, not JSON-MIN."
        )
    shown: dict[str, dict[str, None]] = {}
    for task in tasks:
        for annotation in _annotations(task):
            for control, choice in _ticks(annotation):
                shown.setdefault(control, {})[choice] = None
    votes = ForeignVotes()
    for number, task in enumerate(tasks, 1):
        image = _image(task.get("data"))
        for annotation in _annotations(task):
            if image is None:
                votes.aside.append((number, None, "no image in the task's data"))
            elif annotation.get("was_cancelled"):
                votes.aside.append((number, image, "skipped by the annotator"))
            else:
                _vote(votes, image, annotation, shown)
    return votes


def _vote(
    votes: ForeignVotes, image: str, annotation: dict[str, Any], shown: dict[str, dict[str, None]]
) -> None:
    ticked = set(_ticks(annotation))
    for control, choices in shown.items():
        for choice in choices:
            answer = "yes" if (control, choice) in ticked else "no"
            votes.add(image, choice, _person(annotation.get("completed_by")), answer)


def _annotations(task: dict[str, Any]) -> list[dict[str, Any]]:
    found = task.get("annotations")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _ticks(annotation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Control and choice of each tick."""
    result = annotation.get("result")
    for entry in result if isinstance(result, list) else []:
        value = entry.get("value") if isinstance(entry, dict) else None
        choices = value.get("choices") if isinstance(value, dict) else None
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, str):
                yield str(entry.get("from_name")), choice


def _person(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return "" if value is None else str(value)


def _image(data: Any) -> str | None:
    """The image of a task: ``image``, else its only text. A local file is behind ``?d=``."""
    if not isinstance(data, dict):
        return None
    texts = [value for value in data.values() if isinstance(value, str)]
    image = data.get("image", texts[0] if len(texts) == 1 else None)
    return image.split("?d=")[-1] if isinstance(image, str) and image else None
