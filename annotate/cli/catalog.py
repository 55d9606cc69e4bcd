"""``mumic-annotate catalog``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress, table


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@click.option("--only", is_flag=True, help="Forget the sources of earlier calls.")
@click.option("--describe", is_flag=True, help="Show the property features; read nothing new.")
@click.option("--path-column", help="Column of a table with the image's path.")
@click.option("--property-column", help="Column of a table that names the image's property.")
@click.option("--text-column", help="Column of a table with a caption.")
@json_option
def catalog(
    sources: tuple[Path, ...],
    only: bool,
    describe: bool,
    path_column: str | None,
    property_column: str | None,
    text_column: str | None,
    as_json: bool,
) -> None:
    """List the images of folders and of CSV or Parquet tables, and set broken ones aside.

    Without SOURCES: those of mumic.toml and of earlier calls again, to find what is new or gone.

    \b
    Example:
      mumic-annotate catalog photos/ hotels.csv
    """
    from dataclasses import replace

    from annotate.catalog import known_sources, save_scan, scan
    from annotate.sources import plan_scan

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
    settings = replace(workspace.settings.catalog, **given)
    named = [str(Path.cwd() / source) for source in sources]
    named = named or [str(workspace.resolve(source)) for source in settings.sources]
    earlier = () if only else known_sources(workspace.catalog)
    plan = plan_scan(earlier, named, workspace.root, settings)
    with progress(len(plan.items), "catalog") as bar:
        found = scan(plan, workspace.catalog, workspace.root, settings, bar.update)
    summary = save_scan(found, plan, settings, workspace.catalog)
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
    from annotate.catalog import describe_features, load_catalog

    images = load_catalog(open_workspace().catalog)
    features = describe_features(images)
    lines = [f"{int(images['present'].sum()):,} images, {len(images):,} with those that are gone"]
    lines += table(features.columns.tolist(), features.itertuples(index=False))
    emit({"images": len(images), "features": features.to_dict("records")}, lines, as_json=as_json)
