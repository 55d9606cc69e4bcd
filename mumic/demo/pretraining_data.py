"""The pretraining pictures as one array at the model's input size, drawn once and kept."""

import json
import multiprocessing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from mumic.demo.captions import Facts, facts_of
from mumic.demo.scenes.drawing import draw
from mumic.demo.scenes.pretraining_world import plan_pretraining

Pixels = npt.NDArray[np.uint8]
_BLOCK = 500


def load_or_draw(folder: Path, *, count: int, side: int, seed: int) -> tuple[Pixels, list[Facts]]:
    """Return ``(count, side, side, 3)`` pixels and what each picture shows.

    The array lies in ``folder`` and is drawn only when it is not there yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"pairs-{seed}-{side}-{count}"
    pixels_path, facts_path = folder / f"{stem}.npy", folder / f"{stem}.json"
    if not (pixels_path.exists() and facts_path.exists()):
        _draw_all(pixels_path, facts_path, count=count, side=side, seed=seed)
    facts = [_read_facts(entry) for entry in json.loads(facts_path.read_text())]
    pixels: Pixels = np.load(pixels_path, mmap_mode="r")
    return pixels, facts


def _read_facts(entry: dict[str, Any]) -> Facts:
    entry["kinds"], entry["concepts"] = tuple(entry["kinds"]), tuple(entry["concepts"])
    return Facts(**entry)


def _draw_all(pixels_path: Path, facts_path: Path, *, count: int, side: int, seed: int) -> None:
    partial = pixels_path.with_suffix(".part")
    array = np.lib.format.open_memmap(
        partial, mode="w+", dtype=np.uint8, shape=(count, side, side, 3)
    )
    facts: list[dict[str, Any]] = []
    blocks = [(start, min(start + _BLOCK, count), side, seed) for start in range(0, count, _BLOCK)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        drawn = tqdm(pool.imap(_draw_block, blocks), total=len(blocks), desc="draw")
        for block, (pixels, shown) in zip(blocks, drawn, strict=True):
            array[block[0] : block[1]] = pixels
            facts.extend(asdict(entry) for entry in shown)
    array.flush()
    facts_path.write_text(json.dumps(facts))
    partial.rename(pixels_path)


def _draw_block(block: tuple[int, int, int, int]) -> tuple[Pixels, list[Facts]]:
    start, stop, side, seed = block
    pixels = np.empty((stop - start, side, side, 3), dtype=np.uint8)
    shown = []
    for index in range(start, stop):
        scene = plan_pretraining(index, seed=seed)
        image = draw(scene).resize((side, side), Image.Resampling.BICUBIC)
        pixels[index - start] = np.asarray(image)
        shown.append(facts_of(scene))
    return pixels, shown
