"""The store after a round that asks again, and after questions were closed."""

import json
from pathlib import Path

import pytest

from annotate.errors import InputError
from annotate.server.model import Rules
from annotate.server.store import Store
from tests.annotate.server.stores import QUESTIONS, Clock, answer, content, people, take


def test_a_round_that_asks_again_opens_a_page_once(tmp_path: Path) -> None:
    clock = Clock()
    store = Store.open(tmp_path / "annotation.sqlite3", Rules(votes=2), clock)
    asked = [("image0", ("q1", "q2")), ("image1", ("q1", "q2"))]
    store.load_tasks(asked, {}, QUESTIONS)
    ann, bob, cy = people(store, 3)
    for person in (ann, bob):
        answer(store, person, "pool")
        answer(store, person, "pool")
    since = clock().isoformat(timespec="seconds").replace("+00:00", "Z")
    again = {("image0", "q1"): since}
    only = [("image0", ("q1",))]
    assert store.load_tasks(only, {}, QUESTIONS)["known"] == 1  # nobody asked for it anew
    assert store.load_tasks(only, {}, QUESTIONS, again)["added"] == 1
    assert store.load_tasks(only, {}, QUESTIONS, again)["added"] == 0  # the server starts again
    for person in (ann, cy):  # who answered it before may look again
        task = take(store, person)
        assert (task.image_id, task.questions) == ("image0", ("q1",))
        store.submit(person, "image0", task.lease, {"q1": content()["q1"]}, 2.0)
        assert store.next_task(person) is None
    assert store.load_tasks(asked, {}, QUESTIONS, again)["known"] == 2
    later = {("image0", "q1"): "2026-01-03T00:00:00Z"}
    assert store.load_tasks(only, {}, QUESTIONS, later)["added"] == 1  # a round after that
    store.export(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "serve.jsonl").read_text().splitlines()]
    given = {line["image-id"]: [a["workerId"] for a in line["answers"]] for line in lines}
    assert given == {"image0": [ann, bob, ann, cy], "image1": [ann, bob]}


def test_closed_questions_leave_the_pages_and_their_answers_stay(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "annotation.sqlite3", Rules(votes=2), Clock())
    store.load_tasks([("image0", ("q1", "q2")), ("image1", ("q1",))], {}, QUESTIONS)
    ann, bob = people(store, 2)
    answer(store, ann, "pool", "bed")
    assert take(store, ann).image_id == "image1"
    after = {"q2": QUESTIONS["q2"], "q3": ("indoor", "outdoor")}
    tasks = [("image0", ("q2", "q3")), ("image1", ("q2", "q3"))]
    known = {"image1": {"bed": True}}
    assert store.load_tasks(tasks, known, after)["added"] == 2
    shown = []
    for person in (ann, bob):
        while task := store.next_task(person):
            shown.append((person, task.image_id, task.questions))
            boxes = {
                name: {each: False for each in after[name]} | {"__none__": True}
                for name in task.questions
            }
            store.submit(person, task.image_id, task.lease, boxes, 2.0)
    assert sorted(shown) == sorted(
        [
            (bob, "image0", ("q2",)),
            *((person, "image0", ("q3",)) for person in (ann, bob)),
            *((person, "image1", ("q2", "q3")) for person in (ann, bob)),
        ]
    )
    store.export(tmp_path)
    first = json.loads((tmp_path / "serve.jsonl").read_text().splitlines()[0])
    assert first["answers"][0]["answerContent"]["q1"]["pool"]
    with pytest.raises(InputError, match="q1"):
        store.load_tasks([], {}, after | {"q1": ("lamp",)})
