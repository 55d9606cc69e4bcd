"""How towers compute while they are trained: mixed precision, faster ways to the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch.nn.utils import parametrize

from annotate.clip.loading import Clip
from mumic.model.attention import training_attention
from mumic.model.patches import training_patches


@contextmanager
def tower_precision(clip: Clip, *, bf16: bool, training: bool) -> Iterator[None]:
    """Training's own ways, in mixed precision; what is stored is as open_clip computes it.

    Args:
        clip: its towers.
        bf16: whether training is in bf16 over fp32 weights.
        training: else everything is as open_clip has it.
    """
    mixed = bf16 and training
    with (
        torch.autocast(clip.device.type, dtype=torch.bfloat16, enabled=mixed),
        training_attention(clip, bf16=mixed),
        training_patches(clip, bf16=mixed) if training else nullcontext(),
        parametrize.cached(),  # a low-rank weight is summed once a pass
    ):
        yield
