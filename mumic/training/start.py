"""What a training starts from."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from annotate.clip.loading import Clip
from annotate.settings import TrainSettings
from mumic.model.compiled import compile_towers
from mumic.model.mumic_model import MumicModel, Trained, use_bf16, with_bias, without_bias
from mumic.training.loss import BCE


def start_model(
    clip: Clip, texts: Sequence[str], settings: TrainSettings, precision: str, seed: int
) -> MumicModel:
    """The model before its first step: what is trained is chosen, the temperature is set.

    Args:
        clip: its model is trained in place.
        texts: one per class.
        settings: freeze, LoRA, bias, and the temperature, which stays 1 under the loss ``bce``.
        precision: auto, fp32 or bf16.
        seed: of LoRA's random start.

    Raises:
        InputError: the model does not have what is to be trained.
    """
    has_bias, fixed = settings.logit_bias != 0, settings.loss == BCE
    trained = Trained(
        freeze=settings.freeze,
        scale=not fixed,
        bias=has_bias,
        lora_rank=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
    )
    clip = with_bias(clip, settings.logit_bias) if has_bias else without_bias(clip)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MumicModel(clip, texts, trained, bf16=use_bf16(precision, clip.device))
    if settings.compile:
        compile_towers(model.towers)
    model.set_logit_scale(0.0 if fixed else settings.logit_scale)
    return model
