"""Batches read ahead, by threads and by processes: order, reasons, how far ahead, leaving early."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import annotate.index.reading
from annotate.index.pipeline import batches_ahead
from annotate.index.reading import Item, LeftOut, Reading
from annotate.storage.outage import Outage

SIZE = 16


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path, SIZE, max_bytes=100_000, max_pixels=10_000)


def photo(root: Path, number: int) -> Item:
    """All of it has the grey level of its number."""
    file = root / f"{number}.png"
    Image.new("L", (30, 20), number).save(file)
    return hashlib.sha256(file.read_bytes()).hexdigest(), file.name


@pytest.mark.parametrize(("threads", "processes"), [(1, 0), (3, 0), (0, 2)])
def test_batches_come_in_order_with_a_reason_for_what_is_broken(
    tmp_path: Path, reading: Reading, threads: int, processes: int
) -> None:
    items = [photo(tmp_path, number) for number in range(20)]
    (tmp_path / "3.png").unlink()
    (tmp_path / "4.png").write_bytes(b"other bytes")
    broken = b"\x89PNG\r\n\x1a\n, and then nothing of it"
    (tmp_path / "8.png").write_bytes(broken)
    items[8] = (hashlib.sha256(broken).hexdigest(), "8.png")
    batches = [items[start : start + 4] for start in range(0, 20, 4)]
    # Two batches are in memory, so that processes write over those that were used.
    workers = {"threads": threads, "processes": processes, "largest": 64, "ahead": 1}
    levels: list[int] = []
    counts: list[int] = []
    left_out: list[LeftOut | None] = []
    with batches_ahead(batches, reading, **workers) as made:
        for batch in made:
            levels += batch.pixels[:, 0, 8, 8].tolist()
            counts.append(len(batch.pixels))
            left_out += batch.left_out
    assert counts == [3, 3, 3, 4, 4]
    assert levels == [n for n in range(20) if n not in (3, 4, 8)]
    reasons = [why and why.reason for why in left_out]
    assert reasons[3] == "no such file"
    assert "changed since it was catalogued" in str(reasons[4])
    assert reasons[8] is not None
    assert reasons.count(None) == 17


def test_a_batch_without_a_usable_image_has_no_rows(reading: Reading) -> None:
    with batches_ahead([[("0" * 64, "nowhere.jpg")]], reading) as made:
        (batch,) = made
    assert batch.pixels.shape == (0, 3, SIZE, SIZE)
    assert batch.left_out == (LeftOut("no such file"),)
    with batches_ahead([], reading) as none:
        assert list(none) == []


def test_only_a_few_batches_are_taken_up_ahead(tmp_path: Path, reading: Reading) -> None:
    items = [photo(tmp_path, number) for number in range(12)]
    taken = []

    def batches() -> Iterator[list[Item]]:
        for item in items:
            taken.append(item)
            yield [item]

    with batches_ahead(batches(), reading, ahead=2) as made:
        for done, _ in enumerate(made, 1):
            assert len(taken) == min(done + 2, 12)
    assert taken == items


def test_leaving_drops_what_was_not_started(
    tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [photo(tmp_path, number) for number in range(40)]
    started: list[Item] = []
    go_on = threading.Event()
    real = annotate.index.reading.load_pixels

    def slow(item: Item, reading: Reading, outage: Outage) -> object:
        started.append(item)
        if len(started) > 2:
            go_on.wait(20)
        return real(item, reading, outage)

    monkeypatch.setattr("annotate.index.decoders.load_pixels", slow)
    batches = [items[:2], items[2:20], items[20:]]

    def interrupted() -> None:
        with batches_ahead(batches, reading, threads=1) as made:
            next(made)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("decode"):
            thread.join(20)
    assert len(started) <= 3
