"""Fields of an old form, by what its author says that they ask: a CSV with ``field,value,class``.

A plain form sends ``has_pool=on``, or ``seen=pool|sauna`` for boxes of one name, and nothing for
what was not ticked. Which classes these are, and which were shown, stands in no result.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotate.answers.found import bare_content
from annotate.errors import InputError, MissingError

COLUMNS = ("field", "value", "class")
_SEPARATOR = "|"  # of Mechanical Turk, between values of fields that have one name
_OFF = frozenset({"", "false", "off", "no", "0"})

FieldMap = Mapping[str, Mapping[str, str]]


def read_field_map(path: Path) -> dict[str, dict[str, str]]:
    """Classes by field and value; the value "" stands for the field itself, which is one box.

    Raises:
        MissingError: the file is not there.
        InputError: a column is missing, or a row names no field or class, or one twice.
    """
    if not path.is_file():
        raise MissingError(
            f"no list of fields at {path}. It is a CSV with the columns field, value and class; "
            "docs/ground-truth.md has an example."
        )
    found: dict[str, dict[str, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise InputError(f"{path}:1: the columns must be {', '.join(COLUMNS)}.")
            for row in reader:
                field, value, name = ((row[column] or "").strip() for column in COLUMNS)
                values = found.setdefault(field, {})
                if not field or not name or value in values or (values and "" in (value, *values)):
                    raise InputError(
                        f"{path}:{reader.line_num}: each row names a field, a class, and a value "
                        "of that field; or a field alone, once, without a value."
                    )
                values[value] = name
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as a CSV in UTF-8 ({error}).") from error
    return found


def name_fields(content: Any, fields: FieldMap) -> Any:
    """An answer with its fields as boxes of classes; one that has none of the fields is unchanged.

    >>> seen = {"seen": {"1": "Pool", "2": "Sauna"}, "none": {"": "None of these"}}
    >>> name_fields({"seen": {"on": "2"}, "comment": {"on": "nice"}}, seen)
    {'comment': {'on': 'nice'}, 'fields': {'Pool': False, 'Sauna': True, 'None of these': False}}
    """
    bare = bare_content(content)
    if not isinstance(bare, dict) or not any(field in bare for field in fields):
        return content
    boxes: dict[str, bool] = {}
    for field, classes in fields.items():
        sent = _text(bare.get(field))
        if "" in classes:
            boxes[classes[""]] = boxes.get(classes[""], False) or sent.lower() not in _OFF
            continue
        ticked = [value for value in map(str.strip, sent.split(_SEPARATOR)) if value]
        for name in classes.values():
            boxes.setdefault(name, False)
        boxes |= {classes.get(value, f"{field}={value}"): True for value in ticked}
    others = {name: value for name, value in bare.items() if name not in fields}
    return others | {"fields": boxes}


def _text(sent: Any) -> str:
    value = sent.get("on") if isinstance(sent, dict) else sent
    return str(value) if isinstance(value, (str, bool)) else ""
