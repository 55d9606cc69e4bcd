"""Image classifiers that are trained without label texts: a linear head on a tower or a backbone.

Both take bytes (n, 3, size, size) and give logits (n, classes), in fp32 over whatever the tower
computes in.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from annotate.clip.encoder import normalise_pixels
from annotate.clip.hub import cache_only_if_unreachable, quiet
from annotate.clip.loading import Clip
from annotate.errors import DamagedError, InputError, MissingError, closest
from mumic.model.mumic_model import keep_statistics
from mumic.model.precision import tower_precision


class Classifier(nn.Module):
    """Bytes to logits, and how fast its parts learn."""

    def rates(self, rate: float, head_rate: float) -> list[tuple[list[nn.Parameter], float]]:
        """All parameters and their learning rates.

        Args:
            rate: of what was pretrained.
            head_rate: of a head that starts at random, where that has a rate of its own.
        """
        return [(list(self.parameters()), rate)]


class HeadOnTower(Classifier):
    """A linear head on the image tower of a CLIP; the tower is trained too.

    A rate that a pretrained tower bears leaves a head at its random start, so it has its own.

    Args:
        clip: its model is trained in place.
        classes: how many.
        seed: of the head's random start.
        bf16: mixed precision in training.
    """

    def __init__(self, clip: Clip, classes: int, seed: int, *, bf16: bool) -> None:
        super().__init__()
        self.clip = clip
        self.bf16 = bf16
        self.tower: Any = clip.model.visual
        self.head = _head(clip.dim, classes, seed).to(clip.device)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32."""
        with tower_precision(self.clip, bf16=self.bf16, training=self.training):
            rows = self.tower(normalise_pixels(self.clip, pixels))
        found: Tensor = self.head(rows.float())
        return found

    def train(self, mode: bool = True) -> HeadOnTower:
        """Training mode, in which the tower keeps its statistics as MuMIC's does."""
        super().train(mode)
        keep_statistics(self.tower)
        return self

    def rates(self, rate: float, head_rate: float) -> list[tuple[list[nn.Parameter], float]]:
        """The tower's, and the head's, which is never lower."""
        tower, head = list(self.tower.parameters()), list(self.head.parameters())
        return [(tower, rate), (head, max(rate, head_rate))]


class TimmBackbone(Classifier):
    """A timm model with a new classifier.

    Args:
        model: from :func:`load_backbone`.
        device: where it computes.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, device: str) -> None:
        super().__init__()
        self.model = model.to(device)
        described: dict[str, Any] = model.default_cfg
        for name in ("mean", "std"):
            values = torch.tensor(described[name], device=device).view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float32."""
        images = (pixels.to(self.mean.device).float() / 255 - self.mean) / self.std
        found: Tensor = self.model(images)
        return found.float()


def _head(dim: int, classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(dim, classes)
    nn.init.zeros_(head.bias)
    return head


def load_backbone(
    name: str, weights: str, classes: int, *, root: Path, random_init: bool, seed: int
) -> tuple[Any, int]:
    """A timm model with a classifier for some classes, and the side of its input in pixels.

    Args:
        name: timm's, with or without a tag, such as ``tresnet_l``.
        weights: a file (.safetensors or .pth) relative to ``root``; empty: timm's own download.
        classes: how many.
        root: where relative files start.
        random_init: no weights at all, to compare with.
        seed: of what is drawn at random.

    Raises:
        MissingError: there is no such model, or its weights cannot be had.
        DamagedError: the file does not fit the model.
        InputError: both a file and random weights are asked for.
    """
    if weights and random_init:
        raise InputError("--weights and --random-init exclude each other")
    if not timm.is_model(name):
        known = timm.list_models()
        raise MissingError(f"timm knows no model {name!r}{closest(name, known)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            download = not weights and not random_init
            with quiet(), cache_only_if_unreachable():
                model: Any = timm.create_model(name, pretrained=download, num_classes=classes)
        except Exception as error:  # timm's and the hub's, of many kinds
            raise MissingError(
                f"no weights for {name}: {str(error).splitlines()[0]}. Run the command once with a "
                "network (the download is cached), name a file with --weights FILE, or pass "
                "--random-init to train from nothing."
            ) from error
    if weights:
        _read_weights(model, weights_file(root, weights))
    return model, int(model.default_cfg["input_size"][-1])


def weights_file(root: Path, weights: str) -> Path:
    """The file that ``--weights`` names, relative to the workspace."""
    return root / Path(weights).expanduser()


def _read_weights(model: Any, file: Path) -> None:
    """All weights of a file but those of another classifier."""
    if not file.is_file():
        raise MissingError(f"no weights file {file}")
    described: dict[str, Any] = model.default_cfg
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state.get("model", state))
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        heads = _as_tuple(described.get("classifier"))
        kept = {name: tensor for name, tensor in state.items() if not name.startswith(heads)}
        result = model.load_state_dict(kept, strict=False)
    except UnpicklingError as error:  # its own advice is to run what is in the file
        raise DamagedError(
            f"{file}: no weights alone: it is no file of torch.save, or holds other objects beside "
            "tensors. Save the state_dict alone, as .safetensors or with torch.save."
        ) from error
    except (OSError, SafetensorError, RuntimeError, AttributeError, ValueError, EOFError) as error:
        raise DamagedError(f"{file}: no weights of this model: {error}") from error
    lacking = [name for name in result.missing_keys if not name.startswith(heads)]
    if lacking or result.unexpected_keys:
        raise DamagedError(
            f"{file}: not this model's weights: {len(lacking)} are missing "
            f"({', '.join(lacking[:3])}), {len(result.unexpected_keys)} are of another model"
        )


def _as_tuple(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
