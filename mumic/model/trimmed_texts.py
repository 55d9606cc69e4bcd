"""Label texts encoded only as far as the longest of them, where that is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TextEnds:
    """Where each text is pooled, and how many positions there are up to the last of these."""

    positions: Tensor
    length: int


def encode_texts_trimmed(towers: Any, tokens: Tensor, ends: TextEnds | None = None) -> Tensor:
    """Encode texts with the context cut after the longest of them.

    Under a causal mask nothing after a text's end token reaches it, so this equals open_clip's
    ``encode_text`` over all 77 positions at a fraction of the cost. A text tower that is not causal
    or is not pooled at the end token gets its full length.

    Args:
        towers: an open_clip model.
        tokens: int64 (n, context length).
        ends: of the texts, where :func:`text_ends` has found them before.

    Returns:
        (n, dim), not normalised.
    """
    tower = getattr(towers, "text", towers)
    ends = ends or text_ends(towers, tokens)
    if ends is None:
        rows: Tensor = towers.encode_text(tokens)
        return rows
    length = ends.length
    x = tower.token_embedding(tokens[:, :length]) + tower.positional_embedding[:length]
    x = tower.ln_final(tower.transformer(x, attn_mask=tower.attn_mask[:length, :length]))
    pooled: Tensor = x[torch.arange(len(x), device=x.device), ends.positions]
    if isinstance(tower.text_projection, nn.Linear):
        return tower.text_projection(pooled)  # type: ignore[no-any-return]
    return pooled if tower.text_projection is None else pooled @ tower.text_projection


def text_ends(towers: Any, tokens: Tensor) -> TextEnds | None:
    """Where texts are pooled, or None where the tower cannot be trimmed."""
    tower = getattr(towers, "text", towers)
    causal = getattr(tower, "attn_mask", None) is not None
    if not causal or getattr(tower, "cls_emb", None) is not None:
        return None
    kind = getattr(tower, "text_pool_type", getattr(tower, "pool_type", ""))
    if kind == "argmax":
        positions = tokens.argmax(dim=-1)
    elif kind == "eos":
        end: int = getattr(tower, "text_eos_id", getattr(tower, "eos_id", 0))
        positions = torch.eq(tokens, end).int().argmax(dim=-1)
    else:
        return None
    return TextEnds(positions, int(positions.max()) + 1)
