"""A training step, ours and a loop in open_clip's usual shape, and what each part of ours gives.

ViT-B-32 with random weights, both towers free, drawn JPEGs. Each variant runs in a process of its
own, because how the C library keeps memory is a matter of the process; the first step of each does
not count, and sees the same pixels in all: its gradient is compared with that of a plain float32
step, nothing trimmed. The losses of the two loops are compared after 20 steps, or ``STEPS``; the
other variants take ``SHORT``.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from annotate.clip.encoder import load_clip, normalise_pixels
from annotate.resources import resource
from annotate.settings import ModelSettings, Settings, TrainSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.prompts import name_prompt
from annotate.workspace import Workspace
from benchmarks.index import draw
from benchmarks.report import QUICK, fastest, publish
from mumic.cache import Rows
from mumic.feed import Feed
from mumic.loss import bce_cost, tempered_bce
from mumic.memory import keep_freed_memory
from mumic.model import MumicModel, encode_texts_trimmed, use_bf16
from mumic.optimiser import make_optimiser
from mumic.patches import embed_patches
from mumic.pixels import pixel_rows
from mumic.step import Batch, accumulate_gradients

ARCHITECTURE = "ViT-S-32" if QUICK else "ViT-B-32"
BATCH, LABELS = (2, 8) if QUICK else (32, 120)
STEPS = int(os.environ.get("STEPS", "2" if QUICK else "20"))
SHORT = min(STEPS, 3)
EPOCHS = 3
EPOCH_STEPS = 1 if QUICK else 2
WEIGHT, SCALE = 10.0, 3.652
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
USUAL, OURS, PLAIN = "open_clip's shape", "ours", "plain float32"
VARIANTS = {
    OURS: {},
    USUAL: {},
    "ours, 77 tokens": {"trim": False},
    "ours, memory given back": {"keep": False},
    "ours, AdamW not fused": {"fused": False},
    "open_clip's shape, memory kept": {"usual": True, "keep": True},
    PLAIN: {},
}
Step = Callable[[int], float]


def texts() -> list[str]:
    return [
        name_prompt(entry)
        for entry in load_taxonomy(resource("label_taxonomy", "travel.yaml")).classes
    ][:LABELS]


def labels(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(count, LABELS, generator=generator) < 0.03).float()


def start() -> Any:
    """The same random weights in every process."""
    return load_clip(ModelSettings(name=ARCHITECTURE), Path(), random_init=True, device=DEVICE)


def bf16() -> bool:
    return use_bf16("auto", torch.device(DEVICE))


class Photos(torch.utils.data.Dataset[torch.Tensor]):
    """What anybody writes: Pillow and open_clip's transform, squash instead of crop."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        self.transform = open_clip.image_transform(size, is_train=False, resize_mode="squash")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at: int) -> torch.Tensor:
        with Image.open(self.files[at]) as image:
            found: torch.Tensor = self.transform(image)
            return found


def batches_for_ever(files: list[Path], size: int) -> Iterator[torch.Tensor]:
    workers = min(2, os.cpu_count() or 1)
    photos = Photos(files, size)
    loader = torch.utils.data.DataLoader(photos, BATCH, num_workers=workers, drop_last=True)
    while True:
        yield from loader


def usual_steps(
    files: list[Path], first: torch.Tensor | None, gradients: Path | None, *, mixed: bool
) -> Step:
    """A loop over files; ``first``, bytes, takes the place of the first batch."""
    clip = start()
    model: Any = clip.model.train()
    with torch.no_grad():
        model.logit_scale.fill_(SCALE)
    tokens = clip.tokenizer(texts()).to(DEVICE)
    decayed = [entry for entry in model.parameters() if entry.ndim >= 2]
    spared = [entry for entry in model.parameters() if entry.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": spared, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-5)
    batches, truth = batches_for_ever(files, clip.image_size), labels(len(files)).to(DEVICE)

    def step(number: int) -> float:
        images = next(batches).to(DEVICE)
        if number == 0 and first is not None:
            images = normalise_pixels(clip, first)
        optimiser.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=mixed):
            rows = model.encode_image(images, normalize=True)
            prompts = model.encode_text(tokens, normalize=True)
        logits = model.logit_scale.exp() * rows.float() @ prompts.float().T
        at = number * BATCH % len(files)
        wanted = truth[at : at + BATCH]
        loss = tempered_bce(logits, wanted, torch.ones_like(wanted).bool(), WEIGHT)
        loss.backward()  # type: ignore[no-untyped-call]
        keep_gradients(model, gradients if number == 0 else None)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=4.6052)
        return loss.item()

    return step


def our_steps(
    rows: Rows, hashes: list[str], gradients: Path | None, *, trim: bool, fused: bool
) -> Step:
    clip = start()
    model = MumicModel(clip, texts(), bf16=bf16()).train()
    model.set_logit_scale(SCALE)
    if not trim:  # a full-length text: nothing is left to cut
        model._encode_texts = lambda share: F.normalize(  # type: ignore[method-assign]
            model.towers.encode_text(model.tokens[share]).float(), dim=-1
        )
    optimiser = make_optimiser(model.towers, TrainSettings())
    if not fused:
        for group in optimiser.param_groups:
            group["fused"] = False
    feed, truth = Feed(rows, hashes, clip.device), labels(len(hashes)).to(DEVICE)

    def step(number: int) -> float:
        at = number * BATCH % len(hashes)
        wanted = truth[at : at + BATCH]
        pixels = feed.batch(hashes[at : at + BATCH])
        optimiser.zero_grad()
        batch = Batch(pixels, wanted, torch.ones_like(wanted).bool(), wanted.numel())
        loss = accumulate_gradients(model, batch, partial(bce_cost, positive_weight=WEIGHT))
        keep_gradients(model.towers, gradients if number == 0 else None)
        optimiser.step()
        model.clamp_logit_scale(4.6052)
        return loss

    return step


def keep_gradients(model: Any, file: Path | None) -> None:
    if file is not None:
        found = {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}
        save_file(found, file)


def photos(root: Path, count: int) -> tuple[list[Path], list[str]]:
    """JPEGs, drawn once, and their content hashes."""
    rng = np.random.default_rng(0)
    items = [draw(root / f"{number:04d}.jpg", rng) for number in range(count)]
    (root / "hashes.json").write_text(json.dumps([content for content, _ in items]))
    return listed(root)


def listed(root: Path) -> tuple[list[Path], list[str]]:
    return sorted(root.glob("*.jpg")), json.loads((root / "hashes.json").read_text())


def cache(root: Path, files: list[Path], hashes: list[str]) -> Rows:
    import pandas as pd

    frame = pd.DataFrame({"content_hash": hashes, "uri": [file.name for file in files]})
    return pixel_rows(Workspace(root, Settings()), frame, 224)


def worker(root: Path, name: str, task: str) -> None:
    """One variant in a process of its own; prints what it found."""
    logging.disable(logging.WARNING)
    usual = name in (USUAL, PLAIN)
    options = {"trim": True, "fused": True, "usual": usual, "keep": not usual} | VARIANTS[name]
    if options.pop("keep") and DEVICE == "cpu":
        keep_freed_memory()
    if task == "parts":
        print(json.dumps({"text": text_towers(), "patches": patch_embeddings()}))
        return
    files, hashes = listed(root)
    if task == "epochs":
        files, hashes = files[: EPOCH_STEPS * BATCH], hashes[: EPOCH_STEPS * BATCH]
    gradients = root / f"{name}.safetensors" if task == "steps" else None
    started = time.perf_counter()
    if options.pop("usual"):
        first = None
        if task == "steps":
            first = torch.from_numpy(cache(root, files, hashes).gather(hashes[:BATCH]))
        step = usual_steps(files, first, gradients, mixed=bf16() and name != PLAIN)
    else:
        step = our_steps(cache(root, files, hashes), hashes, gradients, **options)
    seconds, losses = [], []
    for number in range(count_of(name, task)):
        before = time.perf_counter()
        losses.append(step(number))
        seconds.append(time.perf_counter() - before)
    print(json.dumps({"each": seconds, "all": time.perf_counter() - started, "losses": losses}))


def count_of(name: str, task: str) -> int:
    """Steps of a variant, the first included."""
    if task == "epochs":
        return EPOCHS * EPOCH_STEPS
    if name == PLAIN:
        return 1
    return 1 + (STEPS if name in (OURS, USUAL) else SHORT)


def text_towers() -> dict[str, float]:
    """Forward and backward of the text tower, and how far the two outputs are apart."""
    clip = start()
    towers: Any = clip.model.train()
    tokens = clip.tokenizer(texts()).to(DEVICE)
    ways: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
        "trimmed": encode_texts_trimmed,
        "77 tokens": lambda _, prompts: towers.encode_text(prompts),
    }
    with torch.no_grad():
        found = [F.normalize(way(towers, tokens), dim=-1) for way in ways.values()]

    def both(way: Any) -> None:
        total: torch.Tensor = way(towers, tokens).square().sum()
        total.backward()  # type: ignore[no-untyped-call]

    seconds = fastest({name: partial(both, way) for name, way in ways.items()}, 2)
    return seconds | {"difference": float((found[0] - found[1]).abs().max())}


def patch_embeddings() -> dict[str, float]:
    """Forward and backward of the image tower's first layer."""
    layer: Any = start().model.visual.conv1
    images = torch.randn(BATCH, 3, 224, 224, device=DEVICE)

    def both(way: Callable[[torch.Tensor], torch.Tensor]) -> None:
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=bf16()):
            found = way(images)
        found.backward(torch.ones_like(found))  # type: ignore[no-untyped-call]

    ways = {"matrix product": partial(embed_patches, layer), "convolution": layer}
    return fastest({name: partial(both, way) for name, way in ways.items()}, 5)


def run(root: Path, name: str, task: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.train", str(root), name, task]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak() -> float:
    """Floating point operations a second of a large matrix product, as the towers compute."""
    kind = torch.bfloat16 if bf16() else torch.float32
    size = 2048 if DEVICE == "cpu" else 8192
    a, b = (torch.randn(size, size, device=DEVICE, dtype=kind) for _ in range(2))

    def product() -> None:
        (a @ b)[0, 0].item()

    keep_freed_memory()
    return 2 * size**3 / fastest({"product": product}, 5)["product"]


def operations() -> float:
    """Floating point operations of one of our steps, counted by torch."""
    clip = start()
    model = MumicModel(clip, texts(), bf16=False).train()
    pixels = torch.zeros(2, 3, 224, 224, dtype=torch.uint8)
    with FlopCounterMode(display=False) as image:
        model.image_rows(pixels).sum().backward()  # type: ignore[no-untyped-call]
    with FlopCounterMode(display=False) as text:
        model.text_rows().sum().backward()  # type: ignore[no-untyped-call]
    return float(image.get_total_flops() / 2 * BATCH + text.get_total_flops())


def apart(found: Path, expected: Path) -> float:
    """Norm of the difference of two gradients, as a share of the second's norm."""
    ours, theirs = load_file(found), load_file(expected)
    difference = sum(float((ours[name] - theirs[name]).square().sum()) for name in theirs)
    return math.sqrt(difference / sum(float(entry.square().sum()) for entry in theirs.values()))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos(root, max(EPOCH_STEPS, min(STEPS + 1, 8)) * BATCH)
        few = (OURS, USUAL) if QUICK else tuple(name for name in VARIANTS if name != PLAIN)
        before = peak()
        steps = {name: run(root, name, "steps") for name in (PLAIN, *few)}
        parts = run(root, OURS, "parts")
        for cached in (root / "data").glob("**/pixels-*/*"):
            cached.unlink()
        raced = () if QUICK else (OURS, USUAL)
        epochs = {name: run(root, name, "epochs")["all"] for name in raced}
        plain = root / f"{PLAIN}.safetensors"
        difference = {name: apart(root / f"{name}.safetensors", plain) for name in few}
    seconds = {name: min(steps[name]["each"][1:]) for name in few}
    top, needed = max(before, peak()), operations()  # a shared machine's changes
    facts = {
        "images_per_second": {name: BATCH / value for name, value in seconds.items()},
        "text_rows_apart": parts["text"].pop("difference"),
        "gradients_apart": difference,
        "train_steps": STEPS,
        "last_losses": {name: steps[name]["losses"][-1] for name in (OURS, USUAL)},
        "peak_gflops": top / 1e9,
        "share_of_peak": needed / seconds[OURS] / top,
        "step_gflop": needed / 1e9,
        "epochs_of": f"{EPOCHS} epochs of {EPOCH_STEPS * BATCH} images",
    }
    measured = {
        "step": seconds,
        "text tower, forward and backward": parts["text"],
        "patch embedding, forward and backward": parts["patches"],
    }
    if epochs:
        measured["three epochs from JPEGs, cache and start included"] = epochs
    publish(
        "train",
        f"{ARCHITECTURE}, batch {BATCH}, {LABELS} labels, {'bf16' if bf16() else 'fp32'}, "
        f"{DEVICE}, {torch.get_num_threads()} threads",
        measured,
        facts,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        worker(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    else:
        main()
