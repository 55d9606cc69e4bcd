"""Hostile and awkward tables, and the join of several sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.catalog.describe import describe_features
from annotate.catalog.scan import load_catalog, save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.catalog.stacking import first_per_key, stack, to_arrow, to_pandas
from annotate.cli import main
from annotate.errors import InputError
from annotate.settings import CatalogSettings

DrawNoise = Callable[[Path, int], None]
SETTINGS = CatalogSettings()


def items(root: Path, *names: str) -> pd.DataFrame:
    plan = plan_scan((), [str(root / name) for name in names], root, SETTINGS)
    return plan.items.set_index("uri")


def catalogue(root: Path, *names: str) -> pd.DataFrame:
    plan = plan_scan((), [str(root / name) for name in names], root, SETTINGS)
    save_scan(scan(plan, root / "data", root, SETTINGS), plan, SETTINGS, root / "data")
    return load_catalog(root / "data").set_index("uri")


def test_hostile_paths_are_rejected_one_by_one(tmp_path: Path, draw_noise: DrawNoise) -> None:
    draw_noise(tmp_path / "ok.png", 1)
    (tmp_path / "folder.png").mkdir()
    paths = ["ok.png", "~nobody/x.png", "a\0b/c.png", "file://[x/y.png", "x" * 5000, "folder.png"]
    paths += ["../../../../../../etc/passwd", "=cmd()", "gs://b/x.png", "://", "a\nb.png"]
    pd.DataFrame({"path": paths}).to_parquet(tmp_path / "t.parquet")
    assert catalogue(tmp_path, "t.parquet").index.tolist() == ["ok.png"]
    rejects = pd.read_parquet(tmp_path / "data" / "rejects.parquet")
    assert len(rejects) == len(paths) - 1
    assert rejects["reason"].str.len().between(5, 120).all()


def test_a_source_of_rejects_only(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,stars\n,1\n,2\n", "utf-8")
    assert catalogue(tmp_path, "t.csv").empty
    assert len(pd.read_parquet(tmp_path / "data" / "rejects.parquet")) == 2


def test_a_column_that_is_always_missing(tmp_path: Path, draw_noise: DrawNoise) -> None:
    for number in range(3):
        draw_noise(tmp_path / f"{number}.png", number)
    (tmp_path / "t.csv").write_text("path,empty,stars\n0.png,,1\n1.png,,2\n2.png,,\n", "utf-8")
    rows = catalogue(tmp_path, "t.csv")
    assert rows["empty"].isna().all()
    described = {feature.name: feature for feature in describe_features(rows)}
    assert (described["empty"].values, described["empty"].missing_share) == (0, 1.0)
    assert described["empty"].most_frequent == []
    stars = described["stars"]
    assert (stars.smallest, stars.middle, stars.largest, stars.missing) == (1.0, 1.5, 2.0, 1)


def test_sources_that_disagree_on_a_columns_type(tmp_path: Path, draw_noise: DrawNoise) -> None:
    draw_noise(tmp_path / "0.png", 0)
    draw_noise(tmp_path / "1.png", 1)
    (tmp_path / "a.csv").write_text("path,code,size\n0.png,17,1\n", "utf-8")
    (tmp_path / "b.csv").write_text("path,code,size\n0.png,x,9\n1.png,17b,2.5\n", "utf-8")
    rows = catalogue(tmp_path, "a.csv", "b.csv")
    assert rows.loc[["0.png", "1.png"], "code"].tolist() == ["17", "17b"]
    assert rows.loc[["0.png", "1.png"], "size"].tolist() == [1.0, 2.5]
    # Later the table's column becomes text, while an image that is gone still has its number.
    (tmp_path / "b.csv").write_text("path,size\n1.png,large\n", "utf-8")
    rows = catalogue(tmp_path, "b.csv")
    assert rows.loc[["0.png", "1.png"], "size"].tolist() == ["1", "large"]


def test_kinds_of_a_parquet_table_survive(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "path": ["a.png", "b.png", "c.png"],
            "big": pd.array([2**60 + 1, None, 3], dtype="Int64"),
            "pool": pd.array([True, None, False], dtype="boolean"),
            "built": [pd.Timestamp("2020-01-01"), pd.NaT, pd.Timestamp("2021-05-05")],
            "kind": pd.Categorical(["x", None, "y"]),
            "tags": [["a"], None, ["b", "c"]],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    found = items(tmp_path, "t.parquet")
    assert found.loc["a.png", "big"] == 2**60 + 1
    assert found["pool"].tolist() == [True, None, False]
    assert found.loc["c.png", "built"] == pd.Timestamp("2021-05-05")
    assert found.loc["a.png", "kind"] == "x"
    assert found["tags"].notna().tolist() == [True, False, True]
    kinds = {f.name: f.kind for f in describe_features(found.assign(property_id=None, text=None))}
    assert kinds["built"] == "date"
    assert kinds["big"] == "number"


def test_an_own_column_and_a_reserved_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,stamp\na.png,mine\n", "utf-8")
    assert items(tmp_path, "t.csv")["stamp"].tolist() == ["mine"]
    (tmp_path / "t.csv").write_text("path,__stamp__\na.png,mine\n", "utf-8")
    with pytest.raises(InputError, match="columns of its own named __stamp__"):
        items(tmp_path, "t.csv")


CELLS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9), st.none() | st.text("xy")),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@given(CELLS, st.integers(0, 12))
def test_the_first_value_wins_as_in_pandas(
    rows: list[tuple[str, int | None, str | None]], cut: int
) -> None:
    frame = pd.DataFrame(rows, columns=["uri", "n", "t"]).astype(
        {"n": "Int64", "t": "str", "uri": "str"}
    )
    parts = [to_arrow(part) for part in (frame.iloc[:cut], frame.iloc[cut:]) if len(part)]
    ours = to_pandas(first_per_key(stack(parts), "uri"))
    theirs = frame.groupby("uri", sort=True, as_index=False).first()
    pd.testing.assert_frame_equal(ours, theirs[ours.columns], check_dtype=False)


def test_describe_counts_only_what_is_present(
    tmp_path: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    for number in range(4):
        draw_noise(tmp_path / f"{number}.png", number)
    (tmp_path / "t.csv").write_text(
        "path,country,stars\n0.png,FR,1\n1.png,FR,3\n2.png,DE,8\n3.png,,9\n", "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(main, ["catalog", "t.csv"]).exit_code == 0
    (tmp_path / "3.png").unlink()
    assert runner.invoke(main, ["catalog"]).exit_code == 0
    described = runner.invoke(main, ["catalog", "--describe", "--json"]).stdout
    summary = json.loads(described)
    assert (summary["images"], summary["gone"]) == (3, 1)
    features = {feature["name"]: feature for feature in summary["features"]}
    assert features["country"]["most_frequent"] == [["FR", 2], ["DE", 1]]
    assert (features["country"]["missing"], features["stars"]["middle"]) == (0, 3.0)
    assert (features["text"]["missing_share"], features["text"]["smallest"]) == (1.0, None)
    lines = runner.invoke(main, ["catalog", "--describe"]).stdout.splitlines()
    assert lines[0] == "3 images, 1 more that are gone"
    assert lines[1].split()[:4] == ["feature", "kind", "values", "missing"]


def test_a_manifest_without_the_right_column(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"source": "text to label"}\n', "utf-8")
    with pytest.raises(InputError, match="no column with the images' paths among source"):
        items(tmp_path, "m.jsonl")
    (tmp_path / "m.jsonl").write_text("", "utf-8")
    with pytest.raises(InputError, match="no rows"):
        items(tmp_path, "m.jsonl")
    named = replace(SETTINGS, path_column="source")
    (tmp_path / "m.jsonl").write_text('{"source": "a.png", "n": NaN}\n' + "[" * 10**5, "utf-8")
    plan = plan_scan((), [str(tmp_path / "m.jsonl")], tmp_path, named)
    assert plan.items["uri"].tolist() == ["a.png"]
    assert plan.rejects == [("m.jsonl line 2", "not JSON")]


def test_rows_that_end_in_a_comma(tmp_path: Path, draw_noise: DrawNoise) -> None:
    draw_noise(tmp_path / "a.png", 1)
    (tmp_path / "t.csv").write_text("path,country\na.png,FR,\n", "utf-8")
    assert items(tmp_path, "t.csv")["country"].to_dict() == {"a.png": "FR"}
    for content, message in (
        ("path,country\na.png,FR,hotel\n", "more fields than the first line names"),
        ("path,country\na.png,FR\nb.png,FR,\n", "not readable as a table"),
        ("path,stars,stars\na.png,3,4\n", "several columns are named stars"),
    ):
        (tmp_path / "t.csv").write_text(content, "utf-8")
        with pytest.raises(InputError, match=message):
            items(tmp_path, "t.csv")


def test_codes_too_long_for_a_float_keep_their_digits(
    tmp_path: Path, draw_noise: DrawNoise
) -> None:
    for number in range(2):
        draw_noise(tmp_path / f"{number}.png", number)
    long = "12345678901234567890"
    table = f"path,code,id,rare,exact\n0.png,1e20,{long},{long},9007199254740993\n1.png,3,5,,1\n"
    (tmp_path / "t.csv").write_text(table, "utf-8")
    frame = pd.DataFrame({"path": ["0.png", "1.png"], "float": [1e20, 3.0], "whole": [2.0, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    found = catalogue(tmp_path, "t.csv", "t.parquet")
    for name, value in (("code", "1e20"), ("id", long), ("rare", long)):
        assert found.loc["0.png", name] == value
    assert found["exact"].tolist() == [9007199254740993, 1]
    assert found["float"].tolist() == [1e20, 3]
