"""The workspace of ``benchmarks/labels.py``: what people and a run would have left there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from annotate.files import write_json
from annotate.questions.file import read_plan
from annotate.questions.planning import QuestionPlan
from annotate.tables import CATALOG, DATASET, read, write
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from benchmarks.report import QUICK

IMAGES, PEOPLE, ANSWERS = (2_000 if QUICK else 60_000), 200, 5
PREVALENCE, SEES, ERRS = 0.02, 0.9, 0.003
Mask = npt.NDArray[np.bool_]


def image_ids() -> list[str]:
    return [f"{at:020x}" for at in range(IMAGES)]


def truth(classes: int) -> Mask:
    return np.random.default_rng(0).random((IMAGES, classes)) < PREVALENCE


def write_catalog(workspace: Workspace) -> None:
    """Twenty photos of each property; one picture under all their names."""
    ids = image_ids()
    photos = workspace.root / "photos"
    photos.mkdir()
    pixels = np.random.default_rng(2).integers(0, 256, (12, 16, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((640, 480))
    picture.save(photos / f"{ids[0]}.jpg", quality=85)
    for name in ids[1:]:
        os.link(photos / f"{ids[0]}.jpg", photos / f"{name}.jpg")
    columns: dict[str, Any] = dict.fromkeys(CATALOG.columns, ids) | {
        "property_id": [f"p{at // 20}" for at in range(IMAGES)],
        "uri": [f"photos/{name}.jpg" for name in ids],
        "perceptual_hash": _far_apart(len(ids)),
        "present": True,
        **dict.fromkeys(("bytes", "width", "height", "orientation"), 1),
    }
    write(CATALOG, pd.DataFrame(columns), workspace.catalog / "images.parquet")
    write_json(workspace.catalog / "summary.json", {"images": len(ids), "demo": False})


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


def _far_apart(count: int) -> list[str]:
    """Perceptual hashes of pictures of which no two look alike."""
    return [f"{value:016x}" for value in np.random.default_rng(3).permutation(count) * 0x9E3779B1]


def write_run(workspace: Workspace) -> None:
    """What a trained run says of validation and test: it sees most of the truth."""
    images = read(DATASET, workspace.dataset / "images.parquet", ["image_id", "split"])
    classes = json.loads((workspace.dataset / "classes.json").read_text("utf-8"))["classes"]
    true = truth(len(classes))
    place = {name: at for at, name in enumerate(image_ids())}
    run = workspace.runs / "bench"
    write_json(run / "run.json", {"finished": "2026-01-06T00:00:00+00:00"})
    write_json(run / "classes.json", {"classes": classes})
    for split in ("validation", "test"):
        ids = images.loc[(images["split"] == split).to_numpy(bool), "image_id"]
        noise = np.random.default_rng(4).normal(0, 2, (len(ids), len(classes)))
        logits = np.where(true[[place[name] for name in ids]], 3.0, -6.0) + noise
        np.savez(
            run / f"scores-{split}.npz",
            image_ids=ids.to_numpy(str),
            logits=logits.astype(np.float32),
        )


def edit_taxonomy(workspace: Workspace) -> None:
    """Another id for one class, two merged, one split."""
    text = workspace.taxonomy.read_text("utf-8")
    for old, new in (
        ("id: hair_dryer\n", "id: dryer\n    aliases: [hair_dryer]\n"),
        ("id: toaster\n", "id: toaster\n    replaced_by: microwave\n"),
        ("id: garden\n", "id: garden\n    replaced_by: [lawn, flower_bed]\n"),
    ):
        if text.count(old) != 1:
            raise SystemExit(f"the label list has no {old!r} to change")
        text = text.replace(old, new)
    for name in ("lawn", "flower_bed"):
        text += f"  - {{id: {name}, name: {name}, category: outside, scenario: open_air}}\n"
    workspace.taxonomy.write_text(text, "utf-8")


MAKERS: dict[str, Callable[[Workspace], None]] = {
    "make catalogue": write_catalog,
    "make answers": write_answers,
    "make experts' answers": write_experts,
    "make run": write_run,
    "make edits": edit_taxonomy,
}
