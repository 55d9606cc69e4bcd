"""A bucket or host that goes down while images are embedded: what is done stays, the run stops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from annotate.clip.loading import Clip, load_clip
from annotate.errors import RemoteError
from annotate.index.embed import Job, build_index
from annotate.index.parts import Part, build_part
from annotate.index.pipeline import batches_ahead
from annotate.index.ray_engine import read_row
from annotate.index.reading import LeftOut, Loaded, Reading, load_pixels
from annotate.index.shards import load_index
from annotate.settings import CatalogSettings, IndexSettings, ModelSettings
from annotate.storage.outage import OUTAGE, Outage
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes

DrawNoise = Callable[[Path, int], None]
IMAGES = OUTAGE + 40
Plug = Callable[[int | None], list[str]]


@pytest.fixture
def images(tmp_path: Path, draw_noise: DrawNoise) -> pd.DataFrame:
    """Photos of a host."""
    rows = []
    for number in range(IMAGES):
        file = tmp_path / "host" / f"{number:02d}.png"
        draw_noise(file, number)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        uri = f"https://host/{file.name}"
        rows.append({"image_id": f"{number:02d}", "content_hash": digest, "uri": uri})
    return pd.DataFrame(rows)


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Makes the host answer for the first so many images (None: all); the URIs asked for."""

    def make(answers: int | None) -> list[str]:
        asked: list[str] = []

        def read(uri: str, root: Path, *, max_bytes: int) -> bytes:
            asked.append(uri)
            name = uri.rpartition("/")[2]
            if answers is not None and int(name[:2]) >= answers:
                raise UnreachableError("connection refused")
            return read_bytes(f"host/{name}", root, max_bytes=max_bytes)

        monkeypatch.setattr("annotate.index.reading.read_bytes", read)
        return asked

    return make


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, IndexSettings(batch_size=4, shard_size=16), CatalogSettings())


@pytest.fixture
def clip(tiny_clip_folder: Path, tmp_path: Path) -> Clip:
    return load_clip(ModelSettings(name=f"local-dir:{tiny_clip_folder}"), tmp_path)


def test_an_outage_stops_the_index_and_a_second_run_goes_on(
    images: pd.DataFrame, plug: Plug, job: Job, clip: Clip, tmp_path: Path
) -> None:
    plug(None)
    build_index(images, tmp_path / "whole", clip, job)
    asked = plug(16)
    with pytest.raises(RemoteError, match=f"https://host: {OUTAGE} images in a row could not"):
        build_index(images, tmp_path / "index", clip, job)
    assert len(asked) < IMAGES  # the rest is not tried
    assert len(load_index(tmp_path / "index").content_hashes) == 16
    plug(None)
    build_index(images, tmp_path / "index", clip, job)
    build_index(images, tmp_path / "index", clip, job)  # what was left out before it was an outage
    found, whole = load_index(tmp_path / "index"), load_index(tmp_path / "whole")
    assert set(found.content_hashes) == set(whole.content_hashes)
    assert len(found.content_hashes) == IMAGES


def test_a_part_is_not_finished_by_an_outage(
    images: pd.DataFrame, plug: Plug, job: Job, clip: Clip, tmp_path: Path
) -> None:
    plug(0)
    with pytest.raises(RemoteError):
        build_part(images, tmp_path / "index", clip, job, Part(1, 2))
    state = tmp_path / "index/parts/1-of-2/part.json"
    assert json.loads(state.read_text("utf-8"))["finished"] is False


def test_failures_that_do_not_follow_each_other_are_no_outage(
    images: pd.DataFrame, plug: Plug, job: Job, clip: Clip, tmp_path: Path
) -> None:
    plug(None)
    for number in range(1, IMAGES, 2):  # gone by themselves, while the host answers
        (tmp_path / "host" / f"{number:02d}.png").unlink()
    report = build_index(images, tmp_path / "index", clip, job)
    assert (report.embedded, len(report.skipped)) == (IMAGES // 2, IMAGES // 2)


def test_readers_stop_asking_a_host_that_is_out(
    images: pd.DataFrame, plug: Plug, tmp_path: Path
) -> None:
    asked = plug(0)
    items = [(str(c), str(u)) for c, u in zip(images["content_hash"], images["uri"], strict=True)]
    reading = Reading(tmp_path, 32, 10**6, 10**6)
    with batches_ahead([items], reading, threads=1) as made:
        (batch,) = made
    assert len(asked) == OUTAGE
    assert batch.left_out == (LeftOut("connection refused", unreachable=True),) * IMAGES
    asked.clear()
    row = {"contents": json.dumps([c for c, _ in items]), "uris": json.dumps([u for _, u in items])}
    assert json.loads(read_row(row, reading)["left_out"]) == [["connection refused", True]] * IMAGES
    assert len(asked) == OUTAGE
    # Another host is asked, and so is this machine.
    outage = Outage()
    for _ in range(OUTAGE):
        outage.note("https://other/a.jpg", "busy")
    plug(None)
    assert isinstance(load_pixels(items[0], reading, outage), Loaded)
    found = load_pixels((items[0][0], "https://other/00.png"), reading, outage)
    assert found == LeftOut("busy", unreachable=True)
