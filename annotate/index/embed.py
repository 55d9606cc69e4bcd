"""Fills the index: images of the catalogue become embeddings.

Embedding follows a plan that is on disk before the first shard: which contents go into which
shard. A run that was killed takes up the same plan, so its batches fall on the same rows and its
shards are those of an undisturbed run, bit for bit. Who embeds the batches does not matter: an
engine takes them in order and gives them back in order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.clip.bf16 import index_clip
from annotate.clip.encoder import encode_images
from annotate.clip.loading import Clip
from annotate.clip.precision import index_precision
from annotate.errors import InputError
from annotate.files import read_json, remove_stale, write_json
from annotate.index.decoders import decoding_processes
from annotate.index.folders import MADE_BY, shard_files
from annotate.index.partial import Embedded, Kept, load_partial, partial_shard, remove_partial
from annotate.index.pipeline import batches_ahead
from annotate.index.plan import PLAN, PlannedShard, plan_shards, planned
from annotate.index.reading import Item, Reading
from annotate.index.shards import model_identity, other_model
from annotate.locks import exclusive
from annotate.settings import CatalogSettings, IndexSettings
from annotate.storage.outage import Outage
from annotate.tables import read, write

KEPT = "What was embedded is kept; run the command again when this is mended, and it goes on."
Progress = Callable[[int], object]
Batches = Iterable[Sequence[Item]]
# Embeds batches one after the other; takes them up ahead of what it has given back.
Engine = Callable[[Batches], Generator[Embedded, None, None]]


@dataclass(frozen=True)
class Job:
    """How images become embeddings.

    Attributes:
        root: where relative URIs start.
        index: sizes of batches and shards.
        catalog: limits of images.
        precision: auto, fp32 or bf16.
        engine: embeds the batches; None: this process.
    """

    root: Path
    index: IndexSettings
    catalog: CatalogSettings
    precision: str = "auto"
    engine: Engine | None = None


@dataclass(frozen=True)
class Report:
    """What a run did: contents embedded, and images left out as (URI, reason)."""

    embedded: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


def build_index(
    images: pd.DataFrame, folder: Path, clip: Clip, job: Job, on_progress: Progress | None = None
) -> Report:
    """Embed what is not embedded yet.

    Args:
        images: the catalogue's present images.
        folder: of this model, see ``index.model_folder``; made if need be.
        clip: the model.
        job: batch and shard size, limits of images, engine.
        on_progress: told how many more images are done.

    Raises:
        InputError: a size below one, another process at work in the folder, or parts that wait
            there to be merged.
        DamagedError: the folder's embeddings are of other weights, or a file cannot be read.
        RemoteError: a bucket or host does not answer any more.
    """
    check_sizes(job.index)
    with exclusive(folder / ".lock", busy=f"another process is filling {folder}. Wait for it."):
        if (folder / "parts").is_dir():
            raise InputError(
                f"{folder / 'parts'}: parts of this index are in the making. Bring them together "
                f"with `{MADE_BY} --merge`, or delete the folder to embed without them."
            )
        return _build(images, folder, clip, job, on_progress)


def check_sizes(settings: IndexSettings) -> None:
    """Make sure that batches and shards have a size.

    Raises:
        InputError: one is below one.
    """
    if settings.batch_size < 1 or settings.shard_size < 1:
        raise InputError("[index] batch_size and shard_size must be 1 or more.")


def _build(
    images: pd.DataFrame, folder: Path, clip: Clip, job: Job, on_progress: Progress | None
) -> Report:
    remove_stale(folder)
    claim(folder, clip, job)
    report = Report()
    if (folder / "plan.parquet").is_file():  # of a run that was killed
        report = follow(read(PLAN, folder / "plan.parquet"), folder, clip, job, on_progress)
        _forget_plan(folder)
    given_up = {uri for uri, _ in report.skipped}
    plan = plan_shards(images[~images["uri"].isin(given_up)], folder, job.index.shard_size)
    if plan.empty:
        return report
    write(PLAN, plan, folder / "plan.parquet")
    rest = follow(plan, folder, clip, job, on_progress)
    _forget_plan(folder)
    return Report(report.embedded + rest.embedded, report.skipped + rest.skipped)


def _forget_plan(folder: Path) -> None:
    (folder / "plan.parquet").unlink()
    remove_partial(folder)


def claim(folder: Path, clip: Clip, job: Job) -> None:
    """Write ``model.json``, or make sure that the one there is of this model.

    Raises:
        DamagedError: it is of others.
    """
    file = folder / "model.json"
    identity = model_identity(clip)
    if not file.is_file():
        settings: dict[str, Any] = dict(sizes(job.index))
        settings["precision"] = index_precision(job.precision, clip.device)
        write_json(file, identity | {"settings": settings})
        return
    # An index may say less: model_hash was not recorded at first.
    there = {"model_hash": clip.model_hash} | read_json(file, MADE_BY)
    differing = [key for key, value in identity.items() if there.get(key) != value]
    if differing:
        raise other_model(file, differing)


def sizes(settings: IndexSettings) -> dict[str, int]:
    """The settings that decide which rows stand where, and their last bits."""
    return {"batch_size": settings.batch_size, "shard_size": settings.shard_size}


def identity_of(clip: Clip, job: Job) -> dict[str, Any]:
    """What a shard's sidecar says about where its rows come from."""
    return model_identity(clip) | {"precision": index_precision(job.precision, clip.device)}


def follow(
    plan: pd.DataFrame, folder: Path, clip: Clip, job: Job, on_progress: Progress | None
) -> Report:
    """Make the plan's shards that are not there yet, from the batches that are not done yet.

    Args:
        plan: of :data:`~annotate.index.plan.PLAN`.
        folder: gets the shards.
        clip: the model.
        job: batch size, limits of images, engine.
        on_progress: told how many more images are done.

    Raises:
        RemoteError: a bucket or host does not answer any more; what was done before is kept.
    """
    identity = identity_of(clip, job)
    there = set(shard_files(folder))
    todo = plan[~plan["shard"].isin(there)]
    size = job.index.batch_size
    # Read before the engine starts: it takes up batches while their shards are written.
    kept = {shard.number: load_partial(folder, shard, identity) for shard in planned(todo, size)}
    batches = (
        batch
        for shard in planned(todo, size)
        for batch in shard.batches[kept[shard.number].batches :]
    )
    engine = job.engine or local_engine(clip, job, len(todo))
    report = Report()
    outage = Outage(KEPT)
    with warnings.catch_warnings(), closing(engine(batches)) as results:
        warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
        for shard in planned(todo, size):
            target = _Target(folder, shard, kept[shard.number], identity, outage)
            made = _fill(target, results, on_progress)
            report = Report(report.embedded + made.embedded, report.skipped + made.skipped)
    return report


@dataclass(frozen=True)
class _Target:
    folder: Path
    shard: PlannedShard
    kept: Kept
    identity: Mapping[str, Any]
    outage: Outage


def _fill(target: _Target, results: Iterator[Embedded], on_progress: Progress | None) -> Report:
    """Make one shard of what is kept and what the engine gives."""
    shard, kept = target.shard, target.kept
    if on_progress:
        on_progress(sum(map(len, shard.batches[: kept.batches])))
    with partial_shard(target.folder, shard, kept, target.identity) as partial:
        for batch in shard.batches[kept.batches :]:
            embedded = next(results)
            _check_reached(batch, embedded, target.outage)
            partial.add(embedded)
            if on_progress:
                on_progress(len(batch))
        partial.finish()
        return Report(partial.embedded - kept.rows, tuple(partial.skipped))


def _check_reached(batch: Sequence[Item], embedded: Embedded, outage: Outage) -> None:
    """Stop, without this batch, once a bucket or host is out: its images are not left out."""
    for (_, uri), why in zip(batch, embedded.left_out, strict=True):
        outage.note(uri, why.reason if why and why.unreachable else None)
    outage.check()


def local_engine(clip: Clip, job: Job, images: int = 0) -> Engine:
    """Batches are read and decoded by threads or processes, and embedded here.

    Args:
        clip: the model.
        job: limits of images, precision.
        images: how many there are, which on a GPU decides between threads and processes; a model
            on the processor is slower than threads.
    """
    limits = job.catalog
    reading = Reading(job.root, clip.image_size, limits.max_bytes, limits.max_pixels)
    fast = index_clip(clip, job.precision)

    def embed(batches: Batches) -> Generator[Embedded, None, None]:
        with batches_ahead(
            batches,
            reading,
            processes=decoding_processes(images if clip.device.type == "cuda" else 0),
            largest=job.index.batch_size,
        ) as decoded:
            for batch in decoded:
                rows = np.empty((0, clip.dim), np.float16)
                if len(batch.pixels):
                    rows = encode_images(fast, batch.pixels, job.precision).astype(np.float16)
                yield Embedded(rows, batch.left_out)

    return embed
