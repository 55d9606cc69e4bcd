"""Probabilities for labels that nobody ever annotated (Wang et al., AAAI 2023, figures 9 and 10).

A trained run still reads any text, so a new label needs nothing but its name. Three readings stand
side by side: the run's own sigmoid, and of the model that it was trained from, CLIP with two
prompts per label (a softmax over "a photo of {label}" and "a photo") and CLIP as it is mostly used
(one softmax over all labels, which has to divide 1 among them, however many an image shows).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.loading import Clip
from annotate.clip.memory import clear_word
from annotate.errors import InputError
from annotate.taxonomy.model import lookup_key
from annotate.taxonomy.prompts import TEMPLATE, prompt_name
from annotate.workspace import Workspace
from mumic.baselines.frozen import two_prompts
from mumic.evaluation.methods import MUMIC
from mumic.memory import advice_in_use
from mumic.metrics.thresholds import sigmoid
from mumic.model.mumic_model import logit_scale_of, logits_of
from mumic.pixels import decoded_ahead
from mumic.prompts import NEUTRAL_PROMPT
from mumic.run import Run

Rows = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float64]

CLIP_MULTI = "CLIP, multi-label"
CLIP_SINGLE = "CLIP, single-label"
MOST_LABELS = 200
_AGAIN = "Run the command again when this is mended."


@dataclass(frozen=True)
class ZeroShot:
    """Probabilities, float64 (images, labels), by the name of the method; images set aside.

    ``known`` are those of the labels that the run was trained on.
    """

    labels: tuple[str, ...]
    known: tuple[str, ...]
    uris: tuple[str, ...]
    probabilities: dict[str, Probabilities]
    rejects: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """A list of images, each with its labels and their probabilities by every method."""
        return {
            "labels": list(self.labels),
            "known": list(self.known),
            "images": [
                {
                    "uri": uri,
                    "labels": [
                        {"label": label}
                        | {name: float(p[at, of]) for name, p in self.probabilities.items()}
                        for of, label in enumerate(self.labels)
                    ],
                }
                for at, uri in enumerate(self.uris)
            ],
            "rejects": [{"uri": uri, "reason": reason} for uri, reason in self.rejects],
        }


def parse_labels(texts: Sequence[str]) -> list[str]:
    """Labels from one or several comma-separated texts, each once.

    Raises:
        InputError: none, or too many.

    >>> parse_labels(["museum, mountain climbing", "Museum,door"])
    ['museum', 'mountain climbing', 'door']
    """
    found: dict[str, str] = {}
    for label in (part.strip() for text in texts for part in text.split(",")):
        if label:
            found.setdefault(lookup_key(label), label)
    if not 0 < len(found) <= MOST_LABELS:
        raise InputError(
            f"--labels names {len(found)} labels; give 1 to {MOST_LABELS}, separated by commas, as "
            'in --labels "museum, mountain climbing"'
        )
    return list(found.values())


def pairwise_softmax(
    image_rows: Rows, label_rows: Rows, neutral_row: Rows, logit_scale: float
) -> Probabilities:
    """CLIP for many labels: per label, a softmax over its prompt and the neutral one.

    Args:
        image_rows: unit rows (images, dim).
        label_rows: (labels, dim), of "a photo of {label}".
        neutral_row: (1, dim), of "a photo".
        logit_scale: log of CLIP's own inverse temperature.
    """
    return sigmoid(two_prompts(image_rows, label_rows, neutral_row, logit_scale))


def single_softmax(image_rows: Rows, label_rows: Rows, logit_scale: float) -> Probabilities:
    """CLIP for one label an image: a softmax over all labels; every row sums to 1."""
    z = np.exp(logit_scale) * (image_rows.astype(np.float64) @ label_rows.astype(np.float64).T)
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    found: Probabilities = powers / powers.sum(axis=1, keepdims=True)
    return found


@clear_word(advice_in_use)
def zero_shot(
    workspace: Workspace,
    run: Run,
    clips: tuple[Clip, Clip],
    labels: Sequence[str],
    uris: Sequence[str],
    on_progress: Callable[[int], object] | None = None,
) -> ZeroShot:
    """Score images for labels by all three methods.

    Args:
        workspace: where URIs start; its limits for images.
        run: a trained run.
        clips: the run's own model, and the one that it was trained from.
        labels: see :func:`parse_labels`.
        uris: canonical URIs.
        on_progress: told how many more images are done.

    Raises:
        InputError: no image can be read.
        RemoteError: a bucket or host is out.
    """
    own, start = clips
    good: list[str] = []
    rejects: list[tuple[str, str]] = []
    rows: list[list[Rows]] = [[], []]
    precision = workspace.settings.model.precision
    items = [[("", uri) for uri in uris]]
    size, device = own.image_size, own.device
    with decoded_ahead(workspace, items, size, run.resize, device, _AGAIN) as decoded:
        left = iter(uris)
        for batch in chain.from_iterable(decoded):
            for why, uri in zip(batch.left_out, left, strict=False):
                good.append(uri) if why is None else rejects.append((uri, why.reason))
            for part, clip in zip(rows, clips, strict=True):
                if len(batch.pixels):
                    part.append(encode_images(clip, batch.pixels, precision))
            if on_progress is not None:
                on_progress(len(batch.left_out))
    if not good:
        reason = f": {rejects[0][1]}" if rejects else ""
        raise InputError(f"none of the {len(uris)} images can be read{reason}")
    names = [prompt_name(label) for label in labels]
    own_rows, start_rows = (np.concatenate(parts) for parts in rows)
    texts = encode_texts(own, [TEMPLATE.format(name) for name in names])
    prompts = encode_texts(start, [f"a photo of {name}" for name in names])
    neutral = encode_texts(start, [NEUTRAL_PROMPT])
    scale = logit_scale_of(start.model)
    trained = {key for entry in run.classes for key in entry.lookup_keys}
    return ZeroShot(
        labels=tuple(labels),
        known=tuple(label for label in labels if lookup_key(label) in trained),
        uris=tuple(good),
        probabilities={
            MUMIC: sigmoid(logits_of(own_rows, texts, run.logit_scale, run.logit_bias)),
            CLIP_MULTI: pairwise_softmax(start_rows, prompts, neutral, scale),
            CLIP_SINGLE: single_softmax(start_rows, prompts, scale),
        },
        rejects=tuple(rejects),
    )
