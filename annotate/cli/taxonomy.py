"""``mumic-annotate taxonomy``: check and look at the label list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table

if TYPE_CHECKING:
    from annotate.taxonomy.lint import Finding
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

    In a workspace with labels the advice rests on votes, too: exclusive classes that come together,
    classes that nobody ticks, classes on which people agree no better than by chance.

    \b
    Example:
      mumic-annotate taxonomy lint
    """
    from annotate.taxonomy.lint import lint as find

    loaded = _load(file)
    findings = sorted(
        [*find(loaded), *_findings_of_votes(loaded, own=file is None)],
        key=lambda finding: finding.line,
    )
    facts = _facts(loaded)
    summary = {**facts, "warnings": [vars(finding) for finding in findings]}
    counts = f"{facts['classes']} classes in {facts['categories']} categories"
    end = f"{loaded.file}: {counts}, no errors, {len(findings)} warnings"
    emit(summary, [*map(str, findings), end], as_json=as_json)


def _findings_of_votes(loaded: Taxonomy, *, own: bool) -> list[Finding]:
    """Advice from votes, where the label list is the workspace's and there are labels."""
    if not own:
        return []
    workspace = open_workspace()
    file = workspace.labels / "labels.parquet"
    if not file.is_file():
        return []
    from annotate.labels.taxonomy_advice import lint_votes
    from annotate.tables import LABELS, read

    labels = read(LABELS, file, ["image_id", "class_id", "yes", "no"])
    return lint_votes(loaded, labels, seed=workspace.settings.project.seed)


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
    lines = _change_lines(found.as_dict()["changes"]) if found.changes else ["no difference"]
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
        note(f"Migration {waiting.number} was begun and not finished; going on with it.")
        made = finish(workspace, waiting, note)
        lines = [*_threshold_lines(waiting.facts), *_made_lines(waiting.number, made)]
        emit({**waiting.facts, "made": made}, lines, as_json=as_json)
        return
    outlook = look_ahead(workspace, before)
    summary = outlook.summary()
    lines = [*_change_lines(summary["changes"]), *_outlook_lines(summary)]
    if not do_it:
        listed = write_listing(workspace, outlook.ask)
        facts = {**summary, "applied": False, "ask_file": "" if listed is None else str(listed)}
        emit(facts, [*lines, *_listing_lines(listed)], as_json=as_json)
        return
    made = finish(workspace, begin(workspace, outlook), note)
    lines += _made_lines(summary["number"], made)
    emit({**summary, "applied": True, "made": made}, lines, as_json=as_json)


def _change_lines(changes: list[dict[str, Any]]) -> list[str]:
    return [f"{change['kind']:<10}{change['text']}" for change in changes]


def _outlook_lines(summary: dict[str, Any]) -> Iterator[str]:
    questions = summary["questions"]
    yield (
        f"questions: {len(questions['kept'])} stay, {len(questions['closed'])} are closed, "
        f"{len(questions['added'])} are added"
    )
    for question in questions["added"]:
        yield f"  {question['id']}: {', '.join(question['classes'])}"
    yield from _threshold_lines(summary)
    if summary["labels"] is not None:
        yield f"labels afterwards: {summary['labels']:,}"
    for name, count in summary["ask"].items():
        yield f"to ask again: {name} on {count:,} images"


def _threshold_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    for name, value in summary["thresholds_carried"].items():
        yield f"vote_threshold {value:g} goes over to {name}"
    replaced = summary.get("thresholds_replaced", {})  # records of earlier versions have none
    for name, each in replaced.items():
        before = ", ".join(f"{value:g} for {old}" for old, value in each["before"].items())
        yield f"vote_threshold of {name} is {each['now']:g} now; it was {before}"
    if replaced:
        yield "  For another one, give the class a vote_threshold in the label list."


def _listing_lines(listed: Path | None) -> Iterator[str]:
    if listed is not None:
        yield f"The images to ask again, by class: {listed}"
    written = "Nothing" if listed is None else "Nothing else"
    yield f"{written} was written. Carry it through with `mumic-annotate taxonomy migrate --apply`"


def _made_lines(number: int, made: dict[str, Any]) -> list[str]:
    lines = [f"Migration {number} is done; data/migrations/{number:04} holds what was before."]
    if made["round"] is not None:
        lines.append(
            f"The images to ask again are round {made['round']}: "
            "`mumic-annotate tasks` asks them for these classes only"
        )
    return lines


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
