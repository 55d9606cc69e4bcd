"""Flipped labels and cropped images: what ablations change."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotate.clip.fast_pixels import pixels_of
from annotate.errors import InputError
from mumic.data import load_dataset
from mumic.training.noise import with_label_noise
from mumic.training.train import TrainOptions, train


def test_flips_are_a_share_of_the_known_training_labels_of_both_kinds(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    dataset = load_dataset(tiny_workspace(tmp_path / "ws", 200))
    before = dataset.cells.labels.copy()
    noisy = with_label_noise(dataset, 0.2, seed=5)
    changed = noisy.cells.labels != before
    in_train = (dataset.images["split"] == "train").to_numpy()
    assert not changed[~in_train].any()
    assert not changed[~dataset.cells.mask].any()
    for column in range(before.shape[1]):
        for value in (0, 1):
            rows = in_train & dataset.cells.mask[:, column] & (before[:, column] == value)
            assert changed[rows, column].sum() == round(0.2 * rows.sum())
    assert (dataset.cells.labels == before).all()  # the dataset that was given is left alone
    assert (with_label_noise(dataset, 0.2, seed=5).cells.labels == noisy.cells.labels).all()
    assert (with_label_noise(dataset, 0.2, seed=6).cells.labels != noisy.cells.labels).any()
    assert with_label_noise(dataset, 0.0, seed=5) is dataset
    with pytest.raises(InputError, match="label_noise"):
        with_label_noise(dataset, 0.5, seed=5)


def test_a_crop_keeps_the_middle_and_a_squash_the_edges() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :20] = (255, 0, 0)  # only the left edge is red
    picture[:, 20:60] = (0, 255, 0)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    cropped = pixels_of(buffer.getvalue(), 16, max_pixels=10_000, resize="crop")
    squashed = pixels_of(buffer.getvalue(), 16, max_pixels=10_000)
    assert cropped[0].max() == 0
    assert (cropped[1] == 255).all()
    assert squashed[0, :, 0].min() == 255


def test_a_series_takes_a_finished_run_and_trains_where_a_setting_differs(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    first = train(workspace, TrainOptions(prefix="arm"))
    finished = first.record["finished"]
    assert train(workspace, TrainOptions(prefix="arm")).record["finished"] == finished
    other = replace(workspace.settings.train, resize="crop")
    cropping = replace(workspace, settings=replace(workspace.settings, train=other))
    second = train(cropping, TrainOptions(prefix="arm"))
    assert second.id != first.id
    assert second.resize == "crop"
    config = json.loads((second.path / "open_clip_config.json").read_text("utf-8"))
    assert config["preprocess_cfg"]["resize_mode"] == "shortest"  # open_clip's name for a crop
