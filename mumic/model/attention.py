"""Which attention a training step takes on a processor.

torch's fused attention saves memory where sequences are long. Its backward pass on a CPU is slow in
bf16: for CLIP's short sequences it took over a third of a step, and the same products written out
(in fp32, which torch's own plain version computes them in) a fraction of that.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from annotate.clip.loading import Clip

LONGEST = 257  # positions; the plain version keeps a matrix of positions x positions per head


def training_attention(clip: Clip, *, bf16: bool) -> AbstractContextManager[Any]:
    """Plain attention for short sequences in bf16 on a CPU; elsewhere what torch chooses."""
    if bf16 and clip.device.type == "cpu" and _positions(clip) <= LONGEST:
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


def _positions(clip: Clip) -> float:
    """Length of the image tower's sequence; endless where the tower does not say."""
    table = getattr(clip.model.visual, "positional_embedding", None)
    return len(table) if isinstance(table, torch.Tensor) and table.ndim == 2 else float("inf")
