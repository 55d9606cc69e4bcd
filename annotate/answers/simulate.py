"""Simulated annotators: the whole path without people.

What comes out is Ground Truth's worker-response JSON, so that all later stages read it as they read
people's answers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.answers.choices import NONE, UNSURE
from annotate.answers.crowd import (
    CONFUSION,
    Crowd,
    Floats,
    Mask,
    confusable_classes,
    generator,
    make_crowd,
)
from annotate.errors import InputError
from annotate.files import atomic
from annotate.labels.truth import Truth
from annotate.tasks.manifest import TaskLine
from annotate.taxonomy.model import Taxonomy
from annotate.times import time_text

UNSURE_RATE = 0.01
_FIRST_DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True)
class SimulationSettings:
    """Size of the crowd and of its work; the values come from ``mumic.toml``."""

    crowd: int
    careless: int
    per_image: int
    seconds_per_question: float
    seed: int


def simulate(
    tasks: Sequence[TaskLine],
    questions: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    truth: Truth,
    settings: SimulationSettings,
    answered: Collection[str] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Answer every task.

    An image's answers depend on the seed, its id and the crowd. How often people tick a class
    falsely depends on how frequent it is among the tasks' images, in whatever order they come.

    Args:
        tasks: all tasks of the manifest.
        questions: class ids of each question.
        taxonomy: difficulty, siblings and exclusive classes.
        truth: what is in the images; an image that it does not list shows nothing.
        settings: the crowd.
        answered: ids of images to leave out.

    Yields:
        A line of ``data/answers/*.jsonl`` per task, in their order.

    Raises:
        InputError: a task asks a question that the plan does not have, or the crowd is too small.
    """
    for task in tasks:
        for question in task.questions:
            if question not in questions:
                raise InputError(
                    f"the manifest asks {question} of image {task.image_id}, which questions.yaml "
                    "does not have. Run `mumic-annotate tasks` again."
                )
    if settings.per_image > settings.crowd:
        raise InputError(
            f"{settings.per_image} different annotators an image need a crowd that large, not of "
            f"{settings.crowd}: set [simulate] annotators in mumic.toml."
        )
    classes = tuple(dict.fromkeys(name for group in questions.values() for name in group))
    at = [truth.class_ids.index(name) for name in classes]
    shown = truth.rows_of([task.image_id for task in tasks])[:, at]
    alike = confusable_classes(classes, questions, taxonomy)
    crowd = make_crowd(
        settings.crowd, settings.careless, taxonomy, classes, shown, alike, seed=settings.seed
    )
    page = _Page({name: place for place, name in enumerate(classes)}, questions)
    for task, row in zip(tasks, shown, strict=True):
        if task.image_id not in answered:
            yield {"image-id": task.image_id, "answers": _answer(task, row, crowd, page, settings)}


@dataclass(frozen=True)
class _Page:
    """Column of each class, and the classes of each question."""

    column: Mapping[str, int]
    questions: Mapping[str, Sequence[str]]


def _answer(
    task: TaskLine, shown: Mask, crowd: Crowd, page: _Page, settings: SimulationSettings
) -> list[dict[str, Any]]:
    rng = generator(settings.seed, "image", task.image_id)
    people = rng.permutation(len(crowd.names))[: settings.per_image]
    hardness = float(np.clip(np.exp(rng.normal(0, 0.3)), 0.5, 2.0))
    ticks = rng.random((len(people), len(shown))) < _chances(shown, crowd, people, hardness)
    unsure = rng.random((len(people), len(page.questions))) < UNSURE_RATE * hardness
    unsure &= ~crowd.careless[people][:, None]
    started = rng.integers(0, 5 * 24 * 3600, len(people))
    seconds = crowd.pace[people] * np.exp(rng.normal(0, 0.2, len(people))) * hardness
    seconds = np.round(seconds * settings.seconds_per_question * len(task.questions), 1)
    position = {question: at for at, question in enumerate(page.questions)}
    return [
        {
            "workerId": crowd.names[person],
            "acceptanceTime": _time(float(started[row])),
            "submissionTime": _time(float(started[row] + seconds[row])),
            "timeSpentInSeconds": float(seconds[row]),
            "answerContent": {
                question: _boxes(
                    {
                        name: bool(ticks[row, page.column[name]])
                        for name in page.questions[question]
                    },
                    unsure=bool(unsure[row, position[question]]),
                )
                for question in task.questions
            },
        }
        for row, person in enumerate(people)
    ]


def _chances(shown: Mask, crowd: Crowd, people: npt.NDArray[np.int64], hardness: float) -> Floats:
    """(people, C) chance of a tick. Hard images are missed and mistaken more often."""
    beside = crowd.confusable[shown].any(axis=0)
    false = crowd.false_rate[people] * np.where(beside, CONFUSION, 1.0) * hardness
    seen = 1 - (1 - crowd.sensitivity[people]) * hardness
    careless = crowd.careless[people][:, None]
    false = np.where(careless, crowd.false_rate[people], np.minimum(false, 0.3))
    seen = np.where(careless, crowd.sensitivity[people], seen)
    chances: Floats = np.where(shown, seen, false)
    return chances


def _boxes(ticks: dict[str, bool], *, unsure: bool) -> dict[str, bool]:
    if unsure:
        ticks = dict.fromkeys(ticks, False)
    return {**ticks, NONE: not unsure and not any(ticks.values()), UNSURE: unsure}


def _time(seconds: float) -> str:
    return time_text(_FIRST_DAY + timedelta(seconds=seconds))


def append_lines(path: Path, lines: Iterable[dict[str, Any]]) -> int:
    """Add lines to a JSON Lines file, all or none; what stands there stays as it is.

    Returns:
        How many were added.
    """
    added = 0
    with atomic(path) as file:
        if path.is_file():
            with path.open("rb") as before:
                last = b"\n"
                for last in before:
                    file.write(last)
                if not last.endswith(b"\n"):
                    file.write(b"\n")
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            added += 1
    return added
