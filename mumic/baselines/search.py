"""The search of a trained baseline: every trial from one start, the best on validation stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.errors import MumicError
from annotate.files import atomic, number_or_none, read_json, write_json
from annotate.workspace import Workspace
from mumic.baselines import supervised
from mumic.baselines.backbones import Classifier
from mumic.baselines.store import SCORED
from mumic.cache import Rows
from mumic.data import Dataset
from mumic.run import settings_hash

DECIDING = ("max_epochs", "patience", "batch_size")  # of [baseline], for every trained one


@dataclass(frozen=True)
class Scored:
    """Logits by split, and what else ``baseline.json`` says of how they were found."""

    logits: dict[str, npt.NDArray[np.float32]]
    facts: dict[str, Any]


def search(
    workspace: Workspace,
    dataset: Dataset,
    folder: Path,
    facts: dict[str, Any],
    material: supervised.Material,
    start: tuple[Callable[[], Classifier], float],
    on_note: Callable[[str], object],
) -> Scored:
    """Every trial from the same start; finished ones are kept, so a killed search goes on.

    Args:
        workspace: its settings under ``[baseline]``.
        dataset: all splits.
        folder: of the baseline; trials are kept there.
        facts: ``start_model`` among them, ``precision`` and ``head_lr`` where there are such; with
            others a search begins anew.
        material: what to fit and to stop on.
        start: makes a fresh network, and the middle of the rates to try.
        on_note: told of each epoch, and how each trial went.

    Raises:
        MumicError: no trial could be trained.
    """
    settings = workspace.settings.baseline
    make, rate = start
    digest = settings_hash(
        {
            "settings": {name: getattr(settings, name) for name in DECIDING},
            "rates": (rate, facts.get("head_lr")),
            "dataset": dataset.fingerprint,
            "start": facts["start_model"],
            "precision": facts.get("precision", "fp32"),
            "resize": workspace.settings.train.resize,
            "seed": material.seed,
        }
    )
    file = folder / "trials.json"
    kept = read_json(file, "mumic baseline") if file.is_file() else {}
    done: list[dict[str, Any]] = kept.get("trials", []) if kept.get("digest") == digest else []

    def on_epoch(epoch: int, value: float) -> None:
        on_note(f"epoch {epoch}: validation GAP {_told(value)}")

    planned = supervised.trials(rate, settings.trials)
    for number, trial in enumerate(planned[len(done) :], len(done) + 1):
        network = make()
        fit = partial(supervised.fit, network, material, trial, settings, on_epoch)
        done.append(
            asdict(trial) | _one_trial(folder, dataset, material.pixels, network, fit, done)
        )
        write_json(file, {"digest": digest, "trials": done})
        row = done[-1]
        on_note(
            f"trial {number} of {len(planned)}, lr {trial.lr:g}, gamma {trial.gamma_negative:g}, "
            f"clip {trial.clip:g}: "
            + (
                row.get("failed")
                or f"validation GAP {_told(row['validation_gap'])} after {row['best_epoch']} epochs"
            )
        )
    best = _best(done[: len(planned)])
    if best is None:
        raise MumicError("no trial could be trained; lower the rates under [baseline].")
    with np.load(folder / f"trial-{best}.npz", allow_pickle=False) as stored:
        logits = {split: stored[split] for split in SCORED}
    row = done[best]
    return Scored(
        logits,
        {
            "trials": len(planned),
            "searched": done,
            "best": {key: row[key] for key in ("lr", "gamma_negative", "clip")},
            "epochs_to_saturation": row["best_epoch"],
            "seconds_per_epoch": row["seconds_per_epoch"],
            "text_seconds": None,
        },
    )


def _one_trial(
    folder: Path,
    dataset: Dataset,
    pixels: Rows,
    network: Classifier,
    fit: Callable[[], supervised.Fitted],
    done: list[dict[str, Any]],
) -> dict[str, Any]:
    """What came of it; its scores are stored if it is the best so far."""
    try:
        fitted = fit()
    except MumicError as error:
        return {"failed": str(error)}
    row: dict[str, Any] = asdict(fitted) | {"validation_gap": number_or_none(fitted.validation_gap)}
    if _best([*done, row]) == len(done):
        scored = {
            split: supervised.logits(network, pixels, dataset.split(split)) for split in SCORED
        }
        with atomic(folder / f"trial-{len(done)}.npz") as file:
            np.savez(file, validation=scored["validation"], test=scored["test"])
    return row


def _best(rows: list[dict[str, Any]]) -> int | None:
    """The trial with the best validation GAP, of equal ones the first."""
    values = [
        (row["validation_gap"] or 0.0, -at) for at, row in enumerate(rows) if "failed" not in row
    ]
    return -max(values)[1] if values else None


def _told(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.4f}"
