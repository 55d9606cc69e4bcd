"""``mumic-annotate dataset``: labelled images, split, ready to train on."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table


@click.group(cls=Stage, main="build")
def dataset() -> None:
    """The labelled images in their splits.

    Without a command: builds them.
    """


@dataset.command()
@click.option("--train", type=float, help="Share of images to train on.")
@click.option("--validation", type=float, help="Share for early stopping and thresholds.")
@click.option("--test", type=float, help="Share that only evaluation sees.")
@json_option
def build(train: float | None, validation: float | None, test: float | None, as_json: bool) -> None:
    """Join labels and catalogue and split them; images keep the split that they have had.

    \b
    Example:
      mumic-annotate dataset build --train 0.7 --validation 0.1 --test 0.2
    """
    from dataclasses import replace

    from annotate.dataset.files import write_dataset

    workspace = open_workspace()
    own = workspace.settings.dataset
    settings = replace(
        own,
        train=own.train if train is None else train,
        validation=own.validation if validation is None else validation,
        test=own.test if test is None else test,
    )
    stats = write_dataset(workspace, settings)
    for warning in stats["warnings"]:
        note(f"Warning: {warning}.")
    emit(stats, [*_lines(stats), f"Written to {workspace.dataset}"], as_json=as_json)


@dataset.command()
@json_option
def stats(as_json: bool) -> None:
    """Count positive labels by class and split.

    \b
    Example:
      mumic-annotate dataset stats
    """
    from annotate.dataset.files import read_stats

    found = read_stats(open_workspace())
    for warning in found["warnings"]:
        note(f"Warning: {warning}.")
    emit(found, _lines(found), as_json=as_json)


def _lines(stats: dict[str, Any]) -> list[str]:
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
