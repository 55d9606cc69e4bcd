"""The files of the drawn catalogue."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from mumic.demo.concepts import NAMES, UNSEEN
from mumic.demo.world import NEW_IMAGES, draw_world

IMAGES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world")
    draw_world(path, images=IMAGES, seed=3, processes=1)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_source_lists_every_photo_once(folder: Path) -> None:
    rows = _rows(folder / "photos.csv")
    assert list(rows[0]) == ["path", "property_id", "property_type", "country", "stars"]
    on_disk = {str(p.relative_to(folder)) for p in (folder / "photos").rglob("*.jpg")}
    assert sorted(row["path"] for row in rows) == sorted(on_disk)
    assert len(rows) == IMAGES
    for row in rows:
        assert row["path"].split("/")[1] == row["property_id"]
        assert row["stars"] in {"", "1", "2", "3", "4", "5"}
        Image.open(folder / row["path"]).verify()


def test_truth_is_long_and_complete(folder: Path) -> None:
    rows = _rows(folder / "truth.csv")
    pairs = {(row["path"], row["class_id"]) for row in rows}
    assert len(pairs) == len(rows)
    assert {class_id for _, class_id in pairs} - {""} <= set(NAMES)
    listed = {row["path"] for row in _rows(folder / "photos.csv")}
    assert {path for path, _ in pairs} <= listed
    for path, class_id in pairs:
        assert class_id != "bedroom" or (path, "room") in pairs


def test_unseen_concepts_stand_in_their_own_file(folder: Path) -> None:
    shown = {row["class_id"] for row in _rows(folder / "unseen_truth.csv")}
    assert shown - {""} <= set(UNSEEN)  # a photo that shows none has a row with no concept
    everything = (folder / "truth.csv").read_text() + (folder / "new_truth.csv").read_text()
    assert not any(f",{concept}\n" in everything for concept in UNSEEN)


def test_new_photos_are_not_in_the_catalogue(folder: Path) -> None:
    new = sorted((folder / "new").glob("*.jpg"))
    assert len(new) == NEW_IMAGES
    old = {p.read_bytes() for p in (folder / "photos").rglob("*.jpg")}
    assert old.isdisjoint(p.read_bytes() for p in new)
    assert {row["path"] for row in _rows(folder / "new_truth.csv")} <= {
        f"new/{p.name}" for p in new
    }


def test_a_second_run_restores_what_is_missing_and_draws_nothing_else(folder: Path) -> None:
    before = _bytes(folder)
    photos = sorted((folder / "photos").rglob("*.jpg"))
    photos[0].unlink()
    stale = photos[1].with_name(".00099.jpg.123.tmp")
    stale.write_bytes(b"half a photo")
    untouched = photos[2].stat().st_mtime_ns
    draw_world(folder, images=IMAGES, seed=3, processes=1)
    assert _bytes(folder) == before
    assert photos[2].stat().st_mtime_ns == untouched
