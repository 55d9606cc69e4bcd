"""The content of an answer: checked against what was asked, and read as votes. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotate.server.errors import BadAnswer
from annotate.server.model import Vote

NONE = "__none__"
UNSURE = "__unsure__"

Content = dict[str, dict[str, bool]]


def check_content(content: Any, questions: Mapping[str, Sequence[str]]) -> Content:
    """An answer that holds exactly the questions and classes that were asked.

    Args:
        content: whatever was sent.
        questions: class ids of each question that was asked.

    Returns:
        Every question and class in the order of ``questions``, then ``__none__``, ``__unsure__``.

    Raises:
        BadAnswer: a question or class too many or too few, a choice that is not true or false,
            a question without an answer, or "None of these" beside a tick or "Unsure".
    """
    if not isinstance(content, dict) or content.keys() != questions.keys():
        raise BadAnswer("the answer does not hold exactly the questions of this page; reload it.")
    return {name: _boxes(name, content[name], classes) for name, classes in questions.items()}


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
