"""The model that is trained: CLIP's two towers, the label texts and the temperature.

Logits are ``exp(logit_scale) * cosine`` in float32, whatever the towers compute in, plus a learned
bias where one is asked for. The label texts are encoded once per optimiser step, and, where that is
exact, only as far as the longest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from annotate.clip.encoder import normalise_pixels
from annotate.clip.loading import Clip
from annotate.clip.precision import multiplies_bf16
from annotate.errors import InputError
from mumic.model.lora import add_lora
from mumic.model.precision import tower_precision
from mumic.model.trimmed_texts import TextEnds, encode_texts_trimmed, text_ends

FROZEN_TOWERS = {
    "none": frozenset[str](),
    "image": frozenset({"image"}),
    "text": frozenset({"text"}),
    "both": frozenset({"image", "text"}),
    "both+": frozenset({"image", "text"}),
}
LAST_PROJECTIONS = (
    *("visual.proj", "visual.head.proj", "visual.attnpool.c_proj"),
    *("text_projection", "text.text_projection", "text.proj"),
)


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether the towers are trained in bf16 over their fp32 weights.

    ``auto`` is bf16 on a GPU or a processor that multiplies bf16 itself; elsewhere it is slow, as
    on GPUs before Ampere.

    Raises:
        InputError: not one of auto, fp32 and bf16.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise InputError(f"[model] precision = {precision!r}: must be auto, fp32 or bf16")
    return precision == "bf16" or (precision == "auto" and multiplies_bf16(device))


def with_bias(clip: Clip, start: float) -> Clip:
    """The same CLIP with a learned bias on its logits (SigLIP, Zhai et al., ICCV 2023).

    Cosines of a pretrained CLIP are well above 0 for any pair, so without a bias training begins
    with every probability near 1, and its first steps go into that.

    Args:
        clip: its model gets the parameter.
        start: the bias before training.
    """
    towers: Any = clip.model
    towers.logit_bias = nn.Parameter(torch.tensor(start, device=clip.device))
    # By this entry open_clip knows that the weights hold a bias.
    return replace(clip, model_config=clip.model_config | {"init_logit_bias": start})


def without_bias(clip: Clip) -> Clip:
    """The same CLIP with a bias of 0 on its logits, where it has one that is not to be used.

    A SigLIP brings its own along, which open_clip would add to a run's logits.

    Args:
        clip: its model is changed in place.
    """
    towers: Any = clip.model
    if getattr(towers, "logit_bias", None) is None:
        return clip
    with torch.no_grad():
        towers.logit_bias.zero_()
    return replace(clip, model_config=clip.model_config | {"init_logit_bias": 0.0})


@dataclass(frozen=True)
class Trained:
    """What of a model is trained.

    ``freeze`` is none, image, text, both, or both+, under which the last projections alone learn;
    ``scale`` and ``bias`` are the temperature and the bias on the logits; above 0, ``lora_rank``
    trains low-rank changes of the free towers' blocks and nothing else of them.
    """

    freeze: str = "none"
    scale: bool = True
    bias: bool = False
    lora_rank: int = 0
    lora_alpha: float = 16.0


class MumicModel(nn.Module):
    """A CLIP with the texts of some classes.

    Args:
        clip: its model is trained in place.
        texts: one per class.
        trained: what is learned. With a bias the CLIP's is added to the logits, see
            :func:`with_bias`.
        bf16: mixed precision.

    Raises:
        InputError: what is to be trained is not there in this model.
    """

    tokens: Tensor

    def __init__(
        self,
        clip: Clip,
        texts: Sequence[str],
        trained: Trained = Trained(),
        *,
        bf16: bool,
    ) -> None:
        super().__init__()
        self.clip = clip
        self.towers: Any = clip.model
        self.bf16 = bf16
        self.bias = trained.bias
        self.register_buffer(
            "tokens", clip.tokenizer(list(texts)).to(clip.device), persistent=False
        )
        choose_trained(self.towers, trained)
        names = [name for name, entry in self.towers.named_parameters() if entry.requires_grad]
        self.trains_image = any(_tower(name) == "image" for name in names)
        self.trains_text = any(_tower(name) == "text" for name in names)
        self._frozen_texts: Tensor | None = None
        # By share; found once, since reading them waits for all that a GPU has still to do.
        self._ends: dict[tuple[int, int, int], TextEnds | None] = {}

    def text_rows(self, share: slice = slice(None)) -> Tensor:
        """Unit rows of the label texts, or of a share of them, float32 (classes, dim)."""
        if self.trains_text:
            with self._precision():
                return self._encode_texts(share)
        if self._frozen_texts is None:
            with torch.no_grad():
                self._frozen_texts = self._encode_texts(slice(None))
        return self._frozen_texts[share]

    def _encode_texts(self, share: slice) -> Tensor:
        tokens = self.tokens[share]
        if not len(tokens):
            return torch.zeros(0, self.clip.dim, device=tokens.device)
        key = share.indices(len(self.tokens))
        if key not in self._ends:
            self._ends[key] = text_ends(self.towers, tokens)
        rows = encode_texts_trimmed(self.towers, tokens, self._ends[key])
        return F.normalize(rows.float(), dim=-1)

    def image_rows(self, pixels: Tensor) -> Tensor:
        """Unit rows of images given as bytes (n, 3, size, size): float32 (n, dim)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trains_image):
            with self._precision():
                rows = self.towers.encode_image(normalise_pixels(self.clip, pixels))
            return F.normalize(rows.float(), dim=-1)

    def logits(self, image_rows: Tensor, text_rows: Tensor) -> Tensor:
        """``exp(logit_scale) * cosine``, plus the bias: float32 (images, classes)."""
        logits: Tensor = self.towers.logit_scale.exp() * (image_rows @ text_rows.T)
        return logits + self.towers.logit_bias if self.bias else logits

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of images given as bytes: float32 (n, classes)."""
        return self.logits(self.image_rows(pixels), self.text_rows())

    def _precision(self) -> AbstractContextManager[None]:
        return tower_precision(self.clip, bf16=self.bf16, training=self.training)

    def train(self, mode: bool = True) -> MumicModel:
        """Training mode for what is trained, without batch norm; a frozen tower drops nothing."""
        super().train(mode)
        for name, part in self.towers.named_children():
            learns = self.trains_image if name == "visual" else self.trains_text
            part.train(mode and learns)
        keep_statistics(self.towers)
        return self

    def set_logit_scale(self, value: float) -> None:
        """Set the log of the inverse temperature."""
        with torch.no_grad():
            self.towers.logit_scale.fill_(value)

    def clamp_logit_scale(self, highest: float) -> None:
        """Bound the inverse temperature from above; called after each optimiser step."""
        with torch.no_grad():
            self.towers.logit_scale.clamp_(max=highest)

    @property
    def logit_scale(self) -> float:
        """Log of the inverse temperature."""
        return logit_scale_of(self.towers)

    @property
    def temperature(self) -> float:
        """tau, what the cosines are divided by; infinite where it is too large for a float32."""
        return float(self.towers.logit_scale.detach().neg().exp())

    @property
    def logit_bias(self) -> float:
        """What is added to every logit; 0 without a bias."""
        return float(self.towers.logit_bias.detach()) if self.bias else 0.0


def keep_statistics(module: nn.Module) -> None:
    """Batch norm keeps the statistics that it came with, as is usual in fine-tuning.

    Those of a batch would differ with its micro-batches and with its shares among processes.
    """
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()


def logit_scale_of(towers: Any) -> float:
    """Log of an open_clip model's inverse temperature."""
    return float(towers.logit_scale.detach())


def choose_trained(towers: nn.Module, trained: Trained) -> None:
    """Let the gradient reach what is trained, and nothing else.

    Raises:
        InputError: LoRA does not fit the model, or nothing is left to train.
    """
    frozen = FROZEN_TOWERS[trained.freeze]
    if trained.lora_rank:
        image, text = "image" not in frozen, "text" not in frozen
        add_lora(towers, trained.lora_rank, trained.lora_alpha, image=image, text=text)
    else:
        for name, parameter in towers.named_parameters():
            last = trained.freeze == "both+" and name.startswith(LAST_PROJECTIONS)
            parameter.requires_grad_(last or _tower(name) not in frozen)
    for name, learned in (("logit_scale", trained.scale), ("logit_bias", trained.bias)):
        scale = getattr(towers, name, None)
        if scale is not None:
            scale.requires_grad_(learned)
    if not any(parameter.requires_grad for parameter in towers.parameters()):
        raise InputError(
            f"[train] freeze = {trained.freeze!r}: nothing is left to train. Free a tower, or "
            'leave the temperature free with another loss than "bce".'
        )


def _tower(name: str) -> str:
    """``image`` or ``text``, by a parameter's name; ``both`` for the temperature and the bias."""
    if name in ("logit_scale", "logit_bias"):
        return "both"
    return "image" if name.startswith("visual.") else "text"


def logits_of(
    image_rows: npt.NDArray[np.float32],
    text_rows: npt.NDArray[np.float32],
    logit_scale: float,
    logit_bias: float = 0.0,
) -> npt.NDArray[np.float32]:
    """``exp(logit_scale) * cosine + logit_bias``, float32 (images, classes), from unit rows."""
    return np.float32(np.exp(logit_scale)) * (image_rows @ text_rows.T) + np.float32(logit_bias)
