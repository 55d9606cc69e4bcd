"""Average precision per class and GAP: ours against scikit-learn, on scores with ties."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.report import QUICK, fastest, publish
from mumic.metrics import average_precisions, gap


def main() -> None:
    images, classes = (3_000, 40) if QUICK else (60_000, 120)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(images, classes)).round(3).astype(np.float32)
    labels = (rng.random((images, classes)) < 0.02).astype(np.int8)
    mask = np.ones(labels.shape, bool)

    def theirs() -> list[float]:
        return [average_precision_score(labels[:, c], scores[:, c]) for c in range(classes)]

    difference = np.abs(average_precisions(scores, labels, mask) - np.array(theirs())).max()
    print(f"largest difference to scikit-learn: {difference:.1e}")
    variants = {
        "AP per class": {
            "ours": lambda: average_precisions(scores, labels, mask),
            "scikit-learn": theirs,
        },
        "GAP": {
            "ours": lambda: gap(scores, labels, mask),
            "scikit-learn": lambda: average_precision_score(labels.ravel(), scores.ravel()),
        },
    }
    measured = {task: fastest(runs, turns=3) for task, runs in variants.items()}
    publish("metrics", f"{images:,} images, {classes} classes", measured)


if __name__ == "__main__":
    main()
