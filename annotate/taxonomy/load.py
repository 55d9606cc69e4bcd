"""Reads a taxonomy file; every problem is named with its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from annotate.errors import InputError, MissingError
from annotate.taxonomy.checks import check_categories, check_classes
from annotate.taxonomy.fields import CATEGORY_FIELDS, CLASS_FIELDS, ROOT_FIELDS
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from annotate.taxonomy.nodes import parse_nodes
from annotate.taxonomy.problems import Problems
from annotate.taxonomy.records import Marked, Record, read_record, read_records

LARGEST_FILE = 1 << 20
"""Bytes of the largest file that is read: some 20 times the size of travel.yaml."""


def load_taxonomy(path: Path | str, only: Sequence[str] = ()) -> Taxonomy:
    """Read and check a taxonomy.

    Args:
        path: a YAML file in UTF-8 of at most ``LARGEST_FILE`` bytes.
        only: ids of the classes to keep, as in ``[project] classes``; empty: all.

    Returns:
        The taxonomy, its classes in file order.

    Raises:
        MissingError: there is no such file.
        InputError: the file has problems; all are named as ``file:line: what; remedy``. Or an id
            of ``only`` is unknown.
    """
    problems = Problems(str(path))
    text = _decode(_read_bytes(Path(path)), problems)
    taxonomy = parse_taxonomy(text, problems, file=str(path)) if text is not None else None
    problems.raise_if_any()
    if taxonomy is None:
        raise InputError(f"{path}:1: it is empty; write version, name, categories and classes")
    return taxonomy.subset(only) if only else taxonomy


def parse_taxonomy(text: str, problems: Problems, *, file: str = "") -> Taxonomy | None:
    """Build a taxonomy from YAML text; None for an empty text or after a problem.

    Args:
        text: the decoded file.
        problems: takes everything that is wrong with it.
        file: the name that the taxonomy remembers.
    """
    root = parse_nodes(text, problems)
    top = read_record(root, ROOT_FIELDS, "the taxonomy", problems) if root is not None else None
    if root is None or top is None:
        return None
    categories = read_records(root, "categories", CATEGORY_FIELDS, "category", problems)
    classes = read_records(root, "classes", CLASS_FIELDS, "class", problems)
    check_categories(categories, problems)
    check_classes(classes, categories, problems)
    if problems:
        return None
    return Taxonomy(
        name=top.text("name"),
        version=top.text("version"),
        categories=tuple(_category(entry) for entry in categories),
        classes=_closed([_taxonomy_class(entry) for entry in classes]),
        file=file,
    )


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise MissingError(
            f"no label list at {path}; `mumic-annotate init` writes one, mumic.toml names its place"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if len(data) > LARGEST_FILE:
        raise InputError(
            f"{path}:1: the file is larger than {LARGEST_FILE:,} bytes; is it a label list? "
            "Shorten descriptions or split it into several taxonomies"
        )
    return data


def _decode(data: bytes, problems: Problems) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(line, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")
        return None


def _category(entry: Record) -> Category:
    return Category(
        id=entry.text("id"),
        name=entry.text("name"),
        description=entry.text("description"),
        line=entry.line,
    )


def _taxonomy_class(entry: Record) -> TaxonomyClass:
    threshold = entry.text("vote_threshold")
    return TaxonomyClass(
        id=entry.text("id"),
        name=entry.text("name"),
        category=entry.text("category"),
        description=entry.text("description"),
        parents=_plain(entry.texts("parents")),
        queries=_plain(entry.texts("queries")),
        prompt=entry.text("prompt", "name"),
        vote_threshold=float(threshold) if threshold else None,
        difficulty=entry.text("difficulty", "medium"),
        exclusive_with=_plain(entry.texts("exclusive_with")),
        scenario=entry.text("scenario", entry.text("category")),
        aliases=_plain(entry.texts("aliases")),
        examples=_plain(entry.texts("examples")),
        since=entry.text("since") or None,
        replaced_by=_plain(entry.texts("replaced_by")),
        line=entry.line,
    )


def _plain(values: Sequence[Marked]) -> tuple[str, ...]:
    return tuple(value.text for value in values)


def _closed(classes: Sequence[TaxonomyClass]) -> tuple[TaxonomyClass, ...]:
    """Make ``exclusive_with`` symmetric, each side in file order."""
    excluded: dict[str, set[str]] = {entry.id: set() for entry in classes}
    for entry in classes:
        for other in entry.exclusive_with:
            excluded[entry.id].add(other)
            excluded[other].add(entry.id)
    return tuple(
        replace(
            entry,
            exclusive_with=tuple(other.id for other in classes if other.id in excluded[entry.id]),
        )
        if excluded[entry.id]
        else entry
        for entry in classes
    )
