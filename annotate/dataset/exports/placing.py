"""Brings the images of an export to their places: copied, or hard-linked where that is possible."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from annotate.errors import InputError
from annotate.files import atomic, remove_stale
from annotate.processors import usable_cores
from annotate.settings import CatalogSettings
from annotate.storage.store import is_remote, read_bytes

BATCH = 256


@dataclass(frozen=True)
class Placement:
    """An image and where it goes."""

    image_id: str
    uri: str
    content_hash: str
    target: Path


def read_unchanged(uri: str, content_hash: str, root: Path, settings: CatalogSettings) -> bytes:
    """The bytes of an image as they were catalogued.

    Raises:
        InputError: it cannot be read, or its bytes are others now.
    """
    data = read_bytes(uri, root, max_bytes=settings.max_bytes)
    if hashlib.sha256(data).hexdigest() != content_hash:
        raise InputError("its bytes changed since it was catalogued")
    return data


def place_images(
    placements: Sequence[Placement],
    root: Path,
    settings: CatalogSettings,
    *,
    link: bool,
    on_progress: Callable[[int], object],
) -> dict[str, str]:
    """Copy or link images; what is in its place already stays, so a killed export goes on.

    Args:
        placements: where each goes. A file's name carries its image's id, which stands for its
            bytes, and it gets its name when it is whole.
        root: the workspace.
        settings: limits, and the number of readers of a network.
        link: hard-link local files; another disk's, and remote ones, are copied all the same.
        on_progress: told how many more are done.

    Returns:
        Reasons by the id of each image that could not be had.
    """
    for folder in {placement.target.parent for placement in placements}:
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
    remote = any(is_remote(placement.uri) for placement in placements)
    rejects: dict[str, str] = {}

    def place(placement: Placement) -> None:
        if placement.target.is_file():
            return
        try:
            _place(placement, root, settings, link=link)
        except InputError as error:
            rejects[placement.image_id] = str(error)

    with ThreadPoolExecutor(settings.remote_threads if remote else usable_cores()) as pool:
        for at in range(0, len(placements), BATCH):
            batch = placements[at : at + BATCH]
            for _ in pool.map(place, batch):
                on_progress(1)
    return rejects


def _place(placement: Placement, root: Path, settings: CatalogSettings, *, link: bool) -> None:
    data = read_unchanged(placement.uri, placement.content_hash, root, settings)
    if link and not is_remote(placement.uri):
        with contextlib.suppress(OSError):  # another disk, or one that has no hard links
            os.link(os.path.realpath(root / placement.uri), placement.target)
            return
    with atomic(placement.target, durable=False) as file:
        file.write(data)
