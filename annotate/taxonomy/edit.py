"""Values into a taxonomy file (vote thresholds, prompts), every other byte as it was.

A YAML library that writes a file back reflows long lines, quotes and spaces, which no reviewer
wants to see in a diff. Here ruamel.yaml says where the values stand, and only they are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotate.errors import InputError
from annotate.files import atomic
from annotate.taxonomy.load import load_taxonomy, parse_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.problems import Problems

_MARK = "\ufeff"  # of byte order, which some editors put in front


@dataclass(frozen=True)
class _Edit:
    """Characters from ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str


Value = float | str


def write_values(path: Path, key: str, values: Mapping[str, Value]) -> None:
    """Set one key of some classes in a taxonomy file.

    Args:
        path: the file.
        key: such as ``vote_threshold``, a number, or ``prompt``, a plain word.
        values: by class id.

    Raises:
        InputError: the file is wrong, has no such class, or is written in a way in which the
            change cannot be made; it is then left as it was.
    """
    load_taxonomy(path)  # names every problem with its line
    text = path.read_bytes().decode("utf-8")
    changed = set_values(text, key, values, str(path))
    with atomic(path) as file:
        file.write(changed.encode())


def set_values(text: str, key: str, values: Mapping[str, Value], where: str = "taxonomy") -> str:
    """The text of a taxonomy with other values of one key.

    A value that is there is replaced; else a line is added after the class's ``difficulty``, or
    after its last key of one line.

    Args:
        text: of a valid file.
        key: see :func:`write_values`.
        values: by class id.
        where: names the file in messages.

    Raises:
        InputError: an unknown class, or the result would differ in more than these values.
    """
    if text.startswith(_MARK):
        return _MARK + set_values(text[1:], key, values, where)
    nodes = _class_nodes(text)
    unknown = sorted(set(values) - set(nodes))
    if unknown:
        raise InputError(f"{where}: it has no class {unknown[0]!r}.")
    edits = [_edit(text, nodes[class_id], key, value) for class_id, value in values.items()]
    changed = text
    for edit in sorted(edits, key=lambda edit: -edit.start):
        changed = changed[: edit.start] + edit.text + changed[edit.end :]
    if _parsed(changed) != _with(_parsed(text), key, values):
        raise InputError(f"{where}: {key} cannot be set without changing more. Set it by hand.")
    return changed


def _class_nodes(text: str) -> dict[str, Any]:
    """The mapping node of each class by its id."""
    from ruamel.yaml import YAML

    root = YAML(pure=True).compose(text)
    classes = next(value for key, value in root.value if key.value == "classes")
    found = {}
    for node in classes.value:
        keys = {key.value: value for key, value in node.value}
        found[keys["id"].value] = node
    return found


def _edit(text: str, node: Any, name: str, value: Value) -> _Edit:
    stated = value if isinstance(value, str) else f"{value:g}"
    keys = {key.value: (key, entry) for key, entry in node.value}
    if name in keys:
        entry = keys[name][1]
        return _Edit(entry.start_mark.index, entry.end_mark.index, stated)
    if node.flow_style:
        last = node.value[-1][1].end_mark.index
        return _Edit(last, last, f", {name}: {stated}")
    key, entry = keys.get("difficulty") or keys["id"]
    end = text.find("\n", entry.end_mark.index)
    end = len(text) if end < 0 else end
    newline = "\r\n" if text[max(end - 1, 0) : end] == "\r" else "\n"
    at = end - len(newline) + 1
    return _Edit(at, at, f"{newline}{' ' * key.start_mark.column}{name}: {stated}")


def _parsed(text: str) -> Taxonomy | None:
    problems = Problems("taxonomy")
    return parse_taxonomy(text, problems)


def _with(taxonomy: Taxonomy | None, key: str, values: Mapping[str, Value]) -> Taxonomy | None:
    if taxonomy is None:
        return None
    classes = tuple(
        replace(entry, **{key: values.get(entry.id, getattr(entry, key))})
        for entry in taxonomy.classes
    )
    return replace(taxonomy, classes=classes)
