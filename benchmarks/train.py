"""A training step, ours and a loop in open_clip's usual shape, and what each part of ours gives.

ViT-B-32 with random weights, both towers free, drawn JPEGs. Each variant runs in a process of its
own, because how the C library keeps memory is a matter of the process; the first step of each does
not count, and sees the same pixels in all: its gradient is compared with that of a plain float32
step, nothing trimmed. The losses of the two loops are compared after 20 steps, or ``STEPS``; the
other variants take ``SHORT``. Between our steps a large matrix product is timed, so that the share
of the machine's peak is of the same minutes. What is known so far is on disk after every variant.
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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from annotate.memory import keep_freed_memory
from benchmarks.index import draw
from benchmarks.report import QUICK, device_name, publish, wait, write_measured
from benchmarks.train_loops import (
    ARCHITECTURE,
    BATCH,
    DEVICE,
    LABELS,
    Step,
    bf16,
    cache,
    our_steps,
    usual_steps,
)
from benchmarks.train_parts import matrix_product, operations, patch_embeddings, text_towers

STEPS = int(os.environ.get("STEPS", "2" if QUICK else "20"))
SHORT = min(STEPS, 2) if DEVICE == "cpu" else STEPS
EPOCHS = 3
EPOCH_STEPS = 1 if QUICK else 2 if DEVICE == "cpu" else 8
PRODUCTS = 3  # between two of our steps
USUAL, OURS, PLAIN = "open_clip's shape", "ours", "plain float32"
OF_MEMORY = {
    "ours, AdamW not fused": {"fused": False},
    "ours, memory given back": {"keep": False},
    "open_clip's shape, memory kept": {"usual": True, "keep": True},
}
OF_A_GPU = {"ours, not recorded": {"recorded": False}}
VARIANTS = {
    OURS: {},
    USUAL: {},
    "ours, 77 tokens": {"trim": False},
    **(OF_MEMORY if DEVICE == "cpu" else OF_A_GPU),
    PLAIN: {},
}
NAME = "train" if DEVICE == "cpu" else "train-gpu"
SIZE = (
    f"{ARCHITECTURE}, batch {BATCH}, {LABELS} labels, {'bf16' if bf16() else 'fp32'}, "
    f"{device_name()}"
)


def photos(root: Path, count: int) -> tuple[list[Path], list[str]]:
    """JPEGs, drawn once, and their content hashes."""
    rng = np.random.default_rng(0)
    items = [draw(root / f"{number:04d}.jpg", rng) for number in range(count)]
    (root / "hashes.json").write_text(json.dumps([content for content, _ in items]))
    return listed(root)


def listed(root: Path) -> tuple[list[Path], list[str]]:
    return sorted(root.glob("*.jpg")), json.loads((root / "hashes.json").read_text())


def worker(root: Path, name: str, task: str) -> None:
    """One variant in a process of its own; prints what it found."""
    logging.disable(logging.WARNING)
    usual = name in (USUAL, PLAIN)
    options = {"trim": True, "fused": True, "recorded": True}
    options |= {"usual": usual, "keep": not usual} | VARIANTS[name]
    if options.pop("keep") and DEVICE == "cpu":
        keep_freed_memory()
    if task == "parts":
        text, rows_apart = text_towers()
        print(json.dumps({"text": text, "rows_apart": rows_apart, "patches": patch_embeddings()}))
        return
    started = time.perf_counter()
    step = _loop(root, name, task, options)
    product = matrix_product() if name == OURS and task == "steps" else None
    seconds, losses, products = [], [], [0.0]
    for number in range(count_of(name, task)):
        before = time.perf_counter()
        losses.append(step(number))
        wait()  # for the optimiser, which a GPU does after the loss is known
        seconds.append(time.perf_counter() - before)
        if product is not None:
            products += [product() for _ in range(PRODUCTS)]
    everything = time.perf_counter() - started
    found = {"each": seconds, "all": everything, "losses": losses, "peak": max(products)}
    print(json.dumps(found))


def _loop(root: Path, name: str, task: str, options: dict[str, bool]) -> Step:
    files, hashes = listed(root)
    if task == "epochs":
        files, hashes = files[: EPOCH_STEPS * BATCH], hashes[: EPOCH_STEPS * BATCH]
    gradients = root / f"{name}.safetensors" if task == "steps" else None
    if not options.pop("usual"):
        return our_steps(cache(root, files, hashes), hashes, gradients, **options)
    first = None
    if task == "steps":
        first = torch.from_numpy(cache(root, files, hashes).gather(hashes[:BATCH]))
    return usual_steps(files, first, gradients, mixed=bf16() and name != PLAIN)


def count_of(name: str, task: str) -> int:
    """Steps of a variant, the first included."""
    if task == "epochs":
        return EPOCHS * EPOCH_STEPS
    if name == PLAIN:
        return 1
    return 1 + (STEPS if name in (OURS, USUAL) else SHORT)


def run(root: Path, name: str, task: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.train", str(root), name, task]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def apart(found: Path, expected: Path) -> float:
    """Norm of the difference of two gradients, as a share of the second's norm."""
    ours, theirs = load_file(found), load_file(expected)
    difference = sum(float((ours[name] - theirs[name]).square().sum()) for name in theirs)
    return math.sqrt(difference / sum(float(entry.square().sum()) for entry in theirs.values()))


def main() -> None:
    few = (OURS, USUAL) if QUICK else tuple(name for name in VARIANTS if name != PLAIN)
    raced = () if QUICK else (OURS, USUAL)
    needed = operations()
    found: dict[str, dict[str, Any]] = {"steps": {}, "apart": {}, "parts": {}, "epochs": {}}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos(root, max(EPOCH_STEPS, min(STEPS + 1, 8)) * BATCH)
        run(root, PLAIN, "steps")
        plain = root / f"{PLAIN}.safetensors"
        for name in few:
            found["steps"][name] = run(root, name, "steps")
            found["apart"][name] = apart(root / f"{name}.safetensors", plain)
            write_measured(NAME, SIZE, *figures(found, needed))
        found["parts"] = run(root, OURS, "parts")
        for cached in (root / "data").glob("**/pixels-*/*"):
            cached.unlink()
        for name in raced:
            found["epochs"][name] = run(root, name, "epochs")["all"]
            write_measured(NAME, SIZE, *figures(found, needed))
    publish(NAME, SIZE, *figures(found, needed))


def figures(found: dict[str, dict[str, Any]], needed: float) -> Any:
    """Seconds by task and variant, and the facts beside them, of what is known so far."""
    steps, parts, epochs = found["steps"], found["parts"], found["epochs"]
    seconds = {name: min(entry["each"][1:]) for name, entry in steps.items()}
    top = steps[OURS]["peak"]
    facts = {
        "images_per_second": {name: BATCH / value for name, value in seconds.items()},
        "train_steps": STEPS,
        "last_losses": {name: steps[name]["losses"][-1] for name in (OURS, USUAL) if name in steps},
        "peak_gflops": top / 1e9,
        "share_of_peak": needed / seconds[OURS] / top,
        "step_gflop": needed / 1e9,
    }
    measured = {"step": seconds}
    if found["apart"]:
        facts["gradients_apart"] = found["apart"]
    if parts:
        facts["text_rows_apart"] = parts["rows_apart"]
        measured["text tower, forward and backward"] = parts["text"]
        measured["patch embedding, forward and backward"] = parts["patches"]
    if epochs:
        facts["epochs_of"] = f"{EPOCHS} epochs of {EPOCH_STEPS * BATCH} images"
        measured["three epochs from JPEGs, cache and start included"] = epochs
    return measured, facts


if __name__ == "__main__":
    if len(sys.argv) > 1:
        worker(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    else:
        main()
