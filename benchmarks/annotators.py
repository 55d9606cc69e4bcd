"""Memory and seconds of ``golden`` and ``annotators`` on 60,000 images x 120 classes x 5 people.

Every command runs in a process of its own; what counts is its largest resident memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.answers.packed import Coded, Packed, to_arrow
from annotate.labels.votes import count_votes
from annotate.tables import ANSWERS, CATALOG, GOLDEN_LABELS, LABELS
from annotate.taxonomy.load import load_taxonomy
from benchmarks.report import FOLDER, QUICK, write_report

IMAGES, PEOPLE, GOLDEN = (2_000 if QUICK else 60_000), 200, (500 if QUICK else 4_000)
COMMANDS = ("golden", "golden thresholds", "annotators")


def write_workspace(root: Path) -> None:
    """Labels, answers and golden labels as the commands before would leave them."""
    subprocess.run([sys.executable, "-m", "annotate", "init", str(root)], check=True)
    classes = load_taxonomy(root / "label_taxonomy/travel.yaml").ids
    rng = np.random.default_rng(0)
    questions = {f"q{at:02d}": classes[at * 5 : at * 5 + 5] for at in range(24)}
    ids = [f"{at:020x}" for at in range(IMAGES)]
    truth = rng.random((IMAGES, len(classes))) < 0.02
    people = np.argsort(rng.random((IMAGES, PEOPLE)), axis=1)[:, :5]
    ticks = rng.random((IMAGES, 5, len(classes))) < np.where(truth[:, None], 0.9, 0.003)
    ticks = ticks.reshape(IMAGES, 5, 24, 5).transpose(0, 2, 1, 3).reshape(-1, 5)
    rows, place = np.nonzero(ticks)
    question = np.tile(np.repeat(np.arange(24), 5), IMAGES).astype(np.int32)
    no = np.zeros(len(ticks), bool)
    answers = Packed(
        Coded(tuple(ids), np.repeat(np.arange(IMAGES), 120).astype(np.int32)),
        Coded(tuple(questions), question),
        Coded(
            tuple(f"w{at:03d}" for at in range(PEOPLE)),
            np.repeat(people[:, None], 24, 1).ravel().astype(np.int32),
        ),
        Coded.sort(classes, (question[rows] * 5 + place).astype(np.int32)),
        np.append(0, np.cumsum(ticks.sum(axis=1))).astype(np.int32),
        ticks.sum(axis=1) == 0,
        no,
        no,
        Coded(("2026-01-01T00:00:00.000Z",), np.zeros(len(ticks), np.int32)),
        np.full(len(ticks), 60, np.float32),
    )
    labels = root / "data/labels"
    labels.mkdir(parents=True)
    schema = pa.schema(list(ANSWERS.columns.items()))
    pq.write_table(to_arrow(answers).cast(schema), labels / "answers.parquet")
    (labels / "summary.json").write_text(json.dumps({"questions": questions}))
    votes = count_votes(answers, questions)
    image, column = (part.ravel() for part in np.indices(votes.yes.shape))
    rate = (votes.yes / 5.0).ravel()
    write_table(
        LABELS.columns,
        {
            "image_id": pa.array(ids).take(pa.array(image)),
            "class_id": pa.array(votes.class_ids).take(pa.array(column)),
            "label": (rate >= 0.6).astype(np.int8),
            "yes": votes.yes.ravel(),
            "no": votes.no.ravel(),
            "unsure": votes.unsure.ravel(),
            "rate": rate,
            "decided": ["voted"] * len(rate),
        },
        labels / "labels.parquet",
    )
    text = dict.fromkeys(CATALOG.columns, ids) | {
        "property_id": [f"p{at // 20}" for at in range(IMAGES)],
        "present": np.ones(IMAGES, bool),
        **{name: np.ones(IMAGES, int) for name in ("bytes", "width", "height", "orientation")},
    }
    write_table(CATALOG.columns, text, root / "data/catalog/images.parquet")
    golden = np.sort(rng.choice(IMAGES, GOLDEN, replace=False))
    write_table(
        GOLDEN_LABELS.columns,
        {
            "image_id": pa.array(ids).take(pa.array(np.repeat(golden, len(classes)))),
            "class_id": pa.array(list(classes) * GOLDEN),
            "label": truth[golden].ravel().astype(np.int8),
        },
        root / "data/golden/labels.parquet",
    )


def write_table(columns: dict[str, pa.DataType], values: dict[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {name: values[name] for name in columns if name in values}
    schema = pa.schema([(name, kind) for name, kind in columns.items() if name in known])
    pq.write_table(pa.table(known).cast(schema), path)


def measure(root: Path, command: str) -> dict[str, float]:
    """Seconds and largest resident memory (MB) of a command."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "annotate", *command.split(), "--json"],
        cwd=root,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed")
    return {"seconds": time.perf_counter() - started, "peak_mb": usage.ru_maxrss / 1024}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        root = Path(name) / "workspace"
        write_workspace(root)
        figures = {command: measure(root, command) for command in COMMANDS}
    print(json.dumps(figures, indent=1))
    size = f"{IMAGES:,} images x 120 classes x 5 people of {PEOPLE}, {GOLDEN:,} golden images"
    write_report("annotators", size, {"commands": figures})


if __name__ == "__main__":
    main()
