"""Scores and labels in different orders, without names or with gaps: equal numbers, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score

from annotate.errors import InputError
from annotate.settings import EvaluateSettings
from mumic.evaluation.evaluate_files import Files, evaluate_files
from mumic.evaluation.score_alignment import align
from mumic.evaluation.score_files import LABELS, SCORES, read_grid
from mumic.scores import Scores, write_scores

CLASSES = ["pool", "bed", "pets"]
IDS = [f"i{number}" for number in range(24)]
SETTINGS = replace(EvaluateSettings(), bootstrap=5, threshold_min_positives=1)


def _data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, of which each class has its own range, and labels."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((24, 3)) < [0.2, 0.5, 0.8]).astype(int)
    logits = rng.normal(size=(24, 3)) + 2 * labels + [-3, 0, 2]
    return 1 / (1 + np.exp(-logits)), labels


def _table(values: np.ndarray, **more: Any) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=CLASSES)
    frame.insert(0, "image_id", IDS)
    return frame.assign(**more)


def _long(values: np.ndarray, name: str) -> pd.DataFrame:
    return _table(values).melt("image_id", var_name="class_id", value_name=name)


def _measured(files: Files) -> dict[str, Any]:
    return evaluate_files(files, SETTINGS)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("labels", ["y.csv", "yl.csv"])
def test_a_runs_own_scores_name_their_classes(tmp_path: Path, labels: str) -> None:
    scores, truth = _data()
    write_scores(tmp_path, "test", Scores(scores.astype(np.float32), IDS), CLASSES)
    _table(truth)[["pets", "image_id", "bed", "pool"]].to_csv("y.csv", index=False)
    _long(truth, "label").to_csv("yl.csv", index=False)
    found = _measured(Files((Path("scores-test.npz"),), Path(labels)))
    expected = np.mean([average_precision_score(truth[:, at], scores[:, at]) for at in range(3)])
    assert found["methods"]["scores-test.npz"]["macro_map"] == pytest.approx(expected, abs=1e-6)


def test_columns_without_names_are_never_guessed() -> None:
    scores, truth = _data()
    np.savez("old.npz", logits=scores, image_ids=np.array(IDS))
    np.save("s.npy", scores)
    _table(truth).to_csv("y.csv", index=False)
    for name in ("old.npz", "s.npy"):
        with pytest.raises(InputError, match=r"no class ids.*--classes"):
            _measured(Files((Path(name),), Path("y.csv")))
        Path("names.txt").write_text("\n".join(CLASSES))
        found = _measured(Files((Path(name),), Path("y.csv"), classes=Path("names.txt")))
        expected = average_precision_score(truth.ravel(), scores.ravel())
        assert found["methods"][name]["gap"] == pytest.approx(expected, abs=1e-12)


def test_rows_without_names_need_an_order_that_says_something() -> None:
    scores, truth = _data()
    Path("names.txt").write_text("\n".join(CLASSES))
    np.save("y.npy", truth)
    np.save("s.npy", scores)
    _table(scores).to_csv("a.csv", index=False)
    _table(scores)[["image_id", "pets", "pool", "bed"]].to_csv("b.csv", index=False)
    _table(scores)[::-1].to_csv("reversed.csv", index=False)
    _long(truth, "label").to_csv("long.csv", index=False)
    a, b = Path("a.csv"), Path("b.csv")
    found = _measured(Files((a, b), Path("y.npy"), classes=Path("names.txt")))["methods"]
    expected = average_precision_score(truth.ravel(), scores.ravel())
    assert [found[name]["gap"] for name in ("a.csv", "b.csv")] == pytest.approx([expected] * 2)
    with pytest.raises(InputError, match=r"rows have no ids, and reversed.csv has other images"):
        _measured(Files((a, Path("reversed.csv")), Path("y.npy"), classes=Path("names.txt")))
    with pytest.raises(InputError, match=r"rows have no ids, and long.csv has several rows"):
        _measured(Files((Path("s.npy"),), Path("long.csv"), classes=Path("names.txt")))


def test_groups_of_the_scores_belong_to_their_images() -> None:
    scores, truth = _data()
    hotels = [f"h{at // 3}" for at in range(24)]
    scored = _table(scores, property_id=hotels)
    pd.concat([scored.iloc[:1].assign(image_id="extra"), scored[::-1]]).to_csv("s.csv", index=False)
    _table(truth).to_csv("y.csv", index=False)
    grids = read_grid(Path("s.csv"), SCORES), read_grid(Path("y.csv"), LABELS)
    _table(scores).to_csv("plain.csv", index=False)
    plain = read_grid(Path("plain.csv"), SCORES)
    for files in ([grids[0]], [plain, grids[0]]):  # of the second file too
        for aligned in align([(grid, "probability") for grid in files], grids[1], None):
            pairs = zip(aligned.image_ids, aligned.groups, strict=True)
            assert list(pairs) == list(zip(IDS, hotels, strict=True))


@pytest.mark.parametrize("unit", ["auto", "probability"])
def test_gaps_do_not_turn_probabilities_into_logits(unit: str) -> None:
    scores, truth = _data()
    long = _long(scores, "score")
    dropped = long["score"] < 0.05
    assert 0 < dropped.sum() < 20
    long[~dropped].to_csv("s.csv", index=False)
    _table(truth).to_csv("y.csv", index=False)
    found = _measured(Files((Path("s.csv"),), Path("y.csv"), unit=unit))
    filled = np.where(scores < 0.05, 0, scores)
    own = found["methods"]["s.csv"]
    assert "s.csv: taken as probabilities." in found["notes"]
    expected = brier_score_loss(truth.ravel(), filled.ravel())
    assert own["brier"] == pytest.approx(expected, abs=1e-12)
    expected = f1_score(truth.ravel(), filled.ravel() >= 0.5)
    assert own["f1_micro_at_half"] == pytest.approx(expected)


def test_a_column_called_probability_holds_probabilities() -> None:
    scores, truth = _data()
    _long(scores * 100, "probability").to_csv("s.csv", index=False)
    _table(truth).to_csv("y.csv", index=False)
    with pytest.raises(InputError, match=r"no probabilities"):
        _measured(Files((Path("s.csv"),), Path("y.csv")))


@pytest.mark.parametrize("labels", ["y.csv", "y.npy"])
@pytest.mark.parametrize("extra", [False, True])
def test_thresholds_reach_their_own_classes(labels: str, extra: bool) -> None:
    """Validation names its classes in another order, and more of them."""
    scores, truth = _data()
    _table(scores).to_csv("s.csv", index=False)
    _table(truth).to_csv("y.csv", index=False)
    np.save("y.npy", truth)
    Path("names.txt").write_text("\n".join(CLASSES))
    said, right = _data(1)
    more = {"lobby": 1} if extra else {}
    order = ["image_id", "bed", *more, "pets", "pool"]
    _table(said, **more)[order].to_csv("sv.csv", index=False)
    _table(right, **more)[order].to_csv("yv.csv", index=False)
    found = _measured(
        Files(
            (Path("s.csv"),),
            Path(labels),
            classes=Path("names.txt"),
            validation_scores=(Path("sv.csv"),),
            validation_labels=Path("yv.csv"),
        )
    )
    for row in found["per_class"]:
        at = CLASSES.index(row["class_id"])
        f1 = {cut: f1_score(right[:, at], said[:, at] >= cut) for cut in said[:, at]}
        assert f1_score(right[:, at], said[:, at] >= row["threshold"]) == pytest.approx(
            max(f1.values())
        )


def test_validation_must_hold_the_same_unit_and_classes() -> None:
    scores, truth = _data()
    _table(scores).to_csv("s.csv", index=False)
    _table(truth).to_csv("y.csv", index=False)
    _table(scores * 9 - 5).to_csv("sv.csv", index=False)
    test = Files((Path("s.csv"),), Path("y.csv"))
    files = replace(test, validation_scores=(Path("sv.csv"),), validation_labels=Path("y.csv"))
    with pytest.raises(InputError, match=r"sv.csv looks like logits, s.csv like probabilities"):
        _measured(files)
    _table(truth)[["image_id", "bed", "pets"]].to_csv("yv.csv", index=False)
    lacking = replace(files, validation_scores=(Path("s.csv"),), validation_labels=Path("yv.csv"))
    with pytest.raises(InputError, match=r"yv.csv: lacks classes of y.csv"):
        _measured(lacking)


def test_arrays_without_any_names_are_taken_by_place() -> None:
    scores, truth = _data()
    np.save("s.npy", scores)
    np.save("y.npy", truth)
    found = _measured(Files((Path("s.npy"),), Path("y.npy")))
    expected = average_precision_score(truth.ravel(), scores.ravel())
    assert found["methods"]["s.npy"]["gap"] == pytest.approx(expected, abs=1e-6)


def test_whole_numbers_keep_their_order() -> None:
    """Ranks above 2^24, the first number after which float32 has gaps."""
    truth = np.array([[1], [0], [1], [0]])
    ranks = 2**24 + np.array([[4], [3], [2], [1]])
    np.save("y.npy", truth)
    for kind in (np.int64, np.int32, np.uint32):
        np.save("s.npy", ranks.astype(kind))
        found = _measured(Files((Path("s.npy"),), Path("y.npy")))
        expected = average_precision_score(truth[:, 0], ranks[:, 0])
        assert found["methods"]["s.npy"]["gap"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["text", "split", "path", "file", "image"])
def test_a_class_that_is_called_like_a_column_of_facts_is_told(name: str) -> None:
    scores, truth = _data()
    classes = {"bed": name}
    _table(scores).rename(columns=classes).to_csv("s.csv", index=False)
    _table(truth).rename(columns=classes).to_csv("y.csv", index=False)
    found = _measured(Files((Path("s.csv"),), Path("y.csv")))
    assert [row["class_id"] for row in found["per_class"]] == ["pool", "pets"]
    for file in ("s.csv", "y.csv"):
        assert any(note.startswith(f"{file}: {name} left out") for note in found["notes"])
    _table(truth, split="test", content_hash="ab", property_id=7).to_csv("y.csv", index=False)
    _table(scores).to_csv("s.csv", index=False)
    assert "left out" not in " ".join(_measured(Files((Path("s.csv"),), Path("y.csv")))["notes"])
