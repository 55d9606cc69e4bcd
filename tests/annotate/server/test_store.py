"""The store: seats, leases, corrections, and what it refuses."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotate.errors import DamagedError, InputError
from annotate.server.errors import BadAnswer, FullImage, NotYours, StaleLease
from annotate.server.model import Rules
from tests.annotate.server.stores import (
    QUESTIONS,
    Clock,
    answer,
    content,
    exported,
    open_store,
    people,
    take,
)


def test_five_distinct_people_an_image_then_nothing_is_left(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    everybody = people(store, 7)
    for person in everybody:
        while store.next_task(person) is not None:
            answer(store, person, "pool")
    lines = exported(store, tmp_path)
    assert {image: len({entry["workerId"] for entry in found}) for image, found in lines.items()}
    assert all(len(found) == 5 for found in lines.values())
    assert store.progress().done == 3
    assert store.progress().answers == 15


def test_leases_hold_seats_and_expire(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1, rules=Rules(votes=1, lease_seconds=60))
    first, second = people(store, 2)
    task = take(store, first)
    assert take(store, first).lease == task.lease
    assert store.next_task(second) is None
    clock = store._clock
    assert isinstance(clock, Clock)
    clock.time += timedelta(seconds=61)
    answer(store, second)
    with pytest.raises(FullImage):
        store.submit(first, task.image_id, task.lease, content(), 1.0)


def test_an_expired_lease_is_taken_while_a_seat_is_free(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1, rules=Rules(lease_seconds=60))
    (person,) = people(store, 1)
    task = take(store, person)
    store.save_draft(person, task.image_id, task.lease, {"q1": ["pool"]})
    clock = store._clock
    assert isinstance(clock, Clock)
    clock.time += timedelta(seconds=600)
    again = take(store, person)
    assert again.draft == {"q1": ["pool"]}
    store.submit(person, task.image_id, task.lease, content(), 1.0)
    assert store.pace(person).done == 1


def test_a_repeated_submit_is_stored_once_and_another_answer_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    (person,) = people(store, 1)
    task = take(store, person)
    for _ in range(2):
        store.submit(person, task.image_id, task.lease, content("bed"), 1.0)
    with pytest.raises(StaleLease):
        store.submit(person, task.image_id, task.lease, content("desk"), 1.0)
    assert store.progress().answers == 1


def test_a_correction_replaces_and_both_are_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=12)
    (person,) = people(store, 1)
    images = [answer(store, person, "bed") for _ in range(11)]
    with pytest.raises(NotYours):
        store.task_again(person, images[0])
    task = store.task_again(person, images[-1])
    assert task.earlier == content("bed")
    store.submit(person, task.image_id, task.lease, content("desk"), 1.0)
    (kept,) = exported(store, tmp_path)[images[-1]]
    assert kept["answerContent"] == content("desk")
    with sqlite3.connect(tmp_path / "annotation.sqlite3") as raw:
        rows = raw.execute("SELECT count(*), count(supersedes) FROM answer").fetchone()
        assert rows == (12, 1)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute("DELETE FROM answer")
    raw.close()
    assert store.recent(person, 1)[0][0] == images[-1]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"q1": content()["q1"]},
        content() | {"q0": content()["q1"]},  # a question of another page
        content() | {"comment": 5},
        content() | {"comment": {"deep": {"er": True}}},
        content() | {"comment": "half of one: \ud83d"},
        content() | {"comment": "x" * 16_000},
        content() | {f"field{number}": "" for number in range(51)},
        content() | {"q1": {"pool": True, "__none__": False}},
        content() | {"q1": {"pool": True, "sauna": False, "__none__": True}},
        content() | {"q1": {"pool": False, "sauna": False}},
        content() | {"q1": {"pool": 1, "sauna": False}},
        content() | {"q1": {"pool": True, "sauna": False, "<script>": True}},
    ],
)
def test_bad_answers_are_refused_and_the_page_stays(tmp_path: Path, bad: Any) -> None:
    store = open_store(tmp_path)
    store.load_tasks([], {}, QUESTIONS | {"q0": ("pool", "sauna")})
    (person,) = people(store, 1)
    task = take(store, person)
    with pytest.raises(BadAnswer):
        store.submit(person, task.image_id, task.lease, bad, 1.0)
    assert take(store, person).lease == task.lease


def test_fields_of_an_edited_template_are_kept_beside_the_questions(tmp_path: Path) -> None:
    golden = {"image0": {"pool": True}}
    store = open_store(tmp_path, images=1, golden=golden, rules=Rules(early_stop=True))
    (person,) = people(store, 1)
    more = {"comment": "pool? 😀 </script>", "agree": {"pool": False}, "kind": {"labels": ["a"]}}
    for said in (more, more | {"comment": "on second thoughts"}):
        task = store.next_task(person) or store.task_again(person, "image0")
        for _ in range(2):  # sent twice, stored once
            store.submit(person, "image0", task.lease, content("pool") | said, 1.0)
        (kept,) = exported(store, tmp_path)["image0"]
        assert kept["answerContent"] == content("pool") | said
        assert store.task_again(person, "image0").earlier == content("pool") | said
    (about,) = store.owner_report().annotators
    assert (about.golden_hits, about.golden_ticks) == (1, 1), "a box of theirs is no vote"


def test_a_database_of_before_the_fields_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=2)
    (person,) = people(store, 1)
    answer(store, person, "pool")
    store.close()
    with sqlite3.connect(tmp_path / "annotation.sqlite3") as raw:
        raw.execute("ALTER TABLE answer DROP COLUMN fields")
        raw.execute("PRAGMA user_version = 1")
    raw.close()
    answer(open_store(tmp_path, images=2), person, "bed")
    found = exported(open_store(tmp_path, images=2), tmp_path)
    contents = [found[image][0]["answerContent"] for image in ("image0", "image1")]
    assert contents == [content("pool"), content("bed")]


def test_nobody_uses_the_lease_of_another(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one, other = people(store, 2)
    task = take(store, one)
    with pytest.raises(StaleLease):
        store.submit(other, task.image_id, task.lease, content(), 1.0)
    with pytest.raises(StaleLease):
        store.skip(other, task.image_id, task.lease, "")
    assert store.held_task(other, task.image_id) is None


def test_later_questions_make_another_page_of_the_same_image(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    (person,) = people(store, 1)
    answer(store, person, "pool")
    further = {**QUESTIONS, "q3": ("tap",)}
    counts = store.load_tasks([("image0", ("q1", "q2", "q3"))], {}, further)
    assert counts["added"] == 1
    assert take(store, person).questions == ("q3",)
    with pytest.raises(InputError, match="q1"):
        store.load_tasks([], {}, {"q1": ("pool", "other")})


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "annotation.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(DamagedError, match=r"annotation\.sqlite3"):
        open_store(tmp_path)
