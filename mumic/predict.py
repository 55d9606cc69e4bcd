"""A run over many images: logits on disk, in parts, so that a killed command goes on.

``docs/formats.md`` describes the result. Images are decoded by a few threads, and those that cannot
be read are set aside with a reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from annotate import tables
from annotate.catalog.scan import image_id
from annotate.clip.encoder import encode_images
from annotate.clip.fast_pixels import pixels_of
from annotate.clip.loading import Clip, require_real_model
from annotate.errors import InputError
from annotate.files import atomic, read_json, remove_stale, write_json
from annotate.locks import exclusive
from annotate.storage.store import read_bytes
from annotate.workspace import Workspace
from mumic.cache import in_threads
from mumic.memory import advice_in_use, clear_word
from mumic.model import logits_of
from mumic.picking import Picked
from mumic.run import Run, choose_device, open_run, settings_hash
from mumic.storing import min_logit
from mumic.thresholds import Thresholds, sigmoid

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
        """Logits, float32 (n, classes), of bytes (n, 3, size, size)."""
        settings = self.workspace.settings
        size = settings.predict.batch_size
        rows = [
            encode_images(self.clip, pixels[start : start + size], settings.model.precision)
            for start in range(0, len(pixels), size)
        ]
        run = self.run
        return logits_of(np.concatenate(rows), run.text_rows(), run.logit_scale, run.logit_bias)


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


def prediction_file(predictor: Predictor, out: Path | None) -> Path:
    """Where predictions go: a file of the user's, or the workspace's for this run.

    Raises:
        InputError: the user's file is no ``.parquet``.
    """
    if out is None:
        return predictor.workspace.predictions / f"{predictor.run.id}.parquet"
    if out.suffix != ".parquet" or out.is_dir():
        raise InputError(f"--out {out}: name a .parquet file")
    return out.absolute()


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
    """
    uris = picked.uris
    if not uris:
        raise InputError("no images to predict. Is the catalogue empty?")
    parts = target.parent / f".{target.stem}.parts"
    with exclusive(parts.with_suffix(".lock"), busy=f"another process is writing {target}."):
        remove_stale(target.parent)
        _prepare(parts, predictor, uris)
        summaries = []
        for number, start in enumerate(range(0, len(uris), PART_SIZE)):
            chunk = uris[start : start + PART_SIZE]
            summaries.append(_part(predictor, chunk, parts / f"part-{number:05d}"))
            if on_progress is not None:
                on_progress(len(chunk))
        summary = _summary(predictor, picked, summaries)
        _merge(sorted(parts.glob("part-*.parquet")), target)
        write_json(target.with_suffix(".json"), summary)
        shutil.rmtree(parts)
        parts.with_suffix(".lock").unlink()
    return summary


def _prepare(parts: Path, predictor: Predictor, uris: list[str]) -> None:
    """Keep the parts of a killed command only where they belong to this very task."""
    listed = hashlib.sha256("\0".join(uris).encode()).hexdigest()
    task = settings_hash(
        {
            "uris": listed,
            "run": predictor.run.id,
            "weights": predictor.clip.weights_hash,
            "min_logits": predictor.min_logits.tolist(),
        }
    )
    file = parts / "task.json"
    if not (file.is_file() and read_json(file, "mumic predict") == task):
        shutil.rmtree(parts, ignore_errors=True)
        write_json(file, task)


def _part(predictor: Predictor, uris: list[str], stem: Path) -> dict[str, Any]:
    """Predict one part, unless it is there; its JSON comes last."""
    listing = stem.with_suffix(".json")
    if listing.is_file():
        done: dict[str, Any] = read_json(listing, "mumic predict")
        return done
    limits = predictor.workspace.settings.catalog

    def load(uri: str) -> tuple[str, Any]:
        try:
            data = read_bytes(uri, predictor.workspace.root, max_bytes=limits.max_bytes)
            pixels = pixels_of(
                data,
                predictor.clip.image_size,
                max_pixels=limits.max_pixels,
                resize=predictor.run.resize,
            )
        except InputError as error:
            return "", str(error)
        return hashlib.sha256(data).hexdigest(), pixels

    loaded = in_threads(load, uris, os.cpu_count() or 1)
    good = [at for at, (content_hash, _) in enumerate(loaded) if content_hash]
    images = pd.DataFrame(
        {"uri": [uris[at] for at in good], "content_hash": [loaded[at][0] for at in good]}
    )
    classes = len(predictor.run.classes)
    logits = np.zeros((0, classes), np.float32)
    if good:
        logits = predictor.logits(np.stack([loaded[at][1] for at in good]))
    frame = prediction_rows(predictor.run, images, logits, predictor.min_logits)
    tables.write(tables.PREDICTIONS, frame, stem.with_suffix(".parquet"))
    summary = {
        "images": len(good),
        "rows": len(frame),
        "rejects": [
            {"uri": uri, "reason": found}
            for uri, (content_hash, found) in zip(uris, loaded, strict=True)
            if not content_hash
        ],
        "first": _tops(predictor.run, images["uri"][:SHOWN_IMAGES], logits),
    }
    write_json(listing, summary)
    return summary


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


def _merge(parts: list[Path], target: Path) -> None:
    """All parts as one file, one part in memory at a time."""
    with atomic(target) as file:
        schema = pq.read_schema(parts[0])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(pq.read_table(part))
