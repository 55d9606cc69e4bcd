"""A killed run loses a batch at most, whatever it left on the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annotate.clip.loading import Clip, load_clip
from annotate.errors import DamagedError, InputError
from annotate.index.embed import Batches, Job, build_index, local_engine
from annotate.index.partial import Embedded
from annotate.index.plan import plan_shards
from annotate.index.shards import load_index, shard_identity, write_shard
from annotate.locks import exclusive
from annotate.settings import CatalogSettings, IndexSettings, ModelSettings

DrawNoise = Callable[[Path, int], None]
IMAGES = 11
BATCH = 2


@dataclass(frozen=True)
class World:
    images: pd.DataFrame
    clip: Clip
    job: Job


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, tiny_clip_folder: Path, draw_noise: DrawNoise
) -> World:
    """Eleven photos, the fourth of them not there; shards of five, batches of two."""
    root = tmp_path_factory.mktemp("world")
    rows = []
    for number in range(IMAGES):
        file = root / f"{number}.png"
        draw_noise(file, number)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        rows.append({"image_id": f"{number:02d}", "content_hash": digest, "uri": file.name})
    (root / "3.png").unlink()
    clip = load_clip(ModelSettings(name=f"local-dir:{tiny_clip_folder}"), root)
    settings = IndexSettings(batch_size=BATCH, shard_size=5)
    return World(pd.DataFrame(rows), clip, Job(root, settings, CatalogSettings()))


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    build_index(world.images, folder, world.clip, world.job)
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def break_off(world: World, folder: Path, after: int) -> None:
    """Run until so many batches are done."""

    def engine(batches: Batches) -> Generator[Embedded, None, None]:
        for number, batch in enumerate(local_engine(world.clip, world.job)(batches)):
            if number == after:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        build_index(world.images, folder, world.clip, replace(world.job, engine=engine))


# Batches of the three shards: 2 2 1, 2 2 1, 1. One image of the second batch is not there.
@pytest.mark.parametrize(
    ("after", "embedded"), [(0, 10), (1, 8), (2, 7), (3, 6), (4, 4), (5, 2), (6, 1)]
)
def test_no_finished_batch_is_embedded_again(
    world: World, undisturbed: dict[str, bytes], tmp_path: Path, after: int, embedded: int
) -> None:
    break_off(world, tmp_path, after)
    missing = len(plan_shards(world.images, tmp_path, 5))
    told: list[int] = []
    report = build_index(world.images, tmp_path, world.clip, world.job, told.append)
    assert report.embedded == embedded
    assert report.skipped == (("3.png", "no such file"),)
    assert contents(tmp_path) == undisturbed
    assert sum(told) == missing  # so the bar ends where it should


@pytest.mark.parametrize(
    ("file", "damage", "embedded"),
    [
        ("partial-00001.jsonl", lambda data: data[:-4], 4),  # the last line is torn
        ("partial-00001.jsonl", lambda data: data + b'{"crc32": 7, "ite', 2),
        ("partial-00001.jsonl", lambda data: data + b"[]\n", 2),
        ("partial-00001.f16", lambda data: data + b"rows without a line", 2),
        ("partial-00001.f16", lambda data: data[:-1], 4),  # rows that never reached the disk
        ("partial-00001.f16", lambda data: data[:-2] + b"\0\0", 4),
        ("partial-00001.f16", lambda data: b"", 6),
        ("partial-00001.jsonl", lambda data: b"", 6),
        ("partial-00001.jsonl", lambda data: data.replace(b'"model": "', b'"model": "0'), 6),
    ],
)
def test_what_cannot_be_trusted_is_embedded_again(
    world: World,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    file: str,
    damage: Callable[[bytes], bytes],
    embedded: int,
) -> None:
    break_off(world, tmp_path, 5)
    partial = tmp_path / file
    partial.write_bytes(damage(partial.read_bytes()))
    assert build_index(world.images, tmp_path, world.clip, world.job).embedded == embedded
    assert contents(tmp_path) == undisturbed


def test_other_batches_do_not_take_up_the_old_ones(world: World, tmp_path: Path) -> None:
    break_off(world, tmp_path, 2)
    other = replace(world.job, index=replace(world.job.index, batch_size=3))
    assert build_index(world.images, tmp_path, world.clip, other).embedded == IMAGES - 1


def test_a_shard_without_any_image_is_not_read_again(world: World, tmp_path: Path) -> None:
    images = world.images.assign(uri=[f"gone-{uri}" for uri in world.images["uri"]])
    break_off(replace(world, images=images), tmp_path, 5)
    report = build_index(images, tmp_path, world.clip, world.job)
    assert (report.embedded, len(report.skipped)) == (0, IMAGES)
    assert set(contents(tmp_path)) == {".lock", "model.json"}


def test_a_shard_alone_says_what_it_is(world: World, undisturbed: dict[str, bytes]) -> None:
    folder = Path(str(world.job.root)) / "shards"
    folder.mkdir()
    (folder / "alone.parquet").write_bytes(undisturbed["shard-00001.parquet"])
    identity = shard_identity(folder / "alone.parquet")
    model = json.loads(undisturbed["model.json"])
    assert identity == {k: v for k, v in model.items() if k != "settings"} | {
        "precision": model["settings"]["precision"]
    }
    assert identity["weights_hash"] == world.clip.weights_hash


def test_a_shard_of_another_model_is_named(
    world: World, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in undisturbed.items():
        (tmp_path / name).write_bytes(data)
    rows = np.ones((1, world.clip.dim), np.float16)
    write_shard(tmp_path, 3, rows, ["0" * 64], {"weights_hash": "other"})
    with pytest.raises(DamagedError, match=r"shard-00003\.npy: is of another model"):
        load_index(tmp_path)


def test_two_runs_do_not_mix(world: World, tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / ".lock"),
        pytest.raises(InputError, match="another process is filling"),
    ):
        build_index(world.images, tmp_path, world.clip, world.job)
