"""A second scan: features that were corrected, folders that cannot be listed, sources emptied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotate.cli import main

DrawNoise = Callable[[Path, int], None]


@pytest.fixture
def photos(tmp_path: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of four photos, two of them in a subfolder."""
    for number in range(4):
        folder = tmp_path / "photos" / ("2023" if number > 1 else "")
        draw_noise(folder / f"{number}.png", number)
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["catalog", *arguments])


def rows(root: Path) -> pd.DataFrame:
    return pd.read_parquet(root / "data/catalog/images.parquet").set_index("uri").sort_index()


def table_of(root: Path, **columns: list[str]) -> None:
    paths = ["photos/0.png", "photos/1.png", "photos/2023/2.png", "photos/2023/3.png"]
    count = len(next(iter(columns.values())))
    pd.DataFrame({"path": paths[:count], **columns}).to_csv(root / "t.csv", index=False)


def test_a_corrected_feature_has_its_new_type(photos: Path) -> None:
    table_of(photos, stars=["3", "4*", "5*", "2"], empty=[""] * 4, old=["x"] * 4)
    assert run("t.csv").exit_code == 0
    assert rows(photos)["stars"].tolist() == ["3", "4*", "5*", "2"]
    # One photo is gone, a column is renamed, and one is filled.
    table_of(photos, stars=["3", "4", "5"], empty=["1", "", "2"], new=["x"] * 3)
    assert run().exit_code == 0
    found = rows(photos)
    assert found["present"].tolist() == [True, True, True, False]
    there = found[found["present"]]
    assert pd.api.types.is_numeric_dtype(found["stars"])
    assert pd.api.types.is_numeric_dtype(found["empty"])
    assert there["stars"].to_dict() == {
        "photos/0.png": 3,
        "photos/1.png": 4,
        "photos/2023/2.png": 5,
    }
    assert found.loc["photos/2023/3.png", "stars"] == 2
    # What the image that is gone had is kept, and goes with the last that has it.
    assert found.loc["photos/2023/3.png", "old"] == "x"
    table_of(photos, stars=["3", "4", "5", "2"])
    assert run().exit_code == 0
    assert {"old", "new", "empty"}.isdisjoint(rows(photos).columns)


def test_text_of_an_image_that_is_gone_does_not_make_a_feature_text(photos: Path) -> None:
    table_of(photos, stars=["3", "4", "5", "2*"])
    assert run("t.csv").exit_code == 0
    table_of(photos, stars=["3", "4", "5"])
    assert run().exit_code == 0
    assert rows(photos)["stars"].dropna().tolist() == [3, 4, 5]


def test_a_folder_that_cannot_be_listed_stops_the_scan(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("photos").exit_code == 0
    before = rows(photos)
    scandir = os.scandir

    def closed(path: Any) -> Iterator[Any]:
        if str(path).endswith("2023"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    shown = run()
    assert shown.exit_code == 1
    assert f"{photos / 'photos/2023'}: the folder cannot be listed" in shown.stderr
    monkeypatch.undo()
    monkeypatch.chdir(photos)
    pd.testing.assert_frame_equal(rows(photos), before)


def test_a_link_to_a_folder_is_named(photos: Path) -> None:
    (photos / "elsewhere").mkdir()
    (photos / "photos/linked").symlink_to(photos / "elsewhere")
    assert run("photos").exit_code == 0
    rejects = pd.read_parquet(photos / "data/catalog/rejects.parquet").to_dict("records")
    assert [entry["uri"] for entry in rejects] == ["photos/linked"]
    assert "a link to a folder" in rejects[0]["reason"]


def test_images_of_an_emptied_source_are_gone(photos: Path) -> None:
    table_of(photos, stars=["3", "4", "5", "2"])
    assert run("photos/2023", "t.csv").exit_code == 0
    (photos / "t.csv").write_text("path,stars\n", "utf-8")
    shown = run()
    assert (shown.exit_code, "t.csv: no images there any more" in shown.stderr) == (0, True)
    assert rows(photos)["present"].tolist() == [False, False, True, True]
    for file in (photos / "photos/2023").iterdir():
        file.unlink()
    assert run().exit_code == 0
    assert not rows(photos)["present"].any()
    assert "the catalogue has no image" in CliRunner().invoke(main, ["index"]).stderr
    (photos / "new").mkdir()
    assert "no images in this folder" in run("new").stderr
