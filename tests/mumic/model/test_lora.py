"""LoRA: it starts at the model, trains little, and is gone in the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import load_file

from annotate.clip.loading import load_clip
from annotate.errors import InputError
from mumic.model.lora import LowRank, add_lora, merge_lora, plain_state
from mumic.training.train import TrainOptions, train

WEIGHTS = "open_clip_model.safetensors"


def _outputs(towers: Any) -> torch.Tensor:
    pixels = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    tokens = open_clip.SimpleTokenizer()(["a bed", "a pool", "pets"])
    with torch.no_grad():
        return torch.cat([towers.encode_image(pixels), towers.encode_text(tokens)])


def _shake(towers: Any) -> None:
    torch.manual_seed(3)
    for parameter in towers.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)


def test_begins_at_the_model_and_merges_into_plain_weights(tiny_clip: Any) -> None:
    towers, plain = tiny_clip().model, tiny_clip().model
    before = _outputs(towers)
    names = towers.state_dict().keys()
    add_lora(towers, 4, 8.0, image=True, text=True)
    # Equal weights; the outputs are equal to rounding, as another kernel may compute them.
    begun, own = plain_state(towers), plain.state_dict()
    assert begun.keys() == own.keys()
    assert all(torch.equal(begun[name], own[name]) for name in own)
    assert torch.allclose(_outputs(towers), before, atol=1e-6)
    _shake(towers)
    changed = _outputs(towers)
    assert (changed - before).abs().max() > 0.01
    plain.load_state_dict(plain_state(towers))  # names and shapes are open_clip's
    assert torch.allclose(_outputs(plain), changed, atol=1e-6)
    merge_lora(towers)
    assert towers.state_dict().keys() == names
    assert torch.allclose(_outputs(towers), changed, atol=1e-6)


def test_the_change_is_low_rank_by_hand(tiny_clip: Any) -> None:
    """Each of query, key and value of a packed weight changes by alpha / rank * B A."""
    towers = tiny_clip().model
    attention = towers.transformer.resblocks[0].attn
    before = attention.in_proj_weight.detach().clone()
    add_lora(towers, 2, 6.0, image=False, text=True)
    _shake(towers)
    low = attention.parametrizations.in_proj_weight[0]
    change = attention.in_proj_weight.detach() - before
    for part, rows in enumerate(change.chunk(3)):
        expected = 3.0 * low.up[part].detach() @ low.down[part].detach()
        assert torch.allclose(rows, expected, atol=1e-6)
        assert torch.linalg.matrix_rank(rows, rtol=1e-4) == 2
    trained = {name for name, entry in towers.named_parameters() if entry.requires_grad}
    assert trained
    assert all("parametrizations" in name and "visual" not in name for name in trained)


@pytest.mark.parametrize("rank", [1, 4, 32])
@pytest.mark.parametrize("parts", [1, 3])
def test_down_starts_as_a_linear_layer_does(rank: int, parts: int) -> None:
    """As loralib's: uniform up to 1 / sqrt(columns), whatever the rank and the parts."""
    torch.manual_seed(0)
    columns = 2000
    start = LowRank(torch.zeros(parts * 8, columns), rank, 1.0, parts).down.detach()
    bound = columns**-0.5
    for part in start:
        assert float(part.abs().max()) == pytest.approx(bound, rel=0.01)
        assert float(part.abs().max()) <= bound
        assert float(part.std()) == pytest.approx(bound / 3**0.5, rel=0.05)
    assert len({float(part[0, 0]) for part in start}) == parts


def test_a_run_is_plain_and_only_blocks_have_changed(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, lora_rank=2, ema=0.5)
    run = train(workspace, TrainOptions(run="low"))
    start = load_clip(workspace.settings.model, workspace.root).model.state_dict()
    after = load_file(run.path / WEIGHTS)
    assert after.keys() == start.keys()
    moved = {name for name in after if not torch.equal(after[name], start[name])}
    assert moved - {"logit_scale"}
    assert all("resblocks" in name for name in moved - {"logit_scale"})
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{run.path}")
    tokens = open_clip.get_tokenizer(f"local-dir:{run.path}")(list(run.texts))
    with torch.no_grad():
        texts = model.eval().encode_text(tokens, normalize=True).numpy()
    assert run.text_rows() == pytest.approx(texts, abs=1e-5)


def test_needs_a_free_tower(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", lora_rank=2, freeze="both")
    with pytest.raises(InputError, match="leaves none"):
        train(workspace)
    settings = replace(workspace.settings.train, lora_rank=0, loss="bce")
    workspace = replace(workspace, settings=replace(workspace.settings, train=settings))
    with pytest.raises(InputError, match="nothing is left to train"):
        train(workspace)
