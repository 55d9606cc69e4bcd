"""Parts of a training step by themselves, and what the machine could do at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import fastest
from benchmarks.train_loops import BATCH, DEVICE, bf16, start, texts
from mumic.model.mumic_model import MumicModel
from mumic.model.patches import embed_patches
from mumic.model.trimmed_texts import encode_texts_trimmed


def text_towers() -> tuple[dict[str, float], float]:
    """Seconds of the text tower forward and backward, and how far the two outputs are apart."""
    clip = start()
    towers: Any = clip.model.train()
    tokens = clip.tokenizer(texts()).to(DEVICE)
    ways: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
        "trimmed": encode_texts_trimmed,
        "77 tokens": lambda _, prompts: towers.encode_text(prompts),
    }
    with torch.no_grad():
        found = [F.normalize(way(towers, tokens), dim=-1) for way in ways.values()]

    def both(way: Any) -> None:
        total: torch.Tensor = way(towers, tokens).square().sum()
        total.backward()  # type: ignore[no-untyped-call]

    seconds = fastest({name: partial(both, way) for name, way in ways.items()}, 2)
    return seconds, float((found[0] - found[1]).abs().max())


def patch_embeddings() -> dict[str, float]:
    """Forward and backward of the image tower's first layer."""
    layer: Any = start().model.visual.conv1
    images = torch.randn(BATCH, 3, 224, 224, device=DEVICE)

    def both(way: Callable[[torch.Tensor], torch.Tensor]) -> None:
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=bf16()):
            found = way(images)
        found.backward(torch.ones_like(found))  # type: ignore[no-untyped-call]

    ways = {"matrix product": partial(embed_patches, layer), "convolution": layer}
    return fastest({name: partial(both, way) for name, way in ways.items()}, 5)


def matrix_product() -> Callable[[], float]:
    """A large product, as the towers compute: operations a second each time it is called."""
    kind = torch.bfloat16 if bf16() else torch.float32
    size = 2048 if DEVICE == "cpu" else 8192
    a, b = (torch.randn(size, size, device=DEVICE, dtype=kind) for _ in range(2))

    def product() -> float:
        started = time.perf_counter()
        (a @ b)[0, 0].item()
        return 2 * size**3 / (time.perf_counter() - started)

    return product


def operations() -> float:
    """Floating point operations of one of our steps, counted by torch."""
    clip = start()
    model = MumicModel(clip, texts(), bf16=False).train()
    pixels = torch.zeros(2, 3, 224, 224, dtype=torch.uint8)
    with FlopCounterMode(display=False) as image:
        model.image_rows(pixels).sum().backward()  # type: ignore[no-untyped-call]
    with FlopCounterMode(display=False) as text:
        model.text_rows().sum().backward()  # type: ignore[no-untyped-call]
    return float(image.get_total_flops() / 2 * BATCH + text.get_total_flops())
