"""What a report is made from: labels, logits of the run and of zero-shot CLIP, embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.clip.encoder import encode_texts
from annotate.clip.memory import clear_word
from annotate.files import read_json
from annotate.workspace import Workspace
from mumic.baselines.frozen import TWO_PROMPTS, two_prompts
from mumic.data import Dataset, load_dataset
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.evaluation.methods import MUMIC, baseline_times
from mumic.memory import advice_in_use
from mumic.metrics.measures import positives
from mumic.model.mumic_model import logit_scale_of, logits_of
from mumic.pixels import pixel_rows
from mumic.prompts import NEUTRAL_PROMPT, zero_shot_texts
from mumic.report.separation import Separation, separation
from mumic.run import Run, check_demo_model, choose_device
from mumic.scores import check_split, frozen_rows, image_rows
from mumic.start import load_start

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """One run on one split.

    Attributes:
        run: the run.
        dataset: the images of the split with the run's classes.
        measures: what ``mumic evaluate`` found on the split.
        train_positives: (classes,), positives in train.
        logits: float32 (images, classes), of the run.
        zero_shot: likewise, of zero-shot CLIP with two prompts.
        rows: unit rows (images, dim) of the run's image tower.
        start_rows: the same before training.
        separation: of the split from what the run was trained with.
    """

    run: Run
    dataset: Dataset
    measures: dict[str, Any]
    train_positives: npt.NDArray[np.int64]
    logits: Floats
    zero_shot: Floats
    rows: Floats
    start_rows: Floats
    separation: Separation


@clear_word(advice_in_use)
def gather(
    workspace: Workspace,
    run: Run,
    split: str,
    *,
    device: str = "auto",
    allow_demo_model: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> Material:
    """Load and compute; the run is evaluated first where what is known of it is not up to date.

    Args:
        workspace: with the dataset.
        run: a finished run.
        split: whose images.
        device: a torch device or ``auto``.
        allow_demo_model: let the small CLIP judge real photos.
        on_progress: told how many more images were decoded or embedded.
    """
    whole = load_dataset(workspace).of_classes(run.class_ids)
    options = EvaluateOptions(run.id, split, allow_demo_model=allow_demo_model, device=device)
    measures = _measures(workspace, run, whole, options, on_progress)
    device = choose_device(device)
    own, start = run.load(workspace, device), load_start(workspace, run, device)
    check_demo_model(workspace, own, allow=allow_demo_model)
    dataset, train = whole.split(split), whole.split("train").cells
    pixels = pixel_rows(workspace, dataset.images, own.image_size, on_progress, run.resize)
    rows = image_rows(workspace, own, pixels, dataset, on_progress)
    before = frozen_rows(workspace, start, pixels, dataset, on_progress, run.resize)
    names = encode_texts(start, zero_shot_texts(run.classes))
    neutral = encode_texts(start, [NEUTRAL_PROMPT])
    return Material(
        run=run,
        dataset=dataset,
        measures=measures,
        train_positives=positives(train.labels, train.mask),
        logits=logits_of(rows, run.text_rows(), run.logit_scale, run.logit_bias),
        zero_shot=two_prompts(before, names, neutral, logit_scale_of(start.model)),
        rows=rows,
        start_rows=before,
        separation=separation(workspace, run, split),
    )


def _measures(
    workspace: Workspace,
    run: Run,
    dataset: Dataset,
    options: EvaluateOptions,
    on_progress: Callable[[int], object] | None,
) -> dict[str, Any]:
    """What is stored, if it is of this dataset, these settings and the newest baselines."""
    split = check_split(options.split)
    file = run.path / "metrics.json"
    stored: dict[str, Any] = read_json(file, "mumic evaluate") if file.is_file() else {}
    found: dict[str, Any] = stored.get(split, {})
    baselines = baseline_times(workspace, run, dataset, split)
    wanted = {
        "dataset": dataset.fingerprint,
        "settings": asdict(workspace.settings.evaluate),
        "baselines": baselines,
    }
    same = all(found.get(name) == value for name, value in wanted.items())
    if same and {TWO_PROMPTS, *baselines} <= found["methods"].keys():
        return _own_first(found)
    return evaluate(workspace, options, on_progress)


def _own_first(found: dict[str, Any]) -> dict[str, Any]:
    """The run before all others, as figures have it: a file keeps its keys by the alphabet."""
    names = ("methods", "calibration")
    return found | {name: {MUMIC: found[name][MUMIC]} | found[name] for name in names}
