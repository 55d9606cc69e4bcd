"""Logits of runs and embeddings of frozen towers on a dataset's images, and their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from annotate.clip.encoder import encode_images
from annotate.clip.loading import Clip
from annotate.clip.precision import embeds_in_bf16
from annotate.dataset.learned import check_unlearned
from annotate.dataset.splits import SPLITS
from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import atomic
from annotate.workspace import Workspace
from mumic.cache import Rows, add_shards
from mumic.data import Dataset
from mumic.model.mumic_model import logits_of
from mumic.run import Run

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Logits float32 (images, classes) and the images that they belong to."""

    logits: Floats
    image_ids: list[str]


def image_rows(
    workspace: Workspace,
    clip: Clip,
    pixels: Rows,
    dataset: Dataset,
    on_progress: Callable[[int], object] | None = None,
) -> Floats:
    """Unit rows of a dataset's images, float32 (images, dim).

    Args:
        workspace: whose settings say the batch size and the precision.
        clip: the model.
        pixels: of its size, of all the images.
        dataset: the images.
        on_progress: told how many more images are embedded.
    """
    hashes = list(dataset.images["content_hash"])
    return _embedded(workspace, clip, pixels, hashes, on_progress)


def _embedded(
    workspace: Workspace,
    clip: Clip,
    pixels: Rows,
    hashes: Sequence[str],
    on_progress: Callable[[int], object] | None,
) -> Floats:
    """Unit rows by content hash, embedded and told of by the batch."""
    size, precision = workspace.settings.predict.batch_size, workspace.settings.model.precision
    batches = [np.zeros((0, clip.dim), np.float32)]
    for start in range(0, len(hashes), size):
        batches.append(encode_images(clip, pixels.gather(hashes[start : start + size]), precision))
        if on_progress is not None:
            on_progress(len(batches[-1]))
    return np.concatenate(batches)


def run_logits(
    workspace: Workspace,
    run: Run,
    clip: Clip,
    pixels: Rows,
    dataset: Dataset,
    on_progress: Callable[[int], object] | None = None,
) -> Floats:
    """A run's logits on a dataset's images, float32 (images, classes of the run).

    See :func:`image_rows` for the arguments.

    Raises:
        InputError: the run has learned from images of validation or test.
    """
    check_unlearned(run.path, dataset.images)
    rows = image_rows(workspace, clip, pixels, dataset, on_progress)
    return logits_of(rows, run.text_rows(), run.logit_scale, run.logit_bias)


def frozen_rows(
    workspace: Workspace,
    clip: Clip,
    pixels: Rows,
    dataset: Dataset,
    on_progress: Callable[[int], object] | None = None,
    resize: str = "squash",
) -> Floats:
    """Unit rows of a model that is not trained, from ``data/cache/``, which is filled as needed."""
    used = "bf16" if embeds_in_bf16(workspace.settings.model.precision, clip.device) else "fp32"
    hashes = list(dataset.images["content_hash"])
    cached = add_shards(
        workspace.data / "cache" / f"features-{clip.model_hash[:16]}-{resize}-{used}",
        ((entry, entry) for entry in hashes),
        lambda chunks: (_embedded(workspace, clip, pixels, some, on_progress) for some in chunks),
    )
    return cached.gather(hashes).astype(np.float32)


def check_split(split: str) -> str:
    """The name of a split.

    Raises:
        InputError: another name.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r}: must be one of {', '.join(SPLITS)}")
    return split


def scores_file(path: Path, split: str) -> Path:
    """Where a run or baseline keeps its scores on a split."""
    return path / f"scores-{split}.npz"


def write_scores(path: Path, split: str, scores: Scores, class_ids: Sequence[str]) -> None:
    """Write ``scores-SPLIT.npz`` of a run or baseline.

    Args:
        path: its folder.
        split: whose images they are.
        scores: see there.
        class_ids: of the columns.
    """
    with atomic(scores_file(path, split)) as file:
        np.savez(
            file,
            logits=scores.logits,
            image_ids=np.array(scores.image_ids, dtype=str),
            class_ids=np.array(class_ids, dtype=str),
        )


def read_scores(path: Path, split: str, made_by: str | None = None) -> Scores:
    """The stored scores of a run or baseline.

    Args:
        path: its folder.
        split: whose images are scored.
        made_by: the command that makes them; None: a run's, ``mumic evaluate``.

    Raises:
        MissingError: there are none for this split.
        DamagedError: the file is cut short.
    """
    made_by = made_by or f"mumic evaluate --run {path.name} --split {split}"
    file = scores_file(path, split)
    if not file.is_file():
        raise MissingError(f"no {file}. Make it with `{made_by}`.")
    try:
        # Opened here: numpy leaves a torn file open.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
            return Scores(content["logits"], [str(entry) for entry in content["image_ids"]])
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise DamagedError(f"{file}: not readable ({error}). Run `{made_by}` again.") from error
