"""Arms of a series: the workspace's own training with some settings of ``[train]`` changed.

A series has a folder of its own, ``runs/SERIES/``, so that its runs are nobody's newest run. A run
there is named by its arm and its settings: what is finished is taken as it is, and a killed series
goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from annotate.errors import InputError, closest
from annotate.settings import TrainSettings
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.evaluation.evaluate import split_truth
from mumic.evaluation.measure import Method, Truth
from mumic.pixels import pixel_rows
from mumic.run import Run, choose_device
from mumic.scores import Scores, read_scores, run_logits, scores_file, write_scores
from mumic.training.train import Reports, TrainOptions, train


@dataclass(frozen=True)
class Arm:
    """A name for people, and the settings of ``[train]`` that it changes.

    ``against`` names the arm that it is measured against; None: the first.
    """

    name: str
    changes: Mapping[str, Any]
    against: str | None = None


def arm_workspace(workspace: Workspace, series: str, arm: Arm, seed: int) -> Workspace:
    """The workspace in which an arm is trained.

    Raises:
        InputError: ``[train]`` has no such setting.
    """
    known = [entry.name for entry in fields(TrainSettings)]
    for name in arm.changes:
        if name not in known:
            raise InputError(f"[train] has no setting {name!r}{closest(name, known)}")
    settings = workspace.settings
    changed = replace(
        settings,
        train=replace(settings.train, **arm.changes),
        project=replace(settings.project, seed=seed, runs=str(series_folder(workspace, series))),
    )
    return replace(workspace, settings=changed)


def series_folder(workspace: Workspace, series: str) -> Path:
    """Where a series keeps its runs and its results."""
    return workspace.runs / series


def train_arm(
    workspace: Workspace,
    series: str,
    arm: Arm,
    seed: int,
    options: TrainOptions,
    reports: Reports | None = None,
) -> Run:
    """Train an arm, or take its finished run.

    Args:
        workspace: see :func:`arm_workspace`.
        series: name of the folder below ``runs/``.
        arm: what to change.
        seed: of the training.
        options: its device and permissions, and where else a finished run with the same settings
            may be; the run's name is chosen here.
        reports: see :class:`mumic.training.train.Reports`.
    """
    here = arm_workspace(workspace, series, arm, seed)
    run = train(
        here, replace(options, run=None, prefix=f"{file_name(arm.name)}-seed{seed}"), reports
    )
    if run.path.parent == here.runs:
        # Three times the weights, and of no use to a finished run.
        shutil.rmtree(run.path / "last", ignore_errors=True)
    return run


def file_name(arm: str) -> str:
    """An arm's name as runs and files may be called.

    >>> file_name("20 % flipped")
    '20-flipped'
    """
    words = "".join(letter if letter.isalnum() or letter in "._" else " " for letter in arm)
    return "-".join(words.split())


def arm_method(
    workspace: Workspace,
    run: Run,
    name: str,
    split: str,
    device: str = "auto",
    on_progress: Callable[[int], object] | None = None,
) -> tuple[Method, Truth]:
    """An arm's logits on a split, computed once and kept beside its weights, and the truth.

    Args:
        workspace: with the dataset.
        run: of the arm.
        name: of the method.
        split: that it is measured on.
        device: a torch device or ``auto``.
        on_progress: told how many more images were decoded or embedded.
    """
    whole = load_dataset(workspace).of_classes(run.class_ids)
    truth, dataset = split_truth(whole, split), whole.split(split)
    image_ids = list(dataset.images["image_id"])
    if scores_file(run.path, split).is_file():
        stored = read_scores(run.path, split)
        if stored.image_ids == image_ids:
            return Method(name, stored.logits, run.thresholds()), truth
    clip = run.load(workspace, choose_device(device))
    pixels = pixel_rows(workspace, dataset.images, clip.image_size, on_progress, run.resize)
    logits = run_logits(workspace, run, clip, pixels, dataset, on_progress)
    write_scores(run.path, split, Scores(logits, image_ids), run.class_ids)
    return Method(name, logits, run.thresholds()), truth
