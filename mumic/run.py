"""A run's folder: a trained model with everything needed to use, measure and explain it.

It is an open_clip ``local-dir:`` folder, so that it loads wherever open_clip does. ``run.json`` has
``finished`` null while it is being trained. ``docs/formats.md`` lists the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from annotate.catalog.scan import is_demo_catalog
from annotate.clip.loading import Clip, load_clip, local_files, require_real_model
from annotate.clip.memory import is_memory_full
from annotate.dataset.learned import write_learned
from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import atomic, read_json, write_json
from annotate.runs import checked_name, finished_run, readable_record
from annotate.settings import ModelSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import TaxonomyClass
from annotate.times import utc_now
from annotate.workspace import Workspace
from mumic.data import Dataset, parse_classes
from mumic.metrics.thresholds import Thresholds
from mumic.model.lora import plain_state
from mumic.training.checkpoint import write_tensors

WEIGHTS = "open_clip_model.safetensors"
STORAGE = "storage.json"


@dataclass(frozen=True)
class Run:
    """A finished run. ``record`` is its ``run.json``."""

    path: Path
    record: dict[str, Any]
    classes: tuple[TaxonomyClass, ...]
    texts: tuple[str, ...]

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def class_ids(self) -> list[str]:
        """In the order of the logits."""
        return [entry.id for entry in self.classes]

    @property
    def logit_scale(self) -> float:
        """Log of the learned inverse temperature."""
        return float(self.record["logit_scale"])

    @property
    def start_model(self) -> dict[str, Any]:
        """What it was trained from: name, pretrained, weights_hash, model_hash, random_init."""
        return dict(self.record["start_model"])

    @property
    def logit_bias(self) -> float:
        """What is added to every logit; 0 where no bias was learned."""
        return float(self.record["logit_bias"])

    @property
    def resize(self) -> str:
        """How its images become square: ``squash`` or ``crop``."""
        return str(self.record["settings"]["train"]["resize"])

    def text_rows(self) -> npt.NDArray[np.float32]:
        """Unit rows of the class texts, float32 (classes, dim)."""
        file = self.path / "text_embeddings.safetensors"
        try:
            rows: npt.NDArray[np.float32] = load_file(file)["text"].numpy()
        except (OSError, SafetensorError, KeyError) as error:
            raise DamagedError(f"{file}: not readable ({error}). Train the run again.") from error
        return rows

    def thresholds(self) -> Thresholds:
        """Prediction thresholds, tuned on validation."""
        return Thresholds.from_json(read_json(self.path / "thresholds.json", "mumic train"))

    def storage_thresholds(self) -> Thresholds | None:
        """What ``mumic thresholds`` has found: predictions below are not stored; None: nothing."""
        file = self.path / STORAGE
        if not file.is_file():
            return None
        return Thresholds.from_json(read_json(file, "mumic thresholds"))

    def load(self, workspace: Workspace, device: str = "cpu") -> Clip:
        """The trained CLIP."""
        settings = ModelSettings(name=f"local-dir:{self.path.resolve()}", pretrained="")
        clip = load_clip(settings, workspace.root, device=device)
        return replace(clip, name=self.id, resize=self.resize)


def check_demo_model(workspace: Workspace, clip: Clip, *, allow: bool) -> None:
    """Refuse a model of the demo world on a catalogue of real photos, unless the user insists.

    Raises:
        InputError: see :func:`annotate.clip.loading.require_real_model`.
    """
    if clip.is_demo and not allow:
        require_real_model(clip, is_demo_catalog(workspace.catalog), allow)


def open_run(workspace: Workspace, name: str | None = None) -> Run:
    """A finished run of a workspace: by its name, else the newest.

    Raises:
        InputError: the name is none, such as a path.
        MissingError: there is none of that name, none at all, or it is unfinished.
        DamagedError: one of its files is not readable.
    """
    return read_run(finished_run(workspace.runs, name))


def read_run(path: Path) -> Run:
    """A finished run from its folder.

    Raises:
        DamagedError: one of its files is not readable.
    """
    record = read_json(path / "run.json", "mumic train")
    listed = read_json(path / "classes.json", "mumic train")
    classes = parse_classes(listed, path / "classes.json")
    return Run(path, record, classes, tuple(entry["text"] for entry in listed["classes"]))


def choose_device(name: str) -> str:
    """A torch device; ``auto`` is a GPU where there is one.

    Raises:
        InputError: torch knows no such device, or it is not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"--device {name}: {str(error).splitlines()[0]}. Use cpu or auto."
        ) from error
    return name


def settings_hash(settings: dict[str, Any]) -> str:
    """16 hex digits over everything that decides a run's weights."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def is_finished(path: Path) -> bool:
    """Whether a folder holds a run whose training has ended."""
    file = path / "run.json"
    return file.is_file() and bool(read_json(file, "mumic train").get("finished"))


def finished_alike(runs: Path, digest: str) -> Path | None:
    """A finished run with these settings, in a folder of runs and of series of runs.

    Args:
        runs: the workspace's own runs come first, then those of its series.
        digest: the training's :func:`settings_hash`.
    """
    for pattern in ("*/run.json", "*/*/run.json"):
        for file in sorted(runs.glob(pattern)):
            record = readable_record(file)
            whole = record.get("finished") and (file.parent / WEIGHTS).is_file()
            if whole and record.get("settings_hash") == digest:
                return file.parent
    return None


def choose_folder(workspace: Workspace, name: str | None, digest: str) -> Path:
    """Where a training with these settings belongs: the unfinished run to resume, or a new folder.

    Args:
        workspace: its runs are looked through.
        name: the run's name, if the user gave one.
        digest: the training's :func:`settings_hash`.

    Raises:
        InputError: the named run is finished, or was begun with other settings.
    """
    if name is None:
        unfinished = _unfinished(workspace, digest)
        stamp = utc_now().strftime("%Y%m%d-%H%M%S")
        return unfinished or workspace.runs / f"{stamp}-{digest[:4]}"
    path = workspace.runs / checked_name(name)
    if (path / "run.json").is_file():
        record = read_json(path / "run.json", "mumic train")
        if record.get("finished"):
            raise InputError(f"run {name} is finished. Give the new one another name with --run.")
        if record.get("settings_hash") != digest:
            raise InputError(
                f"run {name} was begun with other settings or another dataset, so it cannot go on. "
                "Give the new one another name with --run, or delete the old folder."
            )
    return path


def _unfinished(workspace: Workspace, digest: str) -> Path | None:
    found = []
    for file in sorted(workspace.runs.glob("*/run.json")):
        record = readable_record(file)
        if record.get("settings_hash") == digest and not record.get("finished"):
            found.append(file.parent)
    return found[-1] if found else None


def is_built_with(dataset: Dataset, workspace: Workspace) -> bool:
    """Whether the dataset was built with the label list that the workspace has now, if any."""
    try:
        taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    except MissingError:
        return True
    except InputError:  # no dataset is built with such a list
        return False
    return taxonomy.hash == dataset.taxonomy_hash


def write_start(
    path: Path, workspace: Workspace, dataset: Dataset, texts: Sequence[str], record: dict[str, Any]
) -> None:
    """Lay down what is known before the first step; ``run.json`` comes last.

    A label list that the dataset was not built with is none of the run's.
    """
    path.mkdir(parents=True, exist_ok=True)
    classes = [
        {
            "id": entry.id,
            "name": entry.name,
            "category": entry.category,
            "description": entry.description,
            "parents": list(entry.parents),
            "prompt": entry.prompt,
            "text": text,
        }
        for entry, text in zip(dataset.classes, texts, strict=True)
    ]
    write_json(path / "classes.json", {"taxonomy_hash": dataset.taxonomy_hash, "classes": classes})
    snapshots = {"dataset.lock.json": workspace.dataset / "lock.json"}
    if is_built_with(dataset, workspace):
        snapshots["taxonomy.yaml"] = workspace.taxonomy
    for target, source in snapshots.items():
        if source.is_file():
            with source.open("rb") as content, atomic(path / target) as copy:
                shutil.copyfileobj(content, copy)
    start = local_files(workspace.settings.model, workspace.root)
    write_learned(path, dataset.images, start[0].parent if start else None)
    write_json(path / "run.json", record)


def write_weights(path: Path, clip: Clip) -> None:
    """Write the model as an open_clip ``local-dir:`` folder, in float32."""
    write_json(path / "open_clip_config.json", clip.folder_config())
    # One key only: safetensors keeps several in no fixed order, and equal weights are equal bytes.
    write_tensors(path / WEIGHTS, plain_state(clip.model), {"format": "pt"})


def read_weights(path: Path, clip: Clip) -> None:
    """Put a run's weights into a model."""
    try:
        clip.model.load_state_dict(load_file(path / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        if is_memory_full(error):
            raise  # for whoever has asked, who knows what takes less
        raise DamagedError(
            f"{path / WEIGHTS}: not readable ({error}). Train the run again."
        ) from error


def write_text_rows(path: Path, rows: npt.NDArray[np.float32]) -> None:
    """Write ``text_embeddings.safetensors``."""
    write_tensors(
        path / "text_embeddings.safetensors", {"text": torch.from_numpy(rows)}, {"format": "pt"}
    )
