"""Memory and seconds from answers to golden scores: 60,000 images x 120 classes x 5 people.

Every step, the writing of the answers too, runs in a process of its own; what counts is its largest
resident memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.questions.file import read_plan
from annotate.questions.planning import QuestionPlan
from annotate.tables import CATALOG, write
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from benchmarks.report import FOLDER, QUICK, write_report

IMAGES, PEOPLE, ANSWERS = (2_000 if QUICK else 60_000), 200, 5
PREVALENCE, SEES, ERRS = 0.02, 0.9, 0.003
STEPS = (
    "write catalogue",
    "questions plan",
    "write answers",
    "consolidate",
    "golden sample",
    "write experts",
    "golden collect",
    "golden",
    "golden thresholds",
    "annotators",
    "annotators --exclude w000",
)
OURS = [step for step in STEPS if not step.startswith(("write", "questions"))]
Mask = npt.NDArray[np.bool_]


def image_ids() -> list[str]:
    return [f"{at:020x}" for at in range(IMAGES)]


def truth(classes: int) -> Mask:
    return np.random.default_rng(0).random((IMAGES, classes)) < PREVALENCE


def write_catalog(workspace: Workspace) -> None:
    """Twenty photos of each property."""
    ids = image_ids()
    columns: dict[str, Any] = dict.fromkeys(CATALOG.columns, ids) | {
        "property_id": [f"p{at // 20}" for at in range(IMAGES)],
        "uri": [f"photos/{name}.jpg" for name in ids],
        "present": True,
        **dict.fromkeys(("bytes", "width", "height", "orientation"), 1),
    }
    write(CATALOG, pd.DataFrame(columns), workspace.catalog / "images.parquet")


def write_answers(workspace: Workspace) -> None:
    """What annotators answered, as the annotation server writes it."""
    plan, true = _plan_and_truth(workspace)
    rng = np.random.default_rng(1)
    people = np.argsort(rng.random((IMAGES, PEOPLE)), axis=1)[:, :ANSWERS]
    ticks = rng.random((IMAGES, ANSWERS, true.shape[1])) < np.where(true[:, None], SEES, ERRS)
    _write(workspace.answers, image_ids(), (plan, ticks), people)


def write_experts(workspace: Workspace) -> None:
    """One expert, who does not err, answers what the sample asks."""
    plan, true = _plan_and_truth(workspace)
    experts = workspace.for_experts()
    place = {name: at for at, name in enumerate(image_ids())}
    asked = [task.image_id for task in read_manifest(experts.tasks / "manifest.jsonl")]
    ticks = true[[place[name] for name in asked]][:, None]
    _write(experts.answers, asked, (plan, ticks), np.zeros((len(asked), 1), np.int64))


def _plan_and_truth(workspace: Workspace) -> tuple[QuestionPlan, Mask]:
    taxonomy = load_taxonomy(workspace.taxonomy)
    plan = read_plan(workspace.questions, taxonomy)
    return plan, truth(sum(len(question.classes) for question in plan.questions))


def _write(
    folder: Path, images: list[str], asked: tuple[QuestionPlan, Mask], people: npt.NDArray[np.int64]
) -> None:
    """Lines of answers; ticks are (images, people, classes) in the order of the plan.

    What is ticked in a question is a number of few values, and each text of these is made once.
    """
    plan, ticks = asked
    codes, texts, start = [], [], 0
    for question in plan.questions:
        own = ticks[:, :, start : start + len(question.classes)]
        start += len(question.classes)
        code = own @ (1 << np.arange(len(question.classes)))
        codes.append(code)
        texts.append(
            {
                int(value): _boxes(question.id, question.classes, int(value))
                for value in np.unique(code)
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "serve.jsonl").open("w") as file:
        for at, image in enumerate(images):
            answers = []
            for person, who in enumerate(people[at].tolist()):
                content = ", ".join(
                    text[int(code[at, person])] for text, code in zip(texts, codes, strict=True)
                )
                answers.append(
                    f'{{"workerId": "w{who:03d}", "timeSpentInSeconds": 40.0, '
                    '"submissionTime": "2026-01-05T10:00:40.000Z", '
                    f'"answerContent": {{{content}}}}}'
                )
            file.write(f'{{"image-id": "{image}", "answers": [{", ".join(answers)}]}}\n')


def _boxes(question: str, classes: tuple[str, ...], code: int) -> str:
    boxes = {name: bool(code >> at & 1) for at, name in enumerate(classes)}
    return f'"{question}": {json.dumps({**boxes, "__none__": code == 0, "__unsure__": False})}'


def measure(root: Path, step: str) -> dict[str, float]:
    """Seconds and largest resident memory (MB) of a step."""
    started = time.perf_counter()
    own = ["benchmarks.annotators", step, str(root)]
    words = own if step.startswith("write") else ["annotate", *step.split(), "--json"]
    child = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=None if step.startswith("write") else root,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{step} failed")
    return {"seconds": time.perf_counter() - started, "peak_mb": usage.ru_maxrss / 1024}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        root = Path(name) / "workspace"
        subprocess.run([sys.executable, "-m", "annotate", "init", str(root)], check=True)
        measured = {step: measure(root, step) for step in STEPS}
    figures = {step: measured[step] for step in OURS}
    print(json.dumps(figures, indent=1))
    size = f"{IMAGES:,} images x 120 classes x {ANSWERS} people of {PEOPLE}"
    write_report("annotators", size, {"commands": figures})


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        writers = {
            "write catalogue": write_catalog,
            "write answers": write_answers,
            "write experts": write_experts,
        }
        writers[sys.argv[1]](Workspace.find(Path(sys.argv[2])))
