"""What one annotator ticked on one question, read from each of the ways in which a page says it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from annotate.answers.found import parse_json, short_text

NONE = "__none__"
UNSURE = "__unsure__"
_OTHERS = frozenset((NONE, UNSURE))
_BOOL = frozenset((bool,))
_SPELLINGS = {"true": True, "on": True, "false": False, "off": False}


class Choices(NamedTuple):
    """A readable answer to one question: sorted ids of the ticked classes, none of them, unsure."""

    ticked: list[str]
    none: bool
    unsure: bool


def read_choices(value: Any, shown: frozenset[str]) -> Choices | str:
    """Read one question of an ``answerContent``, or say why it cannot count.

    A question is an object of boxes, or that object as JSON in a text (a hidden field), or what a
    category list leaves: ``{"labels": [...]}``, the ticked ones alone. A box is true or false, or
    one of the texts that forms send: true, on, false, off.

    Args:
        value: from a stranger.
        shown: ids of the question's classes.

    >>> read_choices({"dog": True, "cat": False, "__none__": False}, frozenset(["dog", "cat"]))
    Choices(ticked=['dog'], none=False, unsure=False)
    >>> read_choices({"labels": ["dog"]}, frozenset(["dog", "cat"]))
    Choices(ticked=['dog'], none=False, unsure=False)
    >>> read_choices({"dog": "maybe"}, frozenset(["dog"]))
    'a choice is neither true nor false'
    """
    boxes = value if type(value) is dict else parse_json(value) if type(value) is str else None
    if type(boxes) is not dict:
        return "not a mapping of choices"
    if not _BOOL.issuperset(map(type, boxes.values())):
        read = _read_boxes(boxes)
        if read is None:
            return "a choice is neither true nor false"
        boxes = read
    ticked = [box for box, on in boxes.items() if on]
    classes: Set[str] = boxes.keys() - _OTHERS
    if classes != shown and (reason := _wrong_choices(classes, boxes, shown)):
        return reason
    none, unsure = NONE in ticked, UNSURE in ticked
    if none or unsure:
        ticked = [box for box in ticked if box not in _OTHERS] if len(ticked) > 1 else []
    if none and (ticked or unsure):
        other = "a tick" if ticked else "unsure"
        return f"contradictory: none of these together with {other}"
    if not (ticked or none or unsure):
        return "empty"
    ticked.sort()
    return Choices(ticked, none, unsure)


def _read_boxes(boxes: Mapping[str, Any]) -> dict[str, bool] | None:
    """Booleans for the spellings of forms, and for a category list; None where one is neither."""
    labels = boxes.get("labels")
    if len(boxes) == 1 and isinstance(labels, list):
        named = all(isinstance(label, str) for label in labels)
        return dict.fromkeys(labels, True) if named else None
    read = {}
    for box, on in boxes.items():
        known = on if isinstance(on, bool) else _SPELLINGS.get(str(on).lower())
        if known is None or not isinstance(on, bool | str):
            return None
        read[box] = known
    return read


def _wrong_choices(
    classes: Set[str], boxes: Mapping[str, bool], shown: frozenset[str]
) -> str | None:
    if unknown := sorted(classes - shown):
        return f"unknown class {short_text(unknown[0])}"
    # The page sends every box. One that is missing was not shown: the question has changed since.
    if any(not boxes[box] for box in classes):
        return f"class {min(shown - classes)} was not among the choices"
    return None
