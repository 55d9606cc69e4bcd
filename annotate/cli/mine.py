"""``mumic-annotate mine``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, table


@click.command()
@click.option("--class", "names", multiple=True, help="A class by id, name or alias; repeatable.")
@click.option("--all", "every", is_flag=True, help="All classes of this workspace.")
@click.option(
    "--strategy",
    type=click.Choice(["similarity", "stratified"]),
    help="Best matches of classes, or a sample over features. [default: by --class or --by]",
)
@click.option("-n", type=click.IntRange(1), help="Images for each class, or of the sample.")
@click.option("--top", type=click.IntRange(1), help="Size of the pool of best matches.")
@click.option("--by", multiple=True, help="Feature that makes the strata; repeatable.")
@click.option(
    "--allocation",
    type=click.Choice(["proportional", "equal", "sqrt"]),
    help="How images are shared among strata.",
)
@click.option("--where", help="Only images that fit, such as \"country == 'FR' and stars >= 4\".")
@click.option("--min-size", type=click.IntRange(0), help="Pixels of the smaller side, at least.")
@click.option(
    "--max-per-property",
    type=click.IntRange(0),
    help="Images of a property that are considered, at most; 0: all.",
)
@click.option("--seed", type=click.IntRange(0), help="Of all samples.")
@click.option("--budget", type=click.IntRange(1), help="Candidates in total, over all rounds.")
@click.option("--allow-demo-model", is_flag=True, help="Use the small CLIP on photos of your own.")
@json_option
def mine(
    names: tuple[str, ...],
    every: bool,
    strategy: str | None,
    n: int | None,
    top: int | None,
    by: tuple[str, ...],
    allocation: str | None,
    where: str | None,
    min_size: int | None,
    max_per_property: int | None,
    seed: int | None,
    budget: int | None,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Draw candidates for annotation; each call is one round.

    \b
    Examples:
      mumic-annotate mine --class Pets
      mumic-annotate mine --all -n 100 --top 500 --max-per-property 3
      mumic-annotate mine --class Pets --where "country == 'FR' and width >= 600"
      mumic-annotate mine --strategy stratified --by property_type -n 1000
    """
    from dataclasses import replace

    from annotate.rounds import Request, mine_round

    stratified = strategy == "stratified" or (
        strategy is None and bool(by) and not (names or every)
    )
    if stratified and (names or every):
        raise click.UsageError(
            "a stratified sample is not for classes; leave out --class and --all."
        )
    if not stratified and not (names or every):
        raise click.UsageError("name classes with --class or --all, or strata with --by.")
    workspace = open_workspace()
    options = {
        "stratified_n" if stratified else "n": n,
        "top": top,
        "by": by or None,
        "allocation": allocation,
        "where": where,
        "min_size": min_size,
        "max_per_property": max_per_property,
        "budget": budget,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    request = Request(
        classes=() if stratified else _classes(workspace, names, every),
        settings=replace(workspace.settings.mine, **given),
        seed=workspace.settings.project.seed if seed is None else seed,
        allow_demo_model=allow_demo_model,
    )
    summary = mine_round(workspace, request)
    emit(summary, _lines(summary), as_json=as_json)


def _classes(workspace: Any, names: tuple[str, ...], every: bool) -> tuple[Any, ...]:
    from annotate.taxonomy.load import load_taxonomy

    taxonomy = load_taxonomy(workspace.taxonomy)
    chosen = [taxonomy.resolve(name) for name in names]
    if every:
        only = workspace.settings.project.classes
        chosen += load_taxonomy(workspace.taxonomy, only).classes
    return tuple({entry.id: entry for entry in chosen}.values())


def _lines(summary: dict[str, Any]) -> list[str]:
    similar = summary["strategy"] == "similarity"
    if summary.get("not_embedded"):
        note(f"{summary['not_embedded']:,} images are not embedded; run `mumic-annotate index`.")
    short = [
        entry["name"]
        for entry in summary["drawn_from"]
        if entry["drawn"] < summary["settings"]["drawn_n"]
    ]
    if similar and short:
        note(f"took all there are for {', '.join(short)}.")
    header = ["class", "pool", "drawn"]
    columns = ["name", "pool", "drawn"]
    if not similar:
        header = ["stratum", "images", "drawn"]
        if summary["settings"]["max_per_property"]:
            header, columns = (
                ["stratum", "images", "capped", "drawn"],
                ["name", "population", *columns[1:]],
            )
    rows = [[entry[column] for column in columns] for entry in summary["drawn_from"]]
    lines = table(header, rows)
    lines.append(
        "Images left: " + ", ".join(f"{e['rule']} {e['images']:,}" for e in summary["funnel"])
    )
    lines.append(
        f"Round {summary['round']}: {summary['images']:,} images, {summary['receipts']:,} receipts"
    )
    if summary.get("demo_model"):
        lines.append("Found with the demo model, which knows drawings only.")
    return lines
