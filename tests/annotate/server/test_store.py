"""The store: seats, leases, corrections, states, export."""

import json
import multiprocessing
import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from annotate.answers.files import find_answers
from annotate.answers.packing import check_answers
from annotate.errors import DamagedError, InputError
from annotate.server.errors import BadAnswer, FullImage, NotActive, NotYours, StaleLease
from annotate.server.leasing import Draw
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


def _hammer(folder: Path, names: list[str], output: Path) -> None:
    store = Store.open(folder / "annotation.sqlite3", Rules())

    def work(person: str) -> None:
        with output.with_suffix("." + person).open("a") as log:
            while (task := store.next_task(person)) is not None:
                store.submit(person, task.image_id, task.lease, content("pool"), 0.0)
                log.write(task.image_id + "\n")
                log.flush()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _in_processes(folder: Path, groups: list[list[str]]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    found = [
        context.Process(target=_hammer, args=(folder, names, folder / "log")) for names in groups
    ]
    for process in found:
        process.start()
    return found


def acknowledged(folder: Path) -> set[tuple[str, str]]:
    return {
        (file.suffix[1:], image)
        for file in folder.glob("log.*")
        for image in file.read_text().split("\n")[:-1]
    }


def test_threads_and_processes_neither_lose_nor_double_an_answer(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=20)
    everybody = people(store, 12)
    for process in _in_processes(tmp_path, [everybody[:6], everybody[6:]]):
        process.join()
        assert process.exitcode == 0
    stored = {
        (entry["workerId"], image)
        for image, found in exported(store, tmp_path).items()
        for entry in found
    }
    assert stored == acknowledged(tmp_path)
    assert Counter(image for _, image in stored) == {f"image{n}": 5 for n in range(20)}


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=400)
    everybody = people(store, 8)
    (process,) = _in_processes(tmp_path, [everybody])
    while len(acknowledged(tmp_path)) < 100 and process.is_alive():
        process.join(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store.close()
    reopened = open_store(tmp_path, images=400)
    stored = {
        (entry["workerId"], image)
        for image, found in exported(reopened, tmp_path).items()
        for entry in found
    }
    assert len(acknowledged(tmp_path)) >= 100
    assert acknowledged(tmp_path) <= stored
    with sqlite3.connect(tmp_path / "annotation.sqlite3") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()


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
        content() | {"q3": {}},
        content() | {"q1": {"pool": True, "__none__": False}},
        content() | {"q1": {"pool": True, "sauna": False, "__none__": True}},
        content() | {"q1": {"pool": False, "sauna": False}},
        content() | {"q1": {"pool": 1, "sauna": False}},
        content() | {"q1": {"pool": True, "sauna": False, "<script>": True}},
    ],
)
def test_bad_answers_are_refused_and_the_page_stays(tmp_path: Path, bad: Any) -> None:
    store = open_store(tmp_path)
    (person,) = people(store, 1)
    task = take(store, person)
    with pytest.raises(BadAnswer):
        store.submit(person, task.image_id, task.lease, bad, 1.0)
    assert take(store, person).lease == task.lease


def test_nobody_uses_the_lease_of_another(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one, other = people(store, 2)
    task = take(store, one)
    with pytest.raises(StaleLease):
        store.submit(other, task.image_id, task.lease, content(), 1.0)
    with pytest.raises(StaleLease):
        store.skip(other, task.image_id, task.lease, "")
    assert store.held_task(other, task.image_id) is None


def test_links_are_hashed_found_and_revoked(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    annotator, token = store.add_annotator("Ada")
    assert store.by_token(token) == annotator
    assert store.by_token(token + "x") is None
    assert token.encode() not in b"".join(f.read_bytes() for f in tmp_path.glob("*.sqlite3*"))
    answer(store, annotator.id)
    store.set_state(annotator.id, "revoked")
    assert store.by_token(token) is None
    assert store.progress().answers == 1
    with pytest.raises(InputError, match="Ada"):
        store.add_annotator("Ada")
    assert store.join("5f0") == store.join("5f0")
    with pytest.raises(InputError):
        store.join("../x")


def test_excluding_reopens_and_says_who_is_short(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=2, rules=Rules(votes=2))
    one, other = people(store, 2)
    for person in (one, other, one, other):
        answer(store, person)
    assert store.set_state(one, "excluded") == 2
    progress = store.progress()
    assert (progress.done, progress.short, progress.annotators_short) == (0, 2, 1)
    assert store.next_task(one) is None
    assert all(len(found) == 1 for found in exported(store, tmp_path).values())
    (third,) = people_named(store, "Third")
    answer(store, third)
    answer(store, third)
    store.set_state(one, "active")
    lines = exported(store, tmp_path)
    assert all(len(found) == 2 for found in lines.values())
    store.set_state(third, "paused")
    with pytest.raises(NotActive):
        store.task_again(third, "image0")


def people_named(store: Store, *names: str) -> list[str]:
    return [store.add_annotator(name)[0].id for name in names]


def test_skipped_goes_to_others_and_broken_is_set_aside(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=2)
    one, other = people(store, 2)
    task = take(store, one)
    store.skip(one, task.image_id, task.lease, "too dark")
    assert take(store, one).image_id != task.image_id
    for person in (one, other):
        task = take(store, person)
        store.report_broken(person, task.image_id, task.lease, "grey")
    assert store.owner_report().broken_images in ((), ("image1",))
    assert store.progress().short == 2 - len(store.owner_report().broken_images)


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


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        (Rules(), "5 votes"),
        (Rules(votes_max=7), "5 votes, up to 7 where open"),
        (Rules(early_stop=True), "5 votes, early stop"),
    ],
)
def test_the_export_names_its_rule(tmp_path: Path, rules: Rules, name: str) -> None:
    store = open_store(tmp_path, rules=rules)
    answer(store, people(store, 1)[0], "pool")
    store.export(tmp_path)
    about = json.loads((tmp_path / "serve.json").read_text())
    assert (about["rule"], about["adaptive"]) == (name, name != "5 votes")


def test_the_export_is_what_consolidate_reads(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for person in people(store, 5):
        for _ in range(3):
            answer(store, person, "pool", "desk")
    assert store.export(tmp_path) == 3
    questions = {name: list(classes) for name, classes in QUESTIONS.items()}
    read = check_answers(find_answers(tmp_path), questions, {"image0", "image1", "image2"})
    assert len(read.rejects) == 0
    assert len(read.answers) == 3 * 5 * 2
    assert {tuple(ticked) for ticked in read.answers["ticked"]} == {("pool",), ("desk",)}
    assert read.answers["seconds"].notna().all()


def test_golden_images_come_at_the_rate_and_pause_who_ticks_nothing(tmp_path: Path) -> None:
    golden = {f"image{n}": {"pool": True, "bed": False} for n in range(15)}
    rules = Rules(golden_rate=1.0, golden_min=10)
    store = open_store(tmp_path, images=30, rules=rules, golden=golden)
    lazy, good = people(store, 2)
    while store.next_task(lazy) is not None:
        answer(store, lazy)
    while store.next_task(good) is not None:
        answer(store, good, "pool")
    states = {entry.id: entry for entry in store.annotators()}
    assert states[lazy].state == "paused"
    assert "recall" in states[lazy].reason
    assert states[good].state == "active"
    report = {entry.annotator.id: entry for entry in store.owner_report().annotators}
    assert report[good].golden_hits == 15


def test_what_is_looked_up_ahead_is_what_comes_and_does_not_tell_golden_images(
    tmp_path: Path,
) -> None:
    golden = {f"image{n}": {"pool": True} for n in range(8)}
    rules = Rules(golden_rate=0.4, golden_min=100)
    store = open_store(tmp_path, images=20, rules=rules, golden=golden)
    for person in people(store, 2):
        shown: list[str] = []
        foretold = store.look_ahead(person)
        while store.next_task(person) is not None:
            assert take(store, person).image_id == foretold[0]
            assert store.look_ahead(person)[:2] == foretold[1:]
            foretold = store.look_ahead(person)
            shown.append(answer(store, person, "pool"))
            assert store.look_ahead(person) == foretold
        assert foretold == []
        assert len(set(shown)) == 20
    assert store.progress().answers == 40


def test_golden_pages_differ_between_people_and_secrets() -> None:
    pages = {
        (secret, person): tuple(Draw(secret, 0.25).is_golden(person, page) for page in range(2000))
        for secret in (bytes(32), bytes(31) + b"1")
        for person in ("ada", "eve")
    }
    assert len(set(pages.values())) == 4
    # 2000 draws at 0.25 have a standard deviation of 0.0097.
    assert all(abs(sum(found) / 2000 - 0.25) < 0.05 for found in pages.values())
    assert not any(Draw(bytes(32), 0.0).is_golden("ada", page) for page in range(99))
    assert all(Draw(bytes(32), 1.0).is_golden("ada", page) for page in range(99))


def test_early_stop_hands_out_only_what_can_be_needed(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1, rules=Rules(early_stop=True))
    everybody = people(store, 5)
    tasks = [store.next_task(person) for person in everybody]
    assert [task is not None for task in tasks] == [True, True, True, False, False]
    for person, ticks in zip(everybody[:3], (["pool"], ["pool"], ["sauna"]), strict=True):
        answer(store, person, *ticks)
    assert store.progress().done == 0
    answer(store, everybody[3], "pool")
    assert store.progress().done == 1
    assert store.next_task(everybody[4]) is None


def test_other_rules_hold_for_what_is_there(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    for person in people(store, 3):
        answer(store, person, "pool")
    assert store.progress().done == 0
    store.close()
    assert open_store(tmp_path, 1, replace(Rules(), early_stop=True)).progress().done == 1


def test_disagreements_and_agreement_of_the_owner(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    for number, person in enumerate(people(store, 5)):
        answer(store, person, *(["pool"] if number < 2 else []))
    report = store.owner_report()
    assert report.disagreements == (("image0", {"pool": (2, 3)}),)
    agreement = {entry.class_id: entry.agreement for entry in report.classes}
    assert agreement["pool"] == pytest.approx(0.4)  # 1 + 3 of 10 pairs
    assert agreement["bed"] == 1.0


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "annotation.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(DamagedError, match=r"annotation\.sqlite3"):
        open_store(tmp_path)
