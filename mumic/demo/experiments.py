"""The paper's comparisons on the demo world: ``make experiments``.

    python -m mumic.demo.experiments FOLDER [--quick]

Trainings over three seeds, in a workspace that is drawn first. Each step keeps its results in
``FOLDER/experiments/``; a killed run goes on where it was, down to the optimiser step, once the
dataset is there. Results are written as they are, into ``FOLDER/experiments.json``.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from annotate.errors import InputError, MumicError
from annotate.files import read_json, write_json
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.demo.commands import Session
from mumic.demo.experiment_results import epochs_of, trainings, without_places
from mumic.demo.experiment_steps import (
    compare_methods,
    reports,
    temperatures,
    train_ahead,
    unseen_concepts,
)
from mumic.machine import machine
from mumic.run import choose_device
from mumic.series.ablations import ABLATIONS, ablation_series, run_ablation
from mumic.series.prompt_choice import ARMS as PROMPT_ARMS
from mumic.series.prompt_choice import SERIES as PROMPTS
from mumic.series.prompt_choice import compare_prompts
from mumic.training.optimiser import learning_rate
from mumic.training.train import TrainOptions

VARIED = ("temperature", "crop", "frozen", "noise")  # ablations

DATA_COMMANDS = (
    "mumic-annotate catalog",
    "mumic-annotate index",
    "mumic-annotate mine --all",
    "mumic-annotate mine --strategy stratified --by property_type",
    "mumic-annotate questions",
    "mumic-annotate tasks",
    "mumic-annotate simulate",
    "mumic-annotate consolidate",
    # Most photos test: to tell methods apart takes a large test split rather than a good model.
    "mumic-annotate dataset build --train 0.3 --validation 0.1 --test 0.6",
)


@dataclass(frozen=True)
class Plan:
    """How much is trained.

    Attributes:
        quick: whether only to see that all of it works.
        seeds: how many, of the main comparison.
        long: epochs of the main comparison at most, at the end of which the rate is 0.
        short: epochs of a training in the other tables; those of a table are alike.
        patience: epochs without a better GAP that end a long training: a dip in its middle, at the
            full rate, does not.
    """

    quick: bool
    seeds: int
    long: int
    short: int
    patience: int = 5


WHOLE = Plan(quick=False, seeds=3, long=18, short=3)
QUICK = Plan(quick=True, seeds=1, long=1, short=1)


def run_experiments(folder: Path, *, quick: bool) -> Path:
    """Run all steps that have no results yet, and put the results together.

    Args:
        folder: becomes a workspace, or is one that an earlier call made.
        quick: one seed and short trainings in a small world, to see that all of it works.

    Returns:
        The JSON file.

    Raises:
        InputError: the folder is a workspace of another origin, or was begun with another plan.
    """
    plan = QUICK if quick else WHOLE
    _check_plan(folder, plan)
    _step(folder, "world", lambda: _world(folder, plan))
    workspace = Workspace.find(folder)
    short = _with(workspace, epochs=plan.short)
    long = _with(workspace, epochs=plan.long, early_stop=plan.patience)
    seeds = range(plan.seeds)
    steps: dict[str, Callable[[], Any]] = {
        "main": lambda: compare_methods(long, seeds),
        "unseen": lambda: unseen_concepts(long, seeds),
        "temperatures": lambda: temperatures(short),
        "prompts": lambda: _prompts(short),
    } | {name: _ablation(short, name) for name in VARIED}
    for name, work in steps.items():
        _step(folder, name, work)
    stored = {
        name: read_json(_file(folder, name), "make experiments") for name in ["world", *steps]
    }
    result = {
        "experiments": {name: without_places(found) for name, found in stored.items()},
        "quick": quick,
        "machine": machine(),
        "trainings": trainings(workspace),
        "minutes": _sum([found.get("minutes") for found in stored.values()]),
        "side_by_side": choose_device("auto") == "cpu",
        "seeds": plan.seeds,
        "epochs": {"main": plan.long, "short": plan.short, "patience": plan.patience},
        "trained": epochs_of(stored["main"]["runs"]),
        "scale_reach": _scale_reach(short),
    }
    target = folder / "experiments.json"
    write_json(target, result)
    return target


def _check_plan(folder: Path, plan: Plan) -> None:
    """Write the plan into a new folder, or make sure that a begun one is about the same."""
    file = _file(folder, "plan")
    if file.is_file():
        if read_json(file, "make experiments") != asdict(plan):
            raise InputError(
                f"{folder} was begun with other seeds or epochs ({file} has them). Name a new "
                "folder, or delete this one."
            )
    elif (folder / "mumic.toml").exists():
        raise InputError(f"{folder} is a workspace of another origin; name a new folder.")
    else:
        write_json(file, asdict(plan))


def _sum(minutes: list[float | None]) -> float | None:
    """All of them; None where a step was broken off, and its minutes are not known."""
    known = [each for each in minutes if each is not None]
    return sum(known) if len(known) == len(minutes) else None


def _file(folder: Path, name: str) -> Path:
    return folder / "experiments" / f"{name}.json"


def _begun(folder: Path, name: str) -> Path:
    """Marks a step that was begun; its results come later."""
    return _file(folder, name).with_suffix(".begun")


def _step(folder: Path, name: str, work: Callable[[], dict[str, Any]]) -> None:
    """Do a step unless its results are there; they get its minutes, unless it was broken off."""
    if not _file(folder, name).is_file():
        print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
        begun = _begun(folder, name)
        whole = not begun.exists()
        begun.parent.mkdir(parents=True, exist_ok=True)
        begun.touch()
        started = time.monotonic()
        found = work()
        minutes = (time.monotonic() - started) / 60 if whole else None
        write_json(_file(folder, name), found | {"minutes": minutes})


def _world(folder: Path, plan: Plan) -> dict[str, Any]:
    """Draw, annotate (simulated) and build the dataset, by the commands that a user types."""
    session = Session(folder.resolve(), sys.stderr)
    if not (folder / "mumic.toml").is_file():
        session.run("mumic-annotate init . --demo" + (" --quick" if plan.quick else ""))
    workspace = Workspace.find(folder)
    if not (workspace.dataset / "images.parquet").is_file():
        # A command that was killed and is repeated goes on with another round of mining.
        shutil.rmtree(workspace.data, ignore_errors=True)
        for line in DATA_COMMANDS:
            session.run(line)
    dataset = load_dataset(workspace)
    return {
        "classes": len(dataset.classes),
        "images": {name: len(dataset.split(name)) for name in ("train", "validation", "test")},
    }


def _with(workspace: Workspace, *, epochs: int, **more: Any) -> Workspace:
    """With other settings of the training; of fewer epochs the same share is warm-up."""
    settings = workspace.settings
    share = min(1, epochs / settings.train.epochs)
    warm = int(settings.train.warmup_steps * share)
    train = replace(settings.train, epochs=epochs, warmup_steps=warm, **more)
    return replace(workspace, settings=replace(settings, train=train))


def _scale_reach(workspace: Workspace) -> float:
    """How far a training can move logit_scale: a step of AdamW is about its rate, at most."""
    train = workspace.settings.train
    images = len(load_dataset(workspace).split("train"))
    steps = train.epochs * math.ceil(images / train.batch_size)
    return sum(learning_rate(step, steps, train) for step in range(steps))


def _prompts(workspace: Workspace) -> dict[str, Any]:
    train_ahead(workspace, PROMPTS, PROMPT_ARMS, [workspace.settings.project.seed])
    return compare_prompts(workspace, options=TrainOptions(), reports_for=reports)


def _ablation(workspace: Workspace, name: str) -> Callable[[], Any]:
    def work() -> dict[str, Any]:
        seeds = [workspace.settings.project.seed]
        train_ahead(workspace, ablation_series(name), ABLATIONS[name].arms, seeds)
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
    try:
        print(run_experiments(given.folder, quick=given.quick))
    except MumicError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
