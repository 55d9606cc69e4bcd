"""Parquet tables of other programs than pandas: numbers and truth values stay what they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from annotate.catalog.describe import describe_features
from annotate.catalog.scan import load_catalog
from annotate.catalog.source_tables import list_table
from annotate.cli import main
from annotate.errors import InputError
from annotate.resources import resource
from annotate.settings import CatalogSettings
from annotate.where.rows import rows_where

DrawNoise = Callable[[Path, int], None]
PRICES = ["9.00", "100.00", "100.01", None, "1250.50", "19.99"]
POOLS = [True, None, False, True, None, False]


def listed(root: Path, **columns: pa.Array) -> pd.DataFrame:
    """A table of some columns as the catalogue takes it; nothing in the file is of pandas."""
    paths = [f"{number}.png" for number in range(len(next(iter(columns.values()))))]
    file = root / "t.parquet"
    pq.write_table(pa.table({"path": paths, **columns}), file)
    assert b"pandas" not in (pq.read_schema(file).metadata or {})
    found, rejects = list_table(str(file), file, root, CatalogSettings())
    assert not rejects
    return found.set_index("uri")


def decimals(values: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    return pa.array([value and Decimal(value) for value in values], kind)


@pytest.fixture
def catalogue(tmp_path: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch) -> Path:
    for number in range(len(PRICES)):
        draw_noise(tmp_path / f"{number}.png", number)
    price, pool = decimals(PRICES, pa.decimal128(10, 2)), pa.array(POOLS)
    listed(tmp_path, price=price, pool=pool)
    labels = resource("label_taxonomy", "travel.yaml")
    (tmp_path / "mumic.toml").write_text(f'[project]\ntaxonomy = "{labels}"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # what was scanned before is joined with what is
        assert CliRunner().invoke(main, ["catalog", "t.parquet"]).exit_code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("price > 100", [2, 4]),
        ("price == 19.99", [5]),
        ("price is None", [3]),
        ("pool", [0, 3]),
        ("pool == False", [2, 5]),
        ("pool is None", [1, 4]),
        ("not pool and price < 100", [5]),
    ],
)
def test_rules_see_numbers_and_truth_values(
    catalogue: Path, rule: str, expected: list[int]
) -> None:
    images = load_catalog(catalogue / "data" / "catalog")
    found = images[rows_where(images, rule)]
    assert sorted(found["uri"]) == [f"{number}.png" for number in expected]
    with pytest.raises(InputError, match="Leave out the quotes"):
        rows_where(images, "price > '100'")


def test_mine_takes_them_as_strata_and_scope(catalogue: Path) -> None:
    drawn = CliRunner().invoke(main, ["mine", "--by", "pool", "--where", "price >= 100", "--json"])
    assert drawn.exit_code == 0, drawn.output
    assert json.loads(drawn.stdout)["images"] == 3


def test_describe_says_what_they_are(catalogue: Path) -> None:
    features = describe_features(load_catalog(catalogue / "data" / "catalog"))
    kinds = {feature.name: (feature.kind, feature.missing) for feature in features}
    assert (kinds["price"], kinds["pool"]) == (("number", 1), ("truth value", 2))


@pytest.mark.parametrize(
    "kind", [pa.decimal128(20, 2), pa.decimal128(38, 18), pa.decimal256(60, 5), pa.decimal64(9, 2)]
)
def test_decimals_are_the_nearest_floats(tmp_path: Path, kind: pa.DataType) -> None:
    rng = np.random.default_rng(0)
    written = [f"{cents // 100}.{cents % 100:02d}" for cents in rng.integers(0, 10**7, 500)]
    found = listed(tmp_path, price=decimals(written, kind))["price"]
    assert found.dtype == np.float64
    assert found.tolist() == [float(text) for text in written]


def test_whole_decimals_are_whole_numbers(tmp_path: Path) -> None:
    """As warehouses write every whole number; codes too long for one keep their digits."""
    found = listed(
        tmp_path,
        stars=decimals(["4", None, "5"], pa.decimal128(38, 0)),
        large=decimals([str(2**60 + 1), None, "3"], pa.decimal128(38, 0)),
        code=decimals(["12345678901234567890", None, "7"], pa.decimal128(38, 0)),
        exact=decimals(["9007199254740993.5", None, "1.5"], pa.decimal128(38, 1)),
        property_id=decimals(["17", None, "18"], pa.decimal128(38, 0)),
    )
    assert found["stars"].dtype == found["large"].dtype == "Int64"
    assert found["stars"].tolist() == [4, pd.NA, 5]
    assert found["large"].tolist()[0] == 2**60 + 1
    assert found.loc["0.png", "code"] == "12345678901234567890"
    assert found.loc["0.png", "exact"] == "9007199254740993.5"
    assert found["property_id"].dropna().tolist() == ["17", "18"]


def test_whole_numbers_with_gaps_keep_their_digits(tmp_path: Path) -> None:
    found = listed(tmp_path, id=pa.array([2**60 + 1, None, 3]))
    assert found["id"].tolist()[0] == 2**60 + 1
