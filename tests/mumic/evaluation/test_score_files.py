"""What names images and classes in files of scores and labels, and what is told of the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import average_precision_score

from annotate.dataset.exports.flat import ABOUT
from annotate.errors import InputError
from annotate.settings import EvaluateSettings, Settings, render
from mumic.cli import main
from mumic.evaluation.evaluate_files import Files, evaluate_files
from mumic.evaluation.score_files import LABELS, OTHERS, SCORES, read_grid

SETTINGS = replace(EvaluateSettings(), bootstrap=10)
TRUTH = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
SAID = np.array([[0.9, 0.8], [0.7, 0.6], [0.3, 0.9], [0.2, 0.1], [0.4, 0.5], [0.5, 0.2]])
PATHS = [f"photos/{number}.jpg" for number in range(6)]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _table(values: np.ndarray, **more: Any) -> pd.DataFrame:
    return pd.DataFrame(more).assign(pool=values[:, 0], bed=values[:, 1])


def _files(scores: str = "s.csv", labels: str = "y.csv", **more: Any) -> Files:
    return Files((Path(scores),), Path(labels), **more)


def _call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", *arguments])


@pytest.mark.parametrize("name", ["image", "uri", "path", "file", "file_name", "filename"])
def test_a_counter_of_rows_does_not_name_images(name: str) -> None:
    """Each file counts its own rows, which stand in other orders."""
    _table(SAID, id=range(6), **{name: PATHS})[::-1].assign(id=range(6)).to_csv(
        "s.csv", index=False
    )
    _table(TRUTH, id=range(6), **{name: PATHS}).to_csv("y.csv", index=False)
    found = evaluate_files(_files(), SETTINGS)["methods"]["s.csv"]
    expected = average_precision_score(TRUTH.ravel(), SAID.ravel())
    assert found["gap"] == pytest.approx(expected, abs=1e-12)


def test_images_that_have_a_number_alone_are_named_by_it() -> None:
    _table(SAID, id=range(6))[::-1].to_csv("s.csv", index=False)
    _table(TRUTH, id=range(6)).to_csv("y.csv", index=False)
    found = evaluate_files(_files(), SETTINGS)["methods"]["s.csv"]
    expected = average_precision_score(TRUTH.ravel(), SAID.ravel())
    assert found["gap"] == pytest.approx(expected, abs=1e-12)


def test_every_fact_of_an_export_is_no_class() -> None:
    assert set(ABOUT) <= OTHERS


KINDS: list[Callable[[list[Any]], Any]] = [
    lambda values: pd.Series(values, dtype=object),
    lambda values: pd.Series(values, dtype="str"),
    lambda values: pd.Series(values, dtype="string"),
    lambda values: pd.Series(values, dtype=pd.ArrowDtype(pa.string())),
    lambda values: pd.Series(values, dtype="category"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_an_image_or_a_class_is_refused(kind: Callable[[list[Any]], Any]) -> None:
    """It would be a cell of another image, or an image called None."""
    holes = {"image_id": kind(["a", "b", None, "a"]), "class_id": ["x", "x", "x", "y"]}
    for keys, line, name in (
        (holes, 4, "image_id"),
        (
            {"image_id": ["a", "b", "b", "a"], "class_id": kind(["x", None, "y", "y"])},
            3,
            "class_id",
        ),
    ):
        for column, values in (("score", SCORES), ("label", LABELS)):
            pd.DataFrame(keys | {column: [1.0, 0.0, 1.0, 0.0]}).to_parquet("t.parquet")
            with pytest.raises(InputError, match=rf"^t\.parquet line {line}: no {name}$"):
                read_grid(Path("t.parquet"), values)
    pd.DataFrame({"image_id": kind(["a", None]), "pool": [0.5, 0.6]}).to_parquet("t.parquet")
    with pytest.raises(InputError, match=r"^t\.parquet line 3: no image_id$"):
        read_grid(Path("t.parquet"), LABELS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_a_group_is_its_own(kind: Callable[[list[Any]], Any]) -> None:
    groups = kind(["h1", "h1", None, None, "h2", "h2"])
    _table(TRUTH, image_id=PATHS, property_id=groups).to_parquet("y.parquet")
    _table(SAID, image_id=PATHS).to_csv("s.csv", index=False)
    assert evaluate_files(_files(labels="y.parquet"), SETTINGS)["groups"] == 4


@pytest.mark.parametrize("kind", ["int64", "Int64"])
def test_whole_numbers_name_images_as_their_texts_do(kind: str) -> None:
    ids = pd.Series(range(6), dtype=kind)
    _table(SAID, image_id=ids).to_parquet("s.parquet")
    _table(TRUTH, image_id=ids)[::-1].to_csv("y.csv", index=False)
    found = evaluate_files(_files("s.parquet"), SETTINGS)["methods"]["s.parquet"]
    expected = average_precision_score(TRUTH.ravel(), SAID.ravel())
    assert found["gap"] == pytest.approx(expected, abs=1e-12)


def test_what_is_told_of_validation_files_says_that_they_are_these() -> None:
    """Pairs that a long table of scores leaves out move the thresholds as well."""
    _table(SAID, image_id=PATHS).to_csv("s.csv", index=False)
    _table(TRUTH, image_id=PATHS).to_csv("y.csv", index=False)
    Path("validation").mkdir()
    _table(TRUTH, image_id=PATHS, text=range(6)).to_csv("validation/y.csv", index=False)
    long = _table(SAID, image_id=PATHS).melt("image_id", var_name="class", value_name="probability")
    long[long["probability"] > 0.15].to_csv("validation/s.csv", index=False)
    files = _files(
        validation_scores=(Path("validation/s.csv"),), validation_labels=Path("validation/y.csv")
    )
    notes = evaluate_files(files, SETTINGS)["notes"]
    assert "Validation: 1 pairs have no row in s.csv: taken as lower than all others." in notes
    (left_out,) = [note for note in notes if "left out" in note]
    assert left_out.startswith("Validation: y.csv: text left out")


@pytest.mark.parametrize("unit", ["score", "auto"])
def test_what_has_no_half_has_no_f1_without_validation(unit: str) -> None:
    _table(SAID, image_id=PATHS).to_csv("s.csv", index=False)
    _table(TRUTH, image_id=PATHS).to_csv("y.csv", index=False)
    found = evaluate_files(_files(unit=unit), SETTINGS)
    (note,) = [note for note in found["notes"] if note.startswith("No validation scores")]
    own = found["methods"]["s.csv"]
    shown = [value for name, value in own.items() if name.startswith("f1_")]
    assert len(shown) == 6
    assert any(value is not None for value in shown) == (unit == "auto")
    assert ("F1 is at one half only" in note) == (unit == "auto")
    assert ("no F1, as scores that only rank have no half" in note) == (unit == "score")


def test_a_workspace_says_how_files_in_it_are_measured() -> None:
    """Its section [evaluate], below the options of the call; elsewhere the defaults."""
    _table(SAID, image_id=PATHS).to_csv("s.csv", index=False)
    _table(TRUTH, image_id=PATHS).to_csv("y.csv", index=False)
    arguments = ("--scores", "s.csv", "--labels", "y.csv", "--json")
    assert json.loads(_call(*arguments, "--bootstrap", "5").stdout)["settings"]["k"] == 10
    chosen = EvaluateSettings(k=1, bootstrap=7, min_positives=4)
    Path("mumic.toml").write_text(render(replace(Settings(), evaluate=chosen)))
    found = json.loads(_call(*arguments).stdout)
    assert found["settings"] | {"k": 1, "bootstrap": 7, "min_positives": 4} == found["settings"]
    own = found["methods"]["s.csv"]
    best = SAID.argmax(axis=1)
    top = np.arange(6)
    expected = average_precision_score(TRUTH[top, best], SAID[top, best])
    assert own["gap_at_1"] == pytest.approx(expected, abs=1e-12)
    assert own["classes_left_out"] == 2  # three positives each
    asked = json.loads(_call(*arguments, "--min-positives", "3").stdout)
    assert (asked["settings"]["min_positives"], asked["settings"]["bootstrap"]) == (3, 7)
    Path("mumic.toml").write_text("[evaluate]\nbootstraps = 7\n")
    broken = _call(*arguments)
    assert broken.exit_code == 1
    assert "bootstraps" in broken.output
