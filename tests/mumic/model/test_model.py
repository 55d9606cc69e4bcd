"""The trimmed text tower against open_clip's own, and what is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.loading import Clip
from annotate.clip.precision import embeds_in_bf16
from annotate.errors import InputError
from annotate.settings import TrainSettings
from mumic.model.mumic_model import MumicModel, Trained, logits_of, use_bf16
from mumic.model.patches import embed_patches, training_patches
from mumic.model.trimmed_texts import encode_texts_trimmed
from mumic.training.optimiser import learning_rate, make_optimiser, parameter_groups

MakeClip = Callable[[], Clip]

TEXTS = ["a photo with a bed", "a photo with a large indoor swimming pool behind glass", "pets"]


@pytest.fixture(scope="module")
def clip(tiny_clip: MakeClip) -> Clip:
    return tiny_clip()


def _model(tiny_clip: MakeClip, freeze: str = "none") -> MumicModel:
    return MumicModel(tiny_clip(), TEXTS, Trained(freeze), bf16=False)


def _positions_seen(towers: torch.nn.Module, tokens: torch.Tensor) -> int:
    seen = []
    block = towers.get_submodule("transformer.resblocks.0")
    handle = block.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    encode_texts_trimmed(towers, tokens)
    handle.remove()
    return int(seen[0])


def test_trimmed_texts_equal_open_clip(clip: Clip) -> None:
    tokens = clip.tokenizer(TEXTS)
    with torch.no_grad():
        ours = encode_texts_trimmed(clip.model, tokens)
        theirs = clip.model.encode_text(tokens)  # type: ignore[operator]
    assert (ours - theirs).abs().max() <= 1e-5
    longest = int((tokens != 0).sum(dim=1).max())
    assert _positions_seen(clip.model, tokens) == longest < 77


def test_trimmed_texts_have_the_same_gradients(tiny_clip: MakeClip) -> None:
    gradients = []
    for encode in (encode_texts_trimmed, lambda towers, tokens: towers.encode_text(tokens)):
        model = _model(tiny_clip)
        encode(model.towers, model.tokens).square().sum().backward()
        gradients.append(
            {n: p.grad for n, p in model.towers.named_parameters() if p.grad is not None}
        )
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        other = gradients[1][name]
        assert (gradient - other).abs().max() <= 1e-5 * other.abs().max(), name


def test_the_custom_text_tower_is_trimmed_too() -> None:
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    vision = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
    torch.manual_seed(1)
    model = open_clip.CustomTextCLIP(32, vision, text | {"proj_bias": True})
    tokens = open_clip.SimpleTokenizer()(TEXTS)
    with torch.no_grad():
        assert (encode_texts_trimmed(model, tokens) - model.encode_text(tokens)).abs().max() <= 1e-5


def test_a_text_tower_without_causal_mask_gets_its_full_length() -> None:
    text: dict[str, Any] = {
        "context_length": 20,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 1,
    }
    text |= {"no_causal_mask": True, "pool_type": "last"}
    vision = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
    model = open_clip.CustomTextCLIP(32, vision, text)
    tokens = open_clip.SimpleTokenizer(context_length=20)(TEXTS)
    with torch.no_grad():
        assert torch.equal(encode_texts_trimmed(model, tokens), model.encode_text(tokens))


def test_logits_are_scaled_cosines(clip: Clip) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    model = MumicModel(clip, TEXTS, bf16=False).eval()
    model.set_logit_scale(3.652)
    with torch.no_grad():
        found = model(torch.from_numpy(pixels)).numpy()
    expected = logits_of(encode_images(clip, pixels, "fp32"), encode_texts(clip, TEXTS), 3.652)
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.abs(found).max() <= np.exp(3.652)


def test_mixed_precision_keeps_float32_weights_and_logits(tiny_clip: MakeClip) -> None:
    clip = tiny_clip()
    model = MumicModel(clip, TEXTS, bf16=True)
    pixels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    logits = model(pixels)
    logits.sum().backward()
    assert logits.dtype == torch.float32
    assert {p.dtype for p in model.towers.parameters()} == {torch.float32}
    exact = MumicModel(clip, TEXTS, bf16=False)(pixels)
    assert 0 < (logits - exact).abs().max() < 2


@pytest.mark.parametrize("freeze", ["image", "text"])
def test_a_frozen_tower_gets_no_gradient(tiny_clip: MakeClip, freeze: str) -> None:
    model = _model(tiny_clip, freeze)
    model.train()
    model(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).sum().backward()
    trained = {n for n, p in model.towers.named_parameters() if p.grad is not None}
    visual = {n for n in trained if n.startswith("visual.")}
    assert bool(visual) == (freeze == "text")
    assert bool(trained - visual - {"logit_scale"}) == (freeze == "image")
    assert "logit_scale" in trained


@pytest.mark.parametrize(
    ("freeze", "learned"),
    [("both", set()), ("both+", {"visual.proj", "text_projection"})],
)
def test_of_two_frozen_towers_the_last_projections_learn_at_most(
    tiny_clip: MakeClip, freeze: str, learned: set[str]
) -> None:
    model = _model(tiny_clip, freeze).train()
    free = {name for name, entry in model.towers.named_parameters() if entry.requires_grad}
    model(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).sum().backward()
    reached = {name for name, entry in model.towers.named_parameters() if entry.grad is not None}
    assert free == reached == learned | {"logit_scale"}


def test_temperature_is_clamped_from_above_only(tiny_clip: MakeClip) -> None:
    model = _model(tiny_clip)
    for value, expected in ((9.0, 4.605), (-3.0, -3.0)):
        model.set_logit_scale(value)
        model.clamp_logit_scale(4.605)
        assert model.logit_scale == pytest.approx(expected)


def test_weight_decay_spares_gains_biases_and_the_temperature(clip: Clip) -> None:
    groups = parameter_groups(clip.model.named_parameters())
    spared = set(groups["no_decay"])
    assert {"logit_scale", "visual.class_embedding", "ln_final.weight", "ln_final.bias"} <= spared
    assert all(".ln_" in n or "bias" in n or n in spared for n in groups["no_decay"])
    assert {"visual.proj", "text_projection", "token_embedding.weight"} <= set(groups["decay"])
    assert not any("bias" in n or "ln_" in n for n in groups["decay"])
    names = {name for name, _ in clip.model.named_parameters()}
    assert spared | set(groups["decay"]) == names
    optimiser = make_optimiser(clip.model, TrainSettings())
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.01, 0.0]


def test_schedules() -> None:
    cosine = TrainSettings(lr=2.0, warmup_steps=2, schedule="cosine")
    assert [learning_rate(step, 6, cosine) for step in (0, 1, 2, 4)] == [1.0, 2.0, 2.0, 1.0]
    assert learning_rate(5, 6, cosine) < 0.5


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match="precision"):
        use_bf16("fp16", torch.device("cpu"))


@pytest.mark.parametrize(
    ("able", "expected"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({}, False)]
)
def test_auto_is_bf16_where_the_hardware_multiplies_it(
    able: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: expected)
    assert use_bf16("auto", torch.device("cpu")) is expected
    assert use_bf16("auto", torch.device("cuda")) is expected  # not on a T4
    assert embeds_in_bf16("auto", torch.device("cuda")) is expected  # as it was trained
    assert not embeds_in_bf16("auto", torch.device("cpu"))
    for rule in (use_bf16, embeds_in_bf16):
        assert not rule("fp32", torch.device("cuda"))
        assert rule("bf16", torch.device("cpu"))


def test_mixed_precision_changes_the_gradient_by_rounding_only(tiny_clip: MakeClip) -> None:
    gradients = []
    for bf16 in (False, True):
        clip = tiny_clip()
        model = MumicModel(clip, TEXTS, bf16=bf16).train()
        size = clip.image_size
        shape = (4, 3, size, size)
        pixels = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0))
        model(pixels.to(torch.uint8)).square().sum().backward()
        trained = [p.grad.flatten() for p in model.towers.parameters() if p.grad is not None]
        gradients.append(torch.cat(trained))
    exact, rounded = gradients
    assert not torch.equal(exact, rounded)
    assert torch.cosine_similarity(exact, rounded, dim=0) > 0.99


@pytest.mark.parametrize("size", [32, 37])
def test_patches_by_matrix_product_are_the_convolutions(size: int) -> None:
    """Values and gradients, also where the image does not end with a patch."""
    layer = torch.nn.Conv2d(3, 5, 8, 8, bias=False).double()
    images = torch.rand(2, 3, size, size, dtype=torch.float64, requires_grad=True)
    results = []
    for way in (layer, partial(embed_patches, layer)):
        found = way(images)
        found.square().sum().backward()
        results.append((found.detach(), images.grad, layer.weight.grad))
        images.grad = layer.weight.grad = None
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_patches_are_multiplied_while_training_alone(tiny_clip: MakeClip) -> None:
    model = _model(tiny_clip).train()
    layer = model.towers.visual.conv1
    with training_patches(model.clip, bf16=False):
        assert layer.forward.func is embed_patches
    assert "forward" not in vars(layer)
    model.towers.visual.conv1 = torch.nn.Conv2d(3, 32, 3, 2, padding=1)  # a ResNet's begin
    with training_patches(model.clip, bf16=False):
        assert "forward" not in vars(model.towers.visual.conv1)
