"""A training's logits on its validation split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from annotate.clip.encoder import encode_images
from mumic.model.mumic_model import logits_of
from mumic.training.state import Training


def validation_logits(training: Training) -> npt.NDArray[np.float32]:
    """Logits of the validation split, float32 (images, classes); each process makes its share.

    They are computed as an evaluation computes them, since thresholds are tuned on them.
    """
    model, processes = training.model.eval(), training.processes
    with torch.no_grad():
        texts = model.text_rows().cpu().numpy()
    hashes = list(training.validation.images["content_hash"])
    size = training.settings.micro_batch or training.settings.batch_size
    rows = torch.zeros(len(hashes), texts.shape[1])
    own = np.arange(len(hashes))[processes.share]
    for start in range(0, len(own), size):
        at = own[start : start + size]
        pixels = training.feed.batch([hashes[place] for place in at])
        rows[at] = torch.from_numpy(encode_images(model.clip, pixels, training.precision))
    everyone = processes.sum(rows.to(processes.device)).cpu().numpy()
    return logits_of(everyone, texts, model.logit_scale, model.logit_bias)
