"""Memory and seconds from answers to exports: 60,000 images x 120 classes x 5 people.

Every command runs in a process of its own, start included; what counts is its largest resident
memory.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from annotate.workspace import Workspace
from benchmarks.labels_world import ANSWERS, IMAGES, MAKERS, PEOPLE
from benchmarks.report import FOLDER, write_report

# What is imported into a workspace of its own, from the exports or as others would have left it.
SOURCES = (
    "../data/exports/coco --images ..",
    "../data/exports/csv/images.csv --images ..",
    "../data/exports/huggingface",
    "../voc --images ../photos",
)
STEPS = (
    "make photos",
    "catalog photos.csv",
    "questions plan",
    "make answers",
    "consolidate",
    "consolidate --method pooled-dawid-skene",
    "consolidate --method majority",  # again, for what follows; all answers were read before
    "make votes",
    "consolidate --votes votes.parquet --output voted",
    "golden sample",
    "make experts' answers",
    "golden collect",
    "golden score",
    "golden thresholds",
    "questions compare questions.yaml=data/answers",
    "annotators",
    "annotators --exclude w000",
    "taxonomy lint",
    "taxonomy graph --html taxonomy.html",
    "dataset build --split iterative --missing allow",
    "make room",
    "dataset build --missing allow",
    "dataset stats",
    "make run",
    "dataset audit",
    *(
        f"dataset export --to {name}"
        for name in (
            *("groundtruth", "huggingface", "coco --images uri", "fiftyone --images uri"),
            *("webdataset", "csv", "parquet", "croissant --images uri", "card"),
        )
    ),
    "dataset verify",
    "make voc",
    *(f"dataset import {source} --missing allow" for source in SOURCES),
    "make edits",
    "taxonomy migrate",
    "taxonomy migrate --apply",
)
OURS = [step for step in STEPS if step != "questions plan" and step not in MAKERS]


def measure(root: Path, step: str) -> dict[str, float]:
    """Seconds and largest resident memory (MB) of a step."""
    if step in MAKERS:
        here, words = None, ["benchmarks.labels", step, str(root)]
    else:
        here = _empty_workspace(root / "import") if step.startswith("dataset import") else root
        words = ["annotate", *step.split(), "--json"]
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", *words], cwd=here, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{step} failed")
    return {"seconds": time.perf_counter() - started, "peak_mb": usage.ru_maxrss / 1024}


def _empty_workspace(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    _init(root)
    return root


def _init(root: Path) -> None:
    command = [sys.executable, "-m", "annotate", "init", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        root = Path(name) / "workspace"
        _init(root)
        measured = {}
        for step in STEPS:
            measured[step] = measure(root, step)
            print(f"{step}: {measured[step]}", file=sys.stderr)
    figures = {step: measured[step] for step in OURS}
    print(json.dumps(figures, indent=1))
    size = f"{IMAGES:,} images x 120 classes x {ANSWERS} people of {PEOPLE}"
    write_report("labels", size, {"commands": figures})


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        MAKERS[sys.argv[1]](Workspace.find(Path(sys.argv[2])))
