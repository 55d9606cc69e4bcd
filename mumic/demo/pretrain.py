"""Pretrain the small CLIP on the pretraining world.

    python -m mumic.demo.pretrain --seed 0 --out FOLDER [--steps N]

An ordinary CLIP (open_clip's architecture and tokenizer) and the ordinary contrastive loss on
pictures with captions. It imports nothing of the catalogue world. A checkpoint is written
every few minutes; the same command goes on from it, one with other settings is refused.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from torch.nn import functional

from annotate.errors import InputError, MumicError
from mumic.demo.captions import Facts, write_caption
from mumic.demo.pretraining_data import Pixels, load_or_draw
from mumic.demo.small_clip import MEAN, MODEL_CONFIG, STD, encode_texts, save_small_clip
from mumic.machine import machine


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that the result depends on, besides the code."""

    seed: int = 0
    pairs: int = 60_000
    held_out: int = 1_000
    steps: int = 900
    batch: int = 256
    rate: float = 1.0e-3
    decay: float = 0.1
    warmup: int = 100
    checkpoint_seconds: float = 240.0

    @property
    def side(self) -> int:
        """Input size of the image tower."""
        return int(MODEL_CONFIG["vision_cfg"]["image_size"])


@dataclass
class _State:
    model: Any
    optimiser: torch.optim.Optimizer
    step: int = 0
    loss: float = math.nan
    seconds: float = 0.0


def pretrain(config: PretrainConfig, out: Path, work: Path) -> dict[str, float]:
    """Train, write the model to ``out`` and return its figures on held-out pairs.

    Raises:
        InputError: the checkpoint in ``work`` is of other settings.
    """
    pixels, facts = load_or_draw(
        work, count=config.pairs + config.held_out, side=config.side, seed=config.seed
    )
    state = _start(config, work)
    saved = begun = time.monotonic()
    spent = state.seconds
    for step in range(state.step, config.steps):
        loss = _step(state, config, step, pixels, facts)
        state.loss = loss if math.isnan(state.loss) else 0.98 * state.loss + 0.02 * loss
        state.step, state.seconds = step + 1, spent + time.monotonic() - begun
        if step % 20 == 0:
            _report(state, config)
        if time.monotonic() - saved > config.checkpoint_seconds:
            _checkpoint(state, config, work)
            saved = time.monotonic()
    _checkpoint(state, config, work)
    figures = {
        "loss": state.loss,
        "minutes": state.seconds / 60,
        **retrieval(state.model, pixels, facts, config),
    }
    save_small_clip(state.model, out)
    (work / "figures.json").write_text(
        json.dumps({"config": asdict(config), "machine": machine(), "figures": figures}, indent=1)
    )
    return figures


def _start(config: PretrainConfig, work: Path) -> _State:
    torch.manual_seed(config.seed)
    model = open_clip.model.CLIP(**MODEL_CONFIG)
    state = _State(
        model,
        torch.optim.AdamW(
            _groups(model, config.decay), lr=config.rate, betas=(0.9, 0.98), eps=1e-6
        ),
    )
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        if kept.get("settings") != _settings(config):
            raise InputError(
                f"{checkpoint} was begun with other settings, so it cannot go on: delete it, or "
                "name another folder with --work."
            )
        model.load_state_dict(kept["model"])
        state.optimiser.load_state_dict(kept["optimiser"])
        state.step, state.loss, state.seconds = kept["step"], kept["loss"], kept["seconds"]
    return state


def _settings(config: PretrainConfig) -> dict[str, Any]:
    """What a checkpoint has to agree in: all but how often one is written."""
    settings = asdict(config)
    del settings["checkpoint_seconds"]
    return settings


def _checkpoint(state: _State, config: PretrainConfig, work: Path) -> None:
    partial = work / "checkpoint.part"
    torch.save(
        {
            "model": state.model.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "loss": state.loss,
            "seconds": state.seconds,
            "settings": _settings(config),
        },
        partial,
    )
    partial.rename(work / "checkpoint.pt")


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]


def _step(
    state: _State, config: PretrainConfig, step: int, pixels: Pixels, facts: list[Facts]
) -> float:
    rate = learning_rate(config, step)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    images, texts = make_batch(config, step, pixels, facts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        image_features = state.model.encode_image(images)
        text_features = encode_texts(state.model, texts)
    loss = contrastive_loss(
        image_features.float(), text_features.float(), state.model.logit_scale.exp()
    )
    state.optimiser.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    with torch.no_grad():
        state.model.logit_scale.clamp_(0, math.log(100))
    return float(loss.detach())


def contrastive_loss(
    images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return CLIP's symmetric cross-entropy over the pairs of a batch; features ``(B, D)``."""
    logits = scale * functional.normalize(images, dim=-1) @ functional.normalize(texts, dim=-1).T
    target = torch.arange(len(logits))
    return (
        functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    ) / 2


def learning_rate(config: PretrainConfig, step: int) -> float:
    """Linear warmup, then a cosine to zero."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.rate * 0.5 * (1 + math.cos(math.pi * share))


def make_batch(
    config: PretrainConfig, step: int, pixels: Pixels, facts: list[Facts]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pictures and caption tokens of a step.

    They depend on the seed and the step alone.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = np.sort(rng.choice(config.pairs, size=config.batch, replace=False))
    images = np.stack([_augment(pixels[k], rng) for k in chosen])
    captions = [write_caption(facts[k], rng) for k in chosen]
    return to_input(images), open_clip.tokenize(captions)


def _augment(image: Pixels, rng: np.random.Generator, margin: int = 6) -> npt.NDArray[np.float32]:
    side = image.shape[0]
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    top, left = (int(k) for k in rng.integers(0, 2 * margin + 1, 2))
    crop = padded[top : top + side, left : left + side].astype(np.float32)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    if rng.random() < 0.3:
        grey = crop.mean(axis=2, keepdims=True)
        crop = grey + (crop - grey) * rng.uniform(0.0, 0.8)
    lit: npt.NDArray[np.float32] = crop * gain.astype(np.float32) + rng.uniform(-15, 15)
    return np.clip(lit, 0, 255).astype(np.float32)


def to_input(images: npt.NDArray[Any]) -> torch.Tensor:
    """Turn ``(B, H, W, 3)`` grey levels into the model's normalised input."""
    mean, std = np.array(MEAN, dtype=np.float32), np.array(STD, dtype=np.float32)
    normal = (images.astype(np.float32) / 255.0 - mean) / std
    return torch.from_numpy(normal.transpose(0, 3, 1, 2).copy())


def retrieval(
    model: Any, pixels: Pixels, facts: list[Facts], config: PretrainConfig
) -> dict[str, float]:
    """Recall at 1 and 5 of the right sentence among all held-out ones, and the other way."""
    rng = np.random.default_rng([config.seed, 999])
    held = range(config.pairs, config.pairs + config.held_out)
    captions = [write_caption(facts[k], rng) for k in held]
    model.eval()
    with torch.no_grad():
        images = torch.cat(
            [
                functional.normalize(model.encode_image(to_input(block)), dim=-1)
                for block in _blocks(pixels, held)
            ]
        )
        texts = functional.normalize(encode_texts(model, open_clip.tokenize(captions)), dim=-1)
    model.train()
    scores = (images @ texts.T).numpy()
    rank_of_text = (scores > np.diag(scores)[:, None]).sum(axis=1)
    rank_of_image = (scores > np.diag(scores)[None, :]).sum(axis=0)
    return {
        f"{way}_recall_at_{k}": float((ranks < k).mean())
        for way, ranks in (("text", rank_of_text), ("image", rank_of_image))
        for k in (1, 5)
    }


def _blocks(pixels: Pixels, rows: range, size: int = 250) -> Iterator[Pixels]:
    for start in range(rows.start, rows.stop, size):
        yield pixels[start : min(start + size, rows.stop)]


def _report(state: _State, config: PretrainConfig) -> None:
    scale = float(state.model.logit_scale.detach().exp())
    speed = state.step * config.batch / max(state.seconds, 1e-9)
    print(
        f"step {state.step}/{config.steps} loss {state.loss:.3f} scale {scale:.1f} "
        f"{speed:.0f} pairs/s {state.seconds / 60:.1f} min",
        flush=True,
    )


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=PretrainConfig.pairs)
    parser.add_argument("--batch", type=int, default=PretrainConfig.batch)
    parser.add_argument("--rate", type=float, default=PretrainConfig.rate)
    parser.add_argument("--steps", type=int, default=PretrainConfig.steps)
    parser.add_argument("--out", type=Path, default=Path("small_clip"))
    parser.add_argument(
        "--work", type=Path, default=Path("build/pretrain"), help="pairs and checkpoint"
    )
    args = parser.parse_args()
    config = PretrainConfig(
        seed=args.seed, pairs=args.pairs, batch=args.batch, rate=args.rate, steps=args.steps
    )
    try:
        print(json.dumps(pretrain(config, args.out, args.work), indent=1))
    except MumicError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
