"""``mumic-annotate catalog``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress, table


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--only", is_flag=True, help="Forget the sources and columns of earlier calls.")
@click.option("--verify", is_flag=True, help="Read every image again, also unchanged ones.")
@click.option("--describe", is_flag=True, help="Show the property features; read nothing new.")
@click.option("--path-column", help="Column of a table with the image's path or URI.")
@click.option("--property-column", help="Column of a table that names the image's property.")
@click.option("--text-column", help="Column of a table with a caption.")
@json_option
def catalog(
    sources: tuple[str, ...],
    only: bool,
    verify: bool,
    describe: bool,
    path_column: str | None,
    property_column: str | None,
    text_column: str | None,
    as_json: bool,
) -> None:
    """List the images of folders, buckets and tables, and set broken ones aside.

    A source is a folder, an S3 prefix (taken as a folder), or a table: CSV, TSV, Parquet or a
    Ground Truth manifest, on this machine, in a bucket or on the web. Tables name paths, s3:// or
    https:// URIs; their other columns become property features.

    Without SOURCES: those of mumic.toml and of earlier calls again, to find what is new or gone.
    Columns that an option names stay in force, too; --only forgets both.

    \b
    Example:
      mumic-annotate catalog photos/ hotels.csv
      mumic-annotate catalog s3://bucket/photos s3://bucket/hotels.parquet
      mumic-annotate catalog --describe
    """
    from dataclasses import replace

    from annotate.catalog.scan import known_columns, known_sources, save_scan, scan
    from annotate.catalog.sources import plan_scan
    from annotate.locks import exclusive
    from annotate.storage.store import is_remote

    workspace = open_workspace()
    if describe:
        _describe(as_json)
        return
    options = {
        "path_column": path_column,
        "property_column": property_column,
        "text_column": text_column,
    }
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    settings = workspace.settings.catalog
    named = [s if is_remote(s) else str(Path.cwd() / s) for s in sources] or [
        s if is_remote(s) else str(workspace.resolve(s)) for s in settings.sources
    ]
    folder = workspace.catalog
    with exclusive(folder / ".lock", busy=f"another process is filling {folder}. Wait for it."):
        earlier = () if only else known_sources(folder)
        columns = given if only else known_columns(folder) | given
        settings = replace(settings, **columns)
        plan = plan_scan(earlier, named, workspace.root, settings)
        with progress(len(plan.items), "catalog") as bar:
            found = scan(plan, folder, workspace.root, settings, bar.update, verify=verify)
        summary = save_scan(found, plan, settings, folder, columns)
    for source in plan.emptied:
        note(f"{source}: no images there any more; those of earlier calls are marked as gone.")
    for uri, reason in found.rejects.head(10).itertuples(index=False):
        note(f"rejected {uri}: {reason}")
    lines = [
        f"{summary['images']:,} images from {', '.join(plan.sources)}, "
        f"{summary['properties']:,} properties, {summary['gone']:,} gone",
    ]
    if summary["rejected"]:
        lines.append(f"{summary['rejected']:,} rejected; see {workspace.catalog}/rejects.parquet")
    emit(summary, lines, as_json=as_json)


def _describe(as_json: bool) -> None:
    from dataclasses import asdict

    from annotate.catalog.describe import describe_features, rows_for_people
    from annotate.catalog.scan import load_catalog

    images = load_catalog(open_workspace().catalog)
    present = images[images["present"]]
    features = describe_features(present)
    lines = [f"{len(present):,} images, {len(images) - len(present):,} more that are gone"]
    lines += table(*rows_for_people(features))
    summary = {
        "images": len(present),
        "gone": len(images) - len(present),
        "features": [asdict(feature) for feature in features],
    }
    emit(summary, lines, as_json=as_json)
