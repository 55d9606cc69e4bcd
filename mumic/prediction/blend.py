"""Weights between those that a run started from and its own (WiSE-FT).

Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, equation 1: the mean of both
models' weights often keeps most of what training gave, and gives back part of what it took from
labels that nobody annotated. Here all weights are blended, the temperature's logarithm among them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from annotate.clip.encoder import encode_texts
from annotate.clip.loading import Clip
from annotate.clip.memory import clear_word
from annotate.dataset.learned import check_unlearned, write_learned
from annotate.errors import InputError
from annotate.files import atomic, write_json
from annotate.locks import exclusive
from annotate.runs import checked_name
from annotate.times import now_text
from annotate.workspace import Workspace
from mumic.data import Dataset, load_dataset
from mumic.memory import advice_in_use
from mumic.metrics.ranking import Floats
from mumic.metrics.thresholds import tune
from mumic.model.mumic_model import logit_scale_of, logits_of, without_bias
from mumic.pixels import pixel_rows
from mumic.run import (
    Run,
    check_demo_model,
    choose_device,
    open_run,
    settings_hash,
    write_text_rows,
    write_weights,
)
from mumic.scores import image_rows
from mumic.start import load_start

OF_A_TRAINING = ("started", "seconds_per_epoch")  # what a blend has not
COPIED = ("classes.json", "taxonomy.yaml", "dataset.lock.json")


@dataclass(frozen=True)
class Ends:
    """A run's own model, which takes any blend's weights, and the two states to blend.

    ``biased`` says whether the run's logits have a bias: without one, what a SigLIP brought along
    is 0 in both.
    """

    clip: Clip
    start: Mapping[str, Tensor]
    tuned: Mapping[str, Tensor]
    biased: bool

    def set(self, alpha: float) -> None:
        """Put the blend's weights into the model."""
        self.clip.model.load_state_dict(blended(self.start, self.tuned, alpha))

    @property
    def logit_scale(self) -> float:
        """Log of the inverse temperature of the weights that are set."""
        return logit_scale_of(self.clip.model)

    @property
    def logit_bias(self) -> float:
        """The bias of the weights that are set; 0 without one."""
        towers: Any = self.clip.model
        return float(towers.logit_bias.detach()) if self.biased else 0.0


def blended(
    start: Mapping[str, Tensor], tuned: Mapping[str, Tensor], alpha: float
) -> dict[str, Tensor]:
    """(1 - alpha) start + alpha tuned, each tensor.

    Args:
        start: state before training. A bias on the logits may be missing: it is 0.
        tuned: state after training.
        alpha: 0 to 1.

    Raises:
        InputError: the two are not of one architecture, or alpha is out of range.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"--alpha {alpha:g}: must be 0 (before training) to 1 (after)")
    found = {}
    for name, after in tuned.items():
        before = start.get(name)
        if before is None and name == "logit_bias":
            before = torch.zeros_like(after)
        if before is None or before.shape != after.shape:
            raise InputError(f"weights {name} are of another shape, or missing, before training")
        mean = torch.lerp(before, after, alpha) if after.is_floating_point() else after
        found[name] = mean
    return found


def load_ends(workspace: Workspace, run: Run, device: str, *, allow_demo_model: bool) -> Ends:
    """Load a run and what it was trained from.

    Raises:
        InputError: a model of the demo world on real photos; what it was trained from has changed.
    """
    clip = run.load(workspace, device)
    check_demo_model(workspace, clip, allow=allow_demo_model)
    before = load_start(workspace, run, device)
    biased = run.record["settings"]["train"].get("logit_bias", 0) != 0
    if not biased:
        clip, before = without_bias(clip), without_bias(before)
    start = before.model.state_dict()
    tuned = {name: tensor.clone() for name, tensor in clip.model.state_dict().items()}
    return Ends(clip, start, tuned, biased)


@clear_word(advice_in_use)
def blend_run(
    workspace: Workspace,
    run: Run,
    alpha: float,
    name: str | None = None,
    *,
    device: str = "auto",
    allow_demo_model: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> Run:
    """Write a run with the blended weights; thresholds are tuned on validation anew.

    Args:
        workspace: with the dataset.
        run: a finished run.
        alpha: share of the run's own weights.
        name: of the new run; None: after the run and alpha.
        device: a torch device or ``auto``.
        allow_demo_model: let the small CLIP judge real photos.
        on_progress: told how many more images were decoded or embedded.

    Raises:
        InputError: alpha is out of range, there is a run of that name, or the run has learned from
            images of validation.
    """
    path = workspace.runs / checked_name(name or f"{run.id}-blend{alpha:g}")
    if (path / "run.json").is_file():
        raise InputError(f"there is a run {path.name} already. Name the new one with --name.")
    ends = load_ends(workspace, run, choose_device(device), allow_demo_model=allow_demo_model)
    ends.set(alpha)
    dataset = load_dataset(workspace).of_classes(run.class_ids)
    validation = dataset.split("validation")
    check_unlearned(run.path, validation.images)
    texts = encode_texts(ends.clip, run.texts)
    rows = split_rows(workspace, run, ends.clip, validation, on_progress)
    thresholds = tune(
        logits_of(rows, texts, ends.logit_scale, ends.logit_bias),
        validation.cells,
        min_positives=workspace.settings.evaluate.threshold_min_positives,
    )
    with exclusive(path / ".lock", busy=f"run {path.name} is being written by another process."):
        for file in COPIED:
            if (run.path / file).is_file():
                with (run.path / file).open("rb") as content, atomic(path / file) as copy:
                    shutil.copyfileobj(content, copy)
        write_learned(path, validation.images, run.path)
        write_weights(path, ends.clip)
        write_text_rows(path, texts)
        write_json(path / "thresholds.json", thresholds.to_json(dataset.class_ids))
        blend = {"run": run.id, "alpha": alpha}
        changed = {
            "run_id": path.name,
            "blend": blend,
            "settings_hash": settings_hash({"of": run.record["settings_hash"], "blend": blend}),
            "logit_scale": ends.logit_scale,
            "logit_bias": ends.logit_bias,
            "validation_gap": None,  # that of the training was another model's
            "finished": now_text(),
        }
        kept = {name: value for name, value in run.record.items() if name not in OF_A_TRAINING}
        write_json(path / "run.json", kept | changed)
    return open_run(workspace, path.name)


def split_rows(
    workspace: Workspace,
    run: Run,
    clip: Clip,
    dataset: Dataset,
    on_progress: Callable[[int], object] | None = None,
) -> Floats:
    """Unit rows (images, dim) of a dataset's images under the weights that are set."""
    pixels = pixel_rows(workspace, dataset.images, clip.image_size, on_progress, run.resize)
    return image_rows(workspace, clip, pixels, dataset, on_progress)
