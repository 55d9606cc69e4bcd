"""Methods measured side by side on one split, with intervals (Wang et al., AAAI 2023, 4.2-4.3).

Every method gets its thresholds from validation, and every difference is taken under the same
resamples of whole groups of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate import tables
from annotate.errors import InputError
from annotate.settings import EvaluateSettings
from mumic.data import Dataset
from mumic.intervals import (
    Interval,
    Weights,
    gap_samples,
    interval,
    macro_map_samples,
    paired_interval,
    resample_groups,
)
from mumic.metrics import (
    Cells,
    Metrics,
    average_precisions,
    included_classes,
    positives,
    summarise,
)
from mumic.run import Run
from mumic.scores import Scores
from mumic.thresholds import Thresholds

Floats = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """A method's logits on the split, float32 (images, classes), and its thresholds."""

    name: str
    logits: Floats
    thresholds: Thresholds


@dataclass(frozen=True)
class Measured:
    """A method's metrics, its resampled macro mAP and GAP, and its average precision per class."""

    name: str
    metrics: Metrics
    macro_map: Samples
    gap: Samples
    precisions: npt.NDArray[np.float64]

    def to_json(self) -> dict[str, Any]:
        """The metrics with the 95 % intervals of macro mAP and GAP."""
        return self.metrics.to_json() | {
            "intervals": {
                "macro_map": interval(self.metrics.macro_map, self.macro_map).to_json(),
                "gap": interval(self.metrics.gap, self.gap).to_json(),
            }
        }


def measure(method: Method, cells: Cells, weights: Weights, settings: EvaluateSettings) -> Measured:
    """All measures of one method.

    Args:
        method: its logits.
        cells: the truth of the split.
        weights: (resamples, images), the same for all methods.
        settings: ``min_positives`` and ``k``.
    """
    included = included_classes(cells, settings.min_positives)
    metrics = summarise(
        method.logits,
        cells,
        method.thresholds.logits,
        min_positives=settings.min_positives,
        k=settings.k,
    )
    return Measured(
        name=method.name,
        metrics=metrics,
        macro_map=macro_map_samples(method.logits, cells, included, weights),
        gap=gap_samples(method.logits, cells, weights),
        precisions=average_precisions(method.logits, cells.labels, cells.mask),
    )


def differences(first: Measured, second: Measured) -> dict[str, Interval]:
    """First minus second in macro mAP and GAP, with paired 95 % intervals."""
    return {
        "macro_map": paired_interval(
            (first.metrics.macro_map, first.macro_map), (second.metrics.macro_map, second.macro_map)
        ),
        "gap": paired_interval((first.metrics.gap, first.gap), (second.metrics.gap, second.gap)),
    }


def difference_json(found: dict[str, Interval]) -> dict[str, Any]:
    """Differences as JSON; ``counts`` says whether the interval excludes zero."""
    return {
        name: value.to_json() | {"counts": value.excludes_zero} for name, value in found.items()
    }


def split_weights(dataset: Dataset, settings: EvaluateSettings, seed: int) -> Weights:
    """Resamples of a split's groups, the same for every method and every call.

    Raises:
        InputError: the split has no image with a known label.
    """
    if not len(dataset) or not dataset.cells.mask.any():
        raise InputError(
            "this split has no image with a known label; nothing can be measured on it."
        )
    groups = [
        group or image_id
        for group, image_id in zip(
            dataset.images["group_id"], dataset.images["image_id"], strict=True
        )
    ]
    return resample_groups(groups, settings.bootstrap, seed)


def report(
    run: Run, dataset: Dataset, methods: Sequence[Method], settings: EvaluateSettings, seed: int
) -> dict[str, Any]:
    """What ``metrics.json`` holds for one split.

    Args:
        run: the measured run.
        dataset: the images of the split, with the run's classes.
        methods: the run itself first.
        settings: see there.
        seed: of the resamples.
    """
    weights = split_weights(dataset, settings, seed)
    measured = [measure(method, dataset.cells, weights, settings) for method in methods]
    own = measured[0]
    return {
        "run": run.id,
        "demo_model": bool(run.record.get("demo_model")),
        "dataset": dataset.fingerprint,
        "groups": int(dataset.images["group_id"].nunique()),
        "settings": asdict(settings),
        "methods": {entry.name: entry.to_json() for entry in measured},
        "differences": {
            entry.name: difference_json(differences(own, entry)) for entry in measured[1:]
        },
        "per_class": per_class(dataset, measured, methods[0].thresholds, settings),
    }


def per_class(
    dataset: Dataset,
    measured: Sequence[Measured],
    thresholds: Thresholds,
    settings: EvaluateSettings,
) -> list[dict[str, Any]]:
    """Average precision of every method for every class, with the counts that it rests on."""
    cells = dataset.cells
    counts = positives(cells.labels, cells.mask)
    included = included_classes(cells, settings.min_positives)
    return [
        {
            "class_id": entry.id,
            "name": entry.name,
            "category": entry.category,
            "images": int(cells.mask[:, at].sum()),
            "positives": int(counts[at]),
            "in_means": bool(included[at]),
            "threshold": float(thresholds.probabilities[at]),
            "average_precision": {
                each.name: None if np.isnan(each.precisions[at]) else float(each.precisions[at])
                for each in measured
            },
        }
        for at, entry in enumerate(dataset.classes)
    ]


def write_report(run: Run, split: str, found: dict[str, Any]) -> None:
    """Put a split's report into the run's ``metrics.json``, beside those of other splits."""
    file = run.path / "metrics.json"
    earlier = tables.read_json(file, "mumic evaluate") if file.is_file() else {}
    tables.write_json(file, earlier | {split: found})


def compare_scores(
    dataset: Dataset,
    pair: tuple[Scores, Scores],
    settings: EvaluateSettings,
    seed: int,
) -> dict[str, Interval]:
    """Differences between two stored score sets on the images that both have.

    Args:
        dataset: images with labels, of both runs' classes.
        pair: the scores of both.
        settings: see there.
        seed: of the resamples.

    Raises:
        InputError: no image of the dataset is in both.
    """
    places = [{image: at for at, image in enumerate(scores.image_ids)} for scores in pair]
    ids = list(dataset.images["image_id"])
    rows = [at for at, image in enumerate(ids) if all(image in known for known in places)]
    if not rows:
        raise InputError("the two runs have no image in common. Evaluate both on the same dataset.")
    shared = dataset.take(rows)
    weights = split_weights(shared, settings, seed)
    neutral = Thresholds(np.zeros(len(dataset.classes)), ("",) * len(dataset.classes))
    measured = [
        measure(
            Method("", scores.logits[[known[ids[at]] for at in rows]], neutral),
            shared.cells,
            weights,
            settings,
        )
        for scores, known in zip(pair, places, strict=True)
    ]
    return differences(measured[0], measured[1])
