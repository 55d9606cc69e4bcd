"""``mumic-annotate mine``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress, table
from annotate.cli.mine_usage import check_usage, strategy_of
from annotate.errors import MumicError

if TYPE_CHECKING:
    from annotate.workspace import Workspace

DOUBTFUL = 8  # classes that are named
STRATA = 20  # that have a line of their own; the page shows more


@click.command()
@click.option("--class", "names", multiple=True, help="A class by id, name or alias; repeatable.")
@click.option("--all", "every", is_flag=True, help="All classes of this workspace.")
@click.option(
    "--strategy",
    type=click.Choice(["similarity", "stratified", "uncertain", "diverse"]),
    help="Best matches of classes, a sample over features, where a run is unsure, or images unlike "
    "all drawn before. [default: similarity with --class, stratified with --by]",
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
@click.option("--run", help="The run whose predictions are uncertain. [default: the newest]")
@click.option(
    "--sheet",
    "again",
    type=click.IntRange(1),
    metavar="ROUND",
    help="Write the contact sheet of a round again; draw nothing.",
)
@click.option("--report", is_flag=True, help="Estimate each class's prevalence; draw nothing.")
@click.option("--no-sheet", is_flag=True, help="Write no contact sheet.")
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
    run: str | None,
    again: int | None,
    report: bool,
    no_sheet: bool,
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
      mumic-annotate mine --strategy uncertain --class Pets
      mumic-annotate mine --report
      mumic-annotate mine --sheet 3
    """
    from dataclasses import replace

    from annotate.mining.round_draws import Request
    from annotate.mining.rounds import mine_round

    context = click.get_current_context()
    if report:
        check_usage(context, None)
        _report(names, every, strategy, as_json=as_json)
        return
    if again is not None:
        check_usage(context, None)
        sheet = _write_sheet(open_workspace(), again)
        emit({"round": again, "sheet": sheet}, [f"Look at them: {sheet}"], as_json=as_json)
        return
    strategy = strategy_of(strategy, by=bool(by), classes=bool(names or every))
    check_usage(context, strategy)
    workspace = open_workspace()
    options = {
        "stratified_n" if strategy == "stratified" else "n": n,
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
        strategy=strategy,
        classes=_classes(workspace, names, every),
        settings=replace(workspace.settings.mine, **given),
        seed=workspace.settings.project.seed if seed is None else seed,
        allow_demo_model=allow_demo_model,
        run=run,
    )
    summary = mine_round(workspace, request)
    if not no_sheet:
        summary |= _try_sheet(workspace, summary["round"])
    emit(summary, _lines(summary), as_json=as_json)


def _try_sheet(workspace: Workspace, number: int) -> dict[str, str]:
    """The contact sheet of a round that is drawn already, for the summary.

    Without the sheet the round is as good; only nobody must think that it was not drawn.
    """
    again = f"`mumic-annotate mine --sheet {number}`"
    try:
        return {"sheet": _write_sheet(workspace, number)}
    except (MumicError, OSError) as error:
        note(f"Round {number} is drawn, its contact sheet is not: {error}")
        note(f"Do not draw again; once that is mended: {again}.")
        return {"sheet_error": str(error)}
    except KeyboardInterrupt:
        note(f"Round {number} is drawn, its contact sheet is not. Write it with {again}.")
        raise


def _write_sheet(workspace: Workspace, number: int) -> str:
    """Write a round's contact sheet; where it is, seen from the workspace."""
    from annotate.mining.round_sheet import write_round_sheet

    with progress(None, "contact sheet") as bar:
        file = write_round_sheet(workspace, number, bar.update)
    return str(file.relative_to(workspace.root) if file.is_relative_to(workspace.root) else file)


def _classes(workspace: Any, names: tuple[str, ...], every: bool) -> tuple[Any, ...]:
    from annotate.taxonomy.load import load_taxonomy

    taxonomy = load_taxonomy(workspace.taxonomy)
    chosen = [taxonomy.resolve(name) for name in names]
    if every:
        only = workspace.settings.project.classes
        chosen += load_taxonomy(workspace.taxonomy, only).classes
    return tuple({entry.id: entry for entry in chosen}.values())


def _lines(summary: dict[str, Any]) -> list[str]:
    strategy = summary["strategy"]
    if summary.get("not_embedded"):
        note(f"{summary['not_embedded']:,} images are not embedded; run `mumic-annotate index`.")
    if summary.get("not_predicted"):
        note(
            f"{summary['not_predicted']:,} images in scope have no prediction of the run; if they "
            f"are new, run `mumic predict --run {summary['run']}` again."
        )
    if summary.get("cut_short"):
        note(
            f"{', '.join(summary['cut_short'])}: predictions just below the threshold were not "
            "stored; predict with a smaller --min-probability."
        )
    settings = summary["settings"]
    wanted = settings["stratified_n" if strategy == "stratified" else "n"]
    if settings["drawn_n"] < wanted:
        note(
            f"the budget of {settings['budget']:,} candidates left room for "
            f"{settings['drawn_n']:,} instead of {wanted:,}; raise budget under [mine] in "
            "mumic.toml, or give --budget."
        )
    short = [
        entry["name"] for entry in summary["drawn_from"] if entry["drawn"] < settings["drawn_n"]
    ]
    if strategy != "stratified" and short:
        note(f"took all there are for {', '.join(short)}.")
    lines = _strata_lines(summary) if strategy == "stratified" else _class_lines(summary)
    lines.append(
        "Images left: " + ", ".join(f"{e['rule']} {e['images']:,}" for e in summary["funnel"])
    )
    if strategy == "uncertain":
        counts = [f"{name} {count}" for name, count in summary["doubtful"].items()]
        more = f" and {len(counts) - DOUBTFUL} more classes" if len(counts) > DOUBTFUL else ""
        lines.append(f"Run {summary['run']} is unsure of: {', '.join(counts[:DOUBTFUL])}{more}")
    lines.append(
        f"Round {summary['round']}: {summary['images']:,} images, {summary['receipts']:,} receipts"
    )
    if "sheet" in summary:
        lines.append(f"Look at them: {summary['sheet']}")
    if summary.get("demo_model"):
        lines.append("Found with the demo model, which knows drawings only.")
    return lines


def _class_lines(summary: dict[str, Any]) -> list[str]:
    rows = [[entry["name"], entry["pool"], entry["drawn"]] for entry in summary["drawn_from"]]
    return table(["class", "images", "drawn"], rows)


def _strata_lines(summary: dict[str, Any]) -> list[str]:
    """The strata, the largest where they are many, and what of them is not drawn from."""
    settings, strata = summary["settings"], summary["drawn_from"]
    if missed := summary["strata_not_drawn"]["strata"]:
        note(
            f"{missed:,} of {len(strata):,} strata, with "
            f"{summary['strata_not_drawn']['images']:,} images, cannot be drawn from with -n "
            f"{settings['drawn_n']:,}: the sample does not stand for them. Name features with "
            f"fewer values, or give --allocation equal and -n {len(strata):,} or more."
        )
    header, columns = ["stratum", "images", "drawn"], ["name", "pool", "drawn"]
    if settings["max_per_property"]:
        header.insert(2, "capped")
        columns.insert(1, "population")
    shown, rest = strata, []
    if len(strata) > STRATA:
        order = sorted(strata, key=lambda e: (-e["population"], -e["drawn"], e["name"]))
        shown, rest = order[:STRATA], order[STRATA:]
    lines = table(header, [[entry[column] for column in columns] for entry in shown])
    if rest:
        images, drawn = (sum(entry[key] for entry in rest) for key in ("population", "drawn"))
        lines.append(f"and {len(rest):,} others: {images:,} images, {drawn:,} drawn")
    return lines


def _report(names: tuple[str, ...], every: bool, strategy: str | None, *, as_json: bool) -> None:
    from annotate.mining.report import report

    workspace = open_workspace()
    wanted = [entry.id for entry in _classes(workspace, names, every)]
    summary = report(workspace, wanted, strategy)
    emit(summary, _estimate_lines(summary), as_json=as_json)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - DOUBTFUL} more" if len(names) > DOUBTFUL else ""
    return ", ".join(names[:DOUBTFUL]) + more


def _estimate_lines(summary: dict[str, Any]) -> list[str]:
    header = [
        "round",
        "class",
        "population",
        "images",
        "labelled",
        "positives",
        "prevalence",
        "95 %",
    ]
    rows = []
    for line in summary["estimates"]:
        known = line["prevalence"] is not None
        bounds = "-" if line["low"] is None else f"{line['low']:.2%} to {line['high']:.2%}"
        share = f"{line['prevalence']:.2%}" if known else "-"
        images = f"{line['population_images']:,}"
        counts = [images, f"{line['labelled']:,} of {line['drawn']:,}", line["positives"]]
        rows.append([line["round"], line["class_id"], line["population"], *counts, share, bounds])
    if any(line["unlabelled"] for line in summary["estimates"]):
        note("images without a label are left out; which ones lack it is taken for chance.")
    if any(line["unreached_images"] for line in summary["estimates"]):
        note(
            "strata without a label, and near copies of images out of scope, are not in the "
            "population; --json says how many images."
        )
    if summary["untold_classes"]:
        note(f"no round tells about {_some(summary['untold_classes'])}.")
    return table(header, rows)
