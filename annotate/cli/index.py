"""``mumic-annotate index``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress


@click.command()
@click.option("--batch-size", type=click.IntRange(1), help="Images a forward pass.")
@click.option("--shard-size", type=click.IntRange(1), help="Rows a shard.")
@click.option("--device", default="", help="A torch device; by default a GPU where there is one.")
@click.option("--allow-demo-model", is_flag=True, help="Use the small CLIP on photos of your own.")
@json_option
def index(
    batch_size: int | None,
    shard_size: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Embed the catalogue's images with the model of mumic.toml.

    Can be killed at any time: the next call goes on with the shard that was in the making.

    \b
    Example:
      mumic-annotate index
    """
    from dataclasses import replace

    from annotate.catalog import check_not_empty, is_demo_catalog, load_catalog
    from annotate.embed import Job, build_index
    from annotate.encoder import default_device, load_clip, require_real_model
    from annotate.index import embedded_contents, model_folder

    workspace = open_workspace()
    images = check_not_empty(load_catalog(workspace.catalog))
    options = {"batch_size": batch_size, "shard_size": shard_size}
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    settings = workspace.settings
    clip = load_clip(settings.model, workspace.root, device=device or default_device())
    require_real_model(clip, is_demo_catalog(workspace.catalog), allow_demo_model)
    folder = model_folder(workspace.index, clip)
    job = Job(
        workspace.root, replace(settings.index, **given), settings.catalog, settings.model.precision
    )
    done = set(embedded_contents(folder))
    missing = images.loc[~images["content_hash"].isin(done), "content_hash"].nunique()
    with progress(missing, "index") as bar:
        report = build_index(images, folder, clip, job, bar.update)
    for uri, reason in report.skipped[:10]:
        note(f"left out {uri}: {reason}")
    summary = {
        "model": folder.name,
        "demo_model": clip.is_demo,
        "embedded": report.embedded,
        "total": len(embedded_contents(folder)),
        "skipped": len(report.skipped),
    }
    lines = [
        f"{summary['embedded']:,} images embedded with {clip.name}, {summary['total']:,} in all, "
        f"{summary['skipped']:,} left out",
        f"Index: {folder}",
    ]
    if clip.is_demo:
        lines.append("These embeddings are the demo model's, which knows drawings only.")
    emit(summary, lines, as_json=as_json)
