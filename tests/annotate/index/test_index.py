"""Embedding that survives SIGKILL, and exact search."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import annotate
import annotate.arrays
import annotate.files
import annotate.index.shards
import annotate.search.exact
from annotate.cli import main
from annotate.clip.encoder import encode_images
from annotate.clip.loading import load_clip
from annotate.errors import DamagedError, MissingError
from annotate.images.decoding import decode, squash
from annotate.index.shards import Index, load_index
from annotate.settings import ModelSettings
from tests.annotate.search.each import search

DrawNoise = Callable[[Path, int], None]
IMAGES = 22
# Kills itself while the third shard is half written, or while the log of the eighth batch is.
KILLED_IN_A_SHARD = """
import os, signal
from numpy.lib import format
from annotate.cli import main
real, calls = format.write_array_header_1_0, []
def write_header(file, header):
    real(file, header)
    calls.append(1)
    if len(calls) == 3:
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
format.write_array_header_1_0 = write_header
main(["index"])
"""
KILLED_IN_A_BATCH = """
import os, signal
from annotate.index import partial
from annotate.cli import main
real, calls = partial.PartialShard.add, []
def add(self, batch):
    calls.append(1)
    if len(calls) == 8:
        log = self._log
        def half(line):
            log.write(line[:-9]); log.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        self._log = type("Log", (), {"write": staticmethod(half)})()
    real(self, batch)
partial.PartialShard.add = add
main(["index"])
"""


@pytest.fixture
def make_workspace(tiny_clip_folder: Path, draw_noise: DrawNoise) -> Callable[[Path], Path]:
    """A workspace with a catalogue; one of its images is gone since."""

    def make(root: Path) -> Path:
        for number in range(IMAGES):
            draw_noise(root / "photos" / f"{number}.png", number)
        (root / "photos" / "again.png").write_bytes((root / "photos" / "1.png").read_bytes())
        settings = f'[model]\nname = "local-dir:{tiny_clip_folder}"\nprecision = "fp32"\n'
        settings += "[index]\nbatch_size = 2\nshard_size = 5\n"
        (root / "mumic.toml").write_text(settings, "utf-8")
        return root

    return make


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.chdir(root)
    return CliRunner().invoke(main, arguments)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def only_folder(root: Path) -> Path:
    (folder,) = (root / "data" / "index").iterdir()
    return folder


# Batches of the shards: 2 2 1 each. The third is half written: its batches are kept. In the third
# shard's second batch: all but that is kept. Of 23 files, two are one content and one is gone.
@pytest.mark.parametrize(
    ("script", "stale", "embedded"), [(KILLED_IN_A_SHARD, 1, 7), (KILLED_IN_A_BATCH, 0, 10)]
)
def test_killed_and_started_again_ends_bit_for_bit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_workspace: Callable[[Path], Path],
    script: str,
    stale: int,
    embedded: int,
) -> None:
    roots = [make_workspace(tmp_path / name) for name in ("killed", "undisturbed")]
    for root in roots:
        assert run(root, monkeypatch, "catalog", "photos").exit_code == 0
        images = pd.read_parquet(root / "data/catalog/images.parquet")
        (root / images.iloc[1]["uri"]).unlink()  # in the first shard's plan, and never readable
    packages = str(Path(annotate.__file__).parents[1])  # the tested ones, not installed ones
    killed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=roots[0],
        env=os.environ | {"PYTHONPATH": packages},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    left = [file.name for file in only_folder(roots[0]).iterdir()]
    assert sum(name.endswith(".tmp") for name in left) == stale
    assert sorted(name for name in left if name.startswith("shard-"))[-1] == "shard-00001.parquet"

    results = [run(root, monkeypatch, "index", "--json") for root in roots]

    assert [result.exit_code for result in results] == [0, 0], results[0].output
    first, second = (contents(only_folder(root)) for root in roots)
    assert first == second
    assert not any(name.endswith(".tmp") or name.startswith(("plan", "part")) for name in first)
    assert json.loads(results[0].stdout)["embedded"] == embedded
    assert json.loads(results[1].stdout)["skipped"] == 1


def test_killed_between_embeddings_and_their_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_workspace: Callable[[Path], Path]
) -> None:
    root = make_workspace(tmp_path)
    run(root, monkeypatch, "catalog", "photos")
    names: list[str] = []

    def atomic(path: Path) -> Any:
        names.append(path.name)
        if path.name == "shard-00001.parquet":
            raise SystemExit(9)
        return annotate.files.atomic(path)

    with monkeypatch.context() as patch:
        for module in (annotate.arrays, annotate.index.shards):
            patch.setattr(module, "atomic", atomic)
        assert run(root, monkeypatch, "index").exit_code == 9
    assert names[-2:] == ["shard-00001.npy", "shard-00001.parquet"]
    assert run(root, monkeypatch, "index").exit_code == 0
    index = load_index(only_folder(root))
    assert len(set(index.content_hashes)) == len(index.content_hashes) == IMAGES


def test_rows_are_the_images_and_new_ones_are_added(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_workspace: Callable[[Path], Path],
    tiny_clip_folder: Path,
    draw_noise: DrawNoise,
) -> None:
    root = make_workspace(tmp_path)
    run(root, monkeypatch, "catalog", "photos")
    run(root, monkeypatch, "index")
    before = contents(only_folder(root))
    draw_noise(root / "photos" / "new.png", 1000)
    run(root, monkeypatch, "catalog")
    assert json.loads(run(root, monkeypatch, "index", "--json").stdout)["embedded"] == 1
    after = contents(only_folder(root))
    assert before.items() <= after.items()
    index = load_index(only_folder(root))
    clip = load_clip(ModelSettings(name=f"local-dir:{tiny_clip_folder}"), root)
    rows = dict(zip(index.content_hashes, np.concatenate(index.embeddings), strict=True))
    for file in (root / "photos").iterdir():
        data = file.read_bytes()
        pixels = squash(decode(data, max_pixels=10**6), clip.image_size)
        expected = encode_images(clip, pixels[None])[0]
        np.testing.assert_allclose(rows[hashlib.sha256(data).hexdigest()], expected, atol=1e-3)


def test_changed_pixels_are_not_embedded_under_the_old_hash(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_workspace: Callable[[Path], Path],
    draw_noise: DrawNoise,
) -> None:
    root = make_workspace(tmp_path)
    run(root, monkeypatch, "catalog", "photos")
    draw_noise(root / "photos" / "3.png", 333)
    result = run(root, monkeypatch, "index")
    assert "photos/3.png: changed since it was catalogued" in result.stderr
    assert len(load_index(only_folder(root)).content_hashes) == IMAGES - 1


def test_damage_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_workspace: Callable[[Path], Path]
) -> None:
    root = make_workspace(tmp_path)
    run(root, monkeypatch, "catalog", "photos")
    run(root, monkeypatch, "index")
    folder = only_folder(root)
    shard = folder / "shard-00001.npy"
    whole = shard.read_bytes()
    for broken in (whole[:-7], whole[:40], b""):
        shard.write_bytes(broken)
        with pytest.raises(
            DamagedError, match=r"shard-00001\.npy.*Delete it and shard-00001\.parquet"
        ):
            load_index(folder)
    refused = run(root, monkeypatch, "index")  # it says so, too, and not that all is there
    assert refused.exit_code == 1
    assert "Delete it and shard-00001.parquet" in refused.stderr
    shard.unlink()
    shard.with_suffix(".parquet").unlink()
    assert run(root, monkeypatch, "index").exit_code == 0
    assert len(load_index(folder).content_hashes) == IMAGES
    model = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps(model | {"weights_hash": "other"}), "utf-8")
    result = run(root, monkeypatch, "index")
    assert result.exit_code == 1
    assert "another model (weights_hash differ)" in result.stderr
    with pytest.raises(MissingError, match="mumic-annotate index"):
        load_index(tmp_path / "nowhere")


def random_index(rng: np.random.Generator, sizes: list[int], dim: int) -> Index:
    shards = []
    for size in sizes:
        rows = rng.standard_normal((size, dim))
        shards.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16))
    shards[-1][:5] = shards[0][:5]  # equal scores
    names = [f"{value:016x}" for value in rng.permutation(sum(sizes))]
    return Index(np.array(names, object), shards)


@pytest.mark.parametrize("k", [1, 7, 60, 1000])
def test_search_is_exact_with_ties_by_content(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotate.search.exact, "BLOCK", 16)
    rng = np.random.default_rng(k)
    index = random_index(rng, [40, 3, 50], 24)
    queries = np.concatenate([rng.standard_normal((3, 24)), index.embeddings[0][:2]])
    queries = queries.astype(np.float32)
    keep = rng.random(93) < 0.8
    keep[:5] = keep[43:48] = True
    scores, rows = search(index, queries, k, keep)
    everything = np.concatenate(index.embeddings).astype(np.float64)
    for query, found, at in zip(queries.astype(np.float64), scores, rows, strict=True):
        all_scores = (everything * query).sum(axis=1)
        order = [r for r in np.lexsort((index.content_hashes.astype(str), -all_scores)) if keep[r]]
        assert at.tolist() == order[:k]
        np.testing.assert_array_equal(found, all_scores[order[:k]])


def test_search_does_not_depend_on_shards_or_order() -> None:
    rng = np.random.default_rng(3)
    index = random_index(rng, [64, 64], 32)
    queries = rng.standard_normal((4, 32)).astype(np.float32)
    rows = np.concatenate(index.embeddings)
    shuffled = rng.permutation(128)
    other = Index(index.content_hashes[shuffled], np.split(rows[shuffled], [1, 50]))
    one, two = search(index, queries, 20), search(other, queries, 20)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(index.content_hashes[one[1]], other.content_hashes[two[1]])


def test_search_of_nothing() -> None:
    index = random_index(np.random.default_rng(0), [6, 6], 8)
    scores, rows = search(index, np.ones((2, 8), np.float32), 5, np.zeros(12, bool))
    assert scores.shape == rows.shape == (2, 0)
