"""The index in bf16 against fp32 by open_clip's own model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from annotate.clip.bf16 import index_clip
from annotate.clip.encoder import encode_images
from annotate.clip.loading import hash_weights, load_clip
from annotate.clip.precision import index_precision
from annotate.settings import ModelSettings

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("native", [True, False])
def test_what_auto_means(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    able = {"avx512_bf16": native}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: native)
    for device in (CPU, GPU):
        assert index_precision("auto", device) == ("bf16" if native else "fp32")
    for device in (CPU, GPU):
        assert index_precision("fp32", device) == "fp32"
        assert index_precision("bf16", device) == "bf16"


def test_bf16_rows_are_those_of_fp32_but_for_rounding() -> None:
    clip = load_clip(ModelSettings(name="small-clip"), Path())
    rng = np.random.default_rng(0)
    shape = (24, 3, clip.image_size, clip.image_size)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    exact = encode_images(clip, pixels, "fp32")
    assert index_clip(clip, "fp32") is clip
    halved = index_clip(clip, "bf16")
    assert {weights.dtype for weights in halved.model.parameters()} == {torch.bfloat16}
    rows = encode_images(halved, pixels, "bf16")
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    cosines = (rows.astype(np.float64) * exact).sum(axis=1)
    assert 0.9998 < cosines.min() < 1 - 1e-9  # rounded, and not by much
    assert halved.weights_hash == clip.weights_hash == hash_weights(clip.model.state_dict())
    np.testing.assert_array_equal(encode_images(clip, pixels, "fp32"), exact)
