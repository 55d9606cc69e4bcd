"""``mumic-annotate index``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress

if TYPE_CHECKING:
    from annotate.clip.loading import Clip
    from annotate.index.embed import Job
    from annotate.index.parts import Part
    from annotate.workspace import Workspace


@click.command()
@click.option("--batch-size", type=click.IntRange(1), help="Images a forward pass.")
@click.option("--shard-size", type=click.IntRange(1), help="Rows a shard.")
@click.option("--device", default="", help="A torch device; by default a GPU where there is one.")
@click.option("--shard", "part", metavar="I/N", help="Make one of N parts, on any machine.")
@click.option("--merge", is_flag=True, help="Bring the N parts together.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Ray cluster to use; without it one is started on this machine.")
@click.option("--actors", type=click.IntRange(1), help="Copies of the model on Ray.")
@click.option("--allow-demo-model", is_flag=True, help="Use the small CLIP on photos of your own.")
@json_option
def index(
    batch_size: int | None,
    shard_size: int | None,
    device: str,
    part: str | None,
    merge: bool,
    engine: str,
    address: str | None,
    actors: int | None,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Embed the catalogue's images with the model of mumic.toml.

    Can be killed at any time: the next call goes on with the batch that was in the making. On
    several machines, give each its part with --shard, then call once with --merge; or use Ray,
    which listens on all network interfaces of the machines that it runs on.

    \b
    Example:
      mumic-annotate index
      mumic-annotate index --shard 3/8
      mumic-annotate index --merge
      mumic-annotate index --engine ray --address 10.0.0.7:6379
    """
    from dataclasses import replace

    from annotate.catalog.scan import check_not_empty, is_demo_catalog, load_catalog
    from annotate.clip.loading import default_device, load_clip, require_real_model
    from annotate.index.embed import Job
    from annotate.index.parts import parse_part
    from annotate.index.shards import model_folder

    if merge and (part or engine == "ray"):
        raise click.UsageError("--merge goes with neither --shard nor --engine ray.")
    if engine == "local" and (address or actors):
        raise click.UsageError("--address and --actors are for --engine ray.")
    workspace = open_workspace()
    if merge:
        _merge(workspace, as_json)
        return
    share = parse_part(part) if part else None
    images = check_not_empty(load_catalog(workspace.catalog))
    options = {"batch_size": batch_size, "shard_size": shard_size, "actors": actors}
    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    settings = workspace.settings
    own = "cpu" if engine == "ray" else device or default_device()
    clip = load_clip(settings.model, workspace.root, device=own)
    require_real_model(clip, is_demo_catalog(workspace.catalog), allow_demo_model)
    folder = model_folder(workspace.index, clip)
    job = Job(
        workspace.root, replace(settings.index, **given), settings.catalog, settings.model.precision
    )
    if engine == "ray":
        from annotate.index.ray_engine import Cluster, ray_job

        job = ray_job(job, settings.model, clip, Cluster(address, device))
    _embed(images, folder, clip, job, share, as_json)


def _embed(
    images: Any, folder: Any, clip: Clip, job: Job, share: Part | None, as_json: bool
) -> None:
    from annotate.index.embed import build_index
    from annotate.index.parts import build_part, plan_part
    from annotate.index.plan import plan_shards
    from annotate.index.shards import embedded_contents

    kept = len(embedded_contents(folder))
    if share:
        with progress(len(plan_part(images, folder, job, share)), f"index {share}") as bar:
            report = build_part(images, folder, clip, job, share, bar.update)
    else:
        missing = len(plan_shards(images, folder, job.index.shard_size))
        with progress(missing, "index") as bar:
            report = build_index(images, folder, clip, job, bar.update)
    _note_skipped(report.skipped)
    total = len(embedded_contents(folder))
    summary = {
        "model": folder.name,
        "demo_model": clip.is_demo,
        "embedded": report.embedded,
        # Batches that a killed run left count as kept; parts are not in the index yet.
        "kept": kept if share else total - report.embedded,
        "total": total,
        "skipped": len(report.skipped),
    }
    lines = [
        f"{summary['embedded']:,} images embedded with {clip.name}, {summary['kept']:,} kept, "
        f"{summary['skipped']:,} left out; the index has {summary['total']:,}",
        f"Index: {folder}",
    ]
    if share:
        lines.append("When all parts are done: `mumic-annotate index --merge`.")
    if clip.is_demo:
        lines.append("These embeddings are the demo model's, which knows drawings only.")
    emit(summary, lines, as_json=as_json)


def _merge(workspace: Workspace, as_json: bool) -> None:
    from annotate.index.parts import merge_all
    from annotate.index.shards import embedded_contents

    summary: dict[str, Any] = {"models": {}}
    lines = []
    for folder, merged in merge_all(workspace.index).items():
        _note_skipped(merged.skipped)
        total = len(embedded_contents(folder))
        summary["models"][folder.name] = {
            "parts": merged.parts,
            "shards": merged.shards,
            "total": total,
            "skipped": len(merged.skipped),
        }
        lines.append(
            f"{merged.parts} parts with {merged.shards:,} shards brought together, "
            f"{len(merged.skipped):,} images left out; the index has {total:,}: {folder}"
        )
    emit(summary, lines or ["Nothing to merge: the parts are in the index."], as_json=as_json)


def _note_skipped(skipped: tuple[tuple[str, str], ...]) -> None:
    for uri, reason in skipped[:10]:
        note(f"left out {uri}: {reason}")
    if len(skipped) > 10:
        note(f"and {len(skipped) - 10:,} more")
