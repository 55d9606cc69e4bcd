"""Annotators' answers: from Ground Truth's worker responses to one packed table.

Whatever cannot count is set aside with its file, line and reason; nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from annotate.answers.choices import NONE, UNSURE, Choices, read_choices
from annotate.answers.found import RawAnswers, bare_content, short_text
from annotate.tables import ANSWER_REJECTS, ANSWERS

__all__ = ["NONE", "UNSURE", "Answers", "check_answers"]

Questions = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Answers:
    """What counts (``tables.ANSWERS``) and what was set aside (``tables.ANSWER_REJECTS``)."""

    answers: pd.DataFrame
    rejects: pd.DataFrame


class _Reject(NamedTuple):
    """A row of ``ANSWER_REJECTS``."""

    file: str
    line: int
    image_id: str | None = None
    question_id: str | None = None
    annotator_id: str | None = None
    reason: str = ""


class _Answer(NamedTuple):
    """A row of ``ANSWERS`` and where it stood. In its order: the first four columns sort it."""

    image_id: str
    question_id: str
    annotator_id: str
    submitted: str  # "" where there is no time, which sorts first
    seconds: float | None
    choices: Choices
    file: str
    line: int


def check_answers(
    found: Iterable[RawAnswers], questions: Mapping[str, Sequence[str]], images: Collection[str]
) -> Answers:
    """Sort answers into those that count and those that are set aside.

    Set aside are: what is no worker response; an unknown image, question or class; a page whose
    choices were not the question's; a tick together with "None of these"; an answer with nothing
    in it; a copy of an answer; one whose hidden copy says otherwise; and the earlier of two answers
    of one annotator to one question (by submission time, then by place).

    Args:
        found: what ``answers.files.find_answers`` yields.
        questions: class ids of each question.
        images: ids of all images of the catalogue.

    Returns:
        Both tables. The answers are sorted by image, question and annotator.
    """
    known = {question: frozenset(classes) for question, classes in questions.items()}
    kept: list[_Answer] = []
    rejects: list[_Reject] = []
    for raw in found:
        for entry in _check_image(raw, known, images):
            if type(entry) is _Answer:
                kept.append(entry)
            elif type(entry) is _Reject:
                rejects.append(entry)
    kept.sort(key=lambda answer: answer[:4])
    last, earlier = _last_of_each(kept)
    return Answers(_answer_table(last), _reject_table([*rejects, *earlier]))


def _check_image(
    raw: RawAnswers, known: Questions, images: Collection[str]
) -> Iterator[_Answer | _Reject]:
    place = _Reject(raw.file, raw.line, short_text(raw.image_id))
    if raw.problem is not None:
        yield place._replace(reason=raw.problem)
    elif not isinstance(raw.image_id, str) or raw.image_id not in images:
        yield place._replace(reason="unknown image")
    elif not isinstance(raw.answers, list) or not raw.answers:
        yield place._replace(reason="no list of answers")
    else:
        for response in raw.answers:
            yield from _check_response(response, place, known)


def _check_response(response: Any, place: _Reject, known: Questions) -> Iterator[_Answer | _Reject]:
    if not isinstance(response, dict):
        yield place._replace(reason="not a worker response")
        return
    annotator = response.get("workerId")
    if not isinstance(annotator, str) or not annotator or annotator != short_text(annotator):
        yield place._replace(reason="no usable workerId")
        return
    place = place._replace(annotator_id=annotator)
    content = bare_content(response.get("answerContent"))
    if not isinstance(content, dict) or not content:
        yield place._replace(reason="no answerContent")
        return
    copies: dict[str, Any] = {}
    if not content.keys() <= known.keys():
        content, copies = _hidden_copy(content, known)
    submitted, seconds = _time(response.get("submissionTime")), _seconds(response)
    image = str(place.image_id)
    for question, boxes in content.items():
        shown = known.get(question)
        choices = "unknown question" if shown is None else read_choices(boxes, shown)
        if question in copies and shown and read_choices(copies[question], shown) != choices:
            choices = "contradictory: the page's hidden copy of the answer says otherwise"
        if type(choices) is Choices:
            yield _Answer(
                image, question, annotator, submitted, seconds, choices, place.file, place.line
            )
        else:
            yield place._replace(question_id=short_text(question), reason=str(choices))


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


def _time(value: Any) -> str:
    """ISO 8601 in UTC with milliseconds, so that texts compare as times; "" where there is none.

    >>> _time("2020-12-28T20:59:15+02:00")
    '2020-12-28T18:59:15.000Z'
    """
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(response: Mapping[str, Any]) -> float | None:
    value = response.get("timeSpentInSeconds")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < 1e9 else None


def _last_of_each(ordered: Sequence[_Answer]) -> tuple[list[_Answer], list[_Reject]]:
    """Of an annotator's answers to one question the last, and the others set aside."""
    earlier = []
    kept = list(ordered[-1:])
    for answer, following in pairwise(reversed(ordered)):
        # pairwise over the reversed list: `following` stands before `answer` in time.
        if answer[:3] != following[:3]:
            kept.append(following)
            continue
        same = answer[3:6] == following[3:6]
        reason = "a copy of an answer that is there" if same else "replaced by a later answer"
        earlier.append(_Reject(following.file, following.line, *following[:3], reason))
    return kept[::-1], earlier


def _answer_table(rows: Sequence[_Answer]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "image_id": [row.image_id for row in rows],
            "question_id": [row.question_id for row in rows],
            "annotator_id": [row.annotator_id for row in rows],
            "ticked": pd.Series([row.choices.ticked for row in rows], dtype=object),
            "none": pd.Series([row.choices.none for row in rows], dtype=bool),
            "unsure": pd.Series([row.choices.unsure for row in rows], dtype=bool),
            "skipped": False,
            "submitted": pd.Series([row.submitted or None for row in rows], dtype=object),
            "seconds": pd.Series([row.seconds for row in rows], dtype="float32"),
        }
    )
    return frame[list(ANSWERS.columns)]


def _reject_table(rejects: Sequence[_Reject]) -> pd.DataFrame:
    frame = pd.DataFrame(rejects, columns=list(ANSWER_REJECTS.columns))
    return frame.sort_values(["file", "line"], kind="stable").reset_index(drop=True)
