"""What counts of a worker response of Ground Truth, and why the rest does not.

Whatever cannot count is set aside with its reason; nothing is guessed. What other answers decide
(copies, later answers) and the catalogue (unknown images) is for ``annotate.answers.packing``.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc

from annotate.answers.choices import NONE, UNSURE, Choices, read_choices
from annotate.answers.found import LONGEST, RawAnswers, bare_content, short_text
from annotate.times import time_text

Questions = Mapping[str, frozenset[str]]
UNKNOWN_IMAGE = "unknown image"
UNKNOWN_QUESTION = "unknown question"
_USUAL = r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"  # 2020-12-28T18:59:15.000Z


class Reject(NamedTuple):
    """What is set aside, of which question and annotator as far as that is known."""

    question_id: str | None = None
    annotator_id: str | None = None
    reason: str = ""


class Answer(NamedTuple):
    """What one annotator answered to one question."""

    question_id: str
    annotator_id: str
    submitted: str  # "" where there is no time, which sorts first
    seconds: float | None
    choices: Choices


def check_image(raw: RawAnswers, known: Questions) -> Iterator[Answer | Reject]:
    """Check the answers of one image.

    Args:
        raw: as they were found.
        known: class ids of each question.
    """
    if raw.problem is not None:
        yield Reject(reason=raw.problem)
    elif not usable_id(raw.image_id):
        yield Reject(reason=UNKNOWN_IMAGE)
    elif not isinstance(raw.answers, list) or not raw.answers:
        yield Reject(reason="no list of answers")
    else:
        for response in raw.answers:
            yield from _check_response(response, known)


def usable_id(value: Any) -> TypeGuard[str]:
    """Whether a value from a stranger can be an id: a text, not empty, not long, encodable."""
    if not isinstance(value, str) or value == "":
        return False
    return (value.isascii() and len(value) <= LONGEST) or value == short_text(value)


def _check_response(response: Any, known: Questions) -> Iterator[Answer | Reject]:
    if not isinstance(response, dict):
        yield Reject(reason="not a worker response")
        return
    annotator = response.get("workerId")
    if not usable_id(annotator):
        yield Reject(reason="no usable workerId")
        return
    place = Reject(annotator_id=annotator)
    content = bare_content(response.get("answerContent"))
    if not isinstance(content, dict) or not content:
        yield place._replace(reason="no answerContent")
        return
    copies: dict[str, Any] = {}
    if not content.keys() <= known.keys():
        content, copies = _hidden_copy(content, known)
    submitted, seconds = time_of(response.get("submissionTime")), seconds_of(response)
    for question, boxes in content.items():
        shown = known.get(question)
        if shown is None and is_own_field(boxes, known):
            continue
        choices = UNKNOWN_QUESTION if shown is None else read_choices(boxes, shown)
        if question in copies and shown and read_choices(copies[question], shown) != choices:
            choices = "contradictory: the page's hidden copy of the answer says otherwise"
        if type(choices) is Choices:
            yield Answer(question, annotator, submitted, seconds, choices)
        else:
            yield place._replace(question_id=short_text(question), reason=str(choices))


def is_own_field(value: Any, known: Questions) -> bool:
    """Whether a field that is called as no question is one of the template's own.

    That is a text, such as a comment, or boxes that are no class: of consent, say. What holds
    "None of these" or a class is a question that is not known.

    >>> known = {"q01": frozenset(["dog"])}
    >>> is_own_field("too dark", known), is_own_field({"consent": True}, known)
    (True, True)
    >>> is_own_field({"dog": True}, known), is_own_field({"cat": True, "__none__": False}, known)
    (False, False)
    """
    if not isinstance(value, dict) or not value:
        return isinstance(value, str)
    classes = frozenset((NONE, UNSURE)).union(*known.values())
    labels = value.get("labels")
    names = labels if isinstance(labels, list) else value
    return not any(isinstance(name, str) and name in classes for name in names)


def _hidden_copy(
    content: Mapping[str, Any], known: Questions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Unfold hidden fields that hold the whole answer as JSON, as some templates send it.

    Returns:
        The questions, those that stand only in a copy too, and what the copies say.
    """
    copies: dict[str, Any] = {}
    others = {}
    for name, value in content.items():
        copy = bare_content(value) if name not in known and isinstance(value, str) else None
        if isinstance(copy, dict) and copy:
            copies.update(copy)
        else:
            others[name] = value
    return {**copies, **others}, copies


def time_of(value: Any) -> str:
    """As :func:`time_text` writes it, so that texts compare as times; "" where there is none.

    >>> time_of("2020-12-28T20:59:15+02:00")
    '2020-12-28T18:59:15.000Z'
    """
    try:
        return time_text(datetime.fromisoformat(value))
    except (TypeError, ValueError, OverflowError):
        return ""


def times_of(values: Sequence[Any]) -> pa.Array:
    """:func:`time_of` of each; in a moment, where all are spelled as Ground Truth spells them."""
    if set(map(type, values)) == {str}:
        texts = pa.array(values, pa.string())
        usual = pc.match_substring_regex(texts, _USUAL)
        with contextlib.suppress(pa.ArrowInvalid):  # the 30th of February
            texts.cast(pa.timestamp("ms", "UTC"))
            if pc.all(usual).as_py():
                return texts
    return pa.array(list(map(time_of, values)), pa.string())


def seconds_of(response: Mapping[str, Any]) -> float | None:
    """Seconds that were spent on a response; None where it does not say so sensibly."""
    value = response.get("timeSpentInSeconds")
    if type(value) is float and 0 <= value < 1e9:
        return value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 1e9 else None
