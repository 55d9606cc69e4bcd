"""The model with bf16 weights, as the index runs it on a processor."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from annotate.clip.loading import Clip
from annotate.clip.precision import index_precision


def index_clip(clip: Clip, precision: str) -> Clip:
    """The model for embedding, made once: for bf16 on a CPU a copy with bf16 weights.

    Autocast would convert the weights with every batch there, and a GPU does well with it.
    Attention and layer norms compute in bf16 too, as in open_clip's ``pure_bf16``.

    Args:
        clip: in float32; stays as it is.
        precision: ``fp32``, ``bf16`` or ``auto``, see
            :func:`annotate.clip.precision.index_precision`.

    Returns:
        For :func:`annotate.clip.encoder.encode_images` with the same precision. Its
        ``weights_hash`` is that of the float32 weights.
    """
    if clip.device.type != "cpu" or index_precision(precision, clip.device) == "fp32":
        return clip
    return replace(clip, model=copy.deepcopy(clip.model).to(torch.bfloat16))
