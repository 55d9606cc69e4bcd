"""Nodes of a taxonomy file as records whose values have the types that ``fields`` gives them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from annotate.errors import closest
from annotate.taxonomy.fields import (
    ID_PATTERN,
    LISTS,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_CLASSES,
    Field,
    Kind,
)
from annotate.taxonomy.nodes import Entries, Items, Node, Scalar
from annotate.taxonomy.problems import Problems

# What a value without quotes is by YAML 1.2, where it is not text.
_NULL = re.compile(r"(~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
_NUMBER = re.compile(
    r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"
)
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ID = re.compile(ID_PATTERN.removesuffix("$") + r"\Z")
_NAMES = {Scalar: "a single value", Items: "a list", Entries: "an entry with keys"}
_OF_IDS = (Kind.ID, Kind.IDS, Kind.ID_OR_IDS)
_N = TypeVar("_N", Scalar, Items, Entries)


class Marked(NamedTuple):
    """A text and the line where it stands."""

    text: str
    line: int


@dataclass(frozen=True)
class Record:
    """One entry of the file: its good values. Bad ones are problems already, and left out."""

    line: int
    singles: dict[str, Marked]
    lists: dict[str, tuple[Marked, ...]]

    def text(self, key: str, default: str = "") -> str:
        """The text under a key, or the default where there is none."""
        return self.singles[key].text if key in self.singles else default

    def texts(self, key: str) -> tuple[Marked, ...]:
        """The texts of the list under a key; empty where there is none."""
        return self.lists.get(key, ())

    def line_of(self, key: str) -> int:
        """The line of a key's value, or of the entry where there is none."""
        return self.singles[key].line if key in self.singles else self.line


def read_record(
    node: Node, fields: Sequence[Field], what: str, problems: Problems
) -> Record | None:
    """Read an entry: its keys and the types of its values. ``what`` names it in messages."""
    entries = _expect(node, Entries, what, problems)
    if entries is None:
        return None
    known = {field.key: field for field in fields}
    record = Record(entries.line, {}, {})
    seen: set[str] = set()
    for key, value in _pairs(entries, what, known, problems):
        if key in seen:
            problems.add(value.line, f"{what}: {key} is given twice; keep one")
            continue
        seen.add(key)
        _read_value(record, known[key], value, problems)
    for field in fields:
        if field.required and field.key not in seen:
            problems.add(entries.line, f"{what}: {field.key} is missing; add `{field.key}:`")
    return record


def read_records(
    root: Node, key: str, fields: Sequence[Field], what: str, problems: Problems
) -> list[Record]:
    """Read the list of entries under a key of the root, which :func:`read_record` has checked."""
    pairs = root.pairs if isinstance(root, Entries) else ()
    for name, value in pairs:
        if isinstance(name, Scalar) and name.text == key and isinstance(value, Items):
            nodes = value.nodes[:MOST_CLASSES]
            read = [read_record(node, fields, what, problems) for node in nodes]
            return [record for record in read if record is not None]
    return []


def _pairs(
    entries: Entries, what: str, known: dict[str, Field], problems: Problems
) -> Iterator[tuple[str, Node]]:
    """The pairs whose keys are known."""
    for key, value in entries.pairs:
        if not isinstance(key, Scalar):
            problems.add(key.line, f"{what}: a key must be a word, not {_NAMES[type(key)]}")
        elif key.text not in known:
            hint = closest(key.text, known) or f"; known keys are {', '.join(known)}"
            problems.add(key.line, f"{what}: unknown key {_shown(key.text)}{hint}")
        else:
            yield key.text, value


def _read_value(record: Record, field: Field, node: Node, problems: Problems) -> None:
    if field.kind is Kind.RECORDS:
        items = _expect(node, Items, field.key, problems)
        if items is not None and not items.nodes:
            problems.add(node.line, f"{field.key} is empty; add at least one entry")
        if items is not None and len(items.nodes) > MOST_CLASSES:
            problems.add(node.line, f"{field.key}: more than {MOST_CLASSES} entries; use fewer")
    elif field.kind is Kind.ID_OR_IDS and isinstance(node, Scalar):
        record.lists[field.key] = _read_list(field, Items(node.line, (node,)), problems)
    elif field.kind in LISTS:
        record.lists[field.key] = _read_list(field, node, problems)
    else:
        value = _read_single(field, node, problems)
        if value is not None:
            record.singles[field.key] = value


def _read_list(field: Field, node: Node, problems: Problems) -> tuple[Marked, ...]:
    items = _expect(node, Items, field.key, problems)
    found: dict[str, Marked] = {}
    for entry in items.nodes if items else ():
        value = _read_single(field, entry, problems)
        if value is None:
            continue
        if value.text in found:
            problems.add(value.line, f"{field.key}: {_shown(value.text)} is listed twice; keep one")
        found.setdefault(value.text, value)
    return tuple(found.values())


def _read_single(field: Field, node: Node, problems: Problems) -> Marked | None:
    scalar = _expect(node, Scalar, field.key, problems)
    if scalar is None:
        return None
    text = " ".join(scalar.text.split())
    fault = _fault(field, text, scalar.plain)
    if fault:
        problems.add(scalar.line, f"{field.key}: {fault}")
        return None
    return Marked(text, scalar.line)


def _fault(field: Field, text: str, plain: bool) -> str | None:
    """What is wrong with a value, or None."""
    if (plain and _NULL.match(text)) or not text:
        return "is empty; write something or delete the key"
    if field.kind is Kind.SHARE:
        return _share_fault(text, plain)
    if field.kind is Kind.VERSION and plain and _DECIMAL.match(text):
        return _text_fault(text)
    if plain and (_BOOL.match(text) or _NUMBER.match(text)):
        return f"{_shown(text)} is no text; put it in quotes"
    if field.kind is Kind.CHOICE and text not in field.choices:
        hint = closest(text, field.choices)
        return f"{_shown(text)} is not one of {', '.join(field.choices)}{hint}"
    if field.kind in _OF_IDS and not (len(text) <= LONGEST_ID and _ID.match(text)):
        return (
            f"{_shown(text)} is no id; use small letters, digits and single underscores, "
            f"a letter first, at most {LONGEST_ID} characters"
        )
    return _text_fault(text)


def _text_fault(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"has {len(text)} characters; at most {LONGEST_TEXT} are allowed, so shorten it"
    bad = next((sign for sign in text if unicodedata.category(sign) in ("Cc", "Cs", "Cn")), None)
    return f"holds the character U+{ord(bad):04X}; delete it" if bad else None


def _share_fault(text: str, plain: bool) -> str | None:
    if not plain or not _NUMBER.match(text):
        return f"{_shown(text)} is no number; write one without quotes, such as 0.6"
    value = float(text) if _DECIMAL.match(text) else math.nan
    if not 0 < value <= 1:
        return f"{_shown(text)} is outside (0, 1]; 0.6 means that 60 % must say yes"
    return None


def _expect(node: Node, kind: type[_N], what: str, problems: Problems) -> _N | None:
    if isinstance(node, kind):
        return node
    problems.add(node.line, f"{what} must be {_NAMES[kind]}, not {_NAMES[type(node)]}")
    return None


def _shown(text: str) -> str:
    """A value as messages quote it: escaped, and cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
