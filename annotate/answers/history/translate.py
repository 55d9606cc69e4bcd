"""Answers to the questions of then as answers to the questions of now. Pure functions.

What was shown is taken from the answer itself: its boxes, ticked or not. A class that was not shown
stays unasked, and a question of today is answered only where all its classes were shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from annotate.answers.choices import NONE, UNSURE
from annotate.answers.found import bare_content

# How a box that excludes all others was called, in lower case.
NONES = frozenset({NONE, "none", "none of these", "none of the above"})
UNSURES = frozenset({UNSURE, "unsure", "not sure"})
_TRUE, _FALSE = frozenset({"true", "on", "1", "yes"}), frozenset({"false", "off", "0", "no", ""})

Find = Callable[[str], str | None]  # from a class's id, name or alias to its id
Votes = dict[str, bool | None]  # None: unsure
Boxes = dict[str, bool]


def translate(
    content: Any,
    questions: Mapping[str, Sequence[str]],
    find: Find,
    labels: Collection[str] = (),
) -> tuple[dict[str, Boxes], list[str]]:
    """An answer of any dialect as ``answerContent`` of today.

    Args:
        content: what a worker response, an annotation or an assignment holds.
        questions: class ids of each question of today.
        find: looks a class up.
        labels: names that a category list showed; it sends the ticked ones alone.

    Returns:
        Boxes of each question that can be answered, and reasons for what is left out.

    >>> translate({"g": {"Dog": True, "Cat": False}}, {"q01": ("dog",)}, str.lower)
    ({'q01': {'dog': True, '__none__': False, '__unsure__': False}}, [])
    """
    content = bare_content(content)
    if not isinstance(content, dict) or not content:
        return {}, ["no answerContent"]
    votes: Votes = {}
    twice: set[str] = set()
    reasons: list[str] = []
    for group in _groups(content, find, labels):
        found = group if isinstance(group, str) else _votes(group, find, reasons)
        if isinstance(found, str):
            reasons.append(found)
            continue
        for class_id, said in found.items():
            if votes.setdefault(class_id, said) is not said:
                twice.add(class_id)
    reasons += [f"contradictory: {class_id} is answered twice" for class_id in sorted(twice)]
    answered = {
        question: _boxes({name: votes[name] for name in classes})
        for question, classes in questions.items()
        if all(name in votes and name not in twice for name in classes)
    }
    if not answered and not reasons:
        reasons.append("no question of questions.yaml had all its classes shown")
    return answered, reasons


def _groups(
    content: Mapping[str, Any], find: Find, labels: Collection[str]
) -> Iterator[Mapping[str, Any] | str]:
    """The groups of boxes of a page, or why one cannot be read."""
    alone: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, str):  # a hidden field, perhaps with the whole answer once more
            copy = bare_content(value)
            if isinstance(copy, dict) and not copy.keys() <= content.keys():
                yield from _groups(copy, find, labels)
            continue
        if not isinstance(value, dict):
            yield "not a mapping of choices"
        elif value.keys() == {"labels"} and isinstance(value["labels"], list):
            yield _listed(value["labels"], labels)
        elif value.keys() == {"on"} and (find(name) or name.lower() in NONES | UNSURES):
            alone[name] = value["on"]  # a box of its own that is called as its class
        else:
            yield value
    if alone:
        yield alone


def _listed(ticked: Sequence[Any], labels: Collection[str]) -> dict[str, bool] | str:
    if not labels:
        return "only ticked labels are stored; say with --labels which were shown"
    return dict.fromkeys(labels, False) | {str(label): True for label in ticked}


def _votes(boxes: Mapping[str, Any], find: Find, reasons: list[str]) -> Votes | str:
    none = unsure = False
    has_none = False
    votes: Votes = {}
    for name, value in boxes.items():
        on = _truth(value)
        if on is None:
            return "a choice is neither true nor false"
        if name.lower() in NONES:
            none, has_none = none or on, True
        elif name.lower() in UNSURES:
            unsure = unsure or on
        elif (class_id := find(name)) is None:
            reasons.append(f"unknown class {name[:80]}")
        else:
            votes[class_id] = on
    ticked = any(votes.values())
    if none and (ticked or unsure):
        return f"contradictory: none of these together with {'a tick' if ticked else 'unsure'}"
    if not (ticked or none or unsure):
        # Without such a box "nothing is there" and "passed over" look alike.
        return "empty" if has_none else "nothing ticked, and no box for none: perhaps passed over"
    if unsure:
        return {name: True if on else None for name, on in votes.items()}
    return votes


def _truth(value: Any) -> bool | None:
    if isinstance(value, dict) and len(value) == 1:  # {"value": true} of some exports
        value = next(iter(value.values()))
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else None
    return True if text in _TRUE else False if text in _FALSE else None


def _boxes(votes: Votes) -> Boxes:
    ticked = any(said is True for said in votes.values())
    unsure = any(said is None for said in votes.values())
    boxes = {name: said is True for name, said in votes.items()}
    return boxes | {NONE: not ticked and not unsure, UNSURE: unsure}
