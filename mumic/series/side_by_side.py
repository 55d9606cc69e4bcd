"""Trainings of a small model side by side, each on one processor.

Its operations are too small to be shared: two trainings on a processor each are done sooner than
one after the other on both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import active_children, get_context

from annotate.errors import MumicError
from annotate.orphans import end_with_parent
from annotate.processors import usable_cores
from annotate.workspace import Workspace
from mumic.series.arms import Arm, train_arm
from mumic.training.interrupt import StoppedError
from mumic.training.train import TrainOptions

MOST = 4  # at once; each takes more than a gigabyte


def train_side_by_side(
    workspace: Workspace, series: str, arms: Sequence[Arm], seeds: Sequence[int]
) -> None:
    """Train what is not finished; :func:`mumic.series.ablations.train_series` then takes it.

    What fails, or Ctrl-C, ends all of them; what they have saved is kept.

    Args:
        workspace: its own settings are those of an arm without changes.
        series: name of the folder below ``runs/``.
        arms: to train, each with every seed; those that take longest come first at best, so that
            no processor is idle for long at the end.
        seeds: of the trainings.

    Raises:
        MumicError: a training failed, or was killed.
    """
    train = replace(workspace.settings.train, threads=1)
    alone = replace(workspace, settings=replace(workspace.settings, train=train))
    # Not forked: this process has threads.
    several, context = min(usable_cores(), MOST), get_context("spawn")
    others = set(active_children())
    pool = ProcessPoolExecutor(several, context, _begin)
    try:
        asked = [pool.submit(_train, alone, series, arm, seed) for arm in arms for seed in seeds]
        for each in as_completed(asked):
            each.result()
    except BaseException as error:
        for child in set(active_children()) - others:
            child.terminate()  # which a training takes as it takes Ctrl-C: it saves and stops
        if not isinstance(error, BrokenProcessPool):
            raise
        raise MumicError(
            "a training was killed, most likely because the memory is full. What was saved is "
            "kept; run the command again, and it goes on."
        ) from error
    finally:
        # Waiting: an interpreter that exits while a pool still ends may print a traceback.
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C reaches the terminal's whole group; what then comes from the parent would be a second
    # signal, which ends a training before it has saved. Ctrl-Z then stops the parent alone.
    os.setpgrp()
    end_with_parent()


class _Child:
    """What a process keeps between its trainings."""

    stopped = False


def _train(workspace: Workspace, series: str, arm: Arm, seed: int) -> None:
    if _Child.stopped:  # one training more may wait for this process and cannot be called off
        return
    try:
        train_arm(workspace, series, arm, seed, TrainOptions(among=workspace.runs, device="cpu"))
    except StoppedError:
        _Child.stopped = True
        raise
