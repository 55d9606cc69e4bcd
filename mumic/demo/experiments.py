"""The paper's comparisons on the demo world: ``make experiments``.

    python -m mumic.demo.experiments FOLDER [--quick]

Trainings over three seeds, in a workspace that is drawn first. Each step keeps its results in
``FOLDER/experiments/``; a killed run goes on where it was, down to the optimiser step. Results are
written as they are, into ``FOLDER/experiments.json``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from annotate.files import read_json, write_json
from annotate.settings.training import TrainSettings
from annotate.workspace import Workspace
from mumic.baseline_runs import BaselineOptions, run_baseline
from mumic.baseline_runs import Reports as BaselineReports
from mumic.blend import blend_run
from mumic.data import load_dataset
from mumic.demo.commands import Session
from mumic.demo.unseen import measure_unseen
from mumic.machine import machine
from mumic.measure import Method
from mumic.methods import MUMIC, Material, baseline_methods
from mumic.pixels import pixel_rows
from mumic.run import Run, choose_device, open_run
from mumic.series.ablations import (
    Trained,
    measure_series,
    run_ablation,
    series_summary,
    train_series,
)
from mumic.series.arms import Arm, arm_workspace
from mumic.series.compare import arm_difference, arm_rows, see
from mumic.series.prompt_choice import compare_prompts
from mumic.train import Reports, TrainOptions

SERIES = "experiments"
OWN = Arm(MUMIC, {})
HALF_WAY = Arm("weights half way to the start", {})
NO_BIAS = Arm("MuMIC without a bias", {"logit_bias": 0.0})
TEMPERATURE_1 = Arm("temperature 1 (plain BCE)", {"loss": "bce", "logit_bias": 0.0})
ASL = Arm("ASL as the loss, same towers", {"loss": "asl"})
MAIN = (OWN, NO_BIAS, TEMPERATURE_1, ASL)
STARTS = (0.7, 1.7, 2.7, TrainSettings().logit_scale, 4.6, 5.8)
ASL_TRIALS = 2  # points of its search, so that all of this stays under an hour
ABLATIONS = ("crop", "frozen", "noise")

PLACES = ("runs", "figures", "figure")

DATA_COMMANDS = (
    "mumic-annotate catalog",
    "mumic-annotate index",
    "mumic-annotate mine --all",
    "mumic-annotate mine --strategy stratified --by property_type",
    "mumic-annotate questions",
    "mumic-annotate tasks",
    "mumic-annotate simulate",
    "mumic-annotate consolidate",
    "mumic-annotate dataset",
)


@dataclass(frozen=True)
class Plan:
    """How much is trained: seeds of the main comparison, and epochs of the tables beside it."""

    quick: bool

    @property
    def seeds(self) -> range:
        """Three, or one."""
        return range(1 if self.quick else 3)

    @property
    def short(self) -> int:
        """Epochs of a training in the other tables; those of a table are alike."""
        return 1 if self.quick else 3


def reports(title: str) -> Reports:
    """One line per training, on standard error."""
    print(f"  {time.strftime('%H:%M:%S')} {title}", file=sys.stderr, flush=True)
    return Reports()


def run_experiments(folder: Path, *, quick: bool) -> Path:
    """Run all steps that have no results yet, and put the results together.

    Args:
        folder: becomes a workspace, or is one that an earlier call left.
        quick: one seed and short trainings in a small world, to see that all of it works.

    Returns:
        The JSON file.
    """
    plan = Plan(quick)
    folder.mkdir(parents=True, exist_ok=True)
    _step(folder, "world", lambda: _world(folder, plan))
    workspace = Workspace.find(folder)
    if quick:
        workspace = _short(workspace, plan.short)
    steps: dict[str, Callable[[], Any]] = {
        "main": lambda: _main(workspace, plan),
        "unseen": lambda: _unseen(workspace, plan),
        "temperatures": lambda: _temperatures(_short(workspace, plan.short)),
        "prompts": lambda: compare_prompts(
            _short(workspace, plan.short), options=TrainOptions(), reports_for=reports
        ),
    } | {name: _ablation(_short(workspace, plan.short), name) for name in ABLATIONS}
    for name, work in steps.items():
        _step(folder, name, work)
    stored = {
        name: read_json(_file(folder, name), "make experiments") for name in ["world", *steps]
    }
    result = {
        "experiments": {name: _kept(found) for name, found in stored.items()},
        "quick": quick,
        "machine": machine(),
        "trainings": _trainings(workspace),
        "seeds": len(plan.seeds),
        "epochs": {"main": workspace.settings.train.epochs, "short": plan.short},
    }
    target = folder / "experiments.json"
    write_json(target, result)
    return target


def _kept(found: Any) -> Any:
    """Results without the places on this machine."""
    if isinstance(found, dict):
        return {key: _kept(value) for key, value in found.items() if key not in PLACES}
    return [_kept(value) for value in found] if isinstance(found, list) else found


def _file(folder: Path, name: str) -> Path:
    return folder / "experiments" / f"{name}.json"


def _step(folder: Path, name: str, work: Callable[[], Any]) -> None:
    """Do a step unless its results are there."""
    if not _file(folder, name).is_file():
        print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
        write_json(_file(folder, name), work())


def _trainings(workspace: Workspace) -> dict[str, float]:
    """How many there were and their minutes, those of earlier calls included."""
    seconds = []
    for file in workspace.runs.glob("*/*/run.json"):
        record = read_json(file, "make experiments")
        if "blend" not in record:
            began, ended = (
                datetime.fromisoformat(record[name]) for name in ("started", "finished")
            )
            seconds.append((ended - began).total_seconds())
    return {"count": len(seconds), "minutes": sum(seconds) / 60}


def _world(folder: Path, plan: Plan) -> dict[str, Any]:
    """Draw, annotate (simulated) and build the dataset, by the commands that a user types."""
    session = Session(folder.resolve(), sys.stderr)
    if not (folder / "mumic.toml").is_file():
        session.run("mumic-annotate init . --demo" + (" --quick" if plan.quick else ""))
    workspace = Workspace.find(folder)
    if not (workspace.dataset / "images.parquet").is_file():
        for line in DATA_COMMANDS:
            session.run(line)
    dataset = load_dataset(workspace)
    return {
        "classes": len(dataset.classes),
        "images": {name: len(dataset.split(name)) for name in ("train", "validation", "test")},
    }


def _short(workspace: Workspace, epochs: int) -> Workspace:
    settings = workspace.settings
    train = replace(settings.train, epochs=epochs)
    return replace(workspace, settings=replace(settings, train=train))


def _main(workspace: Workspace, plan: Plan) -> dict[str, Any]:
    """MuMIC, what it is compared with, and baselines on the frozen tower, over the seeds."""
    trained = train_series(workspace, SERIES, MAIN, plan.seeds, TrainOptions(), reports)
    seen, truth = measure_series(workspace, trained, "test")
    summary = series_summary(workspace, trained, seen, truth, "test")
    summary.pop("per_class")
    settings = workspace.settings
    resamples = truth.resamples(settings.evaluate, settings.project.seed)
    # They rest on the frozen tower and on no seed, but for the head that is trained.
    frozen = baseline_methods(_material(workspace, trained[0]), trained[0].run)
    heads, about = _asl_heads(workspace, plan.seeds)
    baselines = [
        see(method, seed, truth, resamples, settings.evaluate)
        for seed, head in zip(plan.seeds, heads, strict=True)
        for method in (*frozen, head)
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
    workspace: Workspace, seeds: Iterable[int]
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
        found = run_baseline(here, "asl-head", BaselineOptions(), BaselineReports())
        record = found.record
        methods.append(Method(record["title"], found.scores("test").logits, found.thresholds()))
        about.append({name: record[name] for name in ("trials", "epochs_to_saturation")})
        about[-1]["seconds"] = sum(
            trial["epochs"] * trial["seconds_per_epoch"] for trial in record["searched"]
        )
        # The points that were tried differ in their rate alone.
        budget = replace(budget, trials=1, tower_lr=record["best"]["lr"])
    return methods, about


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


def _unseen(workspace: Workspace, plan: Plan) -> dict[str, Any]:
    """Concepts that no label names, per seed; and what blended weights cost where labels are."""
    trained = train_series(workspace, SERIES, [OWN], plan.seeds, TrainOptions(), reports)
    seeds, blends = [], []
    for entry in trained:
        here = arm_workspace(workspace, SERIES, OWN, entry.seed)
        seeds.append(measure_unseen(here, entry.run.id))
        blends.append(Trained(HALF_WAY, entry.seed, _half_way(here, entry.run)))
    both = [*trained, *blends]
    seen, truth = measure_series(workspace, both, "test")
    summary = series_summary(workspace, both, seen, truth, "test")
    return {"seeds": seeds, "labelled": summary["arms"]}


def _half_way(workspace: Workspace, run: Run) -> Run:
    """The run's weights half way to its start; those of an earlier call where there are some."""
    name = f"{run.id}-half-way"
    made = workspace.runs / name / "run.json"
    return open_run(workspace, name) if made.is_file() else blend_run(workspace, run, 0.5, name)


def _temperatures(workspace: Workspace) -> dict[str, Any]:
    """Table 3: one training per start of the temperature, judged on validation."""
    highest = workspace.settings.train.max_logit_scale
    arms = [
        Arm(f"{start:g}", {"logit_scale": start, "max_logit_scale": max(highest, start)})
        for start in STARTS
    ]
    seed = [workspace.settings.project.seed]
    trained = train_series(workspace, "temperatures", arms, seed, TrainOptions(), reports)
    seen, truth = measure_series(workspace, trained, "validation")
    summary = series_summary(workspace, trained, seen, truth, "validation")
    return {"arms": summary["arms"], "images": summary["images"]}


def _ablation(workspace: Workspace, name: str) -> Callable[[], Any]:
    def work() -> dict[str, Any]:
        seeds = [workspace.settings.project.seed]
        return run_ablation(
            workspace,
            name,
            seeds=seeds,
            split="test",
            options=TrainOptions(),
            reports_for=reports,
        )

    return work


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, run, say where the results are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="a few minutes, to try it")
    given = parser.parse_args(arguments)
    print(run_experiments(given.folder, quick=given.quick))


if __name__ == "__main__":
    main()
