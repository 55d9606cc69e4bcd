"""What a run is compared with, on the same images: zero-shot CLIP, and a linear probe.

All take unit rows of the frozen tower that the run was trained from, and give logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mumic.metrics.measures import Cells, average_precisions, gap, included_classes, macro_map

Rows = npt.NDArray[np.float32]

TWO_PROMPTS = "zero-shot CLIP, two prompts"
COSINE = "zero-shot CLIP, cosine"
LINEAR_PROBE = "linear probe, same frozen tower"

INVERSE_PENALTIES = (0.01, 0.1, 0.001, 1.0, 0.0001, 10.0)  # the most promising first
CLASS_WEIGHTS = ("none", "balanced")
TOLERANCE = 1e-6  # of the mean loss's steepest slope; scikit-learn stops at 1e-4
MOST_ITERATIONS = 500


def two_prompts(image_rows: Rows, class_rows: Rows, neutral_row: Rows, logit_scale: float) -> Rows:
    """Zero-shot CLIP for many labels: per class, a softmax over "a photo of {name}" and "a photo".

    A softmax over two logits is the sigmoid of their difference, which is what is returned (Wang et
    al., AAAI 2023, section 4.3).

    Args:
        image_rows: (images, dim).
        class_rows: (classes, dim), of "a photo of {name}".
        neutral_row: (1, dim), of "a photo".
        logit_scale: log of CLIP's own inverse temperature.
    """
    difference = image_rows @ class_rows.T - image_rows @ neutral_row.T
    return (np.float32(np.exp(logit_scale)) * difference).astype(np.float32)


def single_label(logits: Rows) -> Rows:
    """CLIP as it is mostly used: one softmax over all classes, as logits of its probabilities.

    The logit of a softmax's entry is it less the log of the others' sum, which is computed as such:
    probabilities near 1 have too few digits.

    Args:
        logits: scaled cosines, (images, classes).
    """
    z = logits.astype(np.float64)
    found = np.empty_like(z)
    for column in range(z.shape[1]):
        others = np.delete(z, column, axis=1)
        highest = others.max(axis=1, keepdims=True, initial=-np.inf)
        rest = np.log(np.exp(others - highest).sum(axis=1)) + highest[:, 0]
        found[:, column] = z[:, column] - rest
    return found.astype(np.float32)


@dataclass(frozen=True)
class Probe:
    """One logistic regression per class over standardised embeddings.

    ``weight`` (classes, dim) and ``bias`` (classes,); ``inverse_penalty`` is scikit-learn's C.
    """

    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    inverse_penalty: float
    class_weight: str

    def logits(self, image_rows: Rows) -> Rows:
        """Logits, float32 (images, classes)."""
        features = (image_rows - self.mean) / self.spread
        return (features @ self.weight.T + self.bias).astype(np.float32)


def linear_probe(
    image_rows: Rows,
    cells: Cells,
    validation_rows: Rows,
    validation: Cells,
    most: int | None = None,
) -> Probe:
    """The best linear probe of a grid, chosen by the mean of GAP and macro mAP on validation.

    Args:
        image_rows: (images, dim) of the training split.
        cells: its labels; unknown ones are left out of the fit.
        validation_rows: (images, dim).
        validation: labels of the validation split.
        most: points of the grid to try, the most promising ones; None: all.
    """
    best: tuple[float, Probe] | None = None
    for probe in probes(image_rows, cells, most):
        value = _quality(probe.logits(validation_rows), validation)
        if best is None or value > best[0]:
            best = (value, probe)
    if best is None:
        raise ValueError("the grid is empty")
    return best[1]


def _quality(scores: Rows, cells: Cells) -> float:
    """Zero where validation has no positive: then the first, strongest penalty is kept."""
    precisions = average_precisions(scores, cells.labels, cells.mask)
    values = (
        gap(scores, cells.labels, cells.mask),
        macro_map(precisions, included_classes(cells, 1)),
    )
    return float(np.nan_to_num(np.mean(values)))


def probes(image_rows: Rows, cells: Cells, most: int | None = None) -> Iterator[Probe]:
    """A probe per point of the grid, or of some; each starts from one with a stronger penalty."""
    points = list(product(INVERSE_PENALTIES, CLASS_WEIGHTS))[:most]
    mean = image_rows.mean(axis=0, dtype=np.float64)
    spread = np.maximum(image_rows.std(axis=0, dtype=np.float64), 1e-9)
    features = torch.from_numpy((image_rows - mean) / spread)
    labels = torch.from_numpy(cells.labels).double()
    weights = {kind: _cell_weights(cells, kind) for kind in CLASS_WEIGHTS}
    start = torch.zeros(labels.shape[1], features.shape[1] + 1, dtype=torch.float64)
    found = dict.fromkeys(CLASS_WEIGHTS, start)
    for penalty, kind in sorted(points, key=lambda point: point[0]):
        found[kind] = _fit(features, labels, weights[kind], penalty, found[kind])
        fitted = found[kind].numpy()
        yield Probe(fitted[:, :-1], fitted[:, -1], mean, spread, penalty, kind)


def _cell_weights(cells: Cells, kind: str) -> Tensor:
    """Weight of each cell, 0 where unknown; ``balanced`` as in scikit-learn, n / (2 n_label)."""
    mask = cells.mask.astype(np.float64)
    if kind == "none":
        return torch.from_numpy(mask)
    positive = cells.labels * mask
    known, yes = mask.sum(axis=0), positive.sum(axis=0)
    for_yes = known / np.maximum(2 * yes, 1)
    for_no = known / np.maximum(2 * (known - yes), 1)
    return torch.from_numpy(positive * for_yes + (mask - positive) * for_no)


def _fit(
    features: Tensor, labels: Tensor, weights: Tensor, inverse_penalty: float, start: Tensor
) -> Tensor:
    """All classes at once: half the squared weights plus C times the weighted logistic loss.

    Returns:
        (classes, dim + 1), the last column being the bias, which is not penalised.
    """
    packed = start.clone()
    search = torch.optim.LBFGS(
        [packed],
        max_iter=MOST_ITERATIONS,
        history_size=20,
        tolerance_grad=TOLERANCE,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )
    count = len(features)
    penalty = 1 / (inverse_penalty * count)

    def closure() -> Tensor:
        weight = packed[:, :-1]
        z = features @ weight.T + packed[:, -1]
        residual = weights * (torch.sigmoid(z) - labels) / count
        slopes = residual.T @ features + penalty * weight
        packed.grad = torch.cat([slopes, residual.sum(dim=0)[:, None]], dim=1)
        # softplus(z) - y z is the logistic loss; logsigmoid keeps it exact where z is large.
        loss = (weights * (-F.logsigmoid(-z) - labels * z)).sum() / count
        return loss + penalty * weight.square().sum() / 2

    search.step(closure)  # type: ignore[no-untyped-call]
    return packed
