"""``mumic-annotate dataset``: labelled images, split, ready to train on."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, progress, table
from annotate.cli.dataset_formats import export, import_


@click.group(cls=Stage, main="build")
def dataset() -> None:
    """The labelled images in their splits.

    Without a command: builds them.
    """


@dataset.command()
@click.option("--train", type=float, help="Share of images to train on.")
@click.option("--validation", type=float, help="Share for early stopping and thresholds.")
@click.option("--test", type=float, help="Share that only evaluation sees.")
@click.option(
    "--split",
    type=click.Choice(["lowest-frequency", "iterative"]),
    help="Stratify by each image's rarest label, or by all its labels.",
)
@click.option(
    "--missing",
    type=click.Choice(["refuse", "allow", "leave-out"]),
    help="What to do where a split would lack a class.",
)
@click.option("--locked", is_flag=True, help="Make the dataset of lock.json again, or refuse.")
@json_option
def build(locked: bool, as_json: bool, **options: Any) -> None:
    """Join labels and catalogue and split them; images keep the split that they have had.

    Whole properties, and photos that look alike, stay on one side. New images never move an old
    one; they fill the splits that are short.

    \b
    Example:
      mumic-annotate dataset build --train 0.7 --validation 0.1 --test 0.2
      mumic-annotate dataset build --split iterative --missing leave-out
      mumic-annotate dataset build --locked
    """
    from dataclasses import replace

    from annotate.dataset.files import read_stats, write_dataset
    from annotate.dataset.verify import require_restored

    workspace = open_workspace()
    given = {name: value for name, value in options.items() if value is not None}
    if locked and given:
        raise click.UsageError("--locked takes every setting from the lock; leave the others out.")
    if locked:
        require_restored(workspace)
        stats = read_stats(workspace)
    else:
        stats = write_dataset(workspace, replace(workspace.settings.dataset, **given))
    for warning in stats["warnings"]:
        note(f"Warning: {warning}.")
    emit(stats, [*count_lines(stats), f"Written to {workspace.dataset}"], as_json=as_json)


@dataset.command()
@click.option(
    "--samples",
    type=click.IntRange(0, 50),
    default=8,
    show_default=True,
    help="Pictures of each class on the page; 0: no page.",
)
@json_option
def stats(samples: int, as_json: bool) -> None:
    """Count images and labels by class, category and split; a page shows samples of each class.

    \b
    Example:
      mumic-annotate dataset stats
    """
    from annotate.dataset.files import read_stats
    from annotate.dataset.stats_page import dataset_statistics

    workspace = open_workspace()
    found = read_stats(workspace)
    with progress(None, "pictures") as bar:
        numbers = dataset_statistics(workspace, samples=samples, on_progress=bar.update)
    for warning in found["warnings"]:
        note(f"Warning: {warning}.")
    emit(
        {**found, "statistics": numbers},
        [*count_lines(found), *_number_lines(numbers)],
        as_json=as_json,
    )


def _number_lines(numbers: dict[str, Any]) -> list[str]:
    labels, per_image = numbers["labels"], numbers["labels_per_image"]
    columns = ("name", "classes", "images", "positives", "negatives")
    rows = [[row[column] for column in columns] for row in numbers["categories"]]
    lines = ["", *table(["category", *columns[1:]], rows), ""]
    lines.append(
        f"{labels['positives']:,} positive, {labels['negatives']:,} negative and "
        f"{labels['unknown']:,} unknown labels; {per_image['mean']:.2f} positive labels an image"
    )
    return [*lines, *([f"Look at it: {numbers['page']}"] if numbers["page"] else [])]


@dataset.command()
@json_option
def verify(as_json: bool) -> None:
    """Make the locked dataset again beside the one that is there, and compare them bit for bit.

    Exit code 1 where an input changed since, or a file differs.

    \b
    Example:
      mumic-annotate dataset verify
    """
    from dataclasses import asdict

    from annotate.dataset.verify import lines, verify_dataset

    verdict = verify_dataset(open_workspace())
    summary = {**asdict(verdict), "whole": verdict.whole}
    whole = ["The dataset is the locked one, and comes out the same from its labels."]
    emit(
        summary,
        whole if verdict.whole else ["Not the locked dataset:", *lines(verdict)],
        as_json=as_json,
    )
    if not verdict.whole:
        raise SystemExit(1)


@dataset.command()
@click.option("--run", help="The run whose scores judge the labels. [default: the newest]")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "validation", "test"]),
    help="Only this one; repeatable. [default: validation and test]",
)
@click.option(
    "--most", type=click.IntRange(1), default=500, show_default=True, help="Labels shown and asked."
)
@click.option("--round", "ask", is_flag=True, help="Make a round of them, for annotators.")
@json_option
def audit(run: str | None, splits: tuple[str, ...], most: int, ask: bool, as_json: bool) -> None:
    """Find labels that are probably wrong, by what a run says of images it was not trained on.

    Writes a page to look at; with --round the images are candidates again, and `mumic-annotate
    tasks` asks them for these classes only.

    \b
    Example:
      mumic-annotate dataset audit --round --most 200
    """
    from annotate.dataset.auditing import AuditOptions, audit_dataset

    options = AuditOptions(run, splits, most, ask)
    with progress(None, "pictures") as bar:
        found = audit_dataset(open_workspace(), options, bar.update)
    if found["left_out"]:
        note(f"Cannot be judged, too few labels: {', '.join(found['left_out'])}.")
    columns = ("looked_at", "wrong_positives", "wrong_negatives")
    rows = [
        [name, *(entry[column] for column in columns)]
        for name, entry in found["classes"].items()
        if entry["wrong_positives"] + entry["wrong_negatives"]
    ]
    lines = table(["class", "labels", "yes, likely no", "no, likely yes"], rows)
    lines.append(
        f"{found['issues']:,} of {found['labels_looked_at']:,} labels are probably wrong, by run "
        f"{found['run']} ({', '.join(found['read_from'])})"
    )
    lines.append(f"Look at them: {found['page']}")
    if found["round"] is not None:
        lines.append(f"Round {found['round']}: `mumic-annotate tasks` asks for them again")
    emit(found, lines, as_json=as_json)


def count_lines(stats: dict[str, Any]) -> list[str]:
    """Positive labels by class and split, and images by split."""
    names = ("train", "validation", "test")
    rows = []
    for class_id, entry in stats["classes"].items():
        counts = [entry["positive"][name] for name in names]
        total = sum(counts)
        rows.append([class_id, total, *counts, *(_share(count, total) for count in counts[1:])])
    images = sum(stats["images"].values())
    parts = ", ".join(f"{stats['images'][name]:,} {name}" for name in names)
    header = ["class", "positives", *names, *(f"{name} %" for name in names[1:])]
    return [
        *table(header, rows),
        f"{images:,} images in {stats['groups']:,} groups: {parts}",
    ]


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f}" if total else "-"


dataset.add_command(export)
dataset.add_command(import_)
