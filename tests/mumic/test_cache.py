"""Cached rows: more shards than a process may have files open, and a cache of other shard sizes."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.clip.encoder import encode_images
from annotate.clip.loading import load_clip
from annotate.errors import DamagedError
from mumic.cache import add_shards, open_rows
from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.scores import frozen_rows


@contextmanager
def _descriptors(more: int) -> Iterator[None]:
    """No more than some further files can be open."""
    lowest = os.dup(0)  # the lowest number that is free; all above it may be, too
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _fill(folder: Path, rows: np.ndarray, shard_size: int) -> None:
    wanted = [(f"{number:04d}", row) for number, row in enumerate(rows)]
    add_shards(
        folder, wanted, lambda chunks: (np.stack(some) for some in chunks), shard_size=shard_size
    )


def test_shards_hold_no_descriptors(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (300, 2, 3), np.uint8)
    with _descriptors(50):
        _fill(tmp_path, rows, shard_size=1)
        found = open_rows(tmp_path)
        assert len(found.shards) == 300
        order = np.random.default_rng(1).permutation(300)
        assert (found.gather([f"{number:04d}" for number in order]) == rows[order]).all()
    with pytest.raises(ValueError, match="read-only"):
        found.shards[0][0] = 0


@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32])
def test_mapped_rows_are_what_was_stored(tmp_path: Path, kind: Any) -> None:
    rows = np.arange(30).reshape(10, 3).astype(kind)
    _fill(tmp_path, rows, shard_size=4)
    found = open_rows(tmp_path)
    assert [shard.dtype for shard in found.shards] == [rows.dtype] * 3
    assert (np.concatenate(found.shards) == rows).all()


def test_too_many_open_files_are_no_damage(tmp_path: Path) -> None:
    """Rows that are whole must not be deleted: these are hours of work."""
    _fill(tmp_path, np.zeros((4, 2), np.float32), shard_size=2)
    with _descriptors(1), pytest.raises(OSError, match="Too many open files") as caught:
        open_rows(tmp_path)  # it opens an array, and once more to map it
    assert caught.value.errno == errno.EMFILE
    file = tmp_path / "shard-00001.npy"
    whole = file.read_bytes()
    for torn in (whole[:-1], whole[:20], b""):
        file.write_bytes(torn)
        with pytest.raises(DamagedError, match=r"shard-00001\.json: its rows cannot be read"):
            open_rows(tmp_path)
    file.unlink()
    with pytest.raises(DamagedError, match=r"shard-00001\.json: its rows cannot be read"):
        open_rows(tmp_path)


def test_embeddings_are_stored_by_the_shard_and_computed_by_the_batch(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also beside the shards of a batch each that were stored before."""
    workspace = tiny_workspace(tmp_path / "ws", images=20)
    settings = workspace.settings
    predict = replace(settings.predict, batch_size=3)
    workspace = replace(workspace, settings=replace(settings, predict=predict))
    dataset = load_dataset(workspace)
    pixels = pixel_rows(workspace, dataset.images, 32)
    clip = load_clip(settings.model, workspace.root)
    hashes = list(dataset.images["content_hash"])
    expected = encode_images(clip, pixels.gather(hashes))
    sizes: list[int] = []

    def embed(clip: Any, shown: Any, precision: str) -> Any:
        sizes.append(len(shown))
        return encode_images(clip, shown, precision)

    monkeypatch.setattr("mumic.scores.encode_images", embed)
    told: list[int] = []
    assert frozen_rows(workspace, clip, pixels, dataset, told.append) == pytest.approx(
        expected, abs=1e-5
    )
    assert sizes == told == [3] * 6 + [2]
    (folder,) = (workspace.data / "cache").glob("features-*")
    assert [len(shard) for shard in open_rows(folder).shards] == [20]
    for file in folder.glob("shard-*"):
        file.unlink()
    rows = dict(zip(hashes[:7], expected[:7], strict=True))
    add_shards(
        folder, rows.items(), lambda chunks: (np.stack(some) for some in chunks), shard_size=3
    )
    sizes.clear()
    again = frozen_rows(workspace, clip, pixels, dataset)
    assert again == pytest.approx(expected, abs=1e-5)
    assert sizes == [3, 3, 3, 3, 1]
    assert [len(shard) for shard in open_rows(folder).shards] == [3, 3, 1, 13]
