"""The made-up answers of ``benchmarks/consolidate.py``, in each form that a method begins with."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.coded import Coded
from annotate.answers.packed import Packed
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from benchmarks.report import QUICK

QUESTIONS, CLASSES_EACH, PEOPLE, ANNOTATORS = (4 if QUICK else 24), 5, 200, 5
CLASSES = QUESTIONS * CLASSES_EACH
PLAN = {
    f"q{q:02d}": tuple(f"class_{q * CLASSES_EACH + k:03d}" for k in range(CLASSES_EACH))
    for q in range(QUESTIONS)
}
Ticks = npt.NDArray[np.bool_]


def make_ticks(images: int) -> tuple[Ticks, npt.NDArray[np.int32]]:
    """(images, annotators, classes) ticks, and who the annotators are."""
    rng = np.random.default_rng(0)
    who = (rng.integers(0, PEOPLE, images)[:, None] + np.arange(ANNOTATORS) * 37) % PEOPLE
    truth = rng.random((images, CLASSES)) < 0.02
    ticks = np.empty((images, ANNOTATORS, CLASSES), bool)
    for at in range(ANNOTATORS):
        ticks[:, at] = rng.random((images, CLASSES), np.float32) < np.where(truth, 0.9, 0.005)
    return ticks, np.sort(who, axis=1).astype(np.int32)


def image_names(images: int) -> tuple[str, ...]:
    return tuple(f"{at:020x}" for at in range(images))


def packed_answers(ticks: Ticks, who: npt.NDArray[np.int32]) -> Packed:
    """The packed table, as ``consolidate`` has it."""
    images = len(ticks)
    by_question = ticks.reshape(images, ANNOTATORS, QUESTIONS, CLASSES_EACH).transpose(0, 2, 1, 3)
    _, question, _, place = np.nonzero(by_question)
    counts = by_question.sum(axis=-1, dtype=np.int32).ravel()
    rows = len(counts)
    names = [name for classes in PLAN.values() for name in classes]
    return Packed(
        Coded(image_names(images), np.repeat(np.arange(images, dtype=np.int32), rows // images)),
        Coded(
            tuple(PLAN),
            np.tile(np.repeat(np.arange(QUESTIONS, dtype=np.int32), ANNOTATORS), images),
        ),
        Coded(
            tuple(f"w{at:03d}" for at in range(PEOPLE)),
            np.repeat(who[:, None], QUESTIONS, axis=1).ravel(),
        ),
        Coded(tuple(names), (question * CLASSES_EACH + place).astype(np.int32)),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        counts == 0,
        np.zeros(rows, bool),
        np.zeros(rows, bool),
        Coded(("2026-01-05T10:00:00.000Z",), np.zeros(rows, np.int32)),
        np.full(rows, 40.0, np.float32),
    )


def taxonomy() -> Taxonomy:
    """The first class of each question is above the others."""
    classes = tuple(
        TaxonomyClass(name, name, "all", parents=group[:1] if at else ())
        for group in PLAN.values()
        for at, name in enumerate(group)
    )
    return Taxonomy("benchmark", "1", (Category("all", "All"),), classes)


def long_votes(ticks: Ticks, who: npt.NDArray[np.int32]) -> pd.DataFrame:
    """A row per vote: the pair of image and class is the task."""
    images = len(ticks)
    task = np.arange(images * CLASSES, dtype=np.int32).reshape(images, 1, CLASSES)
    return pd.DataFrame(
        {
            "task": np.broadcast_to(task, ticks.shape).ravel(),
            "worker": np.repeat(who.ravel(), CLASSES),
            "label": ticks.ravel().astype(np.int8),
        }
    )


def write_answers(folder: Path, ticks: Ticks, who: npt.NDArray[np.int32]) -> None:
    """Files of answers as the annotation server writes them."""
    folder.mkdir()
    names = image_names(len(ticks))
    with (folder / "serve.jsonl").open("w") as file:
        for at, image in enumerate(names):
            answers = [
                f'{{"workerId": "w{who[at, person]:03d}", '
                '"acceptanceTime": "2026-01-05T08:00:00.000Z", '
                f'"submissionTime": "{_moment(at * ANNOTATORS + person)}", '
                f'"timeSpentInSeconds": {20 + (at * ANNOTATORS + person) % 9973 / 100}, '
                f'"answerContent": {_content(ticks[at, person].tolist())}}}'
                for person in range(ANNOTATORS)
            ]
            file.write(f'{{"image-id": "{image}", "answers": [{", ".join(answers)}]}}\n')


def _moment(number: int) -> str:
    """No two answers are sent at the same time."""
    moment = np.datetime64("2026-01-05T10:00:00.000") + number * 1013
    return f"{moment}Z"


def _content(ticked: list[bool]) -> str:
    parts = (
        _boxes(question, tuple(ticked[at * CLASSES_EACH : (at + 1) * CLASSES_EACH]))
        for at, question in enumerate(PLAN)
    )
    return f"{{{', '.join(parts)}}}"


@cache
def _boxes(question: str, ticked: tuple[bool, ...]) -> str:
    boxes = dict(zip(PLAN[question], ticked, strict=True))
    boxes |= {"__none__": not any(ticked), "__unsure__": False}
    return f"{json.dumps(question)}: {json.dumps(boxes)}"
