"""The dataset's numbers, against a table by hand and scikit-learn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.dataset.reading import DatasetArrays, read_dataset
from annotate.dataset.statistics import statistics, together
from annotate.dataset.stats_page import sample_rows
from annotate.errors import DamagedError
from annotate.files import write_json
from annotate.tables import DATASET, write
from annotate.workspace import Workspace
from tests.annotate.conftest import DrawNoise

CLASSES = [
    {"id": "water", "name": "Water", "category": "outside", "parents": []},
    {"id": "pool", "name": "Pool <b>", "category": "outside", "parents": ["water"]},
    {"id": "dog", "name": "Dog", "category": "animals", "parents": []},
]
# water, pool, dog; None: unknown
ROWS: list[tuple[str, str | None, str, list[int | None]]] = [
    ("a", "p", "train", [1, 1, 0]),
    ("b", "p", "train", [1, 0, None]),
    ("c", "q", "validation", [0, 0, 1]),
    ("d", None, "test", [0, 0, 0]),
    ("e", "r", "test", [1, 1, 1]),
]


def arrays() -> DatasetArrays:
    labels = np.array([[value or 0 for value in row[3]] for row in ROWS], np.int8)
    known = np.array([[value is not None for value in row[3]] for row in ROWS])
    images = pd.DataFrame(
        {
            "image_id": [row[0] for row in ROWS],
            "property_id": [row[1] for row in ROWS],
            "split": [row[2] for row in ROWS],
            "uri": [f"{row[0]}.jpg" for row in ROWS],
        }
    )
    return DatasetArrays(images, CLASSES, labels, known)


def test_the_numbers_are_those_counted_by_hand() -> None:
    found = statistics(arrays(), {"outside": "Outside"})
    assert (found["images"], found["properties"]) == (5, 3)
    assert found["labels"] == {"positives": 7, "negatives": 7, "unknown": 1}
    assert found["labels_per_image"] == {
        "mean": 1.4,
        "median": 1.0,
        "most": 3,
        "histogram": [1, 2, 1, 1],
    }
    assert found["splits"]["train"] == {"images": 2, "positives": 3, "negatives": 2, "unknown": 1}
    assert found["classes"][2] == {
        "id": "dog",
        "name": "Dog",
        "category": "animals",
        "positives": 2,
        "negatives": 2,
        "unknown": 1,
        "train": 0,
        "validation": 1,
        "test": 1,
    }
    assert found["categories"] == [
        {
            "id": "outside",
            "name": "Outside",
            "classes": 2,
            "images": 3,
            "positives": 5,
            "negatives": 5,
        },
        {
            "id": "animals",
            "name": "animals",
            "classes": 1,
            "images": 2,
            "positives": 2,
            "negatives": 2,
        },
    ]


def test_pairs_are_those_above_chance_that_the_hierarchy_does_not_explain() -> None:
    positive = np.zeros((90, 3), bool)
    positive[:30] = [True, True, False]
    positive[:10, 2] = True
    found = statistics(
        DatasetArrays(
            pd.DataFrame({"split": ["train"] * 90, "property_id": None}),
            CLASSES,
            positive.astype(np.int8),
            np.ones(positive.shape, bool),
        ),
        {},
    )
    # 10 together, where 30 * 10 / 90 are expected; water and pool always, by the hierarchy
    assert {tuple(pair["classes"]) for pair in found["together"]} == {
        ("water", "dog"),
        ("pool", "dog"),
    }
    assert found["together"][0]["lift"] == pytest.approx(3.0)
    assert found["together"][0]["share_of_second"] == 1.0


def test_co_occurrence_is_the_sum_of_confusion_tables() -> None:
    from sklearn.metrics import confusion_matrix

    positive = np.random.default_rng(0).random((20_000, 6)) < 0.2
    counts = together(positive)
    for one in range(6):
        for other in range(6):
            table = confusion_matrix(positive[:, one], positive[:, other])
            assert counts[one, other] == table[1, 1]


def test_samples_are_positive_and_of_different_properties_first() -> None:
    rows = sample_rows(arrays(), 2, seed=0)
    names = [[ROWS[row][0] for row in chosen] for chosen in rows]
    assert set(names[1]) == {"a", "e"}
    assert "e" in names[0]  # a and b are of one property
    assert set(names[2]) == {"c", "e"}
    assert rows == sample_rows(arrays(), 2, seed=0)


@pytest.fixture
def workspace(tmp_path: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch) -> Path:
    for seed, row in enumerate(ROWS[:-1]):  # the picture of the last one is gone
        draw_noise(tmp_path / f"{row[0]}.jpg", seed)
    frame = pd.DataFrame(
        {
            "image_id": [row[0] for row in ROWS],
            "uri": [f"{row[0]}.jpg" for row in ROWS],
            "content_hash": "",
            "property_id": [row[1] for row in ROWS],
            "group_id": "",
            "text": None,
            "split": [row[2] for row in ROWS],
            "labels": [row[3] for row in ROWS],
            "rates": [[None] * 3] * len(ROWS),
        }
    )
    folder = tmp_path / "data" / "dataset"
    write(DATASET, frame, folder / "images.parquet")
    write_json(folder / "classes.json", {"taxonomy_hash": "", "classes": CLASSES})
    stats: dict[str, Any] = {"images": {}, "classes": {}, "groups": 0, "warnings": []}
    stats["images"] = {"train": 2, "validation": 1, "test": 2}
    write_json(folder / "stats.json", stats)
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_dataset_is_read_as_it_was_written(workspace: Path) -> None:
    found, expected = read_dataset(Workspace.find(workspace)), arrays()
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.known, expected.known)
    write_json(workspace / "data" / "dataset" / "classes.json", {"classes": CLASSES[:2]})
    with pytest.raises(DamagedError, match="dataset"):
        read_dataset(Workspace.find(workspace))


def test_the_page_needs_nothing_else_and_escapes_names(workspace: Path) -> None:
    done = CliRunner().invoke(main, ["dataset", "stats", "--json"])
    assert done.exit_code == 0, done.output
    page = Path(json.loads(done.stdout)["statistics"]["page"]).read_text("utf-8")
    assert "Pool &lt;b&gt;" in page
    assert "Pool <b>" not in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert page.count("no picture") == 3  # of three classes one picture is gone
    (workspace / "data" / "dataset" / "stats.html").unlink()
    assert CliRunner().invoke(main, ["dataset", "stats", "--samples", "0"]).exit_code == 0
    assert not (workspace / "data" / "dataset" / "stats.html").exists()
