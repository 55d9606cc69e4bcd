"""What is frozen: its embeddings are the model's own, and equal weights are not yet one model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from annotate.clip.encoder import encode_images
from annotate.clip.loading import Clip, load_clip
from annotate.errors import InputError
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.model.mumic_model import MumicModel, Trained
from mumic.pixels import pixel_rows
from mumic.scores import frozen_rows
from mumic.start import load_start
from mumic.training.train import TrainOptions, train

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
TEXTS = ["a photo with a bed", "pets"]


def _other_activation(config: Any) -> None:
    config["model_cfg"]["quick_gelu"] = False


def _other_mean(config: Any) -> None:
    config["preprocess_cfg"]["mean"] = [0.1, 0.1, 0.1]


def _changed(model: Path, change: Callable[[Any], None]) -> None:
    config = json.loads((model / CONFIG).read_text())
    change(config)
    (model / CONFIG).write_text(json.dumps(config))


def _own_model(workspace: Workspace, model: Path) -> Workspace:
    shutil.copytree(model, workspace.root / "model")
    changed = replace(workspace.settings.model, name="local-dir:model")
    return replace(workspace, settings=replace(workspace.settings, model=changed))


@pytest.mark.parametrize("change", [_other_activation, _other_mean])
def test_cached_embeddings_are_those_of_the_model_as_it_is_set_up(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path, change: Callable[[Any], None]
) -> None:
    workspace = _own_model(tiny_workspace(tmp_path / "ws", images=10), tiny_model)
    dataset = load_dataset(workspace)
    pixels = pixel_rows(workspace, dataset.images, 32)
    shown = pixels.gather(list(dataset.images["content_hash"]))
    found = []
    for _ in range(2):
        clip = load_clip(workspace.settings.model, workspace.root)
        rows = frozen_rows(workspace, clip, pixels, dataset)
        assert rows == pytest.approx(encode_images(clip, shown), abs=1e-5)
        found.append(rows)
        _changed(workspace.root / "model", change)
    assert abs(found[0] - found[1]).max() > 1e-4


def test_a_start_with_another_activation_is_another_start(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path
) -> None:
    workspace = _own_model(tiny_workspace(tmp_path / "ws", epochs=1), tiny_model)
    run = train(workspace, TrainOptions(run="one"))
    assert load_start(workspace, run).model_hash == run.start_model["model_hash"]
    _changed(workspace.root / "model", _other_activation)
    with pytest.raises(InputError, match="has other settings than when one") as raised:
        load_start(workspace, run)
    # Said by commands that have no such option of their own, too.
    assert "`mumic evaluate --no-baselines` measures the run alone" in str(raised.value)
    weights = load_file(workspace.root / "model" / WEIGHTS)
    weights["visual.proj"] += 1
    save_file(weights, workspace.root / "model" / WEIGHTS)
    with pytest.raises(InputError, match="has other weights than when one"):
        load_start(workspace, run)


@pytest.mark.parametrize("freeze", ["text", "both"])
def test_frozen_texts_are_encoded_without_dropout(
    tiny_clip: Callable[[], Clip], freeze: str
) -> None:
    clip = tiny_clip()
    towers: Any = clip.model
    with torch.no_grad():
        expected = towers.encode_text(clip.tokenizer(TEXTS), normalize=True)
    towers.ln_final = nn.Sequential(towers.ln_final, nn.Dropout(0.5))
    model = MumicModel(clip, TEXTS, Trained(freeze), bf16=False).train()
    assert model.text_rows().numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert model.towers.visual.training == (freeze == "text")
    assert MumicModel(clip, TEXTS, Trained("image"), bf16=False).train().towers.ln_final.training
