"""Images and texts as unit rows: what a CLIP makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from annotate.clip.loading import Clip
from annotate.clip.precision import embeds_in_bf16

TEXT_BATCH = 128


def normalise_pixels(clip: Clip, pixels: torch.Tensor) -> torch.Tensor:
    """Bytes (n, 3, size, size) as the model's float32 input on its device."""
    mean, std = (_per_channel(values, clip.device) for values in (clip.mean, clip.std))
    return (pixels.to(clip.device).float() / 255 - mean) / std


@cache
def _per_channel(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """Made once: a copy to a GPU waits for all that it has still to do."""
    with torch.inference_mode(False):  # in training, too, it may be used
        return torch.tensor(values, device=device).view(1, 3, 1, 1)


def encode_images(
    clip: Clip, pixels: npt.NDArray[np.uint8] | torch.Tensor, precision: str = "auto"
) -> npt.NDArray[np.float32]:
    """Embed images.

    Args:
        clip: the model.
        pixels: uint8 (n, 3, size, size), RGB, already of the model's size; a tensor on any device.
        precision: ``fp32``, ``bf16`` or ``auto``, see :mod:`annotate.clip.precision`; a bf16 copy
            of a model (:mod:`annotate.clip.bf16`) is run as it is.

    Returns:
        float32 (n, dim), rows of unit length.
    """
    dtype = next(clip.model.parameters()).dtype
    mixed = dtype == torch.float32 and embeds_in_bf16(precision, clip.device)
    with (
        torch.inference_mode(),
        torch.autocast(clip.device.type, dtype=torch.bfloat16, enabled=mixed),
    ):
        images = normalise_pixels(clip, torch.as_tensor(pixels)).to(dtype)
        rows = clip.model.encode_image(images)  # type: ignore[operator]
    return _unit(rows)


def encode_texts(clip: Clip, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Embed texts in fp32: float32 (n, dim), rows of unit length.

    On the processor by one thread: shared among several, a sum may come out otherwise in its last
    bit, which is enough to swap two images in a ranking.
    """
    rows = [np.zeros((0, clip.dim), np.float32)]
    with torch.inference_mode(), _one_thread():
        for start in range(0, len(texts), TEXT_BATCH):
            tokens = clip.tokenizer(list(texts[start : start + TEXT_BATCH])).to(clip.device)
            rows.append(_unit(clip.model.encode_text(tokens)))  # type: ignore[operator]
    return np.concatenate(rows)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _unit(rows: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = F.normalize(rows.float(), dim=-1).cpu().numpy()
    return array
