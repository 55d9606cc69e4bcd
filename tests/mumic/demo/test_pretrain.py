"""Pretraining: the loss, the schedule, the shortened text tower, and going on after a stop."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from annotate.errors import InputError
from mumic.demo import pretrain as module
from mumic.demo import small_clip
from mumic.demo.model_card import write_card
from mumic.demo.pretrain import PretrainConfig, contrastive_loss, learning_rate, pretrain
from mumic.demo.small_clip import MODEL_CONFIG, encode_texts, save_small_clip
from mumic.machine import machine

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 96, "patch_size": 48, "width": 32, "layers": 1, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def test_the_loss_is_open_clips() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(7, 5), torch.randn(7, 5)
    scale = torch.tensor(12.0)
    normal = torch.nn.functional.normalize
    reference = open_clip.ClipLoss()(normal(images, dim=-1), normal(texts, dim=-1), scale)
    torch.testing.assert_close(contrastive_loss(images, texts, scale), reference)


def test_cutting_the_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**TINY).eval()
    tokens = open_clip.tokenize(["a dog", "a photo of a cozy bedroom with a bed and a mirror"])
    with torch.no_grad():
        torch.testing.assert_close(
            encode_texts(model, tokens), model.encode_text(tokens), rtol=1e-4, atol=1e-5
        )


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    config = PretrainConfig(steps=1_000, warmup=100, rate=2.0)
    rates = [learning_rate(config, step) for step in range(1_000)]
    assert rates[0] == pytest.approx(0.02)
    assert max(rates) == pytest.approx(2.0)
    assert int(np.argmax(rates)) in (99, 100)
    assert rates[550] == pytest.approx(1.0)
    assert rates[-1] < 1e-4


def test_a_stopped_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MODEL_CONFIG", TINY)
    config = PretrainConfig(pairs=40, held_out=10, steps=4, batch=8, warmup=2)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    pretrain(config, tmp_path / "whole-out", whole)

    real_step = module._step

    def stop_at_two(state: Any, config: PretrainConfig, step: int, *rest: Any) -> float:
        if step == 2:
            raise KeyboardInterrupt
        return real_step(state, config, step, *rest)

    monkeypatch.setattr(module, "_step", stop_at_two)
    with pytest.raises(KeyboardInterrupt):
        pretrain(dataclasses.replace(config, checkpoint_seconds=0.0), tmp_path / "none", halves)
    monkeypatch.setattr(module, "_step", real_step)
    pretrain(config, tmp_path / "halves-out", halves)

    first, second = (
        torch.load(work / "checkpoint.pt", weights_only=True)["model"] for work in (whole, halves)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("other", [{"seed": 1}, {"batch": 4}, {"rate": 0.5}, {"steps": 3}])
def test_a_checkpoint_of_other_settings_is_refused(
    other: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MODEL_CONFIG", TINY)
    config = PretrainConfig(pairs=10, held_out=5, steps=2, batch=8, warmup=1)
    pretrain(config, tmp_path / "out", tmp_path)
    with pytest.raises(InputError, match="other settings"):
        pretrain(dataclasses.replace(config, **other), tmp_path / "none", tmp_path)
    assert not (tmp_path / "none").exists()


def test_the_card_names_the_settings_and_the_machine_of_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in (module, small_clip):
        monkeypatch.setattr(user, "MODEL_CONFIG", TINY)
    config = PretrainConfig(seed=3, pairs=10, held_out=5, steps=2, batch=8, warmup=1)
    pretrain(config, tmp_path / "out", tmp_path)
    card = " ".join(write_card(tmp_path / "out", tmp_path, images=200, seed=0).split())
    assert "--seed 3 --out" in card
    assert "2 steps of 8 pairs" in card
    assert f"minutes on {machine()}, without a GPU" in card


def test_the_folder_is_a_plain_open_clip_folder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**MODEL_CONFIG).eval()
    save_small_clip(model, tmp_path)
    loaded, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    assert preprocess is not None
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(["a dog"])
    with torch.no_grad():
        ours, theirs = model.encode_text(tokens), loaded.eval().encode_text(tokens)
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 28 * 1024 * 1024
    assert math.isclose(float(loaded.logit_scale.detach().exp()), 1 / 0.07, rel_tol=1e-2)
