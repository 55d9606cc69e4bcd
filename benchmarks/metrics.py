"""All measures of a large split: ours against scikit-learn and torchmetrics, on scores with ties.

Every value is compared with theirs before anything is timed. torchmetrics computes in float32, and
has not all of them: a second total is over those that it has.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    coverage_error,
    f1_score,
)
from torchmetrics.functional.classification import (
    multilabel_average_precision,
    multilabel_coverage_error,
    multilabel_f1_score,
)

from benchmarks.report import QUICK, fastest, publish
from mumic.metrics.calibration import coverage, squared_errors
from mumic.metrics.decisions import decide
from mumic.metrics.intervals import resample_groups
from mumic.metrics.measures import average_precisions, gap
from mumic.metrics.ranking import Cells
from mumic.metrics.resampled import gap_samples
from mumic.metrics.thresholds import sigmoid
from mumic.metrics.top_k import gap_at_k

K, RESAMPLES = 10, 200
PEERS = {"scikit-learn": 1e-9, "torchmetrics": 1e-5}  # and how far from ours; one is in float32
Run = Callable[[], Any]


def main() -> None:
    images, classes = (3_000, 40) if QUICK else (60_000, 120)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(images, classes)).round(3).astype(np.float32)
    labels = (rng.random((images, classes)) < 0.02).astype(np.int8)
    labels[np.arange(images), rng.integers(0, classes, images)] = 1
    variants = _variants(scores, labels)
    difference = {name: _largest_difference(variants, name) for name in PEERS}
    measured = {task: fastest(runs, turns=1 if QUICK else 2) for task, runs in variants.items()}
    tracemalloc.start()
    for runs in variants.values():
        runs["ours"]()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    cells = Cells(labels, np.ones(labels.shape, bool))
    draws = resample_groups([str(at // 3) for at in range(images)], RESAMPLES, 0)
    seconds = fastest({"ours": lambda: gap_samples(scores, cells, draws)}, turns=1)["ours"]
    again = measured["GAP"]["scikit-learn"] * RESAMPLES
    facts = {
        "largest_difference": difference,
        "peak_mb_beyond_the_scores": peak,
        "bootstrap_of_gap": {
            "resamples": RESAMPLES,
            "seconds": seconds,
            "times_ours": again / seconds,
        },
    }
    totals = {f"all that {name} has": _total(measured, name) for name in PEERS}
    publish("metrics", f"{images:,} images, {classes} classes", totals | measured, facts)


def _largest_difference(variants: dict[str, dict[str, Run]], peer: str) -> float:
    """Over all values; a ValueError where one is further off than rounding explains."""
    found = {
        task: float(np.abs(np.subtract(runs["ours"](), np.asarray(runs[peer]()))).max())
        for task, runs in variants.items()
        if peer in runs
    }
    wrong = [f"{task} by {each:g}" for task, each in found.items() if not each <= PEERS[peer]]
    if wrong:
        raise ValueError(f"ours differ from {peer}: {', '.join(wrong)}")
    return max(found.values())


def _total(measured: dict[str, dict[str, float]], peer: str) -> dict[str, float]:
    both = [seconds for seconds in measured.values() if peer in seconds]
    return {name: sum(seconds[name] for seconds in both) for name in ("ours", peer)}


def _variants(scores: Any, labels: Any) -> dict[str, dict[str, Run]]:
    images, classes = scores.shape
    mask = np.ones(labels.shape, bool)
    zero = np.zeros(classes)
    # In [0, 1] and in the same order; no score lies between the cut and 0.
    said = torch.from_numpy(scores - scores.min()) / float(np.ptp(scores))
    cut = (-0.0005 - float(scores.min())) / float(np.ptp(scores))
    truth = torch.from_numpy(labels).long()
    rows = np.arange(images)[:, None]

    def f1() -> list[float]:
        by_class, by_image = decide(scores, zero, labels, mask)
        return [by_class.together, float(by_class.f1.mean()), float(by_image.f1.mean())]

    def their_f1() -> list[float]:
        micro, macro = (
            multilabel_f1_score(said, truth, classes, cut, average=kind)
            for kind in ("micro", "macro")
        )
        of_images = multilabel_f1_score(
            said[..., None], truth[..., None], classes, cut, "micro", "samplewise"
        )
        return [float(micro), float(macro), float(of_images.mean())]

    def their_top() -> float:
        kept = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        truths, ranked = labels[rows, kept].ravel(), scores[rows, kept].ravel()
        return float(average_precision_score(truths, ranked))

    return {
        "AP per class": {
            "ours": lambda: average_precisions(scores, labels, mask),
            "scikit-learn": lambda: average_precision_score(labels, scores, average=None),
            "torchmetrics": lambda: multilabel_average_precision(
                said, truth, classes, average="none"
            ),
        },
        "GAP": {
            "ours": lambda: gap(scores, labels, mask),
            "scikit-learn": lambda: average_precision_score(labels.ravel(), scores.ravel()),
            "torchmetrics": lambda: multilabel_average_precision(
                said, truth, classes, average="micro"
            ),
        },
        f"GAP@{K}": {
            "ours": lambda: gap_at_k(scores, labels, mask, K)[0],
            "scikit-learn": their_top,
        },
        "F1, three averages": {
            "ours": f1,
            "scikit-learn": lambda: [
                f1_score(labels, scores >= 0, average=kind)
                for kind in ("micro", "macro", "samples")
            ],
            "torchmetrics": their_f1,
        },
        "coverage error": {
            "ours": lambda: coverage(scores, labels, mask).mean(),
            "scikit-learn": lambda: coverage_error(labels, scores),
            "torchmetrics": lambda: multilabel_coverage_error(said, truth, classes),
        },
        "Brier": {
            "ours": lambda: squared_errors(scores, labels, mask)[0] / images,
            "scikit-learn": lambda: [
                brier_score_loss(labels[:, at], sigmoid(scores[:, at])) for at in range(classes)
            ],
        },
    }


if __name__ == "__main__":
    main()
