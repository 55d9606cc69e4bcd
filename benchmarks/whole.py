"""The whole path through the commands on a GPU: from photos on disk to a measured classifier.

Drawn photos and their truth, ViT-B-32 with random weights from a file, the paper's settings: batch
64, 3 epochs, both towers free. What the model learns of the photos from nothing says that it
learns, no more. Without a GPU it takes hours: ``QUICK=1`` is small.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from annotate.files import read_json
from benchmarks.report import FOLDER, QUICK, device_name, write_report
from mumic.demo.commands import Session
from mumic.demo.world import draw_world

IMAGES = int(os.environ.get("IMAGES", "400" if QUICK else "12000"))
ARCHITECTURE = "ViT-S-32" if QUICK else "ViT-B-32-quickgelu"
SETTINGS = f"""[model]
name = "{ARCHITECTURE}"
pretrained = "weights.safetensors"

[train]
epochs = 3
"""
COMMANDS = (
    "mumic-annotate dataset import truth.csv --missing allow --json",
    "mumic train --run whole",
    "mumic evaluate --run whole --json",
)
KEPT = ("images", "steps", "seconds_per_epoch", "best_epoch", "validation_gap")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        root = Path(name) / "workspace"
        session = Session(root, sys.stdout)
        _prepare(root)
        for command in COMMANDS:
            session.run(command)
        trained = read_json(root / "runs" / "whole" / "run.json", "mumic train")
        steps = {
            step.line: {"seconds": step.seconds, "peak_mb": step.peak_mb} for step in session.steps
        }
    print(json.dumps(steps, indent=1))
    size = f"{IMAGES:,} photos, {ARCHITECTURE}, {device_name()}"
    write_report("whole", size, {"commands": steps, "run": {name: trained[name] for name in KEPT}})


def _prepare(root: Path) -> None:
    """Photos, the label list, settings, and the weights' file."""
    draw_world(root, images=IMAGES)
    command = [sys.executable, "-m", "annotate", "init", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (root / "mumic.toml").write_text(SETTINGS, "utf-8")
    logging.disable(logging.WARNING)  # that the weights are random
    torch.manual_seed(0)
    save_file(open_clip.create_model(ARCHITECTURE).state_dict(), root / "weights.safetensors")
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
