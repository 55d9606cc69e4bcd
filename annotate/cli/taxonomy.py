"""``mumic-annotate taxonomy``: check and look at the label list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from annotate.cli.console import Stage, emit, json_option, open_workspace, table

if TYPE_CHECKING:
    from annotate.taxonomy.model import Taxonomy, TaxonomyClass

file_argument = click.argument("file", type=click.Path(path_type=Path), required=False)


@click.group(cls=Stage, main="lint")
def taxonomy() -> None:
    """The label list: its classes and their hierarchy.

    Without a command: checks it. FILE is the workspace's label list unless given.
    """


@taxonomy.command()
@file_argument
@json_option
def lint(file: Path | None, as_json: bool) -> None:
    """Check the label list: errors with their lines, then advice.

    \b
    Example:
      mumic-annotate taxonomy lint
    """
    from annotate.taxonomy.lint import lint as find

    loaded = _load(file)
    findings = find(loaded)
    facts = _facts(loaded)
    summary = {**facts, "warnings": [vars(finding) for finding in findings]}
    counts = f"{facts['classes']} classes in {facts['categories']} categories"
    end = f"{loaded.file}: {counts}, no errors, {len(findings)} warnings"
    emit(summary, [*map(str, findings), end], as_json=as_json)


@taxonomy.command()
@file_argument
@click.option("--class", "name", help="Show this class in full: its id, name or an alias.")
@json_option
def show(file: Path | None, name: str | None, as_json: bool) -> None:
    """List the classes, or show one of them in full.

    \b
    Example:
      mumic-annotate taxonomy show --class Pets
    """
    loaded = _load(file)
    if name is None:
        emit({**_facts(loaded), **loaded.as_dict()}, _class_table(loaded), as_json=as_json)
        return
    facts = _class_facts(loaded, loaded.resolve(name))
    emit(facts, _described(facts), as_json=as_json)


@taxonomy.command()
@file_argument
@json_option
def graph(file: Path | None, as_json: bool) -> None:
    """Print the hierarchy as a Mermaid diagram.

    \b
    Example:
      mumic-annotate taxonomy graph > taxonomy.mmd
    """
    from annotate.taxonomy.graph import mermaid

    loaded = _load(file)
    diagram = mermaid(loaded)
    emit({**_facts(loaded), "mermaid": diagram}, [diagram], as_json=as_json)


@taxonomy.command()
@json_option
def schema(as_json: bool) -> None:
    """Print the JSON Schema by which editors check a label list.

    \b
    Example:
      mumic-annotate taxonomy schema > label_taxonomy/taxonomy.schema.json
    """
    from annotate.taxonomy.schema import json_schema, schema_text

    emit(json_schema(), [schema_text().rstrip("\n")], as_json=as_json)


def _load(file: Path | None) -> Taxonomy:
    from annotate.taxonomy.load import load_taxonomy

    return load_taxonomy(file or open_workspace().taxonomy)


def _facts(loaded: Taxonomy) -> dict[str, object]:
    return {
        "file": loaded.file,
        "hash": loaded.hash,
        "categories": len(loaded.categories),
        "classes": len(loaded.classes),
    }


def _class_table(loaded: Taxonomy) -> list[str]:
    names = {category.id: category.name for category in loaded.categories}
    rows = [
        (
            names[entry.category],
            entry.name,
            ", ".join(loaded.by_id[parent].name for parent in entry.parents),
            entry.scenario,
            entry.difficulty,
        )
        for entry in loaded.classes
    ]
    return table(["category", "class", "parents", "scenario", "difficulty"], rows)


def _class_facts(loaded: Taxonomy, entry: TaxonomyClass) -> dict[str, object]:
    """Everything about a class: what its file says and what follows from it."""
    from dataclasses import asdict

    from annotate.taxonomy.prompts import prompt_text, search_queries

    return {
        **asdict(entry),
        "queries": search_queries(entry),
        "ancestors": loaded.ancestors(entry.id),
        "descendants": loaded.descendants(entry.id),
        "prompt_text": prompt_text(entry),
        "file": loaded.file,
    }


def _described(facts: dict[str, object]) -> Iterator[str]:
    """The facts as aligned lines; those that are empty are left out."""
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        values = value if isinstance(value, tuple) else (value,)
        for place, each in enumerate(each for each in values if each not in (None, "")):
            yield f"{'' if place else key:{width}}  {each}"
