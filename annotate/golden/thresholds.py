"""A vote threshold of a class's own, only where golden positives carry it.

The rate of a few votes has few values, and a rare class few golden positives, so that the best
threshold on a golden set is mostly luck: tuned on six positives a class, labels are worse than at
the flat default. A class leaves its default (here: the threshold that is in force for it) only if
all of this holds:

1. it has at least ``min_positives`` golden positives;
2. the gain over the default is positive at the lower end of its 90 % interval, over resampled
   properties;
3. cross-fitting agrees: thresholds chosen on the other folds gain on the folds that they never saw.

Everything is measured after propagation. Classes are taken from the bottom of the hierarchy, and
each is settled before its ancestors are looked at, so that an ancestor's threshold is chosen with
those of its descendants that will be in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from annotate.files import number_or_none
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
    return chooser.choose(weights, folds)


def _held_out(
    plain: Labels,
    options: Sequence[Labels],
    picks: Sequence[_Pick],
    grid: Sequence[float],
    folds: npt.NDArray[np.int64],
) -> Labels:
    """(N, 3) labels of a class by what was chosen on other folds.

    By the threshold that these carry; by the class's default, with the same descendants; and by the
    defaults of all classes.
    """
    labels = np.stack([plain] * 3, axis=1)
    for fold, (each, pick) in enumerate(zip(options[1:], picks[1:], strict=True)):
        rows = folds == fold
        labels[rows, :2] = each[rows][:, [grid.index(pick.carried), 0]]
    return labels


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

    def choose(
        self, weights: npt.NDArray[np.float32], folds: npt.NDArray[np.int64]
    ) -> list[Choice]:
        """Choices from the bottom of the hierarchy upwards, each with what was chosen below it.

        A property is in one fold only, so that its photos never choose for one another.

        Args:
            weights: (resamples, groups), of properties.
            folds: (N,).
        """
        column = {name: at for at, name in enumerate(self.cells.class_ids)}
        below = {
            at: [column[other] for other in self.taxonomy.descendants(name) if other in column]
            for name, at in column.items()
        }
        plain = self.cells.labels_at(self.defaults, self.taxonomy, self.settings)
        # All images choose, and then those outside each fold; each choice has labels of its own.
        seen = [self.cells, *(self._seen(folds != fold) for fold in range(self.golden.folds))]
        labels = [np.full(plain.shape, UNKNOWN, np.int8) for _ in seen]
        choices = {}
        for at in sorted(below, key=lambda at: len(below[at])):
            grid = tuple(dict.fromkeys((self.defaults[at], *GRID)))
            options = [self._options(at, grid, each[:, below[at]]) for each in labels]
            taken = [self.defaults[at]] * len(options)
            if self._is_known(at, options[0]):
                picks = [
                    self._pick(grid, count_class(cells, each, at), weights)
                    for cells, each in zip(seen, options, strict=True)
                ]
                held_out = _held_out(plain[:, at], options, picks, grid, folds)
                choices[at] = self._settle(at, picks[0], held_out)
                if choices[at].moved:
                    taken = [pick.carried for pick in picks]
            for own, each, limit in zip(labels, options, taken, strict=True):
                own[:, at] = each[:, grid.index(limit)]
        return [choices[at] for at in sorted(choices)]

    def _seen(self, rows: npt.NDArray[np.bool_]) -> Cells:
        """With the golden labels of some images only."""
        truth = np.where(rows[:, None], self.cells.truth, UNKNOWN).astype(np.int8)
        return replace(self.cells, truth=truth)

    def _options(self, at: int, grid: Sequence[float], below: Labels) -> Labels:
        """(N, T) labels of a class at each threshold, with the labels of its descendants."""
        votes = self.cells.votes
        yes, no = (np.repeat(part[:, [at]], len(grid), 1) for part in (votes.yes, votes.no))
        implied = (below == 1).any(axis=1)
        voted = decide(yes, no, grid, self.settings)
        return np.where(implied[:, None], 1, voted).astype(np.int8)

    def _is_known(self, at: int, options: Labels) -> bool:
        """Whether a class has votes, and golden labels of images that are labelled."""
        votes = self.cells.votes
        voted = bool((votes.yes[:, at] + votes.no[:, at]).any())
        return voted and bool(count_class(self.cells, options, at).groups.size)

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

    def _settle(self, at: int, pick: _Pick, labels: Labels) -> Choice:
        """Take a threshold that was picked if it gains where it was not chosen.

        Args:
            at: column of the class.
            pick: on all images.
            labels: of :func:`_held_out`.
        """
        counts = count_class(self.cells, labels, at)
        sums = (part.sum(axis=0) for part in (counts.hits, counts.found, counts.true))
        score, stay, before = map(number_or_none, self._objective(*sums))
        # What descendants gain is no reason for another threshold of the class itself.
        gains = (score or 0.0) > (stay or 0.0)
        taken = pick.carried if gains else self.defaults[at]
        reason = "not confirmed by cross-fitting" if pick.carried != taken else pick.reason
        return Choice(
            self.cells.class_ids[at],
            taken,
            self.defaults[at],
            pick.best,
            int(counts.raw[2, 2]),
            score,
            before,
            reason,
        )
