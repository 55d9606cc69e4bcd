"""Settings from TOML and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from annotate.errors import InputError, closest


def read_sections(kind: type, raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Sections of parsed TOML by name, as the dataclasses that ``kind`` has for them.

    Raises:
        InputError: an unknown section or key (with the closest known one), a value of a wrong type.
    """
    hints = get_type_hints(kind)
    problems = [
        f"{where}: unknown section [{name}]{closest(name, hints)}"
        for name in raw
        if name not in hints
    ]
    sections = {}
    for name in hints.keys() & raw.keys():
        values = raw[name]
        if isinstance(values, Mapping):
            sections[name] = _section(hints[name], name, values, where, problems)
        else:
            problems.append(f"{where}: {name} must be a section: [{name}]")
    if problems:
        raise InputError("\n".join(sorted(problems)))
    return sections


def _section(
    kind: type, name: str, values: Mapping[str, Any], where: str, problems: list[str]
) -> Any:
    hints = get_type_hints(kind)
    accepted = {}
    for key, value in values.items():
        if key not in hints:
            problems.append(f"{where}: [{name}] has no setting {key!r}{closest(key, hints)}")
        elif (converted := _convert(value, hints[key])) is None:
            problems.append(
                f"{where}: [{name}] {key} must be {_describe(hints[key])}, not {value!r}"
            )
        else:
            accepted[key] = converted
    return kind(**accepted)


def _convert(value: Any, hint: Any) -> Any:
    """The value as the hinted type, or None where it does not fit."""
    if isinstance(hint, UnionType):
        fitting = (_convert(value, kind) for kind in get_args(hint))
        return next((converted for converted in fitting if converted is not None), None)
    if get_origin(hint) is tuple:
        fits = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        return tuple(value) if fits else None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is hint else None


def _describe(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(_describe(kind) for kind in get_args(hint))
    names = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}
    return names.get(hint, 'a list of texts, such as ["a", "b"]')


def write_sections(settings: Any) -> str:
    """Sections as TOML, each setting with its comment."""
    blocks = ["# Settings of this workspace. Options of a command replace them for one call.\n"]
    for section in fields(settings):
        lines = [f"[{section.name}]"]
        values = getattr(settings, section.name)
        for entry in fields(values):
            value = toml_value(getattr(values, entry.name))
            lines.append(f"{f'{entry.name} = {value}':<44}  # {entry.metadata['comment']}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def toml_value(value: Any) -> str:
    """A setting's value as TOML."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
