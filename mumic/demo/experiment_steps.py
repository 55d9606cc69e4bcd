"""The steps of ``make experiments`` that compare methods: what is trained, and its results."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from annotate.files import read_json
from annotate.settings.training import TrainSettings
from annotate.workspace import Workspace
from mumic.baselines.runs import BaselineOptions, run_baseline
from mumic.baselines.runs import Reports as BaselineReports
from mumic.baselines.store import Baseline
from mumic.data import load_dataset
from mumic.demo.unseen import ALPHAS, see_unseen
from mumic.evaluation.measure import Method
from mumic.evaluation.methods import MUMIC, Material, baseline_methods
from mumic.pixels import pixel_rows
from mumic.prediction.blend import blend_run
from mumic.run import Run, choose_device, open_run
from mumic.series.ablations import Trained, measure_series, series_summary, train_series
from mumic.series.arms import Arm, arm_workspace
from mumic.series.compare import arm_difference, arm_rows, see
from mumic.series.side_by_side import train_side_by_side
from mumic.training.train import Reports, TrainOptions

SERIES = "experiments"
OWN = Arm(MUMIC, {})
BLENDS = {
    "quarter": Arm("blend --alpha 0.25", {}),
    "half_way": Arm("blend --alpha 0.5", {}),
}
TEMPERATURE_1 = Arm("temperature 1 (plain BCE)", {"loss": "bce"})
ASL = Arm("ASL as the loss, same towers", {"loss": "asl"})
MAIN = (OWN, ASL, TEMPERATURE_1)  # the last ends soon: what else takes long is begun before it
STARTS = (0.7, 1.7, 2.7, TrainSettings().logit_scale, 4.6, 5.8)
ASL_TRIALS = 2  # points of its search, so that all of this stays under an hour


def reports(title: str) -> Reports:
    """One line per training, on standard error."""
    print(f"  {time.strftime('%H:%M:%S')} {title}", file=sys.stderr, flush=True)
    return Reports()


def train_ahead(
    workspace: Workspace, series: str, arms: Sequence[Arm], seeds: Sequence[int]
) -> None:
    """Train side by side what a step will ask for, where that is faster: on a processor."""
    if choose_device("auto") == "cpu":
        print(f"  {time.strftime('%H:%M:%S')} {series}: training", file=sys.stderr, flush=True)
        train_side_by_side(workspace, series, arms, seeds)


def compare_methods(workspace: Workspace, seeds: Sequence[int]) -> dict[str, Any]:
    """MuMIC, what it is compared with, and baselines on the frozen tower, over the seeds."""
    train_ahead(workspace, SERIES, MAIN, seeds)
    trained = train_series(workspace, SERIES, MAIN, seeds, TrainOptions(), reports)
    seen, truth = measure_series(workspace, trained, "test")
    summary = series_summary(workspace, trained, seen, truth, "test")
    summary.pop("per_class")
    settings = workspace.settings
    resamples = truth.resamples(settings.evaluate, settings.project.seed)
    # They rest on the frozen tower and on no seed, but for the head that is trained.
    frozen = baseline_methods(_material(workspace, trained[0]), trained[0].run)
    heads, about = _asl_heads(workspace, seeds)
    measured = [see(each, 0, truth, resamples, settings.evaluate) for each in frozen]
    baselines = [replace(each, seed=seed) for seed in seeds for each in measured]
    baselines += [
        see(head, seed, truth, resamples, settings.evaluate)
        for seed, head in zip(seeds, heads, strict=True)
    ]
    everything = [*seen, *baselines]
    summary["arms"] += arm_rows(baselines)
    for name in dict.fromkeys(entry.arm for entry in baselines):
        summary["differences"][name] = arm_difference(
            everything, OWN.name, name, truth.cells, settings.evaluate
        )
    summary["fewest_positives"] = settings.evaluate.min_positives
    summary["asl_head"] = about
    return summary


def _asl_heads(
    workspace: Workspace, seeds: Sequence[int]
) -> tuple[list[Method], list[dict[str, Any]]]:
    """ASL with a linear head on the same pretrained tower, until it stops getting better.

    The first seed searches for the rate, which then serves the others.

    Returns:
        The methods, and of each its trials: rates, epochs, the best one's among them, seconds.
    """
    settings = workspace.settings
    budget = replace(settings.baseline, trials=ASL_TRIALS, tower_lr=settings.train.lr)
    methods, about = [], []
    for seed in seeds:
        project = replace(settings.project, seed=seed)
        here = replace(workspace, settings=replace(settings, project=project, baseline=budget))
        found = _asl_head(here, workspace.runs / SERIES / f"asl-head-seed{seed}")
        record = found.record
        methods.append(Method(record["title"], found.scores("test").logits, found.thresholds()))
        about.append({name: record[name] for name in ("trials", "epochs_to_saturation")})
        about[-1]["seconds"] = sum(
            trial["epochs"] * trial["seconds_per_epoch"]
            for trial in record["searched"]
            if "failed" not in trial
        )
        # The points that were tried differ in their rate alone.
        budget = replace(budget, trials=1, tower_lr=record["best"]["lr"])
    return methods, about


def _asl_head(workspace: Workspace, kept: Path) -> Baseline:
    """The head of a seed, or what an earlier call kept of it: a workspace holds one at a time."""
    if not kept.is_dir():
        found = run_baseline(workspace, "asl-head", BaselineOptions(), BaselineReports())
        unfinished = kept.with_name(f"{kept.name}.tmp")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(found.path, unfinished)
        unfinished.rename(kept)
    return Baseline(kept, read_json(kept / "baseline.json", "make experiments"))


def _material(workspace: Workspace, entry: Trained) -> Material:
    dataset = load_dataset(workspace).of_classes([each.id for each in entry.run.classes])
    device = choose_device("auto")
    size = entry.run.load(workspace, device).image_size
    return Material(
        workspace=workspace,
        train=dataset.split("train"),
        validation=dataset.split("validation"),
        split=dataset.split("test"),
        pixels=pixel_rows(workspace, dataset.images, size),
        device=device,
    )


def unseen_concepts(workspace: Workspace, seeds: Sequence[int]) -> dict[str, Any]:
    """Concepts that no label names, per seed; and what blended weights cost where labels are."""
    trained = train_series(workspace, SERIES, [OWN], seeds, TrainOptions(), reports)
    measured, blends = [], []
    for entry in trained:
        here = arm_workspace(workspace, SERIES, OWN, entry.seed)
        measured.append(see_unseen(here, entry.run))
        blends += [
            Trained(arm, entry.seed, _blended(here, entry.run, share))
            for share, arm in BLENDS.items()
        ]
    both = [*trained, *blends]
    seen, truth = measure_series(workspace, both, "test")
    summary = series_summary(workspace, both, seen, truth, "test")
    ranked = [entry for one in measured for entry in one.seen]
    cells, settings = measured[0].cells, workspace.settings.evaluate
    ahead = {
        name: arm_difference(ranked, name, "start", cells, settings)["macro_map"]
        for name in (*BLENDS, "run")
    }
    seeds_json = [one.to_json() for one in measured]
    return {"seeds": seeds_json, "ahead": ahead, "labelled": summary["arms"]}


def _blended(workspace: Workspace, run: Run, share: str) -> Run:
    """Weights between the run's start and its own; those of an earlier call where they are."""
    name = f"{run.id}-{share}"
    if (workspace.runs / name / "run.json").is_file():
        return open_run(workspace, name)
    return blend_run(workspace, run, ALPHAS[share], name)


def temperatures(workspace: Workspace) -> dict[str, Any]:
    """Table 3: one training per start of the temperature, judged on validation."""
    highest = workspace.settings.train.max_logit_scale
    arms = [
        Arm(f"{start:g}", {"logit_scale": start, "max_logit_scale": max(highest, start)})
        for start in STARTS
    ]
    seed = [workspace.settings.project.seed]
    train_ahead(workspace, "temperatures", arms, seed)
    trained = train_series(workspace, "temperatures", arms, seed, TrainOptions(), reports)
    seen, truth = measure_series(workspace, trained, "validation")
    summary = series_summary(workspace, trained, seen, truth, "validation")
    return {"arms": summary["arms"], "images": summary["images"]}
