"""The pixel cache: what it lacks is decoded, and told of; images that cannot be had are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotate.errors import MissingError
from mumic.cache import open_rows
from mumic.cli.training_bars import TrainingBars
from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.training.train import TrainOptions, train


def test_what_there_is_to_decode_is_told_once_and_then_each_batch(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    settings = workspace.settings
    settings = replace(settings, predict=replace(settings.predict, batch_size=15))
    workspace, images = replace(workspace, settings=settings), load_dataset(workspace).images
    totals: list[int] = []
    told: list[int] = []
    pixel_rows(workspace, images.iloc[:4], 32, told.append, on_total=totals.append)
    pixel_rows(workspace, images, 32, told.append, on_total=totals.append)
    pixel_rows(workspace, images, 32, told.append, on_total=totals.append)
    assert totals == [4, 36, 0]
    assert told == [4, 15, 15, 6]


def test_the_bar_knows_how_many_images_there_are(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    seen: list[tuple[int, int | None]] = []
    with TrainingBars() as bars:
        reports = bars.reports()
        assert reports.on_decoded is not None

        def decoded(images: int) -> None:
            bars.decoded(images)
            seen.append((bars._decoding.n, bars._decoding.total))

        train(workspace, TrainOptions(run="one"), replace(reports, on_decoded=decoded))
    assert seen == [(32, 32)]


def test_an_image_gone_missing_or_changed_is_named(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    images = load_dataset(workspace).images.query("split == 'train'")
    gone, changed = (workspace.root / uri for uri in images["uri"][:2])
    gone.unlink()
    changed.write_bytes(b"not the same")
    with pytest.raises(MissingError) as caught:
        train(workspace)
    assert "2 images of the dataset cannot be used" in str(caught.value)
    assert "000.png: no such file" in str(caught.value)
    assert "changed since it was catalogued" in str(caught.value)


def test_missing_images_are_counted_over_all_shards(tmp_path: Path, tiny_workspace: Any) -> None:
    """Shards have 1024 rows. One that is whole is kept, whatever is missing before it."""
    workspace = tiny_workspace(tmp_path / "ws")
    there = load_dataset(workspace).images[["uri", "content_hash"]]
    gone = pd.DataFrame({"uri": [f"photos/gone-{number}.png" for number in range(1026)]})
    gone["content_hash"] = [f"{number:064x}" for number in range(1026)]
    with pytest.raises(MissingError, match="1026 images of the dataset cannot be used"):
        pixel_rows(workspace, pd.concat([gone, there]), 32)
    with pytest.raises(MissingError, match="1024 images of the dataset cannot be used"):
        pixel_rows(workspace, pd.concat([gone[:1024], there]), 32)
    kept = open_rows(workspace.data / "cache" / "pixels-32-squash-bicubic")
    assert kept.places.keys() == set(there["content_hash"])
