"""What a run says of dataset images that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.dataset.learned import check_unlearned
from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import read_json
from annotate.mining.predictions import load_predictions
from annotate.runs import finished_run
from annotate.workspace import Workspace

UNTRAINED = ("validation", "test")


@dataclass(frozen=True)
class OutOfSample:
    """Probabilities.

    Attributes:
        run_id: of the run.
        image_ids: (N,).
        class_ids: (C,), those that the run knows.
        probabilities: (N, C), NaN where the run has said nothing.
        sources: where they were read from: splits, or predictions.
    """

    run_id: str
    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    sources: tuple[str, ...]


def read_out_of_sample(
    workspace: Workspace, images: pd.DataFrame, run: str | None = None, splits: Sequence[str] = ()
) -> OutOfSample:
    """Scores of a run's evaluations, else its predictions, on images outside its training split.

    Args:
        workspace: with runs.
        images: ``image_id``, ``content_hash`` and ``split`` of the dataset.
        run: the run's id; None: the newest.
        splits: of the dataset; none: validation and test, as far as there are scores.

    Raises:
        MissingError: no run, or nothing that it said of such images.
        InputError: the training split was asked for, or the splits were made anew since.
        DamagedError: a file cannot be read.
    """
    folder = finished_run(workspace.runs, run)
    _check_splits(splits, folder.name)
    split_of = dict(zip(images["image_id"], images["split"], strict=True))
    wanted = splits or UNTRAINED
    parts = [
        _scores(folder, split, split_of)
        for split in wanted
        if (folder / f"scores-{split}.npz").is_file()
    ]
    if parts:
        image_ids = [name for ids, _ in parts for name in ids]
        logits = np.concatenate([logits for _, logits in parts])
        class_ids = _class_ids(folder)
        found = tuple(split for split in wanted if (folder / f"scores-{split}.npz").is_file())
        return OutOfSample(folder.name, tuple(image_ids), class_ids, _sigmoid(logits), found)
    return _predicted(workspace, folder, images[images["split"].isin(wanted)])


def _check_splits(splits: Sequence[str], run: str) -> None:
    wrong = [split for split in splits if split not in UNTRAINED]
    if wrong:
        raise InputError(
            f"run {run} has learned the labels of the {wrong[0]} split, wrong ones too, so it "
            "cannot tell which are wrong. Audit validation and test (leave out --split). For the "
            "other images train a run that has not seen them: copy the workspace, change seed "
            "under [project], delete data/dataset/splits.parquet, then `mumic-annotate dataset` "
            "and `mumic train`, and audit there."
        )


def _scores(
    folder: Path, split: str, split_of: dict[str, str]
) -> tuple[list[str], npt.NDArray[np.float32]]:
    file = folder / f"scores-{split}.npz"
    try:
        with np.load(file, allow_pickle=False) as content:
            ids, logits = [str(name) for name in content["image_ids"]], content["logits"]
    except (OSError, ValueError, KeyError) as error:
        raise DamagedError(
            f"{file}: not readable ({error}). Run `mumic evaluate --run {folder.name}` again."
        ) from error
    trained = [name for name in ids if split_of.get(name) == "train"]
    if trained:
        raise InputError(
            f"{file}: {len(trained):,} of its images are in the training split now, such as "
            f"{trained[0]}. The splits were made anew since; train a run with these: `mumic train`."
        )
    here = [at for at, name in enumerate(ids) if name in split_of]
    return [ids[at] for at in here], logits[here]


def _class_ids(folder: Path) -> tuple[str, ...]:
    listed = read_json(folder / "classes.json", "mumic train")
    try:
        return tuple(str(entry["id"]) for entry in listed["classes"])
    except (KeyError, TypeError) as error:
        raise DamagedError(f"{folder / 'classes.json'}: no list of classes ({error!r}).") from error


def _predicted(workspace: Workspace, folder: Path, images: pd.DataFrame) -> OutOfSample:
    """Predictions on the wanted images; what was not stored is below the storage threshold."""
    evaluate = f"`mumic evaluate --run {folder.name} --split validation` (and test)"
    try:
        predictions = load_predictions(workspace, folder.name)
    except MissingError as error:
        raise MissingError(
            f"run {folder.name} has said nothing of images outside its training split. Let it: "
            f"{evaluate}."
        ) from error
    check_unlearned(folder, images)
    rows = predictions.rows[predictions.rows["image_id"].isin(images["image_id"])]
    image_ids = tuple(sorted(set(rows["image_id"])))
    if not image_ids:
        raise MissingError(
            f"run {folder.name} has predicted none of {len(images):,} images outside its training "
            f"split. Let it: {evaluate}."
        )
    class_ids = _class_ids(folder)
    least = [max(predictions.least(class_id), -50.0) for class_id in class_ids]
    logits = np.tile(np.array(least, np.float32), (len(image_ids), 1))
    row = pd.Index(image_ids).get_indexer(pd.Index(rows["image_id"]))
    column = pd.Index(class_ids).get_indexer(pd.Index(rows["class_id"]))
    logits[row[column >= 0], column[column >= 0]] = rows["logit"].to_numpy(np.float32)[column >= 0]
    return OutOfSample(folder.name, image_ids, class_ids, _sigmoid(logits), ("predictions",))


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    small = np.exp(-np.abs(logits.astype(np.float64)))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))
