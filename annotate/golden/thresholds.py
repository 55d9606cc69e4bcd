"""A vote threshold of a class's own, only where golden positives carry it.

The rate of a few votes has few values, and a rare class few golden positives, so that the best
threshold on a golden set is mostly luck: tuned on six positives a class, labels are worse than at
the flat default. A class leaves its default (here: the threshold that is in force for it) only if
all of this holds:

1. it has at least ``min_positives`` golden positives;
2. the gain over the default is positive at the lower end of its 90 % interval, over resampled
   properties;
3. cross-fitting agrees: thresholds chosen on the other folds gain on the folds that they never saw.

Everything is measured after propagation. Classes are taken from the bottom of the hierarchy, so
that an ancestor's threshold is chosen with those of its descendants in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from annotate.golden.cells import UNKNOWN, Cells
from annotate.golden.rates import Counts, count_class, f_score, resample, share
from annotate.golden.score import GRID
from annotate.labels.consolidate import decide
from annotate.settings import ConsolidateSettings, GoldenSettings
from annotate.taxonomy.model import Taxonomy

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

ONE_SIDED = 0.05  # of the resamples may see no gain


@dataclass(frozen=True)
class Choice:
    """What was decided for a class.

    Attributes:
        class_id: the class.
        threshold: to be used.
        default: in force now: its own of the taxonomy, else the workspace's.
        best: of the golden set alone, whether it carries it or not; None without a positive.
        positives: golden positives that the choice rests on.
        score: F-beta (or recall, where a precision is asked for) of thresholds that the other folds
            carry, each on the fold that had no part in it.
        default_score: the same of the default, on the same images.
        reason: why, in a few words.
    """

    class_id: str
    threshold: float
    default: float
    best: float | None
    positives: int
    score: float | None
    default_score: float | None
    reason: str

    @property
    def moved(self) -> bool:
        """Whether the class leaves its default."""
        return self.threshold != self.default


@dataclass(frozen=True)
class _Pick:
    """The best threshold of some images, and the one that they carry."""

    best: float | None
    carried: float
    reason: str


def choose_thresholds(
    cells: Cells,
    defaults: Sequence[float],
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
    golden: GoldenSettings,
    *,
    seed: int = 0,
) -> list[Choice]:
    """Choose the vote threshold of every class with golden labels.

    Args:
        cells: golden labels and votes.
        defaults: threshold of each class that is in force.
        taxonomy: the hierarchy.
        settings: the least number of votes.
        golden: what to maximise, the least number of positives, folds and resamples.
        seed: of folds and resamples.

    Returns:
        A choice per class with golden labels and votes, in the taxonomy's order.
    """
    chooser = _Chooser(cells, tuple(defaults), taxonomy, settings, golden)
    weights = resample(cells.groups, golden.resamples, seed)
    folds = _folds(cells.groups, golden.folds, seed)
    picks, _ = chooser.pick_all(np.ones(len(cells.groups), bool), weights)
    held_out = np.full(cells.truth.shape, UNKNOWN, np.int8)
    for fold in range(golden.folds):
        # A property is in one fold only, so that its photos never choose for one another.
        rest = folds != fold
        within = weights * np.isin(np.arange(weights.shape[1]), cells.groups[rest])
        _, labels = chooser.pick_all(rest, within)
        held_out[~rest] = labels[~rest]
    plain = cells.labels_at(defaults, taxonomy, settings)
    return [
        chooser.settle(at, picks[at], np.stack([held_out[:, at], plain[:, at]], axis=1))
        for at in sorted(picks)
    ]


def _folds(groups: npt.NDArray[np.int64], folds: int, seed: int) -> npt.NDArray[np.int64]:
    count = int(groups.max(initial=-1)) + 1
    numbers: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(count) % folds
    return numbers[groups]


@dataclass(frozen=True)
class _Chooser:
    cells: Cells
    defaults: tuple[float, ...]
    taxonomy: Taxonomy
    settings: ConsolidateSettings
    golden: GoldenSettings

    def pick_all(
        self, rows: npt.NDArray[np.bool_], weights: npt.NDArray[np.float32]
    ) -> tuple[dict[int, _Pick], Labels]:
        """Thresholds that some images carry, by column, and the labels of all images with them."""
        votes, ids = self.cells.votes, self.cells.class_ids
        column = {name: at for at, name in enumerate(ids)}
        below = {
            at: [column[other] for other in self.taxonomy.descendants(name) if other in column]
            for at, name in enumerate(ids)
        }
        seen = np.where(rows[:, None], self.cells.truth, UNKNOWN).astype(np.int8)
        cells = replace(self.cells, truth=seen)
        labels = np.full(seen.shape, UNKNOWN, np.int8)
        picks = {}
        for at in sorted(below, key=lambda at: len(below[at])):
            grid = tuple(dict.fromkeys((self.defaults[at], *GRID)))
            yes, no = (np.repeat(part[:, [at]], len(grid), 1) for part in (votes.yes, votes.no))
            options = decide(yes, no, grid, self.settings)
            implied = (labels[:, below[at]] == 1).any(axis=1)
            options = np.where(implied[:, None], 1, options).astype(np.int8)
            picked = self.defaults[at]
            if (yes + no).any():
                counts = count_class(cells, options, at)
                if counts.groups.size:
                    picks[at] = self._pick(grid, counts, weights)
                    picked = picks[at].carried
            labels[:, at] = options[:, grid.index(picked)]
        return picks, labels

    def _pick(
        self, grid: Sequence[float], counts: Counts, weights: npt.NDArray[np.float32]
    ) -> _Pick:
        """The threshold that these golden labels carry; ``grid`` begins with the default."""
        default = grid[0]
        value = self._objective(
            *(part.sum(axis=0) for part in (counts.hits, counts.found, counts.true))
        )
        positives = int(counts.raw[2, 0])
        if not positives:
            return _Pick(None, default, "no golden positive")
        if np.isnan(value).all():
            return _Pick(None, default, "precision is not reached")
        # Of thresholds that are equally good, the one nearest the default.
        order = sorted(
            range(len(grid)),
            key=lambda at: (-np.nan_to_num(value[at], nan=-1), abs(grid[at] - default)),
        )
        best = grid[order[0]]
        if positives < self.golden.min_positives:
            return _Pick(best, default, "too few golden positives")
        drawn = weights[:, counts.groups].astype(np.float64)
        samples = self._objective(
            *(drawn @ part for part in (counts.hits, counts.found, counts.true))
        )
        gains = np.nan_to_num(samples, nan=-1) - np.nan_to_num(samples[:, [0]], nan=-1)
        certain = np.quantile(gains, ONE_SIDED, axis=0) > 0
        for at in order:
            if grid[at] == default:
                break
            if certain[at]:
                return _Pick(best, grid[at], "carried")
        stays = "the present one is best" if best == default else "gain within chance"
        return _Pick(best, default, stays)

    def _objective(self, hits: Floats, found: Floats, true: Floats) -> Floats:
        """F-beta, or recall where the precision is high enough, NaN where it is not."""
        if not self.golden.precision:
            return f_score(hits, found, true, self.golden.beta)
        enough = share(hits, found) >= self.golden.precision
        return np.where(enough, share(hits, true), np.nan)

    def settle(self, at: int, pick: _Pick, labels: Labels) -> Choice:
        """Take a threshold that was picked if it gains where it was not chosen.

        Args:
            at: column of the class.
            pick: on all images.
            labels: (N, 2), by thresholds that other folds carry, and by the defaults.
        """
        counts = count_class(self.cells, labels, at)
        sums = (part.sum(axis=0) for part in (counts.hits, counts.found, counts.true))
        score, before = (None if np.isnan(v) else float(v) for v in self._objective(*sums))
        gains = (score or 0.0) > (before or 0.0)
        taken = pick.carried if gains else self.defaults[at]
        reason = "not confirmed by cross-fitting" if pick.carried != taken else pick.reason
        return Choice(
            self.cells.class_ids[at],
            taken,
            self.defaults[at],
            pick.best,
            int(counts.raw[2, 1]),
            score,
            before,
            reason,
        )
