"""How precisely the index is embedded: bf16 wherever the hardware multiplies it.

Evaluation and predictions are computed in fp32 on a CPU, see ``encoder.embeds_in_bf16``. The index
ranks, and keeps float16: of ViT-B-32 and of the small CLIP, on real photos, an embedding in bf16
has a cosine of 0.9999 to the one in fp32, and is made four times as fast.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from annotate.clip.encoder import Clip, multiplies_bf16


def index_precision(precision: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``: what ``precision`` (auto, fp32 or bf16) means for the index."""
    fast = precision == "auto" and multiplies_bf16(device)
    return "bf16" if fast or precision == "bf16" else "fp32"


def index_clip(clip: Clip, precision: str) -> Clip:
    """The model as the index runs it, made once: for bf16 on a CPU a copy with bf16 weights.

    Autocast would convert the weights with every batch there, and a GPU does well with it.
    Attention and layer norms compute in bf16 too, as in open_clip's ``pure_bf16``.

    Args:
        clip: in float32; stays as it is.
        precision: ``fp32``, ``bf16`` or ``auto``, see :func:`index_precision`.

    Returns:
        For :func:`annotate.clip.encoder.encode_images` with the same precision. Its
        ``weights_hash`` is that of the float32 weights.
    """
    if clip.device.type != "cpu" or index_precision(precision, clip.device) == "fp32":
        return clip
    return replace(clip, model=copy.deepcopy(clip.model).to(torch.bfloat16))
