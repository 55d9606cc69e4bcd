"""Batches embedded on a Ray cluster: reading and decoding in tasks, the model in actors.

The unit of work is a batch of the plan, so the rows are those of a run on one machine. Results
stream back in order; the caller writes them, and a run that is killed goes on from there. A worker
that dies is started again with its batch. An exception of an image is caught where it happens:
Ray would lose the whole block to it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np

from annotate.clip.bf16 import index_clip
from annotate.clip.encoder import encode_images
from annotate.clip.loading import Clip, load_clip
from annotate.clip.precision import index_precision
from annotate.errors import InputError, MissingError, RemoteError
from annotate.index.embed import Batches, Job
from annotate.index.partial import Embedded
from annotate.index.reading import Item, LeftOut, Loaded, Reading, load_pixels
from annotate.settings import ModelSettings
from annotate.storage.outage import Outage

WAVE = 16_384  # batches handed to Ray at once: what the driver holds of the catalogue
BLOCKS = 2048  # tasks that a wave is cut into, at most
RETRIES = (
    5  # of a batch whose worker died; a picture that kills each of them must not go on for ever
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """Where the model runs.

    Attributes:
        address: of a Ray cluster (``host:6379`` or ``auto``); None: one of this machine's own.
        device: a torch device; empty: a GPU where the cluster has one.
    """

    address: str | None = None
    device: str = ""


@dataclass(frozen=True)
class Work:
    """What the workers need to know. Sent to each of them."""

    model: ModelSettings
    model_hash: str
    reading: Reading
    precision: str
    device: str


class Embed:
    """The model, loaded once by an actor."""

    def __init__(self, work: Work) -> None:
        clip = load_clip(work.model, work.reading.root, device=work.device)
        self.clip = index_clip(clip, work.precision)
        self.precision = work.precision
        if self.clip.model_hash != work.model_hash:
            raise InputError(f"{work.model.name} is another model on a worker than here.")

    def __call__(self, row: Row) -> Row:
        """Pixels as bytes become float16 rows as bytes; reasons go through."""
        size = self.clip.image_size
        pixels = np.frombuffer(row["pixels"], np.uint8).reshape(-1, 3, size, size)
        rows = np.empty((0, self.clip.dim), np.float16)
        if len(pixels):
            rows = encode_images(self.clip, pixels.copy(), self.precision).astype(np.float16)
        return {"rows": rows.tobytes(), "left_out": row["left_out"]}


def read_row(row: Row, reading: Reading) -> Row:
    """Contents and URIs become pixels as bytes, and reasons (JSON) why there are none."""
    items = list(zip(json.loads(row["contents"]), json.loads(row["uris"]), strict=True))
    outage = Outage()
    results = [_read_safely(item, reading, outage) for item in items]
    pixels = b"".join(r.pixels.tobytes() for r in results if isinstance(r, Loaded))
    left_out = [(r.reason, r.unreachable) if isinstance(r, LeftOut) else None for r in results]
    return {"pixels": pixels, "left_out": json.dumps(left_out)}


def _read_safely(item: Item, reading: Reading, outage: Outage) -> Loaded | LeftOut:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
            return load_pixels(item, reading, outage)
    except Exception as error:  # whatever a decoder raises: it must cost this image only
        return LeftOut(f"cannot be read: {type(error).__name__}: {error}")


def ray_job(job: Job, model: ModelSettings, clip: Clip, cluster: Cluster) -> Job:
    """The same job with its batches embedded on Ray.

    Args:
        job: as for one machine.
        model: what the actors load; files that it names must be on every machine.
        clip: the same model, loaded here: the workers' weights must be equal.
        cluster: where.

    Raises:
        MissingError: Ray is not installed.
        RemoteError: the cluster cannot be reached.
        InputError: it has too few processors or GPUs.
    """
    resources = _connect(cluster)
    gpus = int(resources.get("GPU", 0))
    device = cluster.device or ("cuda" if gpus else "cpu")
    actors = _actors(job.index.actors, int(resources.get("CPU", 0)), gpus, device)
    limits = job.catalog
    reading = Reading(job.root, clip.image_size, limits.max_bytes, limits.max_pixels)
    # Settled here, so that all workers do the same; this machine need not have their GPU.
    on_gpu = job.precision == "auto" and device.startswith("cuda")
    precision = "bf16" if on_gpu else index_precision(job.precision, clip.device)
    work = Work(model, clip.model_hash, reading, precision, device)

    def embed(batches: Batches) -> Generator[Embedded, None, None]:
        waiting = iter(batches)
        with redirect_stdout(sys.stderr):  # Ray prints of workers that died; --json must stay JSON
            while wave := list(islice(waiting, WAVE)):
                yield from _wave(wave, work, actors, clip.dim)

    return replace(job, precision=precision, engine=embed)


def _connect(cluster: Cluster) -> dict[str, float]:
    """Resources of the cluster; one of this machine's own is started where none is named."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise MissingError('Ray is not installed. Install it: pip install "mumic[ray]".') from error
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        if not ray.is_initialized():
            own = {} if cluster.address else {"include_dashboard": False}
            ray.init(cluster.address or "local", log_to_driver=False, **own)
        return dict(ray.cluster_resources())
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = cluster.address or "this machine"
        raise RemoteError(f"no Ray cluster at {where}: {error}. See `ray status` there.") from error


def _actors(wanted: int, cpus: int, gpus: int, device: str) -> int:
    """How many actors: fewer than processors, or nothing is left to read and the job hangs."""
    most = cpus - 1
    if device.startswith("cuda"):
        most = min(most, gpus)
    actors = wanted or (gpus if device.startswith("cuda") else cpus - max(1, cpus // 4))
    if not 1 <= actors <= most:
        raise InputError(
            f"the Ray cluster has {cpus} logical processors and {gpus} GPUs, which is too few for "
            f"{max(actors, 1)} copies of the model on {device} and one task that reads images. Set "
            "--actors lower, or add machines."
        )
    return actors


def _wave(
    wave: Sequence[Sequence[Item]], work: Work, actors: int, dim: int
) -> Generator[Embedded, None, None]:
    broken = import_module("ray.exceptions").RayError
    try:
        for row in _stream(wave, work, actors):
            rows = np.frombuffer(row["rows"], np.float16).reshape(-1, dim)
            left_out = (why and LeftOut(*why) for why in json.loads(row["left_out"]))
            yield Embedded(rows, tuple(left_out))
    except broken as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise RemoteError(
            f"the run on Ray was broken off: {reason}. What was done is kept; run the command "
            "again to go on."
        ) from error


def _stream(wave: Sequence[Sequence[Item]], work: Work, actors: int) -> Iterator[Row]:
    """Results of one wave, in order."""
    data: Any = import_module("ray.data")
    context = data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    rows = [
        {
            "contents": json.dumps([content for content, _ in batch]),
            "uris": json.dumps([uri for _, uri in batch]),
        }
        for batch in wave
    ]
    blocks = min(len(rows), BLOCKS)
    pixels = data.from_items(rows, override_num_blocks=blocks).map(
        read_row, fn_args=(work.reading,), num_cpus=1, max_retries=RETRIES
    )
    done = pixels.map(
        Embed,
        fn_constructor_args=(work,),
        compute=data.ActorPoolStrategy(size=actors),
        num_cpus=1,
        num_gpus=1 if work.device.startswith("cuda") else 0,
        max_restarts=-1,
        max_task_retries=RETRIES,
    )
    return iter(done.iter_rows())
