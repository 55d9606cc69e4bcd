"""Links, states of people, and pages that they leave."""

from pathlib import Path

import pytest

from annotate.errors import InputError
from annotate.server.errors import NotActive
from annotate.server.model import Rules
from annotate.server.store import Store
from tests.annotate.server.stores import answer, exported, open_store, people, take


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
