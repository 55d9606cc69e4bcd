"""Annotators' answers: from Ground Truth's worker responses to one packed table.

Whatever cannot count is set aside with its file, line and reason; nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from annotate.answers.files import RawAnswers, parse_json
from annotate.tables import ANSWER_REJECTS, ANSWERS

NONE = "__none__"
UNSURE = "__unsure__"
MAX_TEXT = 200  # ids and excerpts of hostile input stay short in the tables
_KEY = ["image_id", "question_id", "annotator_id"]


@dataclass(frozen=True)
class Answers:
    """What counts (``tables.ANSWERS``) and what was set aside (``tables.ANSWER_REJECTS``)."""

    answers: pd.DataFrame
    rejects: pd.DataFrame


@dataclass(frozen=True)
class _Place:
    """Where an answer stood; fields of ``ANSWER_REJECTS``."""

    file: str
    line: int
    image_id: str | None = None
    question_id: str | None = None
    annotator_id: str | None = None


@dataclass(frozen=True)
class _Reject:
    place: _Place
    reason: str


@dataclass(frozen=True)
class _Answer:
    place: _Place
    ticked: list[str]
    none: bool
    unsure: bool
    submitted: str | None
    seconds: float | None


def check_answers(
    found: Iterable[RawAnswers], questions: Mapping[str, Sequence[str]], images: Collection[str]
) -> Answers:
    """Sort answers into those that count and those that are set aside.

    Set aside are: what is no worker response; an unknown image, question or class; a page whose
    choices were not the question's; a tick together with "None of these"; an answer with nothing
    in it; and the earlier of two answers of one annotator to one question (by submission time,
    then by place).

    Args:
        found: what ``answer_files.find_answers`` yields.
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
            if isinstance(entry, _Answer):
                kept.append(entry)
            else:
                rejects.append(entry)
    return _tables(kept, rejects)


def _check_image(
    raw: RawAnswers, known: Mapping[str, frozenset[str]], images: Collection[str]
) -> Iterator[_Answer | _Reject]:
    place = _Place(raw.file, raw.line, _text(raw.image_id))
    if raw.problem is not None:
        yield _Reject(place, raw.problem)
    elif not isinstance(raw.image_id, str) or raw.image_id not in images:
        yield _Reject(place, "unknown image")
    elif not isinstance(raw.answers, list) or not raw.answers:
        yield _Reject(place, "no list of answers")
    else:
        for response in raw.answers:
            yield from _check_response(response, place, known)


def _check_response(
    response: Any, place: _Place, known: Mapping[str, frozenset[str]]
) -> Iterator[_Answer | _Reject]:
    if not isinstance(response, dict):
        yield _Reject(place, "not a worker response")
        return
    annotator = response.get("workerId")
    if not isinstance(annotator, str) or not annotator or annotator != _text(annotator):
        yield _Reject(place, "no usable workerId")
        return
    place = _Place(place.file, place.line, place.image_id, None, annotator)
    content = _content(response.get("answerContent"))
    if not isinstance(content, dict) or not content:
        yield _Reject(place, "no answerContent")
        return
    submitted, seconds = _time(response.get("submissionTime")), _seconds(response)
    for question, boxes in content.items():
        at = _Place(place.file, place.line, place.image_id, _text(question), annotator)
        reason = _fault(question, boxes, known)
        if reason is not None:
            yield _Reject(at, reason)
            continue
        ticked = sorted(box for box, on in boxes.items() if on and box not in (NONE, UNSURE))
        none, unsure = boxes.get(NONE, False), boxes.get(UNSURE, False)
        yield _Answer(at, ticked, none, unsure, submitted, seconds)


def _content(content: Any) -> Any:
    """The bare object, also where it stands in a one-item list or as JSON in a text."""
    if isinstance(content, str):
        content = parse_json(content)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return content


def _fault(question: str, boxes: Any, known: Mapping[str, frozenset[str]]) -> str | None:
    """Why an answer to one question cannot count, or None."""
    if question not in known:
        return "unknown question"
    if not isinstance(boxes, dict):
        return "not a mapping of choices"
    if not all(isinstance(on, bool) for on in boxes.values()):
        return "a choice is neither true nor false"
    classes = boxes.keys() - {NONE, UNSURE}
    if unknown := sorted(classes - known[question]):
        return f"unknown class {_text(unknown[0])}"
    # The page sends every box. One that is missing was not shown: the question has changed since.
    unticked = any(not boxes[box] for box in classes)
    if unticked and (missing := sorted(known[question] - classes)):
        return f"class {missing[0]} was not among the choices"
    return _contradiction(any(boxes[box] for box in classes), boxes)


def _contradiction(ticked: bool, boxes: Mapping[str, bool]) -> str | None:
    none, unsure = boxes.get(NONE, False), boxes.get(UNSURE, False)
    if none and ticked:
        return "contradictory: none of these together with a tick"
    if none and unsure:
        return "contradictory: none of these together with unsure"
    if not (ticked or none or unsure):
        return "empty"
    return None


def _text(value: Any) -> str | None:
    """A short text that every file format takes; None for what is no text."""
    if not isinstance(value, str):
        return None
    return value[:MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


def _time(value: Any) -> str | None:
    """ISO 8601 in UTC with milliseconds, so that texts compare as times; None where there is none.

    >>> _time("2020-12-28T20:59:15+02:00")
    '2020-12-28T18:59:15.000Z'
    """
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
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


def _tables(kept: list[_Answer], rejects: list[_Reject]) -> Answers:
    frame = pd.DataFrame(
        {
            "image_id": [entry.place.image_id for entry in kept],
            "question_id": [entry.place.question_id for entry in kept],
            "annotator_id": [entry.place.annotator_id for entry in kept],
            "ticked": pd.Series([entry.ticked for entry in kept], dtype=object),
            "none": pd.Series([entry.none for entry in kept], dtype=bool),
            "unsure": pd.Series([entry.unsure for entry in kept], dtype=bool),
            "skipped": False,
            "submitted": pd.Series([entry.submitted for entry in kept], dtype=object),
            "seconds": pd.Series([entry.seconds for entry in kept], dtype="float32"),
        }
    )
    # Missing times sort first; the sort is stable, so that equal times keep the order of the files.
    order = (
        frame.assign(submitted=frame["submitted"].fillna(""))
        .sort_values([*_KEY, "submitted"], kind="stable")
        .index
    )
    replaced = frame.loc[order].duplicated(_KEY, keep="last")
    earlier = [_Reject(kept[row].place, "replaced by a later answer") for row in order[replaced]]
    answers = frame.loc[order[~replaced], list(ANSWERS.columns)].reset_index(drop=True)
    return Answers(answers, _reject_table([*rejects, *earlier]))


def _reject_table(rejects: list[_Reject]) -> pd.DataFrame:
    rows = [{**vars(entry.place), "reason": entry.reason} for entry in rejects]
    frame = pd.DataFrame(rows, columns=list(ANSWER_REJECTS.columns))
    return frame.sort_values(["file", "line"], kind="stable").reset_index(drop=True)
