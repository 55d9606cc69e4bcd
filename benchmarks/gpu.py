"""Images a second of a training step on a GPU: batch sizes, recorded, compiled, cache there or not.

ViT-B-32 with random weights, both towers free, 120 labels. Without a GPU, or with ``QUICK=1``, it
runs at tiny sizes, traced and not compiled, which shows that it works and nothing else.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from annotate.clip.memory import is_memory_full
from annotate.settings import TrainSettings
from benchmarks.report import QUICK, device_name, publish, wait, write_measured
from benchmarks.train_loops import ARCHITECTURE, DEVICE, HIGHEST, SCALE, WEIGHT, bf16, start, texts
from mumic.cache import Rows
from mumic.model.compiled import compile_towers
from mumic.model.mumic_model import MumicModel
from mumic.training.cuda_graph import StepGradients
from mumic.training.feed import Feed
from mumic.training.loss import bce_cost
from mumic.training.optimiser import make_optimiser
from mumic.training.step import Batch

SMALL = QUICK or DEVICE == "cpu"
BATCHES = (1, 2) if SMALL else (64, 128, 256, 512, 1024, 2048)
STEPS, IMAGES = (1, 4) if SMALL else (10, 8192)
SIDE = 224
RECORDED, MAPPED = "recorded, pixels on the device", "recorded, pixels on disk"
LAUNCHED, COMPILED = "launched one by one", "recorded and compiled"
LARGE = "launched one by one, compiled"  # too large to be recorded
RUNS = (
    (RECORDED, BATCHES),
    (MAPPED, BATCHES),
    (LAUNCHED, BATCHES),
    (COMPILED, BATCHES[:1]),
    *(() if SMALL else ((COMPILED, (512,)), (LARGE, BATCHES[-1:]))),
)


def main() -> None:
    size = (
        f"{ARCHITECTURE}, {len(texts())} labels, {'bf16' if bf16() else 'fp32'}, "
        f"{device_name() if DEVICE == 'cuda' else 'no GPU: tiny sizes'}"
    )
    found: dict[str, dict[str, float]] = {f"batch {batch}": {} for batch in BATCHES}
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        rows = _pixels(Path(folder))
        for variant, batches in RUNS:
            model = MumicModel(start(), texts(), bf16=bf16()).train()
            model.set_logit_scale(SCALE)
            if variant in (COMPILED, LARGE):
                torch.compiler.reset()  # of another size it would compile for any size
                compile_towers(model.towers, "eager" if SMALL else "inductor")
            feed = Feed(rows, list(rows.places), model.clip.device, hold=variant != MAPPED)
            for batch in batches:
                recorded = 0 if SMALL or variant in (LAUNCHED, LARGE) else batch
                seconds = _seconds(model, feed, list(rows.places), batch, recorded)
                if seconds is None:  # too much memory: no larger batch fits either
                    break
                found[f"batch {batch}"][variant] = seconds
                peaks[f"batch {batch}, {variant}"] = _peak_gb()
                write_measured("gpu", size, *figures(found, peaks))
            del model, feed
    publish("gpu", size, *figures(found, peaks))


def figures(found: dict[str, dict[str, float]], peaks: dict[str, float]) -> Any:
    """Seconds by batch size and variant, and the facts beside them, of what is known so far."""
    measured = {batch: seconds for batch, seconds in found.items() if seconds}
    speeds = {
        batch: {variant: int(batch.split()[1]) / value for variant, value in seconds.items()}
        for batch, seconds in measured.items()
    }
    return measured, {"images_per_second": speeds, "peak_gb": peaks}


def _pixels(folder: Path) -> Rows:
    """Random pixels in a memory-mapped file, as the cache keeps them."""
    file = folder / "pixels.npy"
    shape = (IMAGES, 3, SIDE, SIDE)
    content = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    rng = np.random.default_rng(0)
    for image in content:
        image[:] = rng.integers(0, 256, image.shape, dtype=np.uint8)
    content.flush()
    rows = np.load(file, mmap_mode="r")
    return Rows((rows,), {f"{at:064x}": (0, at) for at in range(IMAGES)})


def _seconds(
    model: MumicModel, feed: Feed, hashes: list[str], batch: int, recorded: int
) -> float | None:
    """Seconds a step, fed as in training; None where the memory is full, or too full to record."""
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
    optimiser = make_optimiser(model.towers, TrainSettings())
    cost = partial(bce_cost, positive_weight=WEIGHT)
    gradients = StepGradients(model, cost, recorded_size=recorded, on_note=print)
    generator = torch.Generator().manual_seed(1)
    labels = (torch.rand(batch, len(model.tokens), generator=generator) < 0.03).float()
    mask = torch.ones_like(labels).bool()

    def step(number: int) -> None:
        pixels = feed.batch(_taken(hashes, number, batch))
        feed.prepare(_taken(hashes, number + 1, batch))
        truth, known = labels.to(pixels.device), mask.to(pixels.device)
        optimiser.zero_grad()
        gradients(Batch(pixels, truth, known, labels.numel()))
        optimiser.step()
        model.clamp_logit_scale(HIGHEST)

    try:
        for number in range(2):  # compiles, and lets the allocator settle
            step(number)
        wait()
        if DEVICE == "cuda":
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        for number in range(2, 2 + STEPS):
            step(number)
        wait()
    except (MemoryError, RuntimeError) as error:
        if not is_memory_full(error):
            raise
        return None
    if recorded and not gradients.recorded_size:  # a step takes too much of the memory
        return None
    return (time.perf_counter() - started) / STEPS


def _taken(hashes: list[str], number: int, batch: int) -> list[str]:
    return [hashes[(number * batch + at) % len(hashes)] for at in range(batch)]


def _peak_gb() -> float:
    """Reserved, not allocated: a recording keeps its memory where nobody else gets any of it."""
    return torch.cuda.max_memory_reserved() / 1e9 if DEVICE == "cuda" else 0.0


if __name__ == "__main__":
    main()
