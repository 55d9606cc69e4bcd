"""Sections of ``mumic.toml`` from training to use."""

from __future__ import annotations

from dataclasses import dataclass

from annotate.settings.field import setting


@dataclass(frozen=True)
class TrainSettings:
    """``[train]``: the MuMIC recipe (Wang et al., AAAI 2023, section 3)."""

    loss: str = setting("tempered-bce", "the tempered-sigmoid BCE of equation 1")
    epochs: int = setting(3, "passes over the training split")
    batch_size: int = setting(64, "images an optimiser step")
    lr: float = setting(1e-5, "AdamW")
    weight_decay: float = setting(0.01, "on all weights that are not gains, biases or temperature")
    warmup_steps: int = setting(0, "linear warm-up")
    schedule: str = setting("constant", "constant or cosine, after the warm-up")
    positive_weight: float = setting(10.0, "p of equation 1")
    logit_scale: float = setting(3.652, "log of the initial inverse temperature")
    max_logit_scale: float = setting(4.605170185988092, "clamp after each step: ln 100")
    logit_bias: float = setting(0.0, "start of a learned bias, as SigLIP has; 0: none, the paper's")
    flip: bool = setting(False, "mirror half of the training images, at random")
    freeze: str = setting("none", "none, image, text")
    resize: str = setting("squash", "squash, or crop the middle (CLIP's own way), to compare with")
    label_noise: float = setting(
        0.0, "share of training labels that are flipped, to try how much noise the recipe bears"
    )
    prompts: str = setting("taxonomy", "taxonomy (each class's choice), name or description")
    early_stop: int = setting(
        0, "stop after this many epochs without a better validation GAP; 0: never"
    )
    checkpoint_every: int = setting(50, "optimiser steps between checkpoints")
    threads: int = setting(0, "CPU threads; 0: torch's default")


@dataclass(frozen=True)
class EvaluateSettings:
    """``[evaluate]``: measures and their intervals."""

    min_positives: int = setting(1, "classes with fewer positives are shown, and not in the means")
    bootstrap: int = setting(1000, "resamples of whole properties for the 95 % intervals")
    k: int = setting(10, "K of GAP@K")
    threshold_min_positives: int = setting(
        5, "a class with fewer in validation keeps a prediction threshold of 0.5"
    )
    majority: int = setting(32, "classes most frequent in train, measured by themselves too")
    rare_at_most: int = setting(10, "a class with at most so many positives in train is rare")
    common_at_most: int = setting(100, "one with more than these is frequent; between: common")


@dataclass(frozen=True)
class PredictSettings:
    """``[predict]``: logits on disk."""

    batch_size: int = setting(64, "images a forward pass")
    min_probability: float = setting(0.01, "smaller ones are not stored; absent is not zero")
