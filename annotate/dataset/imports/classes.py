"""Classes of a source and those of the taxonomy; a first taxonomy where there is none."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from annotate.errors import InputError, closest
from annotate.files import atomic
from annotate.taxonomy.fields import LONGEST_ID
from annotate.taxonomy.model import Taxonomy, lookup_key
from annotate.workspace import SETTINGS_FILE, Workspace

MOST_NAMED = 20


def match_classes(names: Iterable[str], taxonomy: Taxonomy, *, skip: bool) -> dict[str, str]:
    """Id of the class that each name means, by id, name or alias.

    Raises:
        InputError: some are unknown, and ``skip`` is not set.
    """
    ids = {}
    unknown = []
    for name in names:
        try:
            ids[name] = taxonomy.resolve(name).id
        except InputError:
            unknown.append(name)
    if unknown and not skip:
        known = [word for entry in taxonomy.classes for word in (entry.id, entry.name)]
        lines = [f"  {name}{closest(name, known, count=1)}" for name in unknown[:MOST_NAMED]]
        more = [f"  and {len(unknown) - MOST_NAMED} more"] if len(unknown) > MOST_NAMED else []
        raise InputError(
            "\n".join(
                [
                    f"{len(unknown)} classes are not in {taxonomy.file}:",
                    *lines,
                    *more,
                    "Three ways on: give them as classes or aliases there; start a label list of "
                    "their own with --new-taxonomy; or leave them out with --skip-unknown.",
                ]
            )
        )
    if not ids:
        raise InputError(f"none of the source's classes is in {taxonomy.file}.")
    return ids


def write_stub(classes: dict[str, str], path: Path) -> None:
    """Write a label list of a source's classes, to be edited: names, categories, a first query.

    Args:
        classes: name to category, which may be empty.
        path: of the YAML file.
    """
    categories = list(dict.fromkeys(value or "Imported" for value in classes.values()))
    category_ids = dict(zip(categories, _ids(categories), strict=True))
    by_key = {lookup_key(name.replace("_", " ")): name for name in reversed(classes)}
    kept = [name for name in classes if by_key[lookup_key(name.replace("_", " "))] == name]
    lines = [
        "# Made by `mumic-annotate dataset import`. Names and descriptions are what people and",
        "# models read: improve them. Ids are what labels are stored under: keep them.",
        "version: 1",
        "name: Imported",
        "categories:",
        *(f"  - {{id: {key}, name: {_quoted(name)}}}" for name, key in category_ids.items()),
        "classes:",
    ]
    for name, key in zip(kept, _ids(kept), strict=True):
        words = _quoted(" ".join(name.replace("_", " ").split()))
        category = category_ids[classes[name] or "Imported"]
        aliases = "" if json.loads(words) == name else f", aliases: [{_quoted(name)}]"
        lines.append(
            f"  - {{id: {key}, name: {words}, category: {category}, description: {words}, "
            f"queries: [{words}]{aliases}}}"
        )
    with atomic(path) as file:
        file.write("\n".join([*lines, ""]).encode())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _ids(names: list[str]) -> list[str]:
    """An id in snake_case for each name, no two alike.

    >>> _ids(["Café au lait", "cafe au lait", "2 beds"])
    ['cafe_au_lait', 'cafe_au_lait_2', 'c_2_beds']
    """
    found: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[: LONGEST_ID - 8].strip("_")
        base = base if base[:1].isalpha() else f"c_{base}".rstrip("_")
        number = 1
        while (key := base if number == 1 else f"{base}_{number}") in found:
            number += 1
        found.append(key)
    return found


def use_taxonomy(workspace: Workspace, name: str) -> Workspace:
    """Let ``mumic.toml`` name another label list, its other lines as they were.

    Raises:
        InputError: the line could not be found or written.
    """
    file = workspace.root / SETTINGS_FILE
    text = file.read_text("utf-8")
    line = f"taxonomy = {json.dumps(name)}"
    section = re.search(r"(?ms)^\[project\][^\n]*\n(.*?)(?=^\[|\Z)", text)
    if section is None:
        changed = f"[project]\n{line}\n\n{text}"
    else:
        body, count = re.subn(
            r"(?m)^taxonomy\s*=\s*(\"[^\"]*\"|'[^']*')", lambda _: line, section[1]
        )
        body = re.sub(r"(?m)^classes\s*=\s*\[[^\]]*\]", "classes = []", body)
        body = body if count else f"{line}\n{body}"
        changed = text[: section.start(1)] + body + text[section.end(1) :]
    with atomic(file) as target:
        target.write(changed.encode())
    opened = Workspace.find(workspace.root)
    if opened.settings.project.taxonomy != name:
        raise InputError(f"{file}: set [project] taxonomy to {name!r}, then run this again.")
    return opened
