"""Options beyond the paper's recipe: a learned bias, mirrored images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image

from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.scores import run_logits
from mumic.training.train import TrainOptions, train


def test_a_learned_bias_is_open_clips_own_and_is_in_the_logits(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", logit_bias=-3.0)
    run = train(workspace, TrainOptions(run="biased"))
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{run.path}")
    assert run.logit_bias == pytest.approx(model.logit_bias.item(), abs=1e-6)
    assert run.logit_bias != -3.0
    assert "logit_bias" in run.record["parameter_groups"]["no_decay"]
    dataset = load_dataset(workspace).split("test")
    ours = run_logits(
        workspace, run, run.load(workspace), pixel_rows(workspace, dataset.images, 32), dataset
    )
    images = torch.stack(
        [preprocess(Image.open(workspace.root / uri)) for uri in dataset.images["uri"]]
    )
    with torch.no_grad():
        tokens = open_clip.get_tokenizer(f"local-dir:{run.path}")(list(run.texts))
        theirs = model.eval().get_logits(images, tokens)[0]
    assert ours == pytest.approx(theirs.numpy(), abs=1e-3)


def test_mirrored_images_change_the_training_and_follow_from_the_seed(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    plain = tiny_workspace(tmp_path / "ws", epochs=1)
    mirrored = tiny_workspace(tmp_path / "again", epochs=1, flip=True)
    weights = [
        (train(workspace, TrainOptions(run=name)).path / "open_clip_model.safetensors").read_bytes()
        for workspace, name in ((plain, "plain"), (mirrored, "one"), (mirrored, "two"))
    ]
    assert weights[0] != weights[1]
    assert weights[1] == weights[2]
