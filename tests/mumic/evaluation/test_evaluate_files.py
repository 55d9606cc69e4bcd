"""`mumic evaluate --scores --labels`: every format, against scikit-learn; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import average_precision_score, f1_score

from annotate.errors import InputError, MissingError
from annotate.settings import EvaluateSettings
from mumic.cli.evaluate import evaluate
from mumic.evaluation.evaluate_files import Files, evaluate_files

CLASSES = ["pool", "bed", "pets"]
IDS = [f"image {number}" for number in range(30)]


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = (rng.random((30, 3)) < 0.4).astype(float)
    labels[rng.random((30, 3)) < 0.1] = np.nan
    scores = rng.normal(size=(30, 3)).round(2) + np.nan_to_num(labels)
    return scores, labels


def _wide(values: np.ndarray, **more: Any) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=CLASSES)
    frame.insert(0, "image_id", IDS)
    return frame.assign(**more)


def _long(values: np.ndarray, name: str) -> pd.DataFrame:
    frame = _wide(values).melt("image_id", var_name="class_id", value_name=name)
    return frame[frame[name].notna()].sample(frac=1, random_state=0)


def _call(folder: Path, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(evaluate, [*arguments, "--bootstrap", "20"])


def _found(folder: Path, *arguments: str) -> Any:
    result = _call(folder, *arguments, "--json")
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def _save(frame: pd.DataFrame) -> dict[str, Callable[[Path], None]]:
    return {
        ".csv": lambda file: frame.to_csv(file, index=False),
        ".tsv": lambda file: frame.to_csv(file, index=False, sep="\t"),
        ".parquet": lambda file: frame.to_parquet(file),
    }


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_every_table_gives_what_scikit_learn_finds(tmp_path: Path, suffix: str, shape: str) -> None:
    scores, labels = _data()
    if shape == "wide":  # columns and rows in another order than those of the labels
        scored, truth = _wide(scores)[["pets", "image_id", "pool", "bed"]][::-1], _wide(labels)
    else:
        scored, truth = _long(scores, "logit"), _long(labels, "label")
    _save(scored)[suffix](tmp_path / f"s{suffix}")
    _save(truth)[suffix](tmp_path / f"y{suffix}")
    found = _found(tmp_path, "--scores", f"s{suffix}", "--labels", f"y{suffix}")
    own = found["methods"][f"s{suffix}"]
    known = ~np.isnan(labels)
    expected = average_precision_score(labels[known], scores[known])
    assert own["gap"] == pytest.approx(expected, abs=1e-12)
    assert own["known_cells"] == known.sum()
    for row in found["per_class"]:
        at = CLASSES.index(row["class_id"])
        value = average_precision_score(labels[known[:, at], at], scores[known[:, at], at])
        assert row["average_precision"][f"s{suffix}"] == pytest.approx(value, abs=1e-12)
    half = f1_score(labels[known], scores[known] >= 0)
    assert own["f1_micro_at_half"] == pytest.approx(half)
    assert own["f1_micro"] is None
    assert any("taken as logits" in note for note in found["notes"])


def test_npy_with_class_names_and_probabilities(tmp_path: Path) -> None:
    scores, labels = _data()
    said = (1 / (1 + np.exp(-scores))).astype(np.float32)
    np.save(tmp_path / "s.npy", said)
    np.save(tmp_path / "y.npy", np.nan_to_num(labels, nan=-1).astype(np.int8))
    (tmp_path / "names.txt").write_text("\n".join(CLASSES) + "\n")
    arguments = ["--scores", "s.npy", "--labels", "y.npy"]
    found = _found(tmp_path, *arguments, "--classes", "names.txt")
    known = ~np.isnan(labels)
    expected = average_precision_score(labels[known], said[known])
    assert found["methods"]["s.npy"]["gap"] == pytest.approx(expected, abs=1e-12)
    brier = ((said.astype(float) - labels)[known] ** 2).mean()
    assert found["methods"]["s.npy"]["brier"] == pytest.approx(brier, abs=1e-12)
    assert [row["class_id"] for row in found["per_class"]] == CLASSES
    (tmp_path / "names.txt").write_text("pool\nbed\n")
    error = _call(tmp_path, *arguments, "--classes", "names.txt").exception
    assert "names for 30 and 2" in str(error)


def test_thresholds_come_from_validation(tmp_path: Path) -> None:
    scores, labels = _data()
    for name, rows in (("v", slice(0, 15)), ("t", slice(15, 30))):
        _wide(scores)[rows].to_csv(tmp_path / f"s{name}.csv", index=False)
        _wide(labels)[rows].to_csv(tmp_path / f"y{name}.csv", index=False)
    validation = ["--validation-scores", "sv.csv", "--validation-labels", "yv.csv"]
    found = _found(tmp_path, "--scores", "st.csv", "--labels", "yt.csv", *validation)
    assert found["methods"]["st.csv"]["f1_micro"] is not None
    flipped = _wide(1 - labels)[15:30]
    flipped.to_csv(tmp_path / "yt.csv", index=False)
    other = _found(tmp_path, "--scores", "st.csv", "--labels", "yt.csv", *validation)
    pairs = zip(found["per_class"], other["per_class"], strict=True)
    assert all(a["threshold"] == b["threshold"] for a, b in pairs)


def test_validation_on_images_of_the_test_is_said(tmp_path: Path) -> None:
    scores, labels = _data()
    for name, rows in (("v", slice(0, 18)), ("t", slice(15, 30)), ("o", slice(0, 15))):
        _wide(scores)[rows].to_csv(tmp_path / f"s{name}.csv", index=False)
        _wide(labels)[rows].to_csv(tmp_path / f"y{name}.csv", index=False)
        np.save(tmp_path / f"s{name}.npy", scores[rows])
        np.save(tmp_path / f"y{name}.npy", labels[rows])

    def notes(test: str, validation: str, suffix: str) -> str:
        files = [f"{kind}{name}{suffix}" for name in (test, validation) for kind in "sy"]
        flags = ("--scores", "--labels", "--validation-scores", "--validation-labels")
        arguments = [each for pair in zip(flags, files, strict=True) for each in pair]
        return " ".join(_found(tmp_path, *arguments)["notes"])

    assert "3 of these 15 images are in validation too" in notes("t", "v", ".csv")
    assert "15 of these 15 images are in validation too" in notes("t", "t", ".csv")
    assert "in validation too" not in notes("t", "o", ".csv")
    assert "15 of these 15 images are in validation too" in notes("t", "t", ".npy")
    assert "in validation too" not in notes("t", "o", ".npy")  # numbers of rows are no names


def test_two_files_are_compared_in_pairs(tmp_path: Path) -> None:
    scores, labels = _data()
    _wide(scores).to_csv(tmp_path / "a.csv", index=False)
    _wide(scores - 0.8 * np.nan_to_num(labels)).to_csv(tmp_path / "b.csv", index=False)
    _wide(labels, property_id=[f"h{n // 3}" for n in range(30)]).to_csv(
        tmp_path / "y.csv", index=False
    )
    found = _found(tmp_path, "--labels", "y.csv", "--compare", "a.csv", "b.csv")
    gain = found["differences"]["b.csv"]["gap"]
    methods = found["methods"]
    assert gain["value"] == pytest.approx(methods["a.csv"]["gap"] - methods["b.csv"]["gap"])
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert found["groups"] == 10
    (tmp_path / "c.csv").write_bytes((tmp_path / "a.csv").read_bytes())
    same = _found(tmp_path, "--labels", "y.csv", "--compare", "a.csv", "c.csv")
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0, "counts": False}
    assert same["differences"]["c.csv"]["gap"] == nothing
    known = [each for each in same["differences"]["c.csv"].values() if each["value"] is not None]
    assert all(each == nothing for each in known)
    assert len(known) >= 9
    shown = _call(tmp_path, "--labels", "y.csv", "--compare", "a.csv", "b.csv").stdout
    assert "a.csv - b.csv" in shown


def test_pairs_that_a_long_table_leaves_out_are_lowest(tmp_path: Path) -> None:
    scores, labels = _data()
    long = _long(scores, "logit")
    long[long["logit"] > 0].to_csv(tmp_path / "s.csv", index=False)
    for image in set(IDS) - set(long[long["logit"] > 0]["image_id"]):
        labels[IDS.index(image)] = np.nan
    rows = ~np.isnan(labels).all(axis=1)
    _wide(labels)[rows].to_csv(tmp_path / "y.csv", index=False)
    found = _found(tmp_path, "--scores", "s.csv", "--labels", "y.csv")
    known = ~np.isnan(labels)
    lowered = np.where(scores > 0, scores, -1e9)
    expected = average_precision_score(labels[known], lowered[known])
    assert found["methods"]["s.csv"]["gap"] == pytest.approx(expected, abs=1e-12)
    assert any("taken as lower than all others" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ("image_id,a\n1,0.5\n1,0.6\n", "image_id,a\n1,1\n", "line 3: image 1 for the second time"),
        ("image_id,a\n1,high\n", "image_id,a\n1,1\n", "line 2: a is 'high', not a number"),
        ("image_id,a\n1,\n", "image_id,a\n1,1\n", "1 scores are not numbers"),
        ("image_id,a\n1,0.5\n", "image_id,a\n1,2\n", "class a: 2; a label is 1, 0"),
        ("image_id,a\n1,0.5\n", "image_id,a\n2,1\n", "no scores for 1 of 1 image ids"),
        ("image_id,pets\n1,0.5\n", "image_id,pest\n1,1\n", "did you mean pets"),
        ("who,a\n1,0.5\n", "image_id,a\n1,1\n", "no column for the image"),
        ("image_id\n1\n", "image_id,a\n1,1\n", "no column for a class"),
        ("image_id,a\n", "image_id,a\n1,1\n", "no rows"),
        ("", "image_id,a\n1,1\n", "cannot be read"),
        ("image_id,a\n1,0.5\n", "image_id,a\n1,\n", "no image here has a known label"),
        ("image_id,a\n1,0.5\n ,0.5\n", "image_id,a\n1,1\n", "s.csv line 3: no image_id"),
        ("path,class,score\n1,a,1\n2,,1\n", "path,a\n1,1\n", "s.csv line 3: no class"),
        ("path,id,a\nx,1,1\n", "id,a\n1,1\n", "by their column path, the labels by id: give both"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, scores: str, labels: str, message: str
) -> None:
    (tmp_path / "s.csv").write_text(scores)
    (tmp_path / "y.csv").write_text(labels)
    error = _call(tmp_path, "--scores", "s.csv", "--labels", "y.csv").exception
    assert isinstance(error, InputError | MissingError)
    assert message in str(error)


def test_hostile_npy_is_no_pickle(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "y.npy", np.zeros((1, 1)))
    error = _call(tmp_path, "--scores", "s.npy", "--labels", "y.npy").exception
    assert isinstance(error, InputError)
    assert _call(tmp_path, "--scores", "s.npy").exit_code == 2
    missing = _call(tmp_path, "--scores", "none.csv", "--labels", "y.npy").exception
    assert isinstance(missing, MissingError)


def test_torn_and_wrongly_written_files_are_named(tmp_path: Path) -> None:
    scores, labels = _data()
    np.savez(tmp_path / "s.npz", logits=scores, image_ids=IDS, class_ids=CLASSES)
    whole = (tmp_path / "s.npz").read_bytes()
    _wide(labels).to_csv(tmp_path / "y.csv", index=False)
    arguments = ["--scores", "s.npz", "--labels", "y.csv"]
    (tmp_path / "names.txt").write_bytes("pool\nbed\nétage".encode("latin-1"))
    error = _call(tmp_path, *arguments, "--classes", "names.txt").exception
    assert isinstance(error, InputError)
    assert "names.txt: not a list of classes" in str(error)
    (tmp_path / "s.npz").write_bytes(whole[:-100])
    error = _call(tmp_path, *arguments).exception
    assert isinstance(error, InputError)
    assert "s.npz: cannot be read" in str(error)


def test_rare_classes_of_a_sparse_table_are_not_a_yes_everywhere(tmp_path: Path) -> None:
    """Most scores are missing, which is lower than all: half of them lie at minus infinity."""
    scores, labels = _data()
    labels[:, 2] = np.nan_to_num(labels[:, 2])
    labels[2:, 2] = 0  # at most two positives of pets
    long = _long(scores, "score")
    long[long["score"] > np.quantile(scores, 0.6)].to_csv(tmp_path / "s.csv", index=False)
    kept = [image in set(pd.read_csv(tmp_path / "s.csv")["image_id"]) for image in IDS]
    _wide(labels)[kept].to_csv(tmp_path / "y.csv", index=False)
    arguments = ["--scores", "s.csv", "--labels", "y.csv", "--unit", "score"]
    arguments += ["--validation-scores", "s.csv", "--validation-labels", "y.csv"]
    result = _call(tmp_path, *arguments, "--json")
    found = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    threshold = {row["class_id"]: row["threshold"] for row in found["per_class"]}["pets"]
    cut = np.where(scores > np.quantile(scores, 0.6), scores, -np.inf)[kept]
    truth, known = labels[kept], ~np.isnan(labels[kept])
    best = max(f1_score(truth[known], cut[known] >= t) for t in np.unique(cut[known]))
    assert f1_score(truth[known], cut[known] >= threshold) == pytest.approx(best)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("bootstrap", 0, "bootstrap must be 1 or more"),
        ("bootstrap", -1, "bootstrap must be 1 or more"),
        ("k", 0, "k must be 1 or more"),
        ("min_positives", -1, "min_positives must be 0 or more"),
        ("majority", -3, "majority must be 0 or more"),
        ("common_at_most", 9, "common_at_most must not be below rare_at_most"),
    ],
)
def test_settings_under_which_nothing_can_be_measured(
    tmp_path: Path, setting: str, value: int, message: str
) -> None:
    scores, labels = _data()
    _wide(scores).to_csv(tmp_path / "s.csv", index=False)
    _wide(labels).to_csv(tmp_path / "y.csv", index=False)
    settings = replace(EvaluateSettings(), bootstrap=5)
    files = Files((tmp_path / "s.csv",), tmp_path / "y.csv")
    with pytest.raises(InputError, match=rf"^\[evaluate\] {message}$"):
        evaluate_files(files, replace(settings, **{setting: value}))
    lowest = {"bootstrap": 1, "k": 1, "min_positives": 0, "majority": 0, "common_at_most": 10}
    assert evaluate_files(files, replace(settings, **{setting: lowest[setting]}))["methods"]
