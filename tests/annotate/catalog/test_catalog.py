"""Sources and repeated scans."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

import annotate.catalog.measure
import annotate.catalog.scan
from annotate.catalog.scan import is_demo_catalog, load_catalog, save_scan, scan
from annotate.catalog.sources import Plan, plan_scan
from annotate.cli import main
from annotate.errors import InputError, MissingError
from annotate.images.decoding import Picture, read_picture
from annotate.settings import CatalogSettings
from annotate.storage.store import canonical_uri

DrawNoise = Callable[[Path, int], None]
SETTINGS = CatalogSettings()


def plan(root: Path, *names: str, earlier: Sequence[str] = (), **options: Any) -> Plan:
    given = [str(root / name) for name in names]
    return plan_scan(earlier, given, root, replace(SETTINGS, **options))


def catalogue(root: Path, *names: str, earlier: Sequence[str] = ()) -> pd.DataFrame:
    todo = plan(root, *names, earlier=earlier)
    folder = root / "data"
    save_scan(scan(todo, folder, root, SETTINGS), todo, SETTINGS, folder)
    return load_catalog(folder).set_index("uri")


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    decoded: list[bytes] = []

    def read(data: bytes, *, max_pixels: int) -> Picture:
        decoded.append(data)
        return read_picture(data, max_pixels=max_pixels)

    monkeypatch.setattr(annotate.catalog.measure, "read_picture", read)
    return decoded


@pytest.fixture
def photos(tmp_path: Path, draw_noise: DrawNoise) -> Path:
    for number in range(4):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path


def test_a_second_scan_adds_keeps_and_marks_what_is_gone(
    photos: Path, monkeypatch: pytest.MonkeyPatch, draw_noise: DrawNoise
) -> None:
    first = catalogue(photos, "photos")
    (photos / "photos" / "0.png").unlink()
    draw_noise(photos / "photos" / "1.png", 99)
    draw_noise(photos / "photos" / "new.png", 5)
    decoded = count_decoding(monkeypatch)
    second = catalogue(photos, "photos").reset_index().set_index("image_id")
    assert len(decoded) == 2  # the changed and the new one
    assert set(first["image_id"]) < set(second.index)
    gone = second[~second["present"]]
    assert set(gone["uri"]) == {"photos/0.png", "photos/1.png"}
    assert second.loc[str(first.loc["photos/2.png", "image_id"]), "present"]
    assert list(second.index) == sorted(second.index)


def test_an_image_that_comes_back_is_present_again(photos: Path) -> None:
    first = catalogue(photos, "photos")
    data = (photos / "photos" / "0.png").read_bytes()
    (photos / "photos" / "0.png").unlink()
    assert not catalogue(photos, "photos").loc["photos/0.png", "present"]
    (photos / "photos" / "0.png").write_bytes(data)
    pd.testing.assert_frame_equal(catalogue(photos, "photos"), first)


def test_a_table_gives_features_and_empty_is_the_only_missing(photos: Path) -> None:
    (photos / "hotels.csv").write_text(
        "Path,property_id,stars,country,postcode,text\n"
        "photos/0.png,7,4,NA,01067,a caption\n"
        "photos/1.png,7,,DE,,\n"
        "photos/0.png,8,5,FR,1,again\n"
        ",9,1,,,\n"
        "photos/none.png,9,1,,,\n"
        "gs://bucket/a.jpg,9,1,,,\n",
        "utf-8",
    )
    rows = catalogue(photos, "photos", "hotels.csv")
    assert len(rows) == 4
    zero = rows.loc["photos/0.png"]
    assert (zero["property_id"], zero["country"], zero["postcode"]) == ("7", "NA", "01067")
    assert (zero["stars"], zero["text"]) == (4, "a caption")
    assert rows.loc[["photos/1.png", "photos/2.png"], "stars"].isna().all()
    assert pq.read_schema(photos / "data/images.parquet").field("stars").type == "int64"
    rejects = pd.read_parquet(photos / "data/rejects.parquet").set_index("uri")["reason"]
    assert rejects["hotels.csv row 4"] == "no path"
    assert rejects["photos/none.png"] == "no such file"
    assert "gs://" in rejects["gs://bucket/a.jpg"]


def test_a_parquet_table_in_another_folder(
    photos: Path, tmp_path_factory: pytest.TempPathFactory, draw_noise: DrawNoise
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    draw_noise(elsewhere / "a.png", 1)
    frame = pd.DataFrame(
        {
            "image": ["a.png", str(photos / "photos/0.png")],
            "hotel": [1.0, None],
            "pool": [True, False],
        }
    )
    frame.to_parquet(elsewhere / "t.parquet")
    settings = replace(SETTINGS, property_column="hotel")
    todo = plan_scan((), [str(elsewhere / "t.parquet")], photos, settings)
    items = todo.items.set_index("uri")
    assert list(items.index) == sorted([(elsewhere / "a.png").as_posix(), "photos/0.png"])
    assert items.loc[(elsewhere / "a.png").as_posix(), "property_id"] == "1"
    assert items["pool"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,stars\na,1\n", "no column with the images' paths among name, stars"),
        ("path,width\na.jpg,1\n", "columns of its own named width"),
        ("path,stars\n", "no rows"),
        ("", "not readable as a table"),
        ('path\n"a\n', "not readable as a table"),
    ],
)
def test_bad_tables(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        plan(tmp_path, "t.csv")


def test_bad_sources(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "t.csv").write_text("path\na.jpg\n", "utf-8")
    (tmp_path / "bytes.csv").write_bytes(b"path\n\xff\xfe.jpg\n")
    for name, message in [
        ("empty", "no images"),
        ("notes.txt", "not a table"),
        ("bytes.csv", "not readable"),
    ]:
        with pytest.raises(InputError, match=message):
            plan(tmp_path, name)
    with pytest.raises(MissingError, match="nothing"):
        plan(tmp_path, "nothing")
    with pytest.raises(MissingError, match="--only"):
        plan(tmp_path, "t.csv", earlier=["was"])
    with pytest.raises(InputError, match="no photos were named"):
        plan(tmp_path)
    with pytest.raises(InputError, match="did you mean path"):
        plan(tmp_path, "t.csv", path_column="pth")


def test_canonical_uris(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    (root / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    assert canonical_uri("../a/b.jpg", root / "a", root) == "a/b.jpg"
    assert canonical_uri(str(tmp_path / "link/a/b.jpg"), root, root) == "a/b.jpg"
    assert canonical_uri((root / "a/ü b.jpg").as_uri(), root, root) == "a/ü b.jpg"
    assert canonical_uri("../x.jpg", root, root) == (tmp_path / "x.jpg").as_posix()
    assert canonical_uri("https://h/x.jpg", root, root) == "https://h/x.jpg"


def test_demo_only_where_every_source_is_the_demos(photos: Path, draw_noise: DrawNoise) -> None:
    draw_noise(photos / "own" / "a.png", 9)
    (photos / "photos" / "demo-world.json").write_text("{}", "utf-8")
    catalogue(photos, "photos")
    assert is_demo_catalog(photos / "data")
    catalogue(photos, "own", earlier=["photos"])
    assert not is_demo_catalog(photos / "data")


def test_a_killed_scan_goes_on(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotate.catalog.scan, "SAVE_SECONDS", -1)
    monkeypatch.setattr(annotate.catalog.measure, "CHUNK", 2)
    todo = plan(photos, "photos")

    def stop(_: int) -> None:
        if (photos / "data/partial").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(todo, photos / "data", photos, SETTINGS, stop)
    decoded = count_decoding(monkeypatch)
    resumed = catalogue(photos, "photos")
    assert len(decoded) == 2
    (photos / "data/images.parquet").unlink()
    pd.testing.assert_frame_equal(resumed, catalogue(photos, "photos"))
    assert not (photos / "data/partial").exists()


def test_describe_and_sources_of_mumic_toml(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "mumic.toml").write_text('[catalog]\nsources = ["photos"]\n', "utf-8")
    (photos / "photos" / "sub").mkdir()
    monkeypatch.chdir(photos / "photos" / "sub")
    Image.new("RGB", (4, 4)).save("a.gif")
    runner = CliRunner()
    summary = json.loads(runner.invoke(main, ["catalog", "--json"]).stdout)
    assert (summary["images"], summary["sources"]) == (5, ["photos"])
    described = runner.invoke(main, ["catalog", "--describe"])
    assert "property_id" in described.stdout
    assert runner.invoke(main, ["catalog", "../../nowhere"]).exit_code == 1


def test_columns_that_an_option_named_stay_in_force(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"photos/{number}.png,h{number // 2},{number}" for number in range(4)]
    (photos / "t.csv").write_text("path,hotel,room\n" + "\n".join(rows), "utf-8")
    (photos / "mumic.toml").write_text("", "utf-8")
    monkeypatch.chdir(photos)

    def properties(*arguments: str) -> list[str]:
        assert CliRunner().invoke(main, ["catalog", *arguments]).exit_code == 0
        found = load_catalog(photos / "data" / "catalog").sort_values("uri")
        return [str(value) for value in found["property_id"]]

    hotels = ["h0", "h0", "h1", "h1"]
    assert properties("t.csv", "--property-column", "hotel") == hotels
    assert properties() == hotels  # else a second call would part photos from their properties
    assert properties("--property-column", "room") == ["0", "1", "2", "3"]
    assert set(properties("t.csv", "--only")) <= {"None", "nan", "<NA>"}
