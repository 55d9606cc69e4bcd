"""``mumic-annotate taxonomy``: check and look at the label list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table
from annotate.cli.migration_lines import (
    change_lines,
    listing_lines,
    made_lines,
    outlook_lines,
    threshold_lines,
)
from annotate.errors import InputError, MissingError

if TYPE_CHECKING:
    from annotate.taxonomy.lint import Finding
    from annotate.taxonomy.model import Taxonomy, TaxonomyClass
    from annotate.workspace import Workspace

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

    In a workspace with labels the advice rests on votes, too: exclusive classes that come together,
    classes that nobody ticks, classes on which people agree no better than by chance.

    \b
    Example:
      mumic-annotate taxonomy lint
    """
    from annotate.taxonomy.lint import lint as find

    loaded = _load(file)
    findings = sorted(
        [*find(loaded), *_findings_of_votes(loaded, file)],
        key=lambda finding: finding.line,
    )
    facts = _facts(loaded)
    summary = {**facts, "warnings": [vars(finding) for finding in findings]}
    counts = f"{facts['classes']} classes in {facts['categories']} categories"
    end = f"{loaded.file}: {counts}, no errors, {len(findings)} warnings"
    emit(summary, [*map(str, findings), end], as_json=as_json)


def _findings_of_votes(loaded: Taxonomy, file: Path | None) -> list[Finding]:
    """Advice from votes, where the label list is the workspace's and there are labels."""
    workspace = _workspace_of(file)
    if workspace is None:
        return []
    labelled = workspace.labels / "labels.parquet"
    if not labelled.is_file():
        return []
    from annotate.labels.taxonomy_advice import lint_votes
    from annotate.tables import LABELS, read

    labels = read(LABELS, labelled, ["image_id", "class_id", "yes", "no"])
    return lint_votes(loaded, labels, seed=workspace.settings.project.seed)


def _workspace_of(file: Path | None) -> Workspace | None:
    """The workspace whose label list this is; None: another one's, or nobody's."""
    if file is None:
        return open_workspace()
    try:
        workspace = open_workspace()
    except (MissingError, InputError):  # a label list is checked without a whole workspace, too
        return None
    return workspace if workspace.taxonomy.resolve() == file.resolve() else None


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
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page instead: the tree with what there is of each class.",
)
@json_option
def graph(file: Path | None, html: Path | None, as_json: bool) -> None:
    """Print the hierarchy as a Mermaid diagram, or write it as a page.

    \b
    Examples:
      mumic-annotate taxonomy graph > taxonomy.mmd
      mumic-annotate taxonomy graph --html taxonomy.html
    """
    from annotate.taxonomy.graph import mermaid

    loaded = _load(file)
    if html is not None:
        from annotate.labels.taxonomy_page import write_taxonomy_page

        summary = write_taxonomy_page(open_workspace(), loaded, html)
        emit({**_facts(loaded), **summary}, [f"Look at it: {html}"], as_json=as_json)
        return
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


@taxonomy.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path), required=False)
@json_option
def diff(old: Path, new: Path | None, as_json: bool) -> None:
    """Name what changed between two label lists: renames, merges, splits, new parents, the rest.

    NEW is the workspace's label list unless given.

    \b
    Examples:
      mumic-annotate taxonomy diff before.yaml
      git show HEAD~1:label_taxonomy/travel.yaml > before.yaml
    """
    from annotate.taxonomy.diff import diff as compare

    before, after = _load(old), _load(new)
    found = compare(before, after)
    summary = {"old": before.file, "new": after.file, **found.as_dict()}
    lines = change_lines(found.as_dict()["changes"]) if found.changes else ["no difference"]
    emit(summary, lines, as_json=as_json)


@taxonomy.command()
@click.option(
    "--from",
    "before",
    type=click.Path(path_type=Path),
    help="The label list that the answers were given for. [default: the last one that was used]",
)
@click.option("--apply", "do_it", is_flag=True, help="Carry it through; else only say what it is.")
@json_option
def migrate(before: Path | None, do_it: bool, as_json: bool) -> None:
    """Carry answers, questions, labels and dataset over to the edited label list.

    Says what would change and lists which images must be asked again, in
    data/migrations/to-ask.csv; --apply does it. Answers are never rewritten: they are translated
    whenever they are read.

    \b
    Examples:
      mumic-annotate taxonomy migrate
      mumic-annotate taxonomy migrate --apply
    """
    from annotate.migration.apply import begin, finish, unfinished
    from annotate.migration.listing import write_listing
    from annotate.migration.migrate import look_ahead

    workspace = open_workspace()
    waiting = unfinished(workspace)
    if waiting is not None:
        if before is not None:
            raise click.UsageError(
                f"migration {waiting.number} was begun and not finished, and knows what it came "
                "from. Finish it without --from, then migrate again."
            )
        note(f"Migration {waiting.number} was begun and not finished; going on with it.")
        made = finish(workspace, waiting, note)
        lines = [*threshold_lines(waiting.facts), *made_lines(waiting.number, made)]
        emit({**waiting.facts, "made": made}, lines, as_json=as_json)
        return
    outlook = look_ahead(workspace, before)
    summary = outlook.summary()
    lines = [*change_lines(summary["changes"]), *outlook_lines(summary)]
    if not do_it:
        listed = write_listing(workspace, outlook.ask)
        facts = {**summary, "applied": False, "ask_file": "" if listed is None else str(listed)}
        emit(facts, [*lines, *listing_lines(listed)], as_json=as_json)
        return
    made = finish(workspace, begin(workspace, outlook), note)
    lines += made_lines(summary["number"], made)
    emit({**summary, "applied": True, "made": made}, lines, as_json=as_json)


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
