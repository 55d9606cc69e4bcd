"""Fills the index: images of the catalogue become embeddings.

Embedding follows a plan that is on disk before the first shard: which contents go into which
shard. A run that was killed takes up the same plan, so its batches fall on the same rows and its
shards are those of an undisturbed run, bit for bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from annotate.encoder import Clip, encode_images
from annotate.errors import DamagedError, InputError
from annotate.index import MADE_BY, SHARD, embedded_contents, shard_files
from annotate.pipeline import Reading, batches_ahead
from annotate.settings import CatalogSettings, IndexSettings
from annotate.tables import Table, atomic, read, read_json, remove_stale, write, write_json

PLAN = Table(
    "index plan", MADE_BY, {"shard": pa.int32(), "content_hash": pa.string(), "uri": pa.string()}
)

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Job:
    """How images become embeddings."""

    root: Path
    index: IndexSettings
    catalog: CatalogSettings
    precision: str = "auto"


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
        job: batch and shard size, limits of images.
        on_progress: told how many more images are done.

    Raises:
        InputError: a size below one.
        DamagedError: the folder's embeddings are of other weights, or a file cannot be read.
    """
    if job.index.batch_size < 1 or job.index.shard_size < 1:
        raise InputError("[index] batch_size and shard_size must be 1 or more.")
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    _claim(folder, clip, job)
    report = Report()
    if (folder / "plan.parquet").is_file():  # of a run that was killed
        report = _follow(read(PLAN, folder / "plan.parquet"), folder, clip, job, on_progress)
    given_up = {uri for uri, _ in report.skipped}
    plan = plan_shards(images[~images["uri"].isin(given_up)], folder, job.index.shard_size)
    if plan.empty:
        return report
    write(PLAN, plan, folder / "plan.parquet")
    rest = _follow(plan, folder, clip, job, on_progress)
    return Report(report.embedded + rest.embedded, report.skipped + rest.skipped)


def plan_shards(images: pd.DataFrame, folder: Path, shard_size: int) -> pd.DataFrame:
    """Which contents go into which new shard: by image id, each content once.

    Returns:
        ``shard``, ``content_hash`` and ``uri``; empty where all is embedded.
    """
    done = set(embedded_contents(folder))
    todo = images[~images["content_hash"].isin(done)]
    todo = todo.sort_values("image_id").drop_duplicates("content_hash")
    first = max(shard_files(folder), default=-1) + 1
    numbers = first + np.arange(len(todo)) // shard_size
    return todo[["content_hash", "uri"]].assign(shard=numbers)[list(PLAN.columns)]


def _claim(folder: Path, clip: Clip, job: Job) -> None:
    """Write ``model.json``, or make sure that the one there is of these weights."""
    file = folder / "model.json"
    identity = {
        "name": clip.name,
        "pretrained": clip.pretrained,
        "weights_hash": clip.weights_hash,
        "dim": clip.dim,
        "image_size": clip.image_size,
        "preprocessing": {"resize": "squash", "mean": list(clip.mean), "std": list(clip.std)},
        "demo": clip.is_demo,
    }
    if not file.is_file():
        write_json(file, identity | {"settings": asdict(job.index) | {"precision": job.precision}})
        return
    there = read_json(file, MADE_BY)
    differing = [key for key, value in identity.items() if there.get(key) != value]
    if differing:
        raise DamagedError(
            f"{file}: these embeddings are of another model ({', '.join(differing)} differ). "
            f"Delete {folder} and run `{MADE_BY}`."
        )


def _follow(
    plan: pd.DataFrame, folder: Path, clip: Clip, job: Job, on_progress: Progress | None
) -> Report:
    """Make the plan's shards that are not there yet; then the plan is done with."""
    report = Report()
    there = shard_files(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
        for number in sorted(set(plan["shard"].tolist())):
            shard = plan[plan["shard"] == number]
            if number not in there:
                made = _embed_shard(_Shard(folder, number, shard), clip, job, on_progress)
                report = Report(report.embedded + made.embedded, report.skipped + made.skipped)
            elif on_progress:
                on_progress(len(shard))
    (folder / "plan.parquet").unlink()
    return report


@dataclass(frozen=True)
class _Shard:
    folder: Path
    number: int
    items: pd.DataFrame

    @property
    def file(self) -> Path:
        return self.folder / f"shard-{self.number:05d}.npy"


def _embed_shard(shard: _Shard, clip: Clip, job: Job, on_progress: Progress | None) -> Report:
    items = list(shard.items[["content_hash", "uri"]].itertuples(index=False, name=None))
    size = job.index.batch_size
    batches = [items[start : start + size] for start in range(0, len(items), size)]
    rows = [np.empty((0, clip.dim), np.float16)]
    contents: list[str] = []
    skipped: list[tuple[str, str]] = []
    limits = job.catalog
    reading = Reading(job.root, clip.image_size, limits.max_bytes, limits.max_pixels)
    with batches_ahead(batches, reading) as decoded:
        for items, batch in zip(batches, decoded, strict=True):
            if len(batch.pixels):
                rows.append(encode_images(clip, batch.pixels, job.precision).astype(np.float16))
            for (content, uri), reason in zip(items, batch.reasons, strict=True):
                if reason is None:
                    contents.append(content)
                else:
                    skipped.append((uri, reason))
            if on_progress:
                on_progress(len(items))
    if contents:
        with atomic(shard.file) as file:
            np.save(file, np.concatenate(rows), allow_pickle=False)
        # Last: with its table there, a shard counts as finished.
        table = pd.DataFrame({"content_hash": contents}, dtype=object)
        write(SHARD, table, shard.file.with_suffix(".parquet"))
    return Report(len(contents), tuple(skipped))
