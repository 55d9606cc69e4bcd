"""The paper's ablations, ready-made: arms, what they are about, and their results.

The first arm of each is the one that the others are measured against, unless they name another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotate.errors import InputError, closest
from annotate.files import write_json
from annotate.workspace import Workspace
from mumic.checks import check_evaluate, check_settings
from mumic.data import load_dataset
from mumic.evaluation.evaluate import split_truth
from mumic.evaluation.measure import Truth
from mumic.figures.differences import draw_gains
from mumic.figures.temperature import draw_temperature
from mumic.run import Run
from mumic.scores import check_split
from mumic.series.arms import (
    Arm,
    arm_method,
    arm_workspace,
    file_name,
    series_folder,
    train_arm,
)
from mumic.series.compare import Seen, arm_difference, arm_rows, class_rows, see
from mumic.training.history import logit_scales
from mumic.training.train import Reports, TrainOptions


@dataclass(frozen=True)
class Ablation:
    """What is varied, what for, and the arms."""

    about: str
    arms: tuple[Arm, ...]


def _noise_arm(percent: int) -> Arm:
    return Arm(f"{percent} % flipped", {"label_noise": percent / 100})


ABLATIONS = {
    "crop": Ablation(
        "images squashed to a square, or the middle cropped out (section 2.3)",
        (Arm("squash", {"resize": "squash"}), Arm("crop", {"resize": "crop"})),
    ),
    "frozen": Ablation(
        "both towers free, or one of them frozen",
        (
            Arm("both towers free", {"freeze": "none"}),
            Arm("text tower frozen", {"freeze": "text"}),
            Arm("image tower frozen", {"freeze": "image"}),
        ),
    ),
    "temperature": Ablation(
        "the temperature learned, or fixed at 1: plain BCE (section 3.3)",
        (
            Arm("learned temperature, no bias", {"loss": "tempered-bce", "logit_bias": 0.0}),
            Arm("temperature 1, no bias", {"loss": "bce", "logit_bias": 0.0}),
            Arm("learned temperature", {"loss": "tempered-bce"}),
            Arm("temperature 1", {"loss": "bce"}, against="learned temperature"),
        ),
    ),
    "noise": Ablation(
        "some of the training labels flipped: what becomes of the temperature",
        tuple(_noise_arm(percent) for percent in (0, 5, 10, 20)),
    ),
}


@dataclass(frozen=True)
class Trained:
    """A finished run of an arm."""

    arm: Arm
    seed: int
    run: Run


def ablation(name: str) -> Ablation:
    """A ready-made ablation.

    Raises:
        InputError: there is none of that name.
    """
    if name not in ABLATIONS:
        near = closest(name, ABLATIONS) or f". Ready-made are {', '.join(ABLATIONS)}"
        raise InputError(f"no ablation {name!r}{near}")
    return ABLATIONS[name]


def ablation_series(name: str) -> str:
    """The folder of an ablation's runs below ``runs/``."""
    return f"ablate-{name}"


def train_series(
    workspace: Workspace,
    series: str,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    options: TrainOptions,
    reports_for: Callable[[str], Reports],
) -> list[Trained]:
    """Train every arm with every seed, or take finished runs of the whole workspace.

    Args:
        workspace: its own settings are those of an arm without changes.
        series: name of the folder below ``runs/``.
        arms: see :class:`mumic.series.arms.Arm`.
        seeds: of the trainings.
        options: device and permissions.
        reports_for: gives the reports of a training from a line that names it.

    Raises:
        InputError: settings of an arm, whichever it is, or of the evaluation are out of range;
            nothing has been trained then.
    """
    check_evaluate(workspace.settings.evaluate)
    for arm in arms:
        here = arm_workspace(workspace, series, arm, workspace.settings.project.seed)
        check_settings(here.settings.train)
    total = len(arms) * len(seeds)
    options = replace(options, among=workspace.runs)
    found: list[Trained] = []
    for seed in seeds:
        for arm in arms:
            title = f"{len(found) + 1} of {total}: {arm.name}, seed {seed}"
            run = train_arm(workspace, series, arm, seed, options, reports_for(title))
            found.append(Trained(arm, seed, run))
    return found


def check_measurable(workspace: Workspace, split: str) -> None:
    """Refuse, before anything is trained for it, a split on which nothing can be measured.

    Raises:
        InputError: there is no such split, or it has no image with a known label.
    """
    split_truth(load_dataset(workspace), check_split(split))


def measure_series(
    workspace: Workspace,
    trained: Sequence[Trained],
    split: str,
    device: str = "auto",
    on_progress: Callable[[int], object] | None = None,
) -> tuple[list[Seen], Truth]:
    """Every run on one split, under the same resamples; and the truth.

    Args:
        workspace: with the dataset.
        trained: the runs.
        split: its name.
        device: a torch device or ``auto``.
        on_progress: told how many more images were decoded or embedded.
    """
    settings = workspace.settings
    scored = [
        arm_method(workspace, entry.run, entry.arm.name, check_split(split), device, on_progress)
        for entry in trained
    ]
    truth = scored[0][1]
    resamples = truth.resamples(settings.evaluate, settings.project.seed)
    seen = [
        see(method, entry.seed, truth, resamples, settings.evaluate)
        for (method, _), entry in zip(scored, trained, strict=True)
    ]
    return seen, truth


def run_ablation(
    workspace: Workspace,
    name: str,
    *,
    seeds: Sequence[int],
    split: str,
    options: TrainOptions,
    reports_for: Callable[[str], Reports],
) -> dict[str, Any]:
    """Train and measure the arms of an ablation; write ``summary.json`` and the figures.

    Args:
        workspace: with a dataset.
        name: see :data:`ABLATIONS`.
        seeds: of the trainings.
        split: that the arms are measured on.
        options: see :func:`train_series`.
        reports_for: see there; also of the measuring.

    Returns:
        What ``summary.json`` holds.

    Raises:
        InputError: there is no such ablation or split, or nothing can be measured on it.
    """
    chosen = ablation(name)
    check_measurable(workspace, split)
    series = ablation_series(name)
    arms = _distinct(workspace, chosen.arms)
    trained = train_series(workspace, series, arms, seeds, options, reports_for)
    measured = reports_for(f"measuring on {split}").on_measured
    seen, truth = measure_series(workspace, trained, split, options.device, measured)
    summary = {"ablation": name, "about": chosen.about} | series_summary(
        workspace, trained, seen, truth, split
    )
    folder = series_folder(workspace, series)
    summary["figures"] = [str(path) for path in _draw(folder, trained, summary)]
    write_json(folder / "summary.json", summary)
    return summary


def _distinct(workspace: Workspace, arms: Sequence[Arm]) -> list[Arm]:
    """Without arms that change nothing which an earlier arm does not change too."""
    own = workspace.settings.train
    kept: dict[tuple[Any, ...], Arm] = {}
    names = sorted({name for arm in arms for name in arm.changes})
    for arm in arms:
        kept.setdefault(tuple(arm.changes.get(name, getattr(own, name)) for name in names), arm)
    return list(kept.values())


def series_summary(
    workspace: Workspace,
    trained: Sequence[Trained],
    seen: Sequence[Seen],
    truth: Truth,
    split: str,
) -> dict[str, Any]:
    """Arms with their measures and temperatures.

    ``against`` names for each arm but the first the one that it is measured against;
    ``differences`` and ``per_class`` are that one's minus its own.
    """
    settings = workspace.settings.evaluate
    arms = {entry.arm.name: entry.arm for entry in trained}
    first, *others = arms
    against = {other: arms[other].against or first for other in others}
    rows = arm_rows(seen)
    for row in rows:
        scales = [entry.run.logit_scale for entry in trained if entry.arm.name == row["arm"]]
        row["logit_scale"] = sum(scales) / len(scales)
    return {
        "split": split,
        "images": len(truth.groups),
        "classes_left_out": seen[0].metrics.classes_left_out,
        "k": settings.k,
        "arms": rows,
        "runs": [
            {"arm": entry.arm.name, "seed": entry.seed, "path": str(entry.run.path)}
            for entry in trained
        ],
        "against": against,
        "differences": {
            other: arm_difference(seen, reference, other, truth.cells, settings)
            for other, reference in against.items()
        },
        "per_class": {
            other: class_rows(seen, reference, other, truth, settings)
            for other, reference in against.items()
        },
        "demo_model": bool(trained[0].run.record.get("demo_model")),
    }


def _draw(folder: Path, trained: Sequence[Trained], summary: dict[str, Any]) -> list[Path]:
    found = []
    for other, rows in summary["per_class"].items():
        target = folder / f"per-class-{file_name(other)}.png"
        found.append(draw_gains(rows, f"{summary['against'][other]} against {other}").save(target))
    curves = {
        entry.arm.name: logit_scales(entry.run.path)
        for entry in trained
        if entry.seed == trained[0].seed
    }
    found.append(draw_temperature(curves).save(folder / "temperature.png"))
    return found
