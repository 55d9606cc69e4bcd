"""Embedding photos for the index: the whole way, the model alone, and a plain loop.

Drawn photos of 640 x 427, ViT-B-32 with random weights: speed does not depend on what it knows. The
model alone gets ready tensors of its own type; the plain loop is open_clip's own transform, squash
instead of crop, and fp32 model, one image at a time. With a GPU all three use it, and our way
embeds each photo 128 times a turn, because it is so fast.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image

from annotate.clip.bf16 import index_clip
from annotate.clip.encoder import normalise_pixels
from annotate.clip.loading import Clip, default_device, load_clip
from annotate.clip.precision import embeds_in_bf16, index_precision
from annotate.index.embed import Job, local_engine
from annotate.index.pipeline import batches_ahead
from annotate.index.reading import Item, Reading
from annotate.settings import CatalogSettings, IndexSettings, ModelSettings
from benchmarks.report import QUICK, device_name, fastest, publish

SIZE = (640, 427)
PRECISION = "auto"
ARCHITECTURE = "ViT-B-32"
DEVICE = default_device()
TIMES = 1 if DEVICE == "cpu" or QUICK else 128  # that a turn embeds each photo
READY = 64  # batches that the model alone gets


def draw(file: Path, rng: np.random.Generator) -> Item:
    """A photo's stand-in, 60 to 100 kB: smooth light, hard edges, the noise of a sensor."""
    light = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    pixels = np.asarray(light.resize(SIZE, Image.Resampling.BICUBIC)).astype(np.float32)
    for _ in range(30):
        x, y = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
        pixels[y : y + rng.integers(9, 150), x : x + rng.integers(9, 150)] += rng.normal(0, 50, 3)
    pixels += rng.normal(0, 4, (*pixels.shape[:2], 1))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=90)
    return hashlib.sha256(file.read_bytes()).hexdigest(), file.name


def plain_loop(root: Path, items: list[Item]) -> Any:
    """What anybody writes first."""
    logging.disable(logging.WARNING)  # open_clip's, that the weights are random
    model, _, preprocess = open_clip.create_model_and_transforms(
        ARCHITECTURE, image_resize_mode="squash", device=DEVICE
    )
    logging.disable(logging.NOTSET)
    model.eval()

    def run() -> None:
        for _, name in items:
            with torch.no_grad(), Image.open(root / name) as image:
                model.encode_image(preprocess(image).unsqueeze(0).to(DEVICE))

    return run


def model_alone(clip: Clip, ready: list[torch.Tensor]) -> Any:
    """The index's model, in its precision, on tensors that lie ready on its device."""
    kind = next(clip.model.parameters()).dtype
    mixed = kind == torch.float32 and embeds_in_bf16(PRECISION, clip.device)
    tensors = [pixels.to(kind) for pixels in ready]

    def run() -> None:
        with torch.inference_mode(), torch.autocast(DEVICE, torch.bfloat16, enabled=mixed):
            for pixels in tensors:
                clip.model.encode_image(pixels)  # type: ignore[operator]

    return run


def main() -> None:
    count, turns = (64, 2) if QUICK else (512, 4) if DEVICE == "cpu" else (256, 1)
    settings = IndexSettings()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rng = np.random.default_rng(0)
        drawn = [draw(root / f"{number}.jpg", rng) for number in range(count)]
        kilobytes = sum(file.stat().st_size for file in root.iterdir()) / count / 1000
        items = drawn * TIMES
        job = Job(root, settings, CatalogSettings(), PRECISION)
        loaded = load_clip(ModelSettings(name=ARCHITECTURE), root, random_init=True, device=DEVICE)
        clip = index_clip(loaded, PRECISION)
        size = settings.batch_size
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        engine = local_engine(clip, job, len(items))
        reading = Reading(root, clip.image_size, job.catalog.max_bytes, job.catalog.max_pixels)
        with batches_ahead(batches[:READY], reading) as decoded:
            ready = [normalise_pixels(clip, torch.from_numpy(batch.pixels)) for batch in decoded]
        few = drawn[: count // 8]
        seconds = fastest(
            {
                "files to embeddings": lambda: sum(len(done.rows) for done in engine(batches)),
                "model alone": model_alone(clip, ready),
                "plain loop": plain_loop(root, few),
            },
            turns,
        )
    images = {
        "files to embeddings": len(items),
        "model alone": sum(map(len, ready)),
        "plain loop": len(few),
    }
    each = {variant: value / images[variant] for variant, value in seconds.items()}
    ours, alone, plain = each.values()
    precision = index_precision(PRECISION, loaded.device)
    print(f"{1 / ours:.1f} images a second, {1 / alone:.1f} the model alone, {1 / plain:.1f} plain")
    print(f"{alone / ours:.2f} of the model alone, {plain / ours:.1f} times the plain loop")
    publish(
        "index" if DEVICE == "cpu" else "index-gpu",
        f"{count} JPEGs of {SIZE[0]} x {SIZE[1]}, {kilobytes:.0f} kB each, {ARCHITECTURE}, "
        f"{precision}, {device_name()}; seconds an image",
        {"embed": each},
    )


if __name__ == "__main__":
    main()
