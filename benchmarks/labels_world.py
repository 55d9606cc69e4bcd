"""The workspace of ``benchmarks/labels.py``: what people and a run would have left there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from annotate.files import write_json
from annotate.questions.file import read_plan
from annotate.questions.planning import QuestionPlan
from annotate.tables import CATALOG, DATASET, read
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from benchmarks.report import QUICK

IMAGES, PEOPLE, ANSWERS = (2_000 if QUICK else 60_000), 200, 5
PREVALENCE, SEES, ERRS = 0.02, 0.9, 0.003
Mask = npt.NDArray[np.bool_]


def image_ids(workspace: Workspace) -> list[str]:
    images = read(CATALOG, workspace.catalog / "images.parquet", ["image_id"])
    return list(images["image_id"])


def truth(classes: int) -> Mask:
    return np.random.default_rng(0).random((IMAGES, classes)) < PREVALENCE


def write_photos(workspace: Workspace) -> None:
    """Small photos of which no two look alike, twenty of each property, and a table of them."""
    photos = workspace.root / "photos"
    photos.mkdir()
    rng = np.random.default_rng(2)
    lines = ["path,property_id\n"]
    for at in range(IMAGES):
        picture = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
        picture.resize((160, 120)).save(photos / f"{at:05d}.jpg", quality=85)
        lines.append(f"photos/{at:05d}.jpg,p{at // 20}\n")
    (workspace.root / "photos.csv").write_text("".join(lines))


def write_answers(workspace: Workspace) -> None:
    """What annotators answered, as the annotation server writes it."""
    plan, true = _plan_and_truth(workspace)
    people, ticks = _answered(true)
    _write(workspace.answers, image_ids(workspace), (plan, ticks), people)


def write_votes(workspace: Workspace) -> None:
    """The same answers as another tool has them: a row per vote, all columns texts."""
    plan, true = _plan_and_truth(workspace)
    people, ticks = _answered(true)
    images = np.array(image_ids(workspace), object)
    classes = np.array([name for question in plan.questions for name in question.classes], object)
    block = 1_000
    columns = [(name, pa.string()) for name in ("image", "class", "annotator", "answer")]
    with pq.ParquetWriter(workspace.root / "votes.parquet", pa.schema(columns)) as file:
        for start in range(0, len(images), block):
            some = ticks[start : start + block]
            at = np.indices(some.shape).reshape(3, -1)
            who = people[start : start + block][at[0], at[1]]
            texts = (
                (images[start : start + block], at[0]),
                (classes, at[2]),
                (np.array([f"w{person:03d}" for person in range(PEOPLE)], object), who),
                (np.array(["no", "yes"], object), some.ravel().astype(np.int32)),
            )
            coded = [pa.DictionaryArray.from_arrays(codes, names) for names, codes in texts]
            file.write_table(
                pa.table([column.cast(pa.string()) for column in coded], file.schema.names)
            )


def _answered(true: Mask) -> tuple[npt.NDArray[np.int64], Mask]:
    """Who answers each image, (images, answers), and what they tick, (images, answers, classes)."""
    rng = np.random.default_rng(1)
    people = np.argsort(rng.random((IMAGES, PEOPLE)), axis=1)[:, :ANSWERS]
    ticks = rng.random((IMAGES, ANSWERS, true.shape[1])) < np.where(true[:, None], SEES, ERRS)
    return people, ticks


def remove_dataset(workspace: Workspace) -> None:
    """So that the next build splits anew: a dataset that is there keeps its splits."""
    shutil.rmtree(workspace.dataset)


def write_experts(workspace: Workspace) -> None:
    """One expert, who does not err, answers what the sample asks."""
    plan, true = _plan_and_truth(workspace)
    experts = workspace.for_experts()
    place = {name: at for at, name in enumerate(image_ids(workspace))}
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


def write_run(workspace: Workspace) -> None:
    """What a trained run says of validation and test: it sees most of the truth."""
    images = read(DATASET, workspace.dataset / "images.parquet", ["image_id", "split"])
    classes = json.loads((workspace.dataset / "classes.json").read_text("utf-8"))["classes"]
    true = truth(len(classes))
    place = {name: at for at, name in enumerate(image_ids(workspace))}
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


def write_voc(workspace: Workspace) -> None:
    """The dataset in VOC's folders: an XML file per image with an object for each label."""
    images = read(DATASET, workspace.dataset / "images.parquet", ["uri", "split", "labels"])
    classes = json.loads((workspace.dataset / "classes.json").read_text("utf-8"))["classes"]
    names = np.array([entry["id"] for entry in classes], object)
    annotations, sets = (
        workspace.root / "voc" / name for name in ("Annotations", "ImageSets/Main")
    )
    annotations.mkdir(parents=True)
    sets.mkdir(parents=True)
    for uri, labels in zip(images["uri"], images["labels"], strict=True):
        objects = "".join(
            f"<object><name>{name}</name><difficult>0</difficult></object>"
            for name in names[labels == 1]
        )
        text = f"<annotation><filename>{Path(uri).name}</filename>{objects}</annotation>"
        (annotations / f"{Path(uri).stem}.xml").write_text(text)
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        stems = [Path(uri).stem for uri in images.loc[images["split"] == split, "uri"]]
        (sets / f"{name}.txt").write_text("\n".join(stems))


MAKERS: dict[str, Callable[[Workspace], None]] = {
    "make photos": write_photos,
    "make answers": write_answers,
    "make votes": write_votes,
    "make experts' answers": write_experts,
    "make room": remove_dataset,
    "make run": write_run,
    "make voc": write_voc,
    "make edits": edit_taxonomy,
}
