"""Trainings of a small model side by side, each on one processor.

Its operations are too small to be shared: two trainings on a processor each are done sooner than
one after the other on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from annotate.index.decoders import usable_cores
from annotate.orphans import end_with_parent
from annotate.workspace import Workspace
from mumic.series.arms import Arm, train_arm
from mumic.train import TrainOptions

MOST = 4  # at once; each takes more than a gigabyte


def train_side_by_side(
    workspace: Workspace, series: str, arms: Sequence[Arm], seeds: Sequence[int]
) -> None:
    """Train what is not finished; :func:`mumic.series.ablations.train_series` then takes it.

    Args:
        workspace: its own settings are those of an arm without changes.
        series: name of the folder below ``runs/``.
        arms: to train, each with every seed.
        seeds: of the trainings.
    """
    train = replace(workspace.settings.train, threads=1)
    alone = replace(workspace, settings=replace(workspace.settings, train=train))
    # Not forked: this process has threads.
    several, context = min(usable_cores(), MOST), get_context("spawn")
    with ProcessPoolExecutor(several, context, end_with_parent) as pool:
        asked = [pool.submit(_train, alone, series, arm, seed) for seed in seeds for arm in arms]
        for each in asked:
            each.result()


def _train(workspace: Workspace, series: str, arm: Arm, seed: int) -> None:
    train_arm(workspace, series, arm, seed, TrainOptions(among=workspace.runs, device="cpu"))
