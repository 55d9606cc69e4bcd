"""Trainings of a small model side by side, each on one processor.

Its operations are too small to be shared: two trainings on a processor each are done sooner than
one after the other on both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias

from annotate.errors import MumicError
from annotate.orphans import end_with_parent
from annotate.processors import usable_cores
from annotate.workspace import Workspace
from mumic.series.arms import Arm, train_arm
from mumic.training.train import TrainOptions

MOST = 4  # at once; each takes more than a gigabyte

Pipe: TypeAlias = "Connection[Any, Any]"
Trainers = dict[Pipe, BaseProcess]


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
    asked = [(arm, seed) for arm in arms for seed in seeds]
    # Not ProcessPoolExecutor: its processes share a lock, and one that is ended while it waits for
    # work may hold it, so that the others wait for ever.
    trainers: Trainers = {}
    try:
        for _ in range(min(usable_cores(), MOST, len(asked))):
            pipe, process = _start(alone, series)
            trainers[pipe] = process
        _share(iter(asked), trainers)
    finally:
        for pipe, process in trainers.items():
            process.terminate()  # which a training takes as it takes Ctrl-C: it saves and stops
            pipe.close()
        for process in trainers.values():
            process.join()


def _start(workspace: Workspace, series: str) -> tuple[Pipe, BaseProcess]:
    context = get_context("spawn")  # not forked: this process has threads
    ours, theirs = context.Pipe()
    process = context.Process(target=_train, args=(theirs, workspace, series))
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return ours, process


def _share(asked: Iterator[tuple[Arm, int]], trainers: Trainers) -> None:
    """Give each process another training when it is ready for one, until all are done."""
    busy = set(trainers)
    while busy:
        for pipe in busy.intersection(wait(list(busy))):
            try:
                error: MumicError | None = pipe.recv()
                if error is not None:
                    raise error
                if (training := next(asked, None)) is None:
                    busy.remove(pipe)
                else:
                    pipe.send(training)
            except (EOFError, ConnectionError):
                raise _ended(trainers[pipe]) from None


def _ended(process: BaseProcess) -> MumicError:
    process.join()
    killed = (process.exitcode or 0) < 0
    why = "was killed, most likely because the memory is full" if killed else "failed, see above"
    return MumicError(
        f"a training {why}. What was saved is kept; run the command again, and it goes on."
    )


def _train(pipe: Pipe, workspace: Workspace, series: str) -> None:
    """What a process does: say that it is ready, or what went wrong, and take the next."""
    # Ctrl-C reaches the terminal's whole group; what then comes from the parent would be a second
    # signal, which ends a training before it has saved. Ctrl-Z then stops the parent alone.
    os.setpgrp()
    end_with_parent()
    options = TrainOptions(among=workspace.runs, device="cpu")
    error: MumicError | None = None
    while (training := _next(pipe, error)) is not None:
        try:
            train_arm(workspace, series, *training, options)
        except MumicError as failed:
            error = failed


def _next(pipe: Pipe, error: MumicError | None) -> tuple[Arm, int] | None:
    """The next training; None when the parent has closed the pipe."""
    try:
        pipe.send(error)
        training: tuple[Arm, int] = pipe.recv()
    except (EOFError, ConnectionError):
        return None
    return training
