"""Label Studio's JSON export: choices of images.

The export names what was ticked, not what could be: the choices of a control are all that anybody
ticked in it, anywhere in the file. A submitted annotation says no to those that it leaves out. A
choice is a class; one that several controls have, as Yes and No, is a class of each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

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
    names = _class_names(shown)
    votes = ForeignVotes()
    for number, task in enumerate(tasks, 1):
        image = _image(task.get("data"))
        for annotation in _annotations(task):
            if image is None:
                votes.aside.append((number, None, "no image in the task's data"))
            elif annotation.get("was_cancelled"):
                votes.aside.append((number, image, "skipped by the annotator"))
            else:
                ticked, person = set(_ticks(annotation)), _person(annotation.get("completed_by"))
                for place, name in names.items():
                    votes.add(image, name, person, "yes" if place in ticked else "no")
    return votes


def _class_names(shown: dict[str, dict[str, None]]) -> dict[tuple[str, str], str]:
    """Class by control and choice: the choice, or ``control:choice`` where several have it.

    >>> _class_names({"kind": {"Pool": None}, "sea": {"Yes": None}, "bay": {"Yes": None}})
    {('kind', 'Pool'): 'Pool', ('sea', 'Yes'): 'sea:Yes', ('bay', 'Yes'): 'bay:Yes'}
    """
    controls = Counter(choice for choices in shown.values() for choice in choices)
    return {
        (control, choice): choice if controls[choice] == 1 else f"{control}:{choice}"
        for control, choices in shown.items()
        for choice in choices
    }


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
    """The image of a task: ``image``, else its only text.

    A local file is behind ``?d=``, as it stands in an address: a space is ``%20`` there.

    >>> _image({"image": "/data/local-files/?d=photos/my%20room.jpg"})
    'photos/my room.jpg'
    >>> _image({"image": "s3://bucket/a%20b.jpg"})
    's3://bucket/a%20b.jpg'
    """
    if not isinstance(data, dict):
        return None
    texts = [value for value in data.values() if isinstance(value, str)]
    image = data.get("image", texts[0] if len(texts) == 1 else None)
    if not isinstance(image, str) or not image:
        return None
    _, local, place = image.partition("?d=")
    return unquote(place) if local else image
