"""``mumic-annotate dataset export`` and ``import``: the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress


@click.command()
@click.option(
    "--to",
    "name",
    required=True,
    type=click.Choice(
        [
            *("groundtruth", "huggingface", "coco", "fiftyone", "webdataset"),
            *("csv", "parquet", "croissant", "card"),
        ]
    ),
    help="The format.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to; by default data/exports/FORMAT."
)
@click.option(
    "--images",
    type=click.Choice(["copy", "link", "uri"]),
    help="Copy or hard-link the images, or name where they are; formats have their default.",
)
@click.option("--image-prefix", help="s3:// prefix for local paths in a Ground Truth manifest.")
@json_option
def export(
    name: str, folder: Path | None, images: str | None, image_prefix: str | None, as_json: bool
) -> None:
    """Write the dataset, with its splits, in a format that others read.

    An export that was killed goes on where it was; one that is older than the dataset is brought up
    to date.

    \b
    Example:
      mumic-annotate dataset export --to huggingface
      mumic-annotate dataset export --to coco --images link --folder ~/photos-coco
    """
    from annotate.dataset.exports.stage import export_dataset

    if image_prefix is not None and name != "groundtruth":
        raise click.UsageError("--image-prefix goes with --to groundtruth.")
    workspace = open_workspace()
    target = (folder or workspace.data / "exports" / name).absolute()
    about = export_dataset(
        workspace,
        name,
        target,
        images=images,
        image_prefix=image_prefix,
        progress=lambda count: progress(count, "export"),
    )
    if about["left_out"]:
        note(f"Warning: {about['left_out']} images could not be had; see {target}/rejects.csv.")
    for warning in about["warnings"]:
        note(f"Warning: {warning}.")
    lines = [f"{about['exported']:,} images to {target}", about["holds"]]
    emit({"folder": str(target), **about}, lines, as_json=as_json)


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["coco", "voc", "csv", "huggingface"]),
    help="By default found out.",
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder that the images' paths start at."
)
@click.option(
    "--absent",
    type=click.Choice(["no", "unknown"]),
    help="What a class is that is not mentioned for an image. By default no, or unknown where the "
    "source says no itself.",
)
@click.option("--skip-unknown", is_flag=True, help="Leave out classes that the taxonomy has not.")
@click.option("--new-taxonomy", is_flag=True, help="Make a label list of the source's classes.")
@click.option("--resplit", is_flag=True, help="Split anew, whatever the source says.")
@click.option(
    "--missing",
    type=click.Choice(["refuse", "allow", "leave-out"]),
    help="What to do where a split would lack a class.",
)
@json_option
def import_(source: Path, missing: str | None, as_json: bool, **wishes: Any) -> None:
    """Begin with labels that you have: COCO JSON, VOC XML, CSV or a Hugging Face folder.

    Catalogues the images, matches classes with the label list by id, name or alias, and builds the
    dataset, so that `mumic train` can follow.

    \b
    Example:
      mumic-annotate dataset import instances_train.json --images photos --new-taxonomy
      mumic-annotate dataset import VOC2012
      mumic-annotate dataset import labels.csv --absent unknown
    """
    from dataclasses import replace

    from annotate.cli.dataset import count_lines
    from annotate.dataset.imports.stage import Wishes, import_labels

    workspace = open_workspace()
    own = workspace.settings.dataset
    summary = import_labels(
        workspace,
        source.absolute(),
        Wishes(**wishes),
        replace(own, missing=missing or own.missing),
        progress,
    )
    found = summary["stats"]
    if summary["rejected"]:
        note(f"{summary['rejected']:,} set aside; see {summary['folder']}/rejects.csv")
    for warning in found["warnings"]:
        note(f"Warning: {warning}.")
    lines = [
        f"{summary['images']:,} images and {summary['classes']} classes from {source} "
        f"({summary['format']}): {summary['labels']['1']:,} yes, {summary['labels']['0']:,} no. "
        f"A class that is not mentioned: {summary['absent']}. Splits: {summary['splits']}.",
        *([f"Label list: {made}; edit it"] if (made := summary["taxonomy_written"]) else []),
        *count_lines(found),
        "Next: mumic train",
    ]
    emit(summary, lines, as_json=as_json)
