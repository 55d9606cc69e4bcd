"""``mumic evaluate``: load, score, measure, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from annotate.clip.memory import clear_word
from annotate.dataset.learned import check_unlearned
from annotate.errors import InputError
from annotate.files import read_json, write_json
from annotate.locks import exclusive
from annotate.workspace import Workspace
from mumic.checks import MORE_ANSWERS, check_baseline, check_evaluate
from mumic.data import Dataset, class_columns, load_dataset
from mumic.evaluation.design import find_design
from mumic.evaluation.findings import findings
from mumic.evaluation.measure import Method, Truth, split_groups
from mumic.evaluation.methods import (
    MUMIC,
    Material,
    baseline_methods,
    baseline_times,
    run_method,
    stored_methods,
)
from mumic.memory import advice_in_use
from mumic.metrics.measures import positives
from mumic.pixels import pixel_rows
from mumic.run import Run, check_demo_model, choose_device, open_run
from mumic.scores import check_split
from mumic.start import load_start
from mumic.text_time import time_texts


@dataclass(frozen=True)
class EvaluateOptions:
    """What to evaluate.

    ``run`` and ``against`` name runs (``run`` None: the newest); ``baselines`` adds zero-shot CLIP,
    a linear probe and what ``mumic baseline`` has made; ``allow_demo_model`` lets the small CLIP
    judge real photos.
    """

    run: str | None = None
    split: str = "test"
    against: str | None = None
    baselines: bool = True
    allow_demo_model: bool = False
    device: str = "auto"


@clear_word(advice_in_use)
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
        InputError: the dataset lacks a class of the run, the split has no labels, the runs have
            different classes, one has learned from images of the split, or a setting is out of
            range.
        MissingError: no such run; an image is gone; baselines are asked for and the weights that
            the run was trained from are gone.
    """
    options = options or EvaluateOptions()
    split = check_split(options.split)
    check_evaluate(workspace.settings.evaluate)
    if options.baselines:
        check_baseline(workspace.settings.baseline)
    run = open_run(workspace, options.run)
    other = open_run(workspace, options.against) if options.against else None
    dataset = load_dataset(workspace).of_classes(run.class_ids)
    runs = [run] if other is None else [run, other]
    for each in runs:  # all that can be refused is, before hours of decoding
        check_unlearned(each.path, dataset.split(split).images)
        class_columns(each.class_ids, run.class_ids, each.id)
    truth = split_truth(dataset, split)
    design = find_design(workspace.candidates, list(dataset.split(split).images["image_id"]))
    needed = _needed(dataset, split, baselines=options.baselines)
    device = choose_device(options.device)
    if options.baselines:
        load_start(workspace, run, device)  # whether it can be had; again where it is used
    # The other one is loaded again in its turn: three models at once may be too many.
    for each in reversed(runs):
        clip = each.load(workspace, device)
        check_demo_model(workspace, clip, allow=options.allow_demo_model)
    material = Material(
        workspace=workspace,
        train=dataset.split("train"),
        validation=dataset.split("validation"),
        split=dataset.split(split),
        pixels=pixel_rows(workspace, needed, clip.image_size, on_progress, run.resize),
        device=device,
    )
    methods = [run_method(material, run, clip, MUMIC, split, on_progress)]
    text_seconds = time_texts(clip, run.texts)
    if options.baselines:
        methods += baseline_methods(material, run, on_progress)
        told = {entry.name for entry in methods}
        stored = stored_methods(workspace, run, material.split, split)
        methods += [entry for entry in stored if entry.name not in told]
    if other is not None:
        methods.append(_other_method(material, run, other, split, on_progress))
    settings = workspace.settings
    found = {
        "run": run.id,
        "split": split,
        "demo_model": any(bool(each.record.get("demo_model")) for each in runs),
        "dataset": dataset.fingerprint,
        "text_seconds": text_seconds,
        "baselines": baseline_times(workspace, run, material.split, split),
    } | findings(truth, methods, settings.evaluate, settings.project.seed, design)
    _write(run, split, found)
    return found


def split_truth(dataset: Dataset, split: str) -> Truth:
    """The labels of a split, its groups, and how frequent its classes are in training.

    Raises:
        InputError: the split has no image with a known label.
    """
    return truth_of(dataset.split(split), dataset.split("train"), split)


def truth_of(part: Dataset, train: Dataset, split: str) -> Truth:
    """The same of some images of a split.

    Args:
        part: what is measured on.
        train: says how frequent a class is.
        split: whose images ``part`` has.

    Raises:
        InputError: none of them has a known label.
    """
    if not part.cells.mask.any():
        raise InputError(
            f"split {split} has no image with a known label; nothing can be measured on it. "
            f"{MORE_ANSWERS}"
        )
    frequency = positives(train.cells.labels, train.cells.mask)
    return Truth(part.classes, part.cells, split_groups(part), frequency)


def _write(run: Run, split: str, found: dict[str, Any]) -> None:
    """Put what was found into the run's ``metrics.json``, beside other splits."""
    file = run.path / "metrics.json"
    with exclusive(run.path / ".metrics.lock"):  # another process may measure another split
        earlier = read_json(file, "mumic evaluate") if file.is_file() else {}
        write_json(file, earlier | {split: found})


def _needed(dataset: Dataset, split: str, *, baselines: bool) -> pd.DataFrame:
    """A linear probe needs the training images too."""
    splits = {split, "validation", "train"} if baselines else {split}
    return dataset.images[dataset.images["split"].isin(splits)]


def _other_method(
    material: Material,
    run: Run,
    other: Run,
    split: str,
    on_progress: Callable[[int], object] | None,
) -> Method:
    """Another run on the same images, at its own size, its classes in the first run's order."""
    columns = class_columns(other.class_ids, run.class_ids, other.id)
    workspace, images = material.workspace, material.split.images
    clip = other.load(workspace, material.device)
    pixels = pixel_rows(workspace, images, clip.image_size, on_progress, other.resize)
    own = replace(material, pixels=pixels)
    scored = run_method(own, other, clip, f"run {other.id}", split, on_progress)
    return Method(scored.name, scored.logits[:, columns], other.thresholds().take(columns))
