"""What the loss learns from, and averaged weights: against the formulas in float64."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from annotate import tables
from annotate.dataset.files import write_dataset
from annotate.files import write_json
from annotate.labels.consolidate import decide_labels
from annotate.labels.decisions import label_frame
from annotate.labels.experts import close_experts
from annotate.labels.votes import Votes
from annotate.settings import ConsolidateSettings, DatasetSettings, TrainSettings
from annotate.taxonomy.model import Taxonomy, TaxonomyClass
from annotate.workspace import Workspace
from mumic.data import Dataset, load_dataset, soft_labels
from mumic.metrics.measures import Cells
from mumic.training.ema import Ema
from mumic.training.loss import cost_of, observed_mean
from mumic.training.train import targets_of
from tests.annotate.dataset.made import TAXONOMY, catalog_of

NAN = float("nan")


def _dataset() -> Dataset:
    """An indoor pool is a pool; the last image's pool is unknown, its bed was never voted on."""
    classes = [("bed", ()), ("pool", ()), ("indoor_pool", ("pool",))]
    labels = np.array([[1, 1, 1], [0, 1, 0], [1, 0, 0]], np.int8)
    mask = np.array([[1, 1, 1], [1, 1, 1], [1, 0, 1]], bool)
    rates = np.array([[0.8, 0.2, 0.6], [0.4, 1.0, 0.0], [NAN, NAN, 0.2]], np.float32)
    return Dataset(
        images=pd.DataFrame({"image_id": ["a", "b", "c"]}),
        classes=tuple(
            TaxonomyClass(id=name, name=name, category="", description="", parents=parents)
            for name, parents in classes
        ),
        cells=Cells(labels, mask),
        rates=rates,
        taxonomy_hash="",
        fingerprint="",
    )


# By hand: the first image's pool is as sure as its indoor pool, the last image's bed is its label.
SOFT = [[0.8, 0.6, 0.6], [0.4, 1.0, 0.0], [1.0, NAN, 0.2]]
HARD = [[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, NAN, 0.0]]


@pytest.mark.parametrize(("soft", "expected"), [(True, SOFT), (False, HARD)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_targets_are_rates_or_labels_moved_towards_one_half(
    soft: bool, expected: list[list[float]], smoothing: float
) -> None:
    settings = TrainSettings(soft_labels=soft, label_smoothing=smoothing)
    found = targets_of(_dataset(), settings)
    wanted = np.array(expected) + smoothing * (0.5 - np.array(expected))
    known = ~np.isnan(wanted)
    np.testing.assert_allclose(found[known], wanted[known], rtol=1e-6)
    assert np.isfinite(found).all()  # an unknown label must not reach the loss as NaN


FLAT = replace(  # the same classes; nobody had thought yet that an indoor pool is a pool
    TAXONOMY, classes=tuple(replace(entry, parents=()) for entry in TAXONOMY.classes)
)


@pytest.mark.parametrize("consolidated_by", [TAXONOMY, FLAT])
def test_experts_are_learned_from_whatever_the_votes_were(
    tmp_path: Path, consolidated_by: Taxonomy
) -> None:
    """From votes to targets. Five annotators: none sees snow on a, four see an indoor pool."""
    (tmp_path / "mumic.toml").touch()
    yes = np.array([[1, 4, 0], [1, 4, 5], [2, 1, 4]], np.int16)
    none = np.zeros_like(yes)
    votes = Votes(("a", "b", "c"), ("pool", "indoor", "snow"), yes, 5 - yes, none)
    said = {("a", "snow"): 1, ("b", "pool"): 0, ("b", "snow"): 0}
    golden = pd.DataFrame(
        [(*cell, label) for cell, label in said.items()],
        columns=["image_id", "class_id", "label"],
    )
    experts = close_experts(golden, consolidated_by)
    decided = decide_labels(votes, consolidated_by, ConsolidateSettings(), experts=experts)
    workspace = Workspace.find(tmp_path)
    workspace.taxonomy.parent.mkdir()
    workspace.taxonomy.write_text(TAXONOMY.to_json())
    catalog = catalog_of(["a", "b", "c"])
    tables.write(tables.CATALOG, catalog, workspace.catalog / "images.parquet")
    tables.write(tables.LABELS, label_frame(decided), workspace.labels / "labels.parquet")
    write_json(workspace.labels / "summary.json", {})
    write_dataset(workspace, DatasetSettings(missing="allow"))
    dataset = load_dataset(workspace).of_classes(votes.class_ids)
    expected = [
        [0.8, 0.8, 1.0],  # the pool follows from the indoor pool, as yes of four in five
        [0.0, 0.0, 0.0],  # no pool is no indoor pool, said the expert
        [0.4, 0.2, 0.8],
    ]
    np.testing.assert_allclose(soft_labels(dataset), expected, rtol=1e-6)
    assert dataset.cells.mask.all()


def test_loss_and_gradient_of_soft_and_smoothed_labels() -> None:
    """Equation 1 at a label between 0 and 1, its mean over the known cells, and its slope."""
    dataset = _dataset()
    settings = TrainSettings(soft_labels=True, label_smoothing=0.2)
    targets = torch.from_numpy(targets_of(dataset, settings)).double()
    mask = torch.from_numpy(dataset.cells.mask)
    z = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.1], [1.5, 9.0, -0.7]], dtype=torch.float64)
    weight = torch.tensor([10.0, 3.0, 1.0], dtype=torch.float64)
    z.requires_grad_(True)
    loss = observed_mean(cost_of(settings, weight), z, targets, mask)
    loss.backward()  # type: ignore[no-untyped-call]

    y, p, logits = 0.8 * np.array(SOFT) + 0.1, weight.numpy(), z.detach().numpy()
    s = 1 / (1 + np.exp(-logits))
    costs = -(p * y * np.log(s) + (1 - y) * np.log(1 - s))
    slopes = np.nan_to_num((1 - y + p * y) * s - p * y) / 8  # eight of nine cells are known
    assert loss.item() == pytest.approx(np.nanmean(costs), rel=1e-6)
    assert z.grad is not None
    np.testing.assert_allclose(z.grad.numpy(), slopes, rtol=1e-6, atol=1e-7)


def test_averages_follow_their_formula() -> None:
    """a = sum_k (1 - d_k) prod_(j > k) d_j w_k, over trained parameters alone.

    The decay d_k of a step is (1 + k) / (10 + k) after k steps, and 0.4 at most.
    """
    decays = [*(1 / 10, 2 / 11, 3 / 12, 4 / 13, 5 / 14), *[0.4] * 7]  # 6 / 15 is 0.4
    steps = len(decays)
    layer = torch.nn.Linear(3, 2).double()
    layer.bias.requires_grad_(False)
    ema = Ema(layer, 0.4)
    seen = [layer.weight.detach().clone()]
    for step in range(steps):
        with torch.no_grad():
            layer.weight.add_(torch.sin(torch.arange(6.0).view(2, 3) + step))
        ema.update(step)
        seen.append(layer.weight.detach().clone())
    expected = math.prod(decays) * seen[0]
    for step in range(steps):
        expected += (1 - decays[step]) * math.prod(decays[step + 1 :]) * seen[step + 1]
    torch.testing.assert_close(ema.averages["weight"], expected, rtol=1e-12, atol=1e-12)
    assert set(ema.averages) == {"weight"}
    with ema.applied():
        torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(layer.weight, seen[-1])  # training goes on from its own weights


def test_without_a_decay_nothing_is_averaged() -> None:
    layer = torch.nn.Linear(3, 2)
    ema = Ema(layer, 0.0)
    ema.update(0)
    with ema.applied():
        assert not ema.averages
