"""Images as bytes at the model's input size, decoded once for all epochs and runs.

Every image is squashed to a square, without a crop, in training as in prediction: a crop loses what
stands at the edge (Wang et al., AAAI 2023, section 2.3). A run may crop to be compared with.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.clip.fast_pixels import pixels_of
from annotate.errors import InputError, MissingError
from annotate.storage.store import read_bytes
from annotate.workspace import Workspace
from mumic.cache import Rows, add_shards, in_threads

_NAMED = 5  # images named in one error message


def pixel_rows(
    workspace: Workspace,
    images: pd.DataFrame,
    size: int,
    on_progress: Callable[[int], object] | None = None,
    resize: str = "squash",
) -> Rows:
    """The pixels of some images, from the cache ``data/cache/``, which is filled as needed.

    Args:
        workspace: where URIs start and the cache lies.
        images: uri and content_hash.
        size: side of the square, pixels.
        on_progress: called with the number of images just decoded.
        resize: ``squash`` or ``crop``.

    Returns:
        uint8 rows (3, size, size), by content hash.

    Raises:
        MissingError: an image is gone, changed or broken; the first few are named.
    """
    wanted = zip(images["content_hash"], images["uri"], strict=True)
    return add_shards(
        workspace.data / "cache" / f"pixels-{size}-{resize}-bicubic",
        ((content_hash, (content_hash, uri)) for content_hash, uri in wanted),
        lambda items: _decode_all(workspace, items, size, resize),
        on_progress=on_progress,
    )


def _decode_all(
    workspace: Workspace, items: list[tuple[str, str]], size: int, resize: str
) -> npt.NDArray[np.uint8]:
    def one(item: tuple[str, str]) -> Any:
        content_hash, uri = item
        try:
            return read_pixels(workspace, uri, size, content_hash, resize)
        except InputError as error:
            return f"{uri}: {error}"

    found = in_threads(one, items, os.cpu_count() or 1)
    failed = [entry for entry in found if isinstance(entry, str)]
    if failed:
        more = f"\n... and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        listed = "\n".join(failed[:_NAMED]) + more
        raise MissingError(
            f"{len(failed)} images of the dataset cannot be used any more:\n{listed}\n"
            "Put them back, or run `mumic-annotate catalog` and `mumic-annotate dataset` again."
        )
    return np.stack(found)


def read_pixels(
    workspace: Workspace,
    uri: str,
    size: int,
    content_hash: str | None = None,
    resize: str = "squash",
) -> npt.NDArray[np.uint8]:
    """One image as uint8 (3, size, size).

    Args:
        workspace: where a relative URI starts.
        uri: the image.
        size: side of the square, pixels.
        content_hash: SHA-256 that its bytes must have, hex; None: any.
        resize: ``squash`` or ``crop``.

    Raises:
        InputError: no such file, its bytes are not those of the hash, or it cannot be decoded.
    """
    limits = workspace.settings.catalog
    data = read_bytes(uri, workspace.root, max_bytes=limits.max_bytes)
    if content_hash is not None and hashlib.sha256(data).hexdigest() != content_hash:
        raise InputError("the file has changed since it was catalogued")
    return pixels_of(data, size, max_pixels=limits.max_pixels, resize=resize)
