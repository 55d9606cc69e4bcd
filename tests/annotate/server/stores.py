"""A store with a few images, and people who answer."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from annotate.server.model import OpenTask, Rules
from annotate.server.store import Store

QUESTIONS = {"q1": ("pool", "sauna"), "q2": ("bed", "desk")}


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def open_store(
    path: Path,
    images: int = 3,
    rules: Rules | None = None,
    golden: Mapping[str, Mapping[str, bool]] | None = None,
) -> Store:
    store = Store.open(path / "annotation.sqlite3", rules or Rules(), Clock())
    tasks = [(f"image{number}", ("q1", "q2")) for number in range(images)]
    store.load_tasks(tasks, golden or {}, QUESTIONS)
    return store


def people(store: Store, count: int) -> list[str]:
    return [store.add_annotator(f"Person {number}")[0].id for number in range(count)]


def content(*ticked: str) -> dict[str, dict[str, bool]]:
    return {
        question: {
            **{name: name in ticked for name in classes},
            "__none__": not set(classes) & set(ticked),
            "__unsure__": False,
        }
        for question, classes in QUESTIONS.items()
    }


def take(store: Store, person: str) -> OpenTask:
    task = store.next_task(person)
    assert task is not None
    return task


def answer(store: Store, person: str, *ticked: str) -> str:
    task = take(store, person)
    store.submit(person, task.image_id, task.lease, content(*ticked), 2.0)
    return task.image_id


def exported(store: Store, folder: Path) -> dict[str, list[dict[str, Any]]]:
    store.export(folder)
    lines = (folder / "serve.jsonl").read_text("utf-8").splitlines()
    return {line["image-id"]: line["answers"] for line in map(json.loads, lines)}
