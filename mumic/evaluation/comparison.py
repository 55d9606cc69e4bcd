"""``mumic compare``: the paper's tables 1 and 2 for one's own data.

Table 1 is quality on one split, table 2 what it took. Runs and baselines come from their stored
scores, so nothing is computed anew but the measures, under the same resamples for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotate.errors import InputError, MissingError
from annotate.files import read_json
from annotate.workspace import Workspace
from mumic.baselines.store import Baseline, known_baselines, open_baseline
from mumic.checks import check_evaluate
from mumic.data import Dataset, class_columns, load_dataset
from mumic.evaluation.design import find_design
from mumic.evaluation.evaluate import truth_of
from mumic.evaluation.findings import findings
from mumic.evaluation.measure import Method
from mumic.metrics.thresholds import Thresholds
from mumic.run import Run, open_run
from mumic.scores import Scores, check_split, read_scores


@dataclass(frozen=True)
class Contender:
    """A run or a baseline with its stored scores, and what it took."""

    name: str
    scores: Scores
    class_ids: list[str]
    thresholds: Thresholds
    cost: dict[str, Any]
    demo_model: bool


def compare(workspace: Workspace, names: Sequence[str], split: str) -> dict[str, Any]:
    """Runs and baselines side by side, the first against each other one.

    Args:
        workspace: with scores of all of them.
        names: of runs and baselines; none: the newest run and every baseline that fits it.
        split: on which all have been scored.

    Returns:
        As in ``metrics.json``, with ``costs`` by method and ``notes``.

    Raises:
        MissingError: there is no such run or baseline, or it has no scores on this split.
        InputError: classes differ, they share no image, or a setting is out of range.
    """
    check_split(split)
    check_evaluate(workspace.settings.evaluate)
    dataset = load_dataset(workspace)
    contenders, notes = _contenders(workspace, names, split, dataset.fingerprint)
    dataset = dataset.of_classes(contenders[0].class_ids)
    methods, shared = _on_shared_images(dataset.split(split), contenders)
    truth = truth_of(shared, dataset.split("train"), split)
    settings = workspace.settings
    design = find_design(workspace.candidates, list(shared.images["image_id"]))
    found = findings(truth, methods, settings.evaluate, settings.project.seed, design)
    return {
        "split": split,
        "dataset": dataset.fingerprint,
        "demo_model": any(entry.demo_model for entry in contenders),
        "costs": {entry.name: entry.cost for entry in contenders},
        "notes": [
            *notes,
            *_image_notes(dataset.split(split), shared),
            *_budget_notes(contenders),
            *_saturation_notes(contenders),
        ],
    } | found


def _contenders(
    workspace: Workspace, names: Sequence[str], split: str, dataset: str
) -> tuple[list[Contender], list[str]]:
    if names:
        doubled = {name for name in names if list(names).count(name) > 1}
        if doubled:
            raise InputError(f"{', '.join(sorted(doubled))}: named twice")
        entries = [_opened(workspace, name) for name in names]
        _check_starts(entries)
        return [_contender(workspace, entry, split) for entry in entries], []
    run = open_run(workspace)
    known = known_baselines(workspace)
    reasons = {entry.name: entry.unfit(run, dataset, split) for entry in known}
    fitting = [_of_baseline(entry, split) for entry in known if reasons[entry.name] is None]
    notes = [f"{name} {reason}" for name, reason in reasons.items() if reason is not None]
    if not known:
        notes.append("No baselines yet: make them with `mumic baseline` and `... asl-head`.")
    return [_of_run(workspace, run, split), *fitting], notes


def _budget_notes(contenders: Sequence[Contender]) -> list[str]:
    """That those that were searched are not the best of equally many settings."""
    trials = {entry.name: entry.cost["trials"] for entry in contenders if entry.cost["trials"]}
    if len(set(trials.values())) < 2:
        return []
    most = max(trials.values())
    told = ", ".join(f"{name} of {count}" for name, count in trials.items())
    return [
        f"Methods are the best of unequally many settings: {told}. `mumic tune --trials {most}` "
        "gives a run as many, train one with what it finds; a baseline gets up to 12 by --trials."
    ]


def _saturation_notes(contenders: Sequence[Contender]) -> list[str]:
    """Whose epochs to saturation are not known to be all that it takes."""
    unsaturated = [entry.name for entry in contenders if not entry.cost["saturated"]]
    if not unsaturated:
        return []
    return [
        f"{', '.join(unsaturated)} might have become better with more epochs (marked +): the "
        "best one was the last. Raise --epochs of a run, --max-epochs of a baseline."
    ]


def _image_notes(split: Dataset, shared: Dataset) -> list[str]:
    """How many images some method has no scores of, where there are such."""
    lacking = len(split) - len(shared)
    if not lacking:
        return []
    return [
        f"{lacking} of {len(split)} images are left out: not every method was scored on them. "
        "Evaluate runs, and make baselines, again."
    ]


def _opened(workspace: Workspace, name: str) -> Run | Baseline:
    if (workspace.runs / name / "run.json").is_file():
        return open_run(workspace, name)
    try:
        return open_baseline(workspace, name)
    except MissingError as error:
        runs = [file.parent.name for file in workspace.runs.glob("*/run.json")]
        raise MissingError(
            f"{name!r} is neither a run ({', '.join(sorted(runs)) or 'none'}) nor a baseline: "
            f"{error}"
        ) from error


def _check_starts(entries: Sequence[Run | Baseline]) -> None:
    """Refuse a baseline that stands on another CLIP, or another resize, than all runs beside it.

    Its title says that it stands on theirs. Without a run the first baseline says on which.
    """
    baselines = [entry for entry in entries if isinstance(entry, Baseline)]
    runs = [entry for entry in entries if isinstance(entry, Run)]
    of_clip = [entry for entry in baselines if entry.start_model]
    beside = [
        (entry.start_model or {}, int(entry.record["seed"]), entry.resize)
        for entry in runs or (of_clip or baselines)[:1]
    ]
    for entry in baselines:
        standing = [each for each in beside if entry.stands_on(each[0])]
        if not standing:
            raise InputError(
                f"baseline {entry.name} stands on another model than what it is compared with. "
                f"{entry.remedy(*beside[0])}"
            )
        resizes = [resize for _, _, resize in standing]
        if entry.resize not in resizes:
            raise InputError(
                f"baseline {entry.name} {entry.resized(resizes[0])}. {entry.remedy(*standing[0])}"
            )


def _contender(workspace: Workspace, entry: Run | Baseline, split: str) -> Contender:
    if isinstance(entry, Run):
        return _of_run(workspace, entry, split)
    return _of_baseline(entry, split)


def _of_run(workspace: Workspace, run: Run, split: str) -> Contender:
    scores = read_scores(run.path, split)
    file = run.path / "metrics.json"  # a run that was scored beside another has none
    measured = read_json(file, "mumic evaluate").get(split, {}) if file.is_file() else {}
    record = run.record
    best = record.get("best_epoch")
    cost = {
        "epochs_to_saturation": best,
        "saturated": best is None or best < record["settings"]["train"]["epochs"],
        "seconds_per_epoch": record.get("seconds_per_epoch"),
        "text_seconds": measured.get("text_seconds"),
        "trials": None if "blend" in record else _trials(workspace, record),
    }
    demo = bool(record.get("demo_model"))
    return Contender(run.id, scores, run.class_ids, run.thresholds(), cost, demo)


def _search_saturated(record: dict[str, Any]) -> bool:
    """Whether a baseline's best trial had an epoch after its best one, as is asked of runs."""
    for trial in record.get("searched", ()):
        if "failed" not in trial and all(trial[key] == at for key, at in record["best"].items()):
            return bool(trial["best_epoch"] < trial["epochs"])
    return True


def _trials(workspace: Workspace, record: dict[str, Any]) -> int:
    """How many settings a run's are the best of: those of a study that found them, else 1."""
    most = 1
    for file in workspace.runs.glob("tune-*/summary.json"):
        study = read_json(file, "mumic tune")
        best = study["best"]
        found = file.parent / best["run"] / "run.json" if best is not None else None
        if found is None or not found.is_file():
            continue
        trial = read_json(found, "mumic tune")
        alike = _begun_with(trial) == _begun_with(record)
        settings = record["settings"]["train"]
        if alike and all(settings.get(name) == value for name, value in best["changes"].items()):
            # One that failed was never judged, and equal settings are one.
            judged = [trial["changes"] for trial in study["trials"] if trial["state"] != "fail"]
            most = max(most, sum(each not in judged[:at] for at, each in enumerate(judged)))
    return most


def _begun_with(record: dict[str, Any]) -> tuple[Any, ...]:
    start = record["start_model"]
    return record["dataset"], start["weights_hash"], start["random_init"]


def _of_baseline(entry: Baseline, split: str) -> Contender:
    names = ("epochs_to_saturation", "seconds_per_epoch", "text_seconds", "trials")
    return Contender(
        entry.title,
        entry.scores(split),
        entry.class_ids,
        entry.thresholds(),
        {name: entry.record.get(name) for name in names}
        | {"saturated": _search_saturated(entry.record)},
        bool(entry.record.get("demo_model")),
    )


def _on_shared_images(
    split: Dataset, contenders: Sequence[Contender]
) -> tuple[list[Method], Dataset]:
    """All scores on the images that all have, columns in the first one's order."""
    places = [{image: at for at, image in enumerate(e.scores.image_ids)} for e in contenders]
    ids = list(split.images["image_id"])
    rows = [at for at, image in enumerate(ids) if all(image in known for known in places)]
    if not rows:
        raise InputError(
            f"{', '.join(entry.name for entry in contenders)} have no image of this dataset in "
            "common. Evaluate all of them on it."
        )
    methods = []
    for entry, known in zip(contenders, places, strict=True):
        columns = class_columns(entry.class_ids, contenders[0].class_ids, entry.name)
        chosen = entry.scores.logits[[known[ids[at]] for at in rows]][:, columns]
        methods.append(Method(entry.name, chosen, entry.thresholds.take(columns)))
    return methods, split.take(rows)
