"""``data/baselines/NAME/``: what a baseline scored and what finding it took."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.clip.loading import names_weights
from annotate.errors import DamagedError, MissingError, closest
from annotate.files import read_json, write_json
from annotate.workspace import Workspace
from mumic.data import Dataset
from mumic.metrics.thresholds import Thresholds
from mumic.run import Run
from mumic.scores import Scores, read_scores, scores_file, write_scores

MADE_BY = "mumic baseline"
SCORED = ("validation", "test")


@dataclass(frozen=True)
class Baseline:
    """A finished baseline. ``record`` is its ``baseline.json``."""

    path: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def title(self) -> str:
        """What tables and figures call it."""
        return str(self.record["title"])

    @property
    def made_by(self) -> str:
        """The command that makes it."""
        return f"{MADE_BY} {self.name}"

    @property
    def start_model(self) -> dict[str, Any] | None:
        """The CLIP that it stands on, as in a run's record; None where it stands on none."""
        start: dict[str, Any] = self.record.get("start_model", {})
        return start if "model_hash" in start else None

    @property
    def resize(self) -> str:
        """How its images became square: ``crop`` or ``squash``, as all did before it was stored."""
        return str(self.record.get("resize", "squash"))

    def stands_on(self, start: Mapping[str, Any]) -> bool:
        """Whether its CLIP, if it has one, is the start of a run; older runs know one hash."""
        own = self.start_model
        return own is None or all(
            own[name] == start.get(name, own[name]) for name in ("weights_hash", "model_hash")
        )

    def made_on(self, start: Mapping[str, Any], seed: int) -> str:
        """The command that makes it on the start of a run, whose random weights rest on a seed."""
        options = ["--model", str(start["name"])]
        if start.get("random_init"):
            options += ["--random-init", "--seed", str(seed)]
        elif start.get("pretrained") and not names_weights(str(start["name"])):
            options += ["--pretrained", str(start["pretrained"])]
        return f"{self.made_by} {shlex.join(options)}"

    def remedy(self, start: Mapping[str, Any], seed: int, resize: str) -> str:
        """How to make it again on the start of a run and with its resize, which has no option."""
        made = f"`{self.made_by if self.start_model is None else self.made_on(start, seed)}`"
        if self.resize == resize:
            return f"Make it again with {made}."
        return f'Set resize = "{resize}" under [train], then make it again with {made}.'

    def resized(self, other: str) -> str:
        """That its images became square in another way than those of what is beside it."""
        return (
            f'was made under resize = "{self.resize}", and what it is compared with under "{other}"'
        )

    def has_scores(self, split: str) -> bool:
        """Whether it was scored on a split."""
        return scores_file(self.path, split).is_file()

    @property
    def class_ids(self) -> list[str]:
        """In the order of the logits."""
        return list(self.record["classes"])

    def thresholds(self) -> Thresholds:
        """Prediction thresholds, tuned on validation."""
        return Thresholds.from_json(
            read_json(self.path / "thresholds.json", f"{MADE_BY} {self.name}")
        )

    def scores(self, split: str) -> Scores:
        """Its logits on a split.

        Raises:
            MissingError: it was not scored on that split.
            DamagedError: the file is cut short.
        """
        if split not in SCORED:
            raise MissingError(
                f"baseline {self.name} is scored on {' and '.join(SCORED)} only, not on {split}."
            )
        return read_scores(self.path, split, self.made_by)

    def unfit(self, run: Run, dataset: str, split: str) -> str | None:
        """Why it cannot stand beside a run; None where it can.

        Args:
            run: what it is compared with.
            dataset: fingerprint of the dataset that they are compared on.
            split: likewise.
        """
        again = f"Make it again with `{self.made_by}`."
        if self.record["dataset"] != dataset:
            return f"was made on another dataset: left out. {again}"
        if set(self.class_ids) != set(run.class_ids):
            return "has other classes than the run: left out."
        remedy = self.remedy(run.start_model, int(run.record["seed"]), run.resize)
        if not self.stands_on(run.start_model):
            return f"stands on another model: left out. {remedy}"
        if self.resize != run.resize:
            return f"{self.resized(run.resize)}: left out. {remedy}"
        if split not in SCORED:
            return f"is scored on {' and '.join(SCORED)} only: left out."
        return None if self.has_scores(split) else f"lacks its scores on {split}: left out. {again}"


def baselines_folder(workspace: Workspace) -> Path:
    """Where all baselines of a workspace lie."""
    return workspace.data / "baselines"


def known_baselines(workspace: Workspace) -> list[Baseline]:
    """All finished baselines, by name."""
    files = sorted(baselines_folder(workspace).glob("*/baseline.json"))
    return [Baseline(file.parent, _record(file)) for file in files]


def open_baseline(workspace: Workspace, name: str) -> Baseline:
    """A finished baseline.

    Raises:
        MissingError: there is none of that name.
    """
    known = known_baselines(workspace)
    for entry in known:
        if entry.name == name:
            return entry
    raise MissingError(
        f"no baseline {name!r} in {baselines_folder(workspace)}"
        f"{closest(name, [entry.name for entry in known])}. Make it with `{MADE_BY} {name}`."
    )


def _record(file: Path) -> dict[str, Any]:
    found = read_json(file, MADE_BY)
    if not isinstance(found, dict) or not found.keys() >= {"classes", "dataset", "title"}:
        raise DamagedError(f"{file}: no record of a baseline. Delete its folder.")
    return found


def write_baseline(
    folder: Path,
    record: dict[str, Any],
    thresholds: Thresholds,
    scored: dict[str, tuple[Dataset, npt.NDArray[np.float32]]],
) -> Baseline:
    """Write a baseline; ``baseline.json`` comes last, since it makes it one.

    An old one goes first: new scores never stand beside it.

    Args:
        folder: of the baseline.
        record: what ``baseline.json`` holds.
        thresholds: tuned on validation.
        scored: per split its images and their logits.
    """
    (folder / "baseline.json").unlink(missing_ok=True)
    for split, (dataset, logits) in scored.items():
        scores = Scores(logits, list(dataset.images["image_id"]))
        write_scores(folder, split, scores, dataset.class_ids)
    write_json(folder / "thresholds.json", thresholds.to_json(record["classes"]))
    write_json(folder / "baseline.json", record)
    return Baseline(folder, record)
