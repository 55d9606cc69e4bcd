"""The dataset: contents by hand, splits that stay, a lock that reproduces it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.cli.console import Program
from annotate.cli.dataset import dataset as dataset_command
from annotate.dataset.build import DATASET_VOTES, STORED_SPLITS, Dataset, build_dataset
from annotate.dataset.splits import METHODS
from annotate.errors import InputError
from annotate.settings import DatasetSettings
from annotate.tables import CATALOG, DATASET, LABELS, empty, read, write, write_json
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

TAXONOMY = Taxonomy(
    "test",
    "1",
    (Category("all", "All"),),
    (
        TaxonomyClass("water", "Water", "all", "some water"),
        TaxonomyClass("pool", "Pool", "all", "a pool", parents=("water",), prompt="description"),
        TaxonomyClass("indoor", "Indoor pool", "all", parents=("pool",)),
        TaxonomyClass("snow", "Snow", "all"),
    ),
)
SETTINGS = DatasetSettings(missing="allow")


def catalog_of(
    ids: list[str], *, properties: Any = None, hashes: Any = None, present: bool = True
) -> pd.DataFrame:
    """A catalogue whose pictures differ in many bits."""
    rng = np.random.default_rng(7)
    far = [f"{int(value):016x}" for value in rng.integers(0, 2**63, len(ids))]
    return pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"photos/{i}.jpg" for i in ids],
            "bytes": 1,
            "width": 8,
            "height": 8,
            "orientation": 1,
            "content_hash": [f"hash-{i}" for i in ids],
            "perceptual_hash": hashes or far,
            "property_id": properties or [None] * len(ids),
            "text": [f"caption {i}" for i in ids],
            "present": present,
        }
    )


def labels_of(cells: Any) -> pd.DataFrame:
    """From {(image, class): label}; the rate follows from the label."""
    rates = {1: 0.8, 0: 0.2, None: None}
    frame = pd.DataFrame(
        [(*key, label, rates[label]) for key, label in cells.items()],
        columns=["image_id", "class_id", "label", "rate"],
    )
    return frame.assign(
        label=frame["label"].astype("Int8"),
        rate=frame["rate"].astype(float),
        yes=3,
        no=2,
        unsure=0,
        decided="voted",
    )


def build(labels: Any, catalog: pd.DataFrame, stored: Any = None, **more: Any) -> Dataset:
    stored = empty(STORED_SPLITS) if stored is None else stored
    seed = more.pop("seed", 0)
    return build_dataset(labels, catalog, stored, TAXONOMY, replace(SETTINGS, **more), seed=seed)


def many(count: int, seed: int = 0, properties: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random labels of two classes and a catalogue with properties."""
    rng = np.random.default_rng(seed)
    ids = [f"i{at:04d}" for at in range(count)]
    owners = [f"p{at}" for at in rng.integers(0, properties, count)]
    cells = {(i, name): int(rng.random() < 0.4) for i in ids for name in ("water", "snow")}
    return labels_of(cells), catalog_of(ids, properties=owners)


def plain(column: Any) -> list[list[Any]]:
    return [[None if pd.isna(value) else value for value in row] for row in column]


def test_contents_by_hand(tmp_path: Path) -> None:
    labels = labels_of(
        {
            ("b", "snow"): 1,
            ("b", "water"): None,
            ("a", "snow"): 0,
            ("a", "indoor"): 1,
            ("a", "water"): 1,
        }
    )
    # propagated, never voted on: a label without a rate
    labels.loc[labels["class_id"] == "water", "rate"] = np.nan
    built = build(labels, catalog_of(["b", "a", "never-labelled"]))
    write(DATASET, built.images, tmp_path / "images.parquet")
    table = read(DATASET, tmp_path / "images.parquet")
    assert table["image_id"].tolist() == ["a", "b"]
    assert table["uri"].tolist() == ["photos/a.jpg", "photos/b.jpg"]
    assert table["text"].tolist() == ["caption a", "caption b"]
    assert [entry["id"] for entry in built.classes] == ["water", "indoor", "snow"]
    assert plain(table["labels"]) == [[1, 1, 0], [None, None, 1]]
    assert plain(table["rates"]) == [
        [None, pytest.approx(0.8), pytest.approx(0.2)],
        [None, None, pytest.approx(0.8)],
    ]
    # pool has no labels, so that the indoor pool stands directly below water
    assert built.classes[1]["parents"] == ["water"]
    assert built.classes[0] == {
        "id": "water",
        "name": "Water",
        "description": "some water",
        "category": "all",
        "parents": [],
        "prompt": "name",
    }
    assert built.stats["classes"]["snow"]["unknown"] == 0
    assert built.stats["classes"]["water"]["unknown"] == 1


def test_every_image_has_a_split_and_no_property_crosses(tmp_path: Path) -> None:
    labels, catalog = many(400)
    built = build(labels, catalog)
    table = built.images
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table.groupby("property_id")["split"].nunique().max() == 1
    assert table.groupby("group_id")["property_id"].nunique().max() == 1
    assert sum(built.stats["images"].values()) == 400
    for name in ("water", "snow"):
        positive = labels[(labels["class_id"] == name) & (labels["label"] == 1)]["image_id"]
        counts = table[table["image_id"].isin(positive)]["split"].value_counts()
        assert built.stats["classes"][name]["positive"] == counts.to_dict()
    assert built.stats["warnings"] == []


def test_near_duplicates_and_properties_are_one_group() -> None:
    hashes = ["0" * 16, "0" * 15 + "7", "f" * 16, "f0" * 8]
    catalog = catalog_of(list("abcd"), properties=["p", "q", "q", None], hashes=hashes)
    built = build(labels_of({(i, "snow"): 1 for i in "abcd"}), catalog)
    assert built.images["group_id"].tolist() == ["a", "a", "a", "d"]


def test_splits_stay_and_new_images_follow_their_property() -> None:
    labels, catalog = many(400)
    old = catalog["image_id"] < "i0200"
    first = build(labels[labels["image_id"] < "i0200"], catalog[old])
    second = build(labels, catalog, first.splits)
    before, after = (b.images.set_index("image_id") for b in (first, second))
    for column in ("split", "group_id"):
        pd.testing.assert_series_equal(after.loc[before.index, column], before[column])
    assert second.images.groupby("property_id")["split"].nunique().max() == 1
    third = build(labels, catalog, second.splits, seed=99)
    pd.testing.assert_frame_equal(third.images, second.images)


def test_an_image_that_comes_back_has_its_split_and_holds_its_group_meanwhile() -> None:
    labels, catalog = many(60, properties=6)
    first = build(labels, catalog)
    split_of = first.images.set_index("image_id")["split"]
    kept = ["i0001", "i0002"]
    few = build(labels[labels["image_id"].isin(kept)], catalog, first.splits)
    assert few.images["image_id"].tolist() == kept
    assert len(few.splits) == 60
    again = build(labels, catalog, few.splits)
    pd.testing.assert_frame_equal(again.images, first.images)
    # A property whose old images are all gone still decides where its new ones go.
    owner = catalog.set_index("image_id").loc["i0000", "property_id"]
    new = catalog_of(["new"], properties=[owner])
    extended = build(labels_of({("new", "snow"): 1}), pd.concat([catalog, new]), first.splits)
    assert extended.images["split"].tolist() == [split_of["i0000"]]


def test_a_class_that_a_split_lacks_is_named() -> None:
    labels, catalog = many(100)
    rare = labels_of({("i0000", "indoor"): 1, ("i0001", "indoor"): 0})
    built = build(pd.concat([labels, rare]), catalog)
    named = [warning for warning in built.stats["warnings"] if "indoor" in warning]
    assert len(named) == 1
    assert sum(built.stats["classes"]["indoor"]["positive"].values()) == 1
    lacking = built.stats["missing"]["indoor"]
    assert len(lacking) == 2
    assert built.stats["classes"]["indoor"]["groups"] == 1
    for name, count in built.stats["classes"]["indoor"]["positive"].items():
        assert (count == 0) == (name in lacking)


def test_a_class_that_a_split_lacks_stops_the_build_with_ways_on() -> None:
    labels, catalog = many(100)
    rare = labels_of({("i0000", "indoor"): 1, ("i0001", "indoor"): 0, ("i0002", "pool"): 0})
    with pytest.raises(InputError) as refused:
        build(pd.concat([labels, rare]), catalog, missing="refuse")
    message = str(refused.value)
    assert "2 of 4 classes" in message
    assert "indoor: none in" in message
    assert "(1 positive in 1 group)" in message
    assert "pool: none in train and validation and test (0 positives in 0 groups)" in message
    assert "mine --class pool" in message
    assert "--missing leave-out" in message
    assert "--missing allow" in message
    built = build(pd.concat([labels, rare]), catalog, missing="leave-out")
    assert [entry["id"] for entry in built.classes] == ["water", "snow"]
    assert built.stats["classes_left_out"] == ["pool", "indoor"]
    assert any("pool, indoor" in text for text in built.stats["warnings"])
    pd.testing.assert_frame_equal(built.images, build(labels, catalog).images)


def test_a_class_without_a_chance_is_not_missed_in_a_split_of_share_zero() -> None:
    labels, catalog = many(100)
    built = build(labels, catalog, missing="refuse", train=0.8, validation=0.2, test=0.0)
    assert built.stats["missing"] == {}


@pytest.mark.parametrize("wrong", [{"missing": "ignore"}, {"split": "iterativ"}])
def test_settings_that_there_are_not(wrong: Any) -> None:
    with pytest.raises(InputError, match="set it to"):
        build(*many(20), **wrong)


def test_votes_and_how_each_label_was_decided(tmp_path: Path) -> None:
    labels = labels_of({("a", "snow"): 1, ("a", "water"): None, ("b", "snow"): 0})
    labels["decided"] = ["golden", "unknown", "voted"]
    labels["yes"], labels["no"] = [5, 1, 0], [0, 0, 4]
    built = build(labels, catalog_of(["a", "b"]))
    write(DATASET_VOTES, built.votes, tmp_path / "votes.parquet")
    votes = read(DATASET_VOTES, tmp_path / "votes.parquet")
    assert plain(votes["yes"]) == [[1, 5], [None, 0]]
    assert plain(votes["no"]) == [[0, 0], [None, 4]]
    assert plain(votes["decided"]) == [["unknown", "golden"], [None, "voted"]]


def test_a_new_near_duplicate_that_bridges_splits_is_in_none_and_reported() -> None:
    ids = [f"i{at:02d}" for at in range(40)]
    catalog = catalog_of(ids)
    first = build(labels_of({(i, "snow"): 1 for i in ids}), catalog)
    splits = first.images.set_index("image_id")["split"]
    old = catalog.set_index("image_id")["perceptual_hash"]
    one, other = splits.index[splits == "train"][0], splits.index[splits == "test"][0]
    # Four bits from either: a picture between the two.
    far = [at for at in range(64) if (int(old[one], 16) ^ int(old[other], 16)) >> at & 1]
    near = int(old[one], 16)
    for at in far[: len(far) - 8]:
        near ^= 1 << at
    moved = catalog.copy()
    moved.loc[moved["image_id"] == one, "perceptual_hash"] = f"{near:016x}"
    for at in far[len(far) - 8 : len(far) - 4]:
        near ^= 1 << at
    new = catalog_of(["new", "plain"], hashes=[f"{near:016x}", "00ff00ff00ff00ff"])
    labels = labels_of({(i, "snow"): 1 for i in [*ids, "new", "plain"]})
    second = build(labels, pd.concat([moved, new]), first.splits)
    assert second.stats["bridging"] == ["new"]
    assert any("look like images of several splits" in text for text in second.stats["warnings"])
    after = second.images.set_index("image_id")["split"]
    assert set(after.index) == {*ids, "plain"}
    pd.testing.assert_series_equal(after[splits.index], splits)
    assert "new" not in set(second.splits["image_id"])


def test_images_without_a_property_are_named() -> None:
    labels, catalog = many(100)
    catalog.loc[:9, "property_id"] = None
    warnings = build(labels, catalog).stats["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("10 images name no property")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_the_order_of_rows_changes_nothing(seed: int, method: str) -> None:
    labels, catalog = many(80, seed=seed % 7, properties=15)
    first = build(labels, catalog, split=method)
    rng = np.random.default_rng(seed)
    mixed = [frame.iloc[rng.permutation(len(frame))] for frame in (labels, catalog)]
    second = build(*mixed, split=method)
    pd.testing.assert_frame_equal(second.images, first.images)
    assert second.stats == first.stats


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.sampled_from(METHODS))
def test_splits_are_final_and_groups_whole_however_the_images_come(
    steps: list[int], method: str
) -> None:
    labels, catalog = many(sum(steps), properties=20)
    stored, former = None, pd.Series(dtype=object)
    for end in np.cumsum(steps):
        kept = catalog["image_id"].iloc[:end]
        built = build(labels[labels["image_id"].isin(kept)], catalog[:end], stored, split=method)
        table = built.images.set_index("image_id")
        assert table.loc[former.index, "split"].tolist() == former.tolist()
        assert table.groupby("property_id")["split"].nunique().max() == 1
        assert table.groupby("group_id")["split"].nunique().max() == 1
        stored, former = built.splits, table["split"]


def test_a_group_too_large_to_balance_is_named() -> None:
    built = build(*many(100, properties=3))
    assert any("one group holds" in warning for warning in built.stats["warnings"])


def test_a_group_that_new_images_join_across_splits_is_named() -> None:
    ids = [f"i{at:02d}" for at in range(40)]
    first = build(labels_of({(i, "snow"): 1 for i in ids}), catalog_of(ids))
    splits = first.images.set_index("image_id")["split"]
    one, other = splits.index[splits == "train"][0], splits.index[splits == "test"][0]
    joined = ["hotel" if i in (one, other) else None for i in ids]
    second = build(
        labels_of({(i, "snow"): 1 for i in ids}), catalog_of(ids, properties=joined), first.splits
    )
    assert any("several splits" in warning for warning in second.stats["warnings"])
    pd.testing.assert_series_equal(second.images["split"], first.images["split"])


def test_images_that_are_gone_are_left_out_and_counted() -> None:
    labels = labels_of({("a", "snow"): 1, ("b", "snow"): 1, ("c", "snow"): 1})
    catalog = catalog_of(["a", "b"])
    catalog.loc[1, "present"] = False
    built = build(labels, catalog)
    assert built.images["image_id"].tolist() == ["a"]
    assert built.stats["images_left_out"] == 2


@pytest.mark.parametrize("labels", [{("x", "snow"): 1}, {("a", "gone"): 1}])
def test_nothing_left(labels: Any) -> None:
    with pytest.raises(InputError, match="in the catalogue"):
        build(labels_of(labels), catalog_of(["a"]))


YAML = """\
version: 1
name: Test
categories: [{id: all, name: All}]
classes:
  - {id: water, name: Water, category: all, description: some water, queries: [a, b]}
  - {id: snow, name: Snow, category: all, description: snow, queries: [a, b]}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    labels, catalog = many(200)
    (tmp_path / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (tmp_path / "classes.yaml").write_text(YAML)
    write(CATALOG, catalog, tmp_path / "data/catalog/images.parquet")
    write(LABELS, labels, tmp_path / "data/labels/labels.parquet")
    thresholds = {"water": 0.6, "snow": 0.4, "gone": 0.5}
    write_json(tmp_path / "data/labels/summary.json", {"thresholds": thresholds})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, expect: int = 0) -> str:
    program = Program("mumic-annotate")
    program.add_command(dataset_command)
    result = CliRunner().invoke(program, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return result.stdout if expect == 0 else result.output


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_command_writes_the_same_bytes_again(workspace: Path) -> None:
    folder = workspace / "data/dataset"
    assert "200 images in 30 groups" in run("dataset")
    first = hashes(folder)
    assert set(first) == {
        "images.parquet",
        "classes.json",
        "splits.parquet",
        "votes.parquet",
        "stats.json",
        "lock.json",
    }
    run("dataset", "build")
    assert hashes(folder) == first
    for file in folder.iterdir():
        file.unlink()
    run("dataset")
    assert hashes(folder) == first
    lock = json.loads((folder / "lock.json").read_bytes())
    assert lock["images_hash"] == first["images.parquet"]
    assert lock["splits_hash"] == first["splits.parquet"]
    assert lock["thresholds"] == {"water": 0.6, "snow": 0.4}
    assert lock["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    labels_file = workspace / "data/labels/labels.parquet"
    assert lock["labels_hash"] == hashlib.sha256(labels_file.read_bytes()).hexdigest()


def test_a_build_killed_after_the_splits_ends_with_the_same(workspace: Path) -> None:
    folder = workspace / "data/dataset"
    run("dataset")
    first = hashes(folder)
    for name in ("images.parquet", "classes.json", "stats.json", "lock.json"):
        (folder / name).unlink()
    (folder / ".images.parquet.x.tmp").write_bytes(b"half")
    run("dataset")
    assert hashes(folder) == first


def test_stats_and_options(workspace: Path) -> None:
    assert "no stats.json" in run("dataset", "stats", expect=1)
    built = json.loads(run("dataset", "--test", "0.2", "--train", "0.7", "--json"))
    assert built["images"]["test"] > 30
    shown = json.loads(run("dataset", "stats", "--json", "--samples", "0"))
    assert {name: shown[name] for name in built} == built
    table = run("dataset", "stats").splitlines()
    assert table[0].split()[:5] == ["class", "positives", "train", "validation", "test"]
    row = next(line.split() for line in table if line.startswith("snow"))
    counts = built["classes"]["snow"]["positive"]
    assert [int(cell) for cell in row[2:5]] == [
        counts[name] for name in ("train", "validation", "test")
    ]


def test_messages(workspace: Path) -> None:
    assert "sum to 1" in run("dataset", "--train", "0.5", expect=1)
    (workspace / "data/dataset").mkdir(parents=True, exist_ok=True)
    (workspace / "data/dataset/splits.parquet").write_bytes(b"PAR1 cut")
    assert "splits.parquet" in run("dataset", expect=1)
    (workspace / "data/labels/labels.parquet").unlink()
    (workspace / "data/dataset/splits.parquet").unlink()
    assert "mumic-annotate consolidate" in run("dataset", expect=1)
