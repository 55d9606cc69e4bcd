"""The content of an answer: checked against what was asked, and read as votes. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from annotate.answers.choices import NONE, UNSURE
from annotate.server.errors import BadAnswer
from annotate.server.model import Vote

MOST_FIELDS = 50
LARGEST_FIELDS = 16_000  # bytes of all together, as JSON

Content = dict[str, dict[str, bool]]
Fields = dict[str, Any]


def check_content(content: Any, questions: Mapping[str, Sequence[str]]) -> tuple[Content, Fields]:
    """An answer that holds exactly the questions and classes that were asked.

    Args:
        content: whatever was sent.
        questions: class ids of each question that was asked.

    Returns:
        Every question and class in the order of ``questions``, then ``__none__``, ``__unsure__``;
        and the fields of no question, which an edited template may have, as they came.

    Raises:
        BadAnswer: a question missing, a class too many or too few, a choice that is not true or
            false, a question without an answer, "None of these" beside a tick or "Unsure", or
            fields that are too many or too large.
    """
    if not isinstance(content, dict) or not content.keys() >= questions.keys():
        raise BadAnswer("the answer does not hold the questions of this page; reload it.")
    boxes = {name: _boxes(name, content[name], classes) for name, classes in questions.items()}
    return boxes, _fields({name: content[name] for name in content if name not in questions})


def _fields(fields: Fields) -> Fields:
    try:
        size = len(json.dumps(fields, ensure_ascii=False).encode()) if fields else 0
    except UnicodeEncodeError as error:
        raise BadAnswer("a field beside the questions holds half of a character.") from error
    if len(fields) > MOST_FIELDS or size > LARGEST_FIELDS:
        raise BadAnswer(
            f"beside the questions there are {len(fields)} fields of {size:,} bytes; at most "
            f"{MOST_FIELDS} of {LARGEST_FIELDS:,} are kept. Please write less."
        )
    if not all(map(_is_field, fields.values())):
        raise BadAnswer("a field beside the questions is neither a text nor boxes.")
    return fields


def _is_field(value: Any) -> bool:
    """Whether ``crowd-form`` may have sent it: a text, boxes, or a list of labels."""
    if not isinstance(value, dict):
        return isinstance(value, str)
    return all(
        isinstance(part, (bool, str))
        or (isinstance(part, list) and all(isinstance(label, str) for label in part))
        for part in value.values()
    )


def _boxes(question: str, boxes: Any, classes: Sequence[str]) -> dict[str, bool]:
    wanted = {*classes, NONE, UNSURE}
    if not isinstance(boxes, dict) or boxes.keys() | {NONE, UNSURE} != wanted:
        raise BadAnswer(f"question {question}: not exactly the classes that were asked; reload.")
    if not all(isinstance(on, bool) for on in boxes.values()):
        raise BadAnswer(f"question {question}: every choice must be true or false.")
    full = {name: boxes.get(name, False) for name in (*classes, NONE, UNSURE)}
    ticked = any(full[name] for name in classes)
    if full[NONE] and (ticked or full[UNSURE]):
        raise BadAnswer(f'question {question}: "None of these" stands alone.')
    if not (ticked or full[NONE] or full[UNSURE]):
        raise BadAnswer(f"question {question} has no answer; tick something, None or Unsure.")
    return full


def votes_of(content: Content) -> Vote:
    """Yes, no or None (unsure) for each class, as ``annotate.labels.votes.count_votes`` has it.

    >>> votes_of({"q": {"a": True, "b": False, "__none__": False, "__unsure__": True}})
    {'a': True, 'b': None}
    """
    return {
        name: True if on else (None if boxes.get(UNSURE) else False)
        for boxes in content.values()
        for name, on in boxes.items()
        if name not in (NONE, UNSURE)
    }
