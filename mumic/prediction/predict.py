"""A run over many images: logits on disk, in parts, so that a killed command goes on.

``docs/formats.md`` describes the result. Images are decoded ahead of the model, and those that
cannot be read are set aside with a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate import tables
from annotate.catalog.scan import image_id
from annotate.clip.encoder import encode_images
from annotate.clip.loading import Clip, require_real_model
from annotate.clip.memory import clear_word
from annotate.errors import InputError
from annotate.files import read_json, remove_stale, write_json
from annotate.index.reading import LeftOut
from annotate.locks import exclusive
from annotate.workspace import Workspace
from mumic.memory import advice_in_use
from mumic.metrics.thresholds import Thresholds, sigmoid
from mumic.model.mumic_model import logits_of
from mumic.pixels import decoded_ahead
from mumic.prediction.parts import delete_parts, is_done, listing, merge_parts, prepare_parts
from mumic.prediction.picking import Picked
from mumic.prediction.storing import min_logit
from mumic.run import Run, choose_device, open_run, settings_hash

PART_SIZE = 1024
SHOWN_IMAGES = 5
SHOWN_CLASSES = 3


@dataclass(frozen=True)
class Predictor:
    """A run, ready to predict.

    ``storage`` are its storage thresholds by class; None: ``[predict] min_probability`` for all.
    """

    workspace: Workspace
    run: Run
    clip: Clip
    storage: Thresholds | None = None

    @property
    def min_logits(self) -> npt.NDArray[np.float64]:
        """Smaller logits are not stored, (classes,)."""
        if self.storage is not None:
            return self.storage.logits
        least = min_logit(self.workspace.settings.predict.min_probability)
        return np.full(len(self.run.classes), least)

    def check(self, demo_images: bool, *, allow: bool) -> None:
        """Refuse a model of the demo world on real photos, unless the user insists.

        Raises:
            InputError: see :func:`annotate.clip.loading.require_real_model`.
        """
        require_real_model(self.clip, demo_images, allow)

    def logits(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Logits, float32 (n, classes), of a batch of bytes (n, 3, size, size)."""
        rows = encode_images(self.clip, pixels, self.workspace.settings.model.precision)
        return logits_of(rows, self._text_rows, self.run.logit_scale, self.run.logit_bias)

    @cached_property
    def _text_rows(self) -> npt.NDArray[np.float32]:
        return self.run.text_rows()


def open_predictor(
    workspace: Workspace, run: str | None, device: str, *, all_classes_alike: bool = False
) -> Predictor:
    """Load a run; the newest if none is named.

    Args:
        workspace: with the run.
        run: its name.
        device: a torch device or ``auto``.
        all_classes_alike: store by ``[predict] min_probability``, whatever ``mumic thresholds``
            has found.
    """
    opened = open_run(workspace, run)
    storage = None if all_classes_alike else opened.storage_thresholds()
    return Predictor(workspace, opened, opened.load(workspace, choose_device(device)), storage)


@clear_word(advice_in_use)
def predict(
    predictor: Predictor,
    picked: Picked,
    target: Path,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Predict images and write their logits.

    Args:
        predictor: the run.
        picked: the images.
        target: the Parquet file; a JSON file with the same stem goes beside it.
        on_progress: told how many more images are done.

    Returns:
        What the JSON file holds: counts, the storage threshold, rejects, the first images' tops.

    Raises:
        InputError: there are no images.
        RemoteError: a bucket or host is out; parts that are done are kept.
    """
    uris = picked.uris
    if not uris:
        raise InputError("no images to predict. Is the catalogue empty?")
    parts = target.parent / f".{target.stem}.parts"
    with exclusive(parts.with_suffix(".lock"), busy=f"another process is writing {target}."):
        remove_stale(target.parent, target.name, target.with_suffix(".json").name)
        prepare_parts(parts, _task(predictor, uris))
        chunks = [uris[start : start + PART_SIZE] for start in range(0, len(uris), PART_SIZE)]
        stems = [parts / f"part-{number:05d}" for number in range(len(chunks))]
        todo = [(s, c) for s, c in zip(stems, chunks, strict=True) if not is_done(s)]
        _progress(on_progress, len(uris) - sum(len(chunk) for _, chunk in todo))
        with closing(_predicted(predictor, [chunk for _, chunk in todo])) as predicted:
            for (stem, chunk), part in zip(todo, predicted, strict=True):
                _write_part(predictor, part, stem)
                _progress(on_progress, len(chunk))
        summaries = [read_json(listing(stem), "mumic predict") for stem in stems]
        summary = _summary(predictor, picked, summaries)
        merge_parts([stem.with_suffix(".parquet") for stem in stems], target)
        write_json(target.with_suffix(".json"), summary)
        delete_parts(parts)
        parts.with_suffix(".lock").unlink()
    return summary


def _task(predictor: Predictor, uris: list[str]) -> str:
    """What a prediction rests on."""
    settings = predictor.workspace.settings
    return settings_hash(
        {
            "uris": hashlib.sha256("\0".join(uris).encode()).hexdigest(),
            "run": predictor.run.id,
            "weights": predictor.clip.weights_hash,
            "min_logits": predictor.min_logits.tolist(),
            "precision": settings.model.precision,
            "limits": [settings.catalog.max_bytes, settings.catalog.max_pixels],
        }
    )


def _progress(on_progress: Callable[[int], object] | None, images: int) -> None:
    if on_progress is not None and images:
        on_progress(images)


@dataclass(frozen=True)
class _Part:
    """Images of a part that could be read, their logits, and the others with reasons."""

    images: pd.DataFrame  # uri, content_hash
    logits: npt.NDArray[np.float32]
    rejects: list[dict[str, str]]


def _predicted(predictor: Predictor, chunks: list[list[str]]) -> Generator[_Part, None, None]:
    """Each chunk's images, decoded some batches ahead of the model."""
    workspace, run, clip = predictor.workspace, predictor.run, predictor.clip
    items = [[("", uri) for uri in chunk] for chunk in chunks]
    with decoded_ahead(workspace, items, clip.image_size, run.resize, clip.device) as decoded:
        for chunk, batches in zip(chunks, decoded, strict=True):
            logits = [np.zeros((0, len(run.classes)), np.float32)]
            hashes: list[str] = []
            left_out: list[LeftOut | None] = []
            for batch in batches:
                if len(batch.pixels):
                    logits.append(predictor.logits(batch.pixels))
                hashes += batch.hashes
                left_out += batch.left_out
            found = list(zip(chunk, left_out, strict=True))
            seen = [uri for uri, why in found if why is None]
            yield _Part(
                pd.DataFrame({"uri": seen, "content_hash": hashes}),
                np.concatenate(logits),
                [{"uri": uri, "reason": why.reason} for uri, why in found if why is not None],
            )


def _write_part(predictor: Predictor, part: _Part, stem: Path) -> None:
    frame = prediction_rows(predictor.run, part.images, part.logits, predictor.min_logits)
    tables.write(tables.PREDICTIONS, frame, stem.with_suffix(".parquet"))
    summary = {
        "images": len(part.images),
        "rows": len(frame),
        "rejects": part.rejects,
        "first": _tops(predictor.run, part.images["uri"][:SHOWN_IMAGES], part.logits),
    }
    write_json(listing(stem), summary)


def prediction_rows(
    run: Run,
    images: pd.DataFrame,
    logits: npt.NDArray[np.float32],
    min_logits: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """Logits as rows of the predictions table; those below ``min_logits`` are left out.

    Args:
        run: whose classes the columns are.
        images: uri and content_hash, in the order of the rows of ``logits``.
        logits: (images, classes).
        min_logits: the storage thresholds, (classes,).
    """
    rows, columns = np.nonzero(logits >= min_logits)
    ids = [
        image_id(uri, known)
        for uri, known in zip(images["uri"], images["content_hash"], strict=True)
    ]
    class_ids = np.array(run.class_ids, dtype=object)
    return pd.DataFrame(
        {
            "image_id": np.array(ids, dtype=object)[rows],
            "uri": images["uri"].to_numpy(dtype=object)[rows],
            "content_hash": images["content_hash"].to_numpy(dtype=object)[rows],
            "run_id": run.id,
            "taxonomy_hash": str(run.record.get("taxonomy_hash", "")),
            "class_id": class_ids[columns],
            "logit": logits[rows, columns],
        }
    )


def _tops(run: Run, uris: pd.Series, logits: npt.NDArray[np.float32]) -> list[dict[str, Any]]:
    """The surest classes of the first images, stored or not."""
    names = [entry.name for entry in run.classes]
    return [
        {
            "uri": uri,
            "classes": [
                {"name": names[at], "probability": float(sigmoid(row[at]))}
                for at in np.argsort(-row, kind="stable")[:SHOWN_CLASSES]
            ],
        }
        for uri, row in zip(uris, logits, strict=False)
    ]


def _summary(predictor: Predictor, picked: Picked, parts: list[dict[str, Any]]) -> dict[str, Any]:
    least = predictor.min_logits
    by_class = zip((entry.id for entry in predictor.run.classes), least.tolist(), strict=True)
    unnamed = [{"uri": uri, "reason": reason} for uri, reason in picked.rejects]
    return {
        "run": predictor.run.id,
        "demo_model": predictor.clip.is_demo,
        "taxonomy_hash": str(predictor.run.record.get("taxonomy_hash", "")),
        "classes": len(predictor.run.classes),
        "min_probability": float(sigmoid(least).min()),
        "min_logits": dict(by_class) if predictor.storage is not None else {},
        "images": sum(part["images"] for part in parts),
        "rows": sum(part["rows"] for part in parts),
        "rejects": unnamed + [reject for part in parts for reject in part["rejects"]],
        "first": [shown for part in parts for shown in part["first"]][:SHOWN_IMAGES],
    }
