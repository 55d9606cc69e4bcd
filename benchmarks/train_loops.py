"""The two loops that ``benchmarks/train.py`` races: ours, and one in open_clip's usual shape.

Both start from the same random weights and see the same drawn photos and labels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

from annotate.clip.encoder import normalise_pixels
from annotate.clip.loading import load_clip
from annotate.resources import resource
from annotate.settings import ModelSettings, Settings, TrainSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.prompts import name_prompt
from annotate.workspace import Workspace
from benchmarks.report import QUICK
from mumic.cache import Rows
from mumic.model.mumic_model import MumicModel, use_bf16
from mumic.pixels import pixel_rows
from mumic.training.cuda_graph import StepGradients
from mumic.training.feed import Feed
from mumic.training.loss import bce_cost, tempered_bce
from mumic.training.optimiser import make_optimiser
from mumic.training.step import Batch

ARCHITECTURE = "ViT-S-32" if QUICK else "ViT-B-32"
BATCH, LABELS = (2, 8) if QUICK else (32, 120)
WEIGHT, SCALE, HIGHEST = 10.0, 3.652, 4.6052
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
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
    workers = os.cpu_count() or 1
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
            model.logit_scale.clamp_(max=HIGHEST)
        return loss.item()

    return step


def our_steps(
    rows: Rows,
    hashes: list[str],
    gradients: Path | None,
    *,
    trim: bool,
    fused: bool,
    recorded: bool,
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
    cost = partial(bce_cost, positive_weight=WEIGHT)
    recorded_size = BATCH if DEVICE == "cuda" and recorded else 0
    compute = StepGradients(model, cost, recorded_size=recorded_size, on_note=print)
    feed, truth = Feed(rows, hashes, clip.device), labels(len(hashes)).to(DEVICE)

    def step(number: int) -> float:
        at = number * BATCH % len(hashes)
        wanted = truth[at : at + BATCH]
        pixels = feed.batch(hashes[at : at + BATCH])
        optimiser.zero_grad()
        batch = Batch(pixels, wanted, torch.ones_like(wanted).bool(), wanted.numel())
        loss = compute(batch)
        keep_gradients(model.towers, gradients if number == 0 else None)
        optimiser.step()
        model.clamp_logit_scale(HIGHEST)
        return loss

    return step


def keep_gradients(model: Any, file: Path | None) -> None:
    if file is not None:
        found = {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}
        save_file(found, file)


def cache(root: Path, files: list[Path], hashes: list[str]) -> Rows:
    frame = pd.DataFrame({"content_hash": hashes, "uri": [file.name for file in files]})
    return pixel_rows(Workspace(root, Settings()), frame, 224)
