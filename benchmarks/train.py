"""A training step, ours and a loop in open_clip's usual shape, and what each part of ours gives.

ViT-B-32 with random weights, both towers free, drawn JPEGs. Each variant runs in a process of its
own, because how the C library keeps memory is a matter of the process; the first step of each does
not count. Every variant's gradient is compared with the usual loop's at full precision. ``STEPS=3``
measures fewer steps than the 20 after which the losses are compared.
"""

from __future__ import annotations

import json
import logging
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

from annotate.clip.encoder import load_clip
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
from mumic.pixels import pixel_rows
from mumic.step import Batch, accumulate_gradients

ARCHITECTURE = "ViT-B-32"
BATCH, LABELS = (2, 8) if QUICK else (32, 120)
STEPS = int(os.environ.get("STEPS", "2" if QUICK else "20"))
EPOCHS = 3
EPOCH_STEPS = 1 if QUICK else 3
WEIGHT, SCALE = 10.0, 3.652
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
USUAL, OURS = "open_clip's shape", "ours"
VARIANTS = {
    OURS: {},
    USUAL: {},
    "ours, 77 tokens": {"trim": False},
    "ours, memory given back": {"keep": False},
    "ours, AdamW not fused": {"fused": False},
    "open_clip's shape, memory kept": {"usual": True, "keep": True},
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


def usual_steps(files: list[Path], gradients: Path | None) -> Step:
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
        optimiser.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=bf16()):
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
    options = {"trim": True, "fused": True, "usual": name == USUAL} | VARIANTS[name]
    if options.pop("keep", name != USUAL) and DEVICE == "cpu":
        keep_freed_memory()
    files, hashes = listed(root)
    if task == "epochs":
        files, hashes = files[: EPOCH_STEPS * BATCH], hashes[: EPOCH_STEPS * BATCH]
    if task == "text":
        print(json.dumps(text_towers()))
        return
    gradients = root / f"{name}.safetensors" if task == "steps" else None
    started = time.perf_counter()
    if options.pop("usual"):
        step = usual_steps(files, gradients)
    else:
        step = our_steps(cache(root, files, hashes), hashes, gradients, **options)
    seconds, losses = [], []
    count = EPOCHS * EPOCH_STEPS if task == "epochs" else STEPS + 1
    for number in range(count):
        before = time.perf_counter()
        losses.append(step(number))
        seconds.append(time.perf_counter() - before)
    print(json.dumps({"each": seconds, "all": time.perf_counter() - started, "losses": losses}))


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
    """Largest difference of a gradient, as a share of the largest entry of its parameter's."""
    ours, theirs = load_file(found), load_file(expected)
    scale = max(float(entry.abs().max()) for entry in theirs.values())
    return max(float((ours[name] - theirs[name]).abs().max()) for name in theirs) / scale


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos(root, max(EPOCH_STEPS, min(STEPS + 1, 8)) * BATCH)
        few = dict.fromkeys((OURS, USUAL) if QUICK else VARIANTS)
        steps = {name: run(root, name, "steps") for name in few}
        text = run(root, OURS, "text")
        for cached in (root / "data").glob("**/pixels-*/*"):
            cached.unlink()
        raced = () if QUICK else (OURS, USUAL)
        epochs = {name: run(root, name, "epochs")["all"] for name in raced}
        difference = {
            name: apart(root / f"{name}.safetensors", root / f"{USUAL}.safetensors") for name in few
        }
    seconds = {name: min(found["each"][1:]) for name, found in steps.items()}
    top = peak()
    facts = {
        "images_per_second": {name: BATCH / value for name, value in seconds.items()},
        "text_rows_apart": text.pop("difference"),
        "gradients_apart": difference,
        "steps": STEPS,
        "last_losses": {name: found["losses"][-1] for name, found in steps.items()},
        "peak_gflops": top / 1e9,
        "share_of_peak": operations() / seconds[OURS] / top,
        "epochs_of": f"{EPOCHS} epochs of {EPOCH_STEPS * BATCH} images",
    }
    measured = {"step": seconds, "text tower, forward and backward": text}
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
