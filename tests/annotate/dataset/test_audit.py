"""The audit: cleanlab called directly, planted wrong labels, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from annotate.cli import main
from annotate.dataset.audit import find_wrong_labels
from annotate.files import write_json
from annotate.tables import CANDIDATES, DATASET, LEARNED, PREDICTIONS, read, write

CLASSES = ("dog", "pool", "never", "always")


def world(seed: int, images: int = 300) -> tuple[Any, Any]:
    """True labels of two classes, and probabilities that mostly see them."""
    rng = np.random.default_rng(seed)
    truth = rng.random((images, 2)) < (0.3, 0.1)
    logits = np.where(truth, 2.5, -2.5) + rng.normal(0, 1, truth.shape)
    return truth.astype(np.int8), 1 / (1 + np.exp(-logits))


def clear(probabilities: Any, start: int, count: int) -> list[int]:
    """The first rows from some on, of which the run is sure."""
    sure = np.flatnonzero(np.abs(probabilities[:, 0] - 0.5) > 0.4)
    return [int(at) for at in sure[sure >= start][:count]]


PLANTED = {f"i{at}" for at in clear(world(3, 200)[1], 150, 5)}


def test_with_all_labels_known_it_is_cleanlabs_own_answer() -> None:
    from cleanlab.multilabel_classification.filter import find_label_issues

    truth, probabilities = world(0)
    labels = truth.copy()
    labels[:20, 0] ^= 1
    rows = [np.flatnonzero(row).tolist() for row in labels]
    expected = find_label_issues(labels=rows, pred_probs=probabilities, n_jobs=1)
    found = find_wrong_labels(labels, np.ones(labels.shape, bool), probabilities, CLASSES[:2])
    assert set(found.issues["row"]) == set(np.flatnonzero(expected))


def test_planted_wrong_labels_come_first() -> None:
    truth, probabilities = world(1)
    labels = truth.copy()
    planted = np.flatnonzero(np.abs(probabilities[:, 0] - 0.5) > 0.4)[:12]
    labels[planted, 0] ^= 1
    found = find_wrong_labels(labels, np.ones(labels.shape, bool), probabilities, CLASSES[:2])
    worst = found.issues[found.issues["class_id"] == "dog"].head(len(planted))
    assert set(worst["row"]) == set(planted)
    assert (worst["label"].to_numpy() == labels[worst["row"], 0]).all()
    assert found.issues["quality"].is_monotonic_increasing


def test_unknown_labels_and_classes_that_cannot_be_judged_are_left_out() -> None:
    truth, probabilities = world(2)
    labels = np.hstack([truth, np.zeros((300, 1), np.int8), np.ones((300, 1), np.int8)])
    wide = np.hstack([probabilities, np.full((300, 2), 0.9)])
    wide[:5, 1] = np.nan
    known = np.ones(labels.shape, bool)
    known[:100, 0] = False
    labels[:100, 0] ^= 1  # wrong, but nobody says so
    labels[clear(probabilities, 100, 6), 0] ^= 1
    found = find_wrong_labels(labels, known, wide, CLASSES)
    assert found.left_out == ("never", "always")
    assert found.looked_at == {"dog": 200, "pool": 295}
    dogs = found.issues[found.issues["class_id"] == "dog"]
    assert set(clear(probabilities, 100, 6)) <= set(dogs["row"])
    assert dogs["row"].min() >= 100
    alone = find_wrong_labels(labels[100:, :1], known[100:, :1], wide[100:, :1], CLASSES[:1])
    assert set(dogs["row"] - 100) == set(alone.issues["row"])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of 200 images, half of them in training, and a run that has scored the others."""
    truth, probabilities = world(3, 200)
    ids = [f"i{at:03}" for at in range(200)]
    labels = truth.copy()
    planted = clear(probabilities, 150, 5)
    labels[planted, 0] ^= 1
    for at in planted:
        Image.new("RGB", (16, 12), "teal").save(tmp_path / f"{ids[at]}.jpg")
    frame = pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"{name}.jpg" for name in ids],
            "content_hash": ids,
            "property_id": None,
            "group_id": ids,
            "text": None,
            "split": ["train"] * 100 + ["validation"] * 50 + ["test"] * 50,
            "labels": labels.tolist(),
            "rates": [[None, None]] * 200,
        }
    )
    write(DATASET, frame, tmp_path / "data" / "dataset" / "images.parquet")
    classes = [{"id": name, "name": name.title()} for name in CLASSES[:2]]
    write_json(tmp_path / "data" / "dataset" / "classes.json", {"classes": classes})
    run = tmp_path / "runs" / "first"
    write_json(run / "run.json", {"finished": "2026-01-01T00:00:00+00:00"})
    write_json(run / "classes.json", {"classes": classes})
    write(LEARNED, frame.loc[:149, ["content_hash", "split"]], run / "learned.parquet")
    logits = np.log(probabilities / (1 - probabilities)).astype(np.float32)
    for split, rows in (("validation", slice(100, 150)), ("test", slice(150, 200))):
        np.savez(run / f"scores-{split}.npz", logits=logits[rows], image_ids=np.array(ids[rows]))
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["dataset", "audit", *args])


def test_the_audit_of_a_workspace_makes_a_page_and_a_round(workspace: Path) -> None:
    done = run("--round", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["images"] == 100
    assert found["round"] == 1
    rows = read(CANDIDATES, workspace / "data" / "candidates" / "round-0001.parquet")
    assert set(rows["image_id"]) >= PLANTED
    assert set(rows["strategy"]) == {"audit"}
    assert rows["inclusion_probability"].isna().all()
    assert not {f"i{at:03}" for at in range(100)} & set(rows["image_id"])
    page = (workspace / "data" / "dataset" / "audit.html").read_text("utf-8")
    assert "labelled no, likely yes" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_training_images_are_refused_with_a_way_out(workspace: Path) -> None:
    refused = run("--split", "train")
    assert refused.exit_code == 1
    assert "splits.parquet" in refused.output
    frame = read(DATASET, workspace / "data" / "dataset" / "images.parquet")
    frame["split"] = "train"  # made anew, all of it
    write(DATASET, frame, workspace / "data" / "dataset" / "images.parquet")
    refused = run()
    assert refused.exit_code == 1
    assert "made anew" in refused.output


def test_without_scores_predictions_outside_training_are_used(workspace: Path) -> None:
    for split in ("validation", "test"):
        (workspace / "runs" / "first" / f"scores-{split}.npz").unlink()
    refused = run()
    assert refused.exit_code == 1
    assert "mumic evaluate --run first --split validation" in refused.output

    _, probabilities = world(3, 200)
    places = [(at, c) for at in range(200) for c in range(2) if probabilities[at, c] > 0.01]
    rows = pd.DataFrame(
        {
            "image_id": [f"i{at:03}" for at, _ in places],
            "uri": "",
            "content_hash": "",
            "run_id": "first",
            "taxonomy_hash": "",
            "class_id": [CLASSES[c] for _, c in places],
            "logit": [np.log(probabilities[p] / (1 - probabilities[p])) for p in places],
        }
    )
    write(PREDICTIONS, rows, workspace / "data" / "predictions" / "first.parquet")
    write_json(
        workspace / "data" / "predictions" / "first.json",
        {"min_probability": 0.01, "taxonomy_hash": ""},
    )
    thresholds = [{"class_id": name, "logit": 0.0} for name in CLASSES[:2]]
    write_json(workspace / "runs" / "first" / "thresholds.json", {"thresholds": thresholds})
    found = json.loads(run("--json").stdout)
    assert found["read_from"] == ["predictions"]
    assert found["images"] <= 100
    flagged = read_audit(workspace)
    assert flagged >= PLANTED
    # With splits made anew, images that the run was trained on can be in any of them.
    frame = read(DATASET, workspace / "data" / "dataset" / "images.parquet")
    frame.loc[[0, 150], "split"] = ["validation", "train"]
    write(DATASET, frame, workspace / "data" / "dataset" / "images.parquet")
    refused = run()
    assert refused.exit_code == 1
    assert "1 of 51 validation images are among those that run first was trained with" in (
        " ".join(refused.output.split())
    )


def read_audit(workspace: Path) -> set[str]:
    frame = pd.read_parquet(workspace / "data" / "dataset" / "audit.parquet")
    assert (frame["split"] != "train").all()
    return set(frame["image_id"])


def test_damaged_scores_are_named(workspace: Path) -> None:
    (workspace / "runs" / "first" / "scores-test.npz").write_bytes(b"PK no")
    refused = run()
    assert refused.exit_code == 1
    assert "scores-test.npz" in refused.output
