"""YAML text as a tree of nodes that know their lines, and nothing that could do harm.

The tree is built from parse events, so no tag ever constructs an object. Tags, anchors, aliases,
deep nesting and several documents are refused: a label list needs none of them, and they are how a
small file becomes a huge or a dangerous one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from annotate.taxonomy.problems import Problems

MOST_DEPTH = 8
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Scalar:
    """A single value; ``plain`` when it stands there without quotes."""

    line: int
    text: str
    plain: bool


@dataclass(frozen=True)
class Items:
    """A list."""

    line: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Entries:
    """A mapping, as its pairs in file order; keys may repeat."""

    line: int
    pairs: tuple[tuple[Node, Node], ...]


Node: TypeAlias = Scalar | Items | Entries


class _RefusedError(Exception):
    """The text is not what we read: the message goes to the user."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_nodes(text: str, problems: Problems) -> Node | None:
    """Parse a YAML document.

    Args:
        text: the decoded file.
        problems: takes the one problem that ends parsing.

    Returns:
        The root node, or None after a problem or for an empty document.
    """
    try:
        _check_characters(text)
        return _document(_events(text))
    except _RefusedError as error:
        problems.add(error.line, str(error))
        return None


def _check_characters(text: str) -> None:
    found = _FORBIDDEN.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise _RefusedError(
            line, f"character U+{ord(found[0]):04X} is not allowed in YAML; delete it"
        )


def _events(text: str) -> Iterator[Any]:
    """Parse events of ruamel's Python parser, with its errors translated."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    line = 1
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            yield event
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.problem, error.context) if part)
        raise _RefusedError(mark.line + 1 if mark else line, f"not valid YAML: {what}") from error
    except (YAMLError, ValueError, OverflowError, AttributeError) as error:
        # An escape beyond Unicode reaches chr(); a broken directive a missing attribute.
        raise _RefusedError(line, f"not valid YAML near here: {error}") from error


def _document(events: Iterator[Any]) -> Node | None:
    root: Node | None = None
    for event in events:
        kind = type(event).__name__
        if kind in ("StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent"):
            continue
        if kind == "StreamEndEvent":
            break
        if root is not None:
            raise _RefusedError(
                _line(event), "a second YAML document; keep one and delete the rest"
            )
        root = _node(event, events, depth=1)
    return root


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    _refuse_extras(event)
    line = _line(event)
    if depth > MOST_DEPTH:
        raise _RefusedError(
            line, f"nested more than {MOST_DEPTH} levels deep; a label list has four"
        )
    kind = type(event).__name__
    if kind == "ScalarEvent":
        return Scalar(line, event.value, plain=bool(event.implicit[0]))
    if kind == "SequenceStartEvent":
        return Items(line, tuple(_children(events, depth)))
    children = list(_children(events, depth))
    pairs = zip(children[::2], children[1::2], strict=True)
    return Entries(line, tuple((key, _beside(key, value)) for key, value in pairs))


def _beside(key: Node, value: Node) -> Node:
    """An absent value stands in its key's line; the parser puts it where the next one begins."""
    absent = isinstance(value, Scalar) and value.plain and not value.text
    return Scalar(key.line, "", plain=True) if absent else value


def _children(events: Iterator[Any], depth: int) -> Iterator[Node]:
    for event in events:
        if type(event).__name__ in ("SequenceEndEvent", "MappingEndEvent"):
            return
        yield _node(event, events, depth + 1)


def _refuse_extras(event: Any) -> None:
    if type(event).__name__ == "AliasEvent":
        raise _RefusedError(_line(event), f"alias *{event.anchor}: write the value out instead")
    if event.anchor is not None:
        raise _RefusedError(_line(event), f"anchor &{event.anchor}: delete it and write values out")
    if event.tag is not None:
        raise _RefusedError(
            _line(event), f"tag {event.tag}: delete it; values are plain text and lists"
        )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
