"""Images decoded ahead of a model: which pixels are whose, and a host that goes down meanwhile."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from annotate.clip.fast_pixels import pixels_of
from annotate.errors import InputError, RemoteError
from annotate.index.reading import Item
from annotate.storage.outage import OUTAGE
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.pixels import decoded_ahead, pixel_rows
from mumic.prediction import predict as module
from mumic.prediction.picking import Picked
from mumic.prediction.predict import open_predictor
from mumic.training.train import TrainOptions, train

SIZE = 32
GPU = torch.device("cuda")  # named, not used: one on the processor is never fed by processes
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes share memory on Linux alone")


def _with_batches_of(workspace: Workspace, size: int) -> Workspace:
    settings = workspace.settings
    predict = replace(settings.predict, batch_size=size)
    return replace(workspace, settings=replace(settings, predict=predict))


def _chunks(workspace: Workspace) -> list[list[Item]]:
    """Of 9, 4, 0 and 6 images; the sixth of the first is no picture."""
    (workspace.root / "photos" / "005.png").write_bytes(b"no picture")
    items = [("", f"photos/{number:03d}.png") for number in range(19)]
    return [items[:9], items[9:13], [], items[13:]]


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=LINUX)])
def test_each_chunk_gets_its_own_images(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """Batches of 4: some chunks end amid one, one ends with one, one has none."""
    workspace = _with_batches_of(tiny_workspace(tmp_path / "ws"), 4)
    chunks = _chunks(workspace)
    monkeypatch.setattr("mumic.pixels.decoding_processes", lambda images: processes)
    seen = []
    with decoded_ahead(workspace, chunks, SIZE, "squash", GPU) as decoded:
        for chunk, batches in zip(chunks, decoded, strict=True):
            pixels: list[Any] = []
            hashes: list[str] = []
            usable: list[bool] = []
            for batch in batches:
                pixels += list(batch.pixels.copy())
                hashes += batch.hashes
                usable += [why is None for why in batch.left_out]
            contents = [(workspace.root / uri).read_bytes() for _, uri in chunk]
            read = [entry for entry in contents if entry != b"no picture"]
            assert usable == [entry != b"no picture" for entry in contents]
            assert hashes == [hashlib.sha256(entry).hexdigest() for entry in read]
            expected = [pixels_of(entry, SIZE, max_pixels=10**6) for entry in read]
            assert len(pixels) == len(expected)
            assert all(map(np.array_equal, pixels, expected))
            seen.append(len(pixels))
    assert seen == [8, 4, 0, 6]


def test_a_batch_of_nothing_is_refused(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = _with_batches_of(tiny_workspace(tmp_path / "ws"), 0)
    with pytest.raises(InputError, match=r"\[predict\] batch_size = 0"):
        train(workspace)


Plug = Callable[[int], None]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Photos of a host, which answers for the first so many of them."""

    def make(answers: int) -> None:
        def read(uri: str, root: Path, *, max_bytes: int) -> bytes:
            name = uri.rpartition("/")[2]
            if uri.startswith("https") and int(name[:3]) >= answers:
                raise UnreachableError("connection refused")
            return read_bytes(f"photos/{name}", root, max_bytes=max_bytes)

        monkeypatch.setattr("annotate.index.reading.read_bytes", read)

    return make


def test_a_host_that_goes_down_stops_predictions_and_they_go_on_later(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch, plug: Plug
) -> None:
    workspace = _with_batches_of(tiny_workspace(tmp_path / "ws"), 4)
    train(workspace, TrainOptions(run="one"))
    monkeypatch.setattr(module, "PART_SIZE", 10)
    predictor = open_predictor(workspace, "one", "cpu")
    picked = Picked([f"https://host/{number:03d}.png" for number in range(40)], [], demo=False)
    plug(40)
    expected = module.predict(predictor, picked, tmp_path / "whole.parquet")
    plug(15)
    target, done = tmp_path / "cut.parquet", list[int]()
    with pytest.raises(RemoteError, match=f"host: {OUTAGE} images in a row .* goes on"):
        module.predict(predictor, picked, target, done.append)
    assert done == [10, 10, 10]  # the fourth part has the twentieth failure
    assert not target.exists()
    plug(40)
    found = module.predict(predictor, picked, target, done.append)
    # What was set aside before the host was known to be down is read again.
    assert (found["images"], found["rejects"]) == (expected["images"], []) == (40, [])


def test_images_that_cannot_be_had_now_are_not_called_gone(
    tmp_path: Path, tiny_workspace: Any, plug: Plug
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    images = load_dataset(workspace).images.head(5)
    remote = images.assign(uri=[f"https://host/{Path(uri).name}" for uri in images["uri"]])
    plug(3)
    with pytest.raises(RemoteError, match="2 images cannot be had now") as caught:
        pixel_rows(workspace, remote, SIZE)
    assert "https://host/003.png: connection refused" in str(caught.value)
    plug(5)
    assert len(pixel_rows(workspace, remote, SIZE).places) == 5
