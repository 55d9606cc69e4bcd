"""The images that the demo's page shows: the cheapest and dearest, with what was said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from annotate import tables
from mumic.cli.predict import predict
from mumic.data import load_dataset
from mumic.demo.photo_groups import judged_images, new_images, thumbnail
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train
from tests.mumic.commands import call_json


def test_images_are_ranked_by_their_cost_and_known_labels_named(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", images=100, epochs=1)
    run = train(workspace, TrainOptions(run="one"))
    evaluate(workspace, EvaluateOptions("one", baselines=False))
    test, scores = load_dataset(workspace).split("test"), read_scores(run.path, "test")
    uris = dict(zip(test.images["image_id"], test.images["uri"], strict=True))
    labels, mask = test.cells.labels, test.cells.mask
    said = 1 / (1 + np.exp(-scores.logits.astype(np.float64)))
    cost = [
        log_loss(labels[at][mask[at]], said[at][mask[at]], labels=[0, 1], normalize=False)
        for at in range(len(test))
    ]
    best, worst = judged_images(workspace, "one", uris)
    order = np.argsort(cost)[::-1]
    pictures = [thumbnail(workspace.root / test.images["uri"].iloc[at]) for at in order]
    assert [image["src"] for image in worst["images"]] == pictures[:8]
    cuts = run.thresholds().probabilities
    for image, at in zip(worst["images"], order, strict=False):
        kinds = {(1, True): "yes", (1, False): "missed", (0, True): "no"}
        expected = [
            {"name": entry.name, "kind": kinds[(labels[at, column], said[at, column] >= cut)]}
            for column, (entry, cut) in enumerate(zip(test.classes, cuts, strict=True))
            if mask[at, column] and (labels[at, column] or said[at, column] >= cut)
        ]
        assert image["labels"] == expected
    rich = [at for at in order[::-1] if (labels[at] * mask[at]).sum() >= 3]
    assert rich
    shown = [thumbnail(workspace.root / test.images["uri"].iloc[at]) for at in rich[:8]]
    assert [image["src"] for image in best["images"]] == shown


def test_new_photos_are_those_that_were_named(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    run = train(workspace, TrainOptions(run="one"))
    found = call_json(workspace, predict, "photos", "--min-probability", "0")
    rows = tables.read(tables.PREDICTIONS, Path(found["path"]))
    named = [{"class_id": entry.id, "name": entry.name} for entry in run.classes]
    shown = new_images(workspace, {"run": "one", "measures": {"per_class": named}})["images"]
    first = sorted(file.name for file in (workspace.root / "photos").iterdir())[:8]
    assert [image["src"] for image in shown] == [
        thumbnail(workspace.root / "photos" / name) for name in first
    ]
    said = rows[rows["uri"] == f"photos/{first[0]}"].set_index("class_id")["logit"]
    assert {label["name"] for label in shown[0]["labels"]} == {
        f"{entry.name} {1 / (1 + np.exp(-said[entry.id])):.2f}" for entry in run.classes
    }
