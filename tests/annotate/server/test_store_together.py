"""Several changes that share one wait for the disk."""

from functools import partial
from pathlib import Path

import pytest

from annotate.errors import RemoteError
from annotate.server.errors import BadAnswer
from annotate.server.links import make_links
from tests.annotate.server.stores import content, exported, open_store, people, take


def test_each_stands_or_falls_by_itself(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    everybody = people(store, 3)
    pages = [take(store, person) for person in everybody]
    said = [content("pool"), {"q1": {}}, content("bed")]
    calls = [
        partial(store.submit, person, page.image_id, page.lease, what, 1.0)
        for person, page, what in zip(everybody, pages, said, strict=True)
    ]
    outcomes = store.together(calls)
    assert [type(outcome) for outcome in outcomes] == [type(None), BadAnswer, type(None)]
    stored = {one["workerId"]: one["answerContent"] for one in exported(store, tmp_path)["image0"]}
    assert stored == {everybody[0]: said[0], everybody[2]: said[2]}


def test_what_is_read_among_them_holds_what_was_written_before(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    call = partial(make_links, store, "https://annotate.example", 2)
    names = [link.name for outcome in store.together([call, call]) for link in outcome]  # type: ignore[union-attr]
    assert names == ["Annotator 1", "Annotator 2", "Annotator 3", "Annotator 4"]


def test_where_the_disk_is_full_nobody_is_told_that_anything_is_stored(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    everybody = people(store, 3)
    pages = [take(store, person) for person in everybody]
    for connection in store._database._idle:
        pages_now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages_now}")
    submit = [
        partial(store.submit, person, page.image_id, page.lease, content("pool"), 1.0)
        for person, page in zip(everybody, pages, strict=True)
    ]
    draft = partial(store.save_draft, everybody[2], "image0", pages[2].lease, {"q1": "x" * 99_999})
    with pytest.raises(RemoteError, match="nothing was stored"):
        store.together([*submit[:2], draft])
    assert store.progress().answers == 0
    assert store.together(submit) == [None] * 3
    assert store.progress().answers == 3
