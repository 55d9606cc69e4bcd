"""Options beyond the paper's recipe: a learned bias, mirrored images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image

from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.scores import run_logits
from mumic.training.step import Batch, accumulate_gradients
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


def test_about_half_of_a_batch_is_mirrored(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image by itself, from left to right, and its labels stay."""
    batches: list[Batch] = []

    def remember(model: Any, batch: Batch, *rest: Any) -> float:
        batches.append(batch)
        return accumulate_gradients(model, batch, *rest)

    monkeypatch.setattr("mumic.training.cuda_graph.accumulate_gradients", remember)
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, batch_size=64, cuda_graph=False)
    settings = workspace.settings
    for flip in (False, True):
        recipe = replace(settings.train, flip=flip)
        train(replace(workspace, settings=replace(settings, train=recipe)))
    plain, found = batches
    same = [torch.equal(*pair) for pair in zip(found.pixels, plain.pixels, strict=True)]
    turned = [torch.equal(*pair) for pair in zip(found.pixels, plain.pixels.flip(-1), strict=True)]
    assert [a != b for a, b in zip(same, turned, strict=True)] == [True] * 24
    assert 6 <= sum(turned) <= 18
    assert torch.equal(found.labels, plain.labels)
    assert torch.equal(found.mask, plain.mask)
