"""``run.json`` at a training's start: its settings, what decides its weights, where it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from annotate.clip.loading import Clip
from annotate.files import read_json
from annotate.tables import DATASET
from annotate.times import now_text
from annotate.workspace import Workspace
from mumic.data import Dataset
from mumic.model.mumic_model import use_bf16
from mumic.prompts import label_texts
from mumic.run import is_built_with, settings_hash, write_start
from mumic.training.optimiser import IMPLEMENTATION

# Settings that change how a training runs, not what comes out of it.
NOT_DECIDING = ("threads", "checkpoint_every", "micro_batch", "tensorboard", "cuda_graph")


def start_record(
    workspace: Workspace, dataset: Dataset, clip: Clip, *, random_init: bool, count: int
) -> dict[str, Any]:
    """``run.json`` as it stands before the first step.

    Args:
        workspace: its settings.
        dataset: trained on.
        clip: trained from.
        random_init: its weights are random.
        count: of processes.
    """
    settings = workspace.settings
    start_model = {
        "name": settings.model.name,
        "pretrained": settings.model.pretrained,
        "weights_hash": clip.weights_hash,
        "model_hash": clip.model_hash,
        "random_init": random_init,
    }
    bf16 = use_bf16(settings.model.precision, clip.device)
    train_settings = asdict(settings.train)
    deciding = {key: value for key, value in train_settings.items() if key not in NOT_DECIDING}
    digest = settings_hash(
        {
            "train": deciding,
            "precision": settings.model.precision,
            "seed": settings.project.seed,
            # Equal weights under another activation or normalisation have another model_hash.
            "start_model": {key: start_model[key] for key in ("model_hash", "random_init")},
            "dataset": dataset.fingerprint,
            "texts": label_texts(dataset.classes, settings.train.prompts),
        }
    )
    return {
        "settings": {"train": train_settings, "model": asdict(settings.model)},
        "settings_hash": digest,
        "seed": settings.project.seed,
        "start_model": start_model,
        "demo_model": clip.is_demo,
        "dataset": dataset.fingerprint,
        "taxonomy_hash": dataset.taxonomy_hash,
        "environment": {
            "torch": torch.__version__,
            "device": str(clip.device),
            "threads": torch.get_num_threads(),
            "optimiser": f"AdamW, {IMPLEMENTATION}",
            "precision": "bf16 over fp32 weights" if bf16 else "fp32",
            "processes": count,
            "micro_batch": settings.train.micro_batch,
        },
        "started": now_text(),
        "finished": None,
    }


def begin_or_resume(
    folder: Path,
    workspace: Workspace,
    dataset: Dataset,
    texts: list[str],
    record: dict[str, Any],
    note: Callable[[str], object],
) -> dict[str, Any]:
    """Write a new run's record and first files, or take the record of its first start.

    Args:
        folder: of the run.
        workspace: see :func:`mumic.run.write_start`.
        dataset: see there.
        texts: see there.
        record: see there.
        note: told that the label list is not the dataset's, and what differs from the first start
            and so changes the weights.
    """
    if not is_built_with(dataset, workspace):
        note(
            "warning: the label list has changed since the dataset was built; run "
            f"`{DATASET.made_by}` to train on it."
        )
    if not (folder / "run.json").is_file():
        write_start(folder, workspace, dataset, texts, record)
        return record
    begun: dict[str, Any] = read_json(folder / "run.json", "mumic train")
    note(f"going on with run {folder.name}")
    for key, now in record["environment"].items():
        before = begun["environment"][key]
        if before != now:
            note(
                f"warning: this run was begun with {key} {before}, now it is {now}: the weights "
                "will not be the same bit for bit."
            )
    return begun
