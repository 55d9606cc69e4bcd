"""``mumic evaluate`` and ``mumic compare``: load, score, measure, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from annotate import tables
from annotate.errors import InputError
from annotate.workspace import Workspace
from mumic.data import Dataset, load_dataset
from mumic.design import find_design
from mumic.findings import findings
from mumic.measure import (
    Method,
    Truth,
    difference_json,
    differences,
    measure,
    split_groups,
)
from mumic.methods import MUMIC, Material, baseline_methods, run_method
from mumic.metrics import positives
from mumic.pixels import pixel_rows
from mumic.run import Run, check_demo_model, choose_device, open_run
from mumic.scores import Scores, check_split, read_scores
from mumic.thresholds import Thresholds


@dataclass(frozen=True)
class EvaluateOptions:
    """What to evaluate.

    ``run`` and ``against`` name runs (``run`` None: the newest); ``baselines`` adds zero-shot CLIP
    and a linear probe; ``allow_demo_model`` lets the small CLIP judge real photos.
    """

    run: str | None = None
    split: str = "test"
    against: str | None = None
    baselines: bool = True
    allow_demo_model: bool = False
    device: str = "auto"


def evaluate(
    workspace: Workspace,
    options: EvaluateOptions | None = None,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Measure a run beside its baselines; write ``metrics.json`` and ``scores-SPLIT.npz``.

    Args:
        workspace: its runs and its dataset.
        options: see there.
        on_progress: told how many more images were decoded or embedded.

    Returns:
        What ``metrics.json`` holds for the split.

    Raises:
        InputError: the dataset lacks a class of the run, the split has no labels, or the runs have
            different classes.
        MissingError: no such run; an image is gone.
    """
    options = options or EvaluateOptions()
    split = check_split(options.split)
    run = open_run(workspace, options.run)
    other = open_run(workspace, options.against) if options.against else None
    dataset = load_dataset(workspace).of_classes([entry.id for entry in run.classes])
    needed = _needed(dataset, split, baselines=options.baselines)
    device = choose_device(options.device)
    clip = run.load(workspace, device)
    check_demo_model(workspace, clip, allow=options.allow_demo_model)
    material = Material(
        workspace=workspace,
        train=dataset.split("train"),
        validation=dataset.split("validation"),
        split=dataset.split(split),
        pixels=pixel_rows(workspace, needed, clip.image_size, on_progress, run.resize),
        device=device,
    )
    methods = [run_method(material, run, MUMIC, split)]
    if options.baselines:
        methods += baseline_methods(material, run, on_progress)
    if other is not None:
        methods.append(_other_method(material, run, other, split))
    settings = workspace.settings
    found = {
        "run": run.id,
        "split": split,
        "demo_model": bool(run.record.get("demo_model")),
        "dataset": dataset.fingerprint,
    } | findings(
        split_truth(dataset, split),
        methods,
        settings.evaluate,
        settings.project.seed,
        find_design(workspace.candidates, list(material.split.images["image_id"])),
    )
    _write(run, split, found)
    return found


def split_truth(dataset: Dataset, split: str) -> Truth:
    """The labels of a split, its groups, and how frequent its classes are in training.

    Raises:
        InputError: the split has no image with a known label.
    """
    part, train = dataset.split(split), dataset.split("train").cells
    if not part.cells.mask.any():
        raise InputError(
            f"split {split} has no image with a known label; nothing can be measured on it."
        )
    frequency = positives(train.labels, train.mask)
    return Truth(part.classes, part.cells, split_groups(part), frequency)


def _write(run: Run, split: str, found: dict[str, Any]) -> None:
    """Put what was found into the run's ``metrics.json``, beside other splits."""
    file = run.path / "metrics.json"
    earlier = tables.read_json(file, "mumic evaluate") if file.is_file() else {}
    tables.write_json(file, earlier | {split: found})


def _needed(dataset: Dataset, split: str, *, baselines: bool) -> pd.DataFrame:
    """A linear probe needs the training images too."""
    splits = {split, "validation", "train"} if baselines else {split}
    return dataset.images[dataset.images["split"].isin(splits)]


def _other_method(material: Material, run: Run, other: Run, split: str) -> Method:
    """Another run on the same images, its classes in the first run's order."""
    columns = _same_classes(run, other)
    if other.resize != run.resize:
        raise InputError(
            f"{run.id} and {other.id} make images square in different ways. Evaluate each by "
            f"itself, then `mumic compare {run.id} {other.id}`."
        )
    scored = run_method(material, other, f"run {other.id}", split)
    return Method(scored.name, scored.logits[:, columns], other.thresholds().take(columns))


def _same_classes(run: Run, other: Run) -> list[int]:
    places = {entry.id: at for at, entry in enumerate(other.classes)}
    if set(places) != {entry.id for entry in run.classes}:
        raise InputError(
            f"runs {run.id} and {other.id} have different classes; compare like with like."
        )
    return [places[entry.id] for entry in run.classes]


def compare(workspace: Workspace, first: str, second: str, split: str) -> dict[str, Any]:
    """The difference between two evaluated runs, first minus second, with paired 95 % intervals.

    Args:
        workspace: its runs and its dataset.
        first: a run.
        second: another.
        split: on which both have been evaluated.

    Raises:
        MissingError: one of the runs has no scores on this split.
        InputError: their classes differ, or they share no image.
    """
    runs = open_run(workspace, first), open_run(workspace, second)
    columns = _same_classes(*runs)
    stored = [read_scores(run.path, check_split(split)) for run in runs]
    dataset = load_dataset(workspace).of_classes([entry.id for entry in runs[0].classes])
    pair = stored[0], Scores(stored[1].logits[:, columns], stored[1].image_ids)
    thresholds = runs[0].thresholds(), runs[1].thresholds().take(columns)
    methods, shared = _on_shared_images(dataset.split(split), (first, second), pair, thresholds)
    truth = split_truth(replace(dataset, images=shared.images, cells=shared.cells), split)
    settings = workspace.settings.evaluate
    resamples = truth.resamples(settings, workspace.settings.project.seed)
    own, other = (measure(method, truth, resamples, settings) for method in methods)
    found = difference_json(differences(own, other), settings.k)
    return {"first": first, "second": second, "split": split} | found


def _on_shared_images(
    split: Dataset,
    names: tuple[str, str],
    pair: tuple[Scores, Scores],
    thresholds: tuple[Thresholds, Thresholds],
) -> tuple[list[Method], Dataset]:
    """Both score sets on the images that both have."""
    places = [{image: at for at, image in enumerate(scores.image_ids)} for scores in pair]
    ids = list(split.images["image_id"])
    rows = [at for at, image in enumerate(ids) if all(image in known for known in places)]
    if not rows:
        raise InputError("the two runs have no image in common. Evaluate both on the same dataset.")
    methods = [
        Method(name, scores.logits[[known[ids[at]] for at in rows]], cuts)
        for name, scores, known, cuts in zip(names, pair, places, thresholds, strict=True)
    ]
    return methods, split.take(rows)
