"""Which page comes next: golden images, the pages ahead, early stop."""

from dataclasses import replace
from pathlib import Path

from annotate.server.leasing import Draw
from annotate.server.model import Rules
from tests.annotate.server.stores import answer, open_store, people, take


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
