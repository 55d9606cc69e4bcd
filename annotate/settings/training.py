"""Sections of ``mumic.toml`` from training to use."""

from __future__ import annotations

from dataclasses import dataclass

from annotate.settings.field import setting


@dataclass(frozen=True)
class TrainSettings:
    """``[train]``: the MuMIC recipe (Wang et al., AAAI 2023, section 3)."""

    loss: str = setting(
        "tempered-bce", "tempered-bce (equation 1), bce (at temperature 1, fixed), focal or asl"
    )
    epochs: int = setting(3, "passes over the training split")
    batch_size: int = setting(64, "images an optimiser step, of all processes together")
    micro_batch: int = setting(
        0, "images a process works on at a time; fewer need less memory; 0: all of its batch"
    )
    lr: float = setting(1e-5, "AdamW")
    weight_decay: float = setting(0.01, "on all weights that are not gains, biases or temperature")
    adam_epsilon: float = setting(1e-8, "AdamW's eps")
    warmup_steps: int = setting(0, "linear warm-up")
    schedule: str = setting("constant", "constant or cosine, after the warm-up")
    positive_weight: float | str = setting(
        10.0,
        'p of equation 1, for tempered-bce and bce: a number, "pets=20, bed=5, 10" (by class id, '
        'then all others), or "auto": each class\'s negatives over its positives, 1 to 100',
    )
    focal_gamma: float = setting(2.0, "focal: as its paper has it (Lin et al., ICCV 2017)")
    focal_alpha: float = setting(0.25, "focal: weight of a positive; a negative's is 1 - alpha")
    asl_gamma_negative: float = setting(4.0, "asl: as its paper has it (Ridnik et al., ICCV 2021)")
    asl_gamma_positive: float = setting(0.0, "asl")
    asl_clip: float = setting(0.05, "asl: a negative's probability is lowered by this first")
    logit_scale: float = setting(3.652, "log of the initial inverse temperature")
    max_logit_scale: float = setting(4.605170185988092, "clamp after each step: ln 100")
    logit_bias: float = setting(0.0, "start of a learned bias, as SigLIP has; 0: none, the paper's")
    label_smoothing: float = setting(0.0, "moves every label this far towards one half")
    soft_labels: bool = setting(False, "train on voting rates instead of labels")
    flip: bool = setting(False, "mirror half of the training images, at random")
    ema: float = setting(
        0.0, "decay a step of averaged weights, such as 0.999: they are measured and kept; 0: none"
    )
    freeze: str = setting(
        "none", "none, image, text, both, or both+ (only the towers' last projections learn)"
    )
    lora_rank: int = setting(0, "train low-rank changes of the free towers' blocks only; 0: off")
    lora_alpha: float = setting(16.0, "LoRA: the change is multiplied by alpha / rank")
    resize: str = setting("squash", "squash, or crop the middle (CLIP's own way), to compare with")
    label_noise: float = setting(
        0.0, "share of training labels that are flipped, to try how much noise the recipe bears"
    )
    prompts: str = setting("taxonomy", "taxonomy (each class's choice), name or description")
    early_stop: int = setting(
        2, "stop after this many epochs without a better validation GAP; 0: never"
    )
    checkpoint_every: int = setting(50, "optimiser steps between checkpoints; less often if slow")
    tensorboard: bool = setting(True, "write the curves for TensorBoard beside history.csv")
    compile: bool = setting(
        False, "let torch compile the towers: minutes at the start, faster steps on a GPU"
    )
    cuda_graph: bool = setting(True, "record a step's work on a GPU once, and replay it")
    threads: int = setting(0, "CPU threads; 0: torch's default")


@dataclass(frozen=True)
class EvaluateSettings:
    """``[evaluate]``: measures and their intervals."""

    min_positives: int = setting(1, "classes with fewer positives are shown, and not in the means")
    bootstrap: int = setting(
        1000, "resamples of whole groups (properties, near copies) for the 95 % intervals"
    )
    k: int = setting(10, "K of GAP@K")
    threshold_min_positives: int = setting(
        5, "classes with fewer in validation share the prediction threshold that is best for all"
    )
    majority: int = setting(32, "classes most frequent in train, measured by themselves too")
    rare_at_most: int = setting(10, "a class with at most so many positives in train is rare")
    common_at_most: int = setting(100, "one with more than these is frequent; between: common")


@dataclass(frozen=True)
class BaselineSettings:
    """``[baseline]``: what a run is compared with, and the budget of its search."""

    trials: int = setting(12, "points of the search that each trained baseline gets, at most 12")
    max_epochs: int = setting(40, "epochs of a trial, if it does not stop getting better before")
    patience: int = setting(3, "epochs without a better validation GAP that end a trial")
    batch_size: int = setting(64, "images an optimiser step")
    backbone: str = setting("tresnet_l", "timm model of asl-timm")
    weights: str = setting("", "its weights file; empty: timm's own download")
    tower_lr: float = setting(1e-5, "middle of the rates tried on CLIP's tower")
    head_lr: float = setting(
        1e-3, "of the head on CLIP's tower, which starts at random; never below the tower's rate"
    )
    backbone_lr: float = setting(1e-4, "middle of the rates tried on a timm model")


@dataclass(frozen=True)
class PredictSettings:
    """``[predict]``: logits on disk."""

    batch_size: int = setting(64, "images a forward pass")
    min_probability: float = setting(0.01, "smaller ones are not stored; absent is not zero")
    recall: float = setting(
        0.98, "share of a class's positives that the storage thresholds of mumic thresholds keep"
    )
