"""How precisely the index is embedded: bf16 wherever the hardware multiplies it.

Evaluation and predictions are computed in fp32 on a CPU, see ``encoder.embeds_in_bf16``. The index
ranks, and keeps float16: of ViT-B-32 and of the small CLIP, on real photos, an embedding in bf16
has a cosine of 0.9999 to the one in fp32, and is made four times as fast.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from annotate.clip.encoder import Clip, embeds_in_bf16


def index_precision(precision: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``: what ``precision`` (auto, fp32 or bf16) means for the index."""
    native = device.type == "cpu" and _cpu_multiplies_bf16()
    fast = precision == "auto" and native
    return "bf16" if fast or embeds_in_bf16(precision, device) else "fp32"


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


def _cpu_multiplies_bf16() -> bool:
    """Whether this processor has instructions for it; without them bf16 is slower than fp32."""
    known: dict[str, object] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # older releases of torch cannot say
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
