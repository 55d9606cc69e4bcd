"""Images as bytes at the model's input size, decoded once for all epochs and runs.

Every image is squashed to a square, without a crop, in training as in prediction: a crop loses what
stands at the edge (Wang et al., AAAI 2023, section 2.3). A run may crop to be compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pandas as pd
import torch

from annotate.errors import InputError, MissingError, RemoteError
from annotate.index.decoders import decoding_processes
from annotate.index.pipeline import batches_ahead
from annotate.index.reading import Batch, Item, LeftOut, Pixels, Reading, check_reached
from annotate.storage.outage import Outage
from annotate.workspace import Workspace
from mumic.cache import Rows, add_shards

KEPT = "What was done is kept; run the command again when this is mended, and it goes on."
_NAMED = 5  # images named in one error message


def pixel_rows(
    workspace: Workspace,
    images: pd.DataFrame,
    size: int,
    on_progress: Callable[[int], object] | None = None,
    resize: str = "squash",
    on_total: Callable[[int], object] | None = None,
) -> Rows:
    """The pixels of some images, from the cache ``data/cache/``, which is filled as needed.

    Args:
        workspace: where URIs start and the cache lies.
        images: uri and content_hash.
        size: side of the square, pixels.
        on_progress: called after each batch with the number of images just decoded.
        resize: ``squash`` or ``crop``.
        on_total: called once, before the first, with the number of images that the cache lacks.

    Returns:
        uint8 rows (3, size, size), by content hash.

    Raises:
        MissingError: images are gone, changed or broken; the first few are named.
        RemoteError: an image's bucket or host does not answer.
    """
    items = zip(images["content_hash"], images["uri"], strict=True)

    def decoded(chunks: list[list[Item]]) -> Generator[Pixels | None, None, None]:
        if on_total is not None:
            on_total(sum(map(len, chunks)))
        return _decoded(workspace, chunks, size, resize, on_progress)

    folder = workspace.data / "cache" / f"pixels-{size}-{resize}-bicubic"
    return add_shards(folder, ((item[0], item) for item in items), decoded)


@contextmanager
def decoded_ahead(
    workspace: Workspace,
    chunks: Sequence[Sequence[Item]],
    size: int,
    resize: str,
    device: torch.device | None = None,
    remedy: str = KEPT,
) -> Iterator[Iterator[Iterator[Batch]]]:
    """For each chunk the batches of its images, read and decoded ahead of their use.

    Args:
        workspace: where URIs start; its limits for images, and ``[predict] batch_size``.
        chunks: of (content hash, or "" for any, and URI).
        size: side of the square, pixels.
        resize: ``squash`` or ``crop``.
        device: of a model that they are for: one on the processor is slower than threads decode.
        remedy: what to do where a bucket or host is out.

    Raises:
        InputError: ``[predict] batch_size`` is below 1.
        RemoteError: a bucket or host is out; from the batches, before the one that it concerns.
    """
    settings, images = workspace.settings, sum(map(len, chunks))
    limits, largest = settings.catalog, settings.predict.batch_size
    reading = Reading(workspace.root, size, limits.max_bytes, limits.max_pixels, resize)
    if largest < 1:
        raise InputError(f"[predict] batch_size = {largest}: a batch has at least one image.")
    batches = [
        chunk[start : start + largest]
        for chunk in chunks
        for start in range(0, len(chunk), largest)
    ]
    processes = 0 if device is not None and device.type == "cpu" else decoding_processes(images)
    with batches_ahead(batches, reading, processes=processes, largest=largest) as decoded:
        reached = _reached(batches, decoded, Outage(remedy))
        yield (islice(reached, math.ceil(len(chunk) / largest)) for chunk in chunks)


def _reached(
    batches: Iterable[Sequence[Item]], decoded: Iterable[Batch], outage: Outage
) -> Iterator[Batch]:
    """Batches, until a bucket or host is out."""
    for items, batch in zip(batches, decoded, strict=True):
        check_reached(items, batch.left_out, outage)
        yield batch


def _decoded(
    workspace: Workspace,
    chunks: list[list[Item]],
    size: int,
    resize: str,
    on_progress: Callable[[int], object] | None,
) -> Generator[Pixels | None, None, None]:
    """The pixels of each chunk; what comes after it is decoded while it is stored.

    None for a chunk with images that cannot be had: all of these are told at the end.
    """
    failed: list[tuple[str, LeftOut]] = []
    with decoded_ahead(workspace, chunks, size, resize) as decoded:
        for chunk, batches in zip(chunks, decoded, strict=True):
            rows, usable = np.empty((len(chunk), 3, size, size), np.uint8), 0
            left_out: list[LeftOut | None] = []
            for batch in batches:
                rows[usable : usable + len(batch.pixels)] = batch.pixels
                usable += len(batch.pixels)
                left_out += batch.left_out
                if on_progress is not None:
                    on_progress(len(batch.left_out))
            failed += [
                (uri, why) for (_, uri), why in zip(chunk, left_out, strict=True) if why is not None
            ]
            yield rows if usable == len(chunk) else None
    _refuse(failed)


def _refuse(reasons: list[tuple[str, LeftOut]]) -> None:
    silent = [f"{uri}: {why.reason}" for uri, why in reasons if why.unreachable]
    if silent:
        raise RemoteError(f"{len(silent)} images cannot be had now:\n{_first_few(silent)}\n{KEPT}")
    failed = [f"{uri}: {why.reason}" for uri, why in reasons]
    if failed:
        raise MissingError(
            f"{len(failed)} images of the dataset cannot be used any more:\n{_first_few(failed)}\n"
            "Put them back, or run `mumic-annotate catalog` and `mumic-annotate dataset` again."
        )


def _first_few(lines: Sequence[str]) -> str:
    more = f"\n... and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return "\n".join(lines[:_NAMED]) + more
