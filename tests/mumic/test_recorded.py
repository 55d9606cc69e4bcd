"""Gradients replayed on a GPU are those that are computed as usual."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from annotate.clip.loading import Clip
from annotate.settings import TrainSettings
from mumic.model import MumicModel
from mumic.processes import Processes
from mumic.recorded import StepGradients, recorded_size
from mumic.step import Batch, accumulate_gradients
from tests.mumic.test_step import COST, TEXTS, MakeClip, _assert_close, _batch, _gradients

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def model_on_gpu(clip: Clip, *, bf16: bool) -> MumicModel:
    clip.model.cuda()
    return MumicModel(clip, TEXTS, bf16=bf16).train()


def on_gpu(batch: Batch) -> Batch:
    parts = (batch.pixels.cuda(), batch.labels.cuda(), batch.mask.cuda())
    return Batch(*parts, batch.observed)


@GPU
@pytest.mark.parametrize("bf16", [False, True])
def test_a_replayed_step_has_the_gradients_of_a_plain_one(tiny_clip: MakeClip, bf16: bool) -> None:
    """Unequal masks; the second and third batch are replayed, and the last is too short for it."""
    notes: list[str] = []
    model = model_on_gpu(tiny_clip(), bf16=bf16)
    gradients = StepGradients(model, COST, recorded_size=7, on_note=notes.append)
    for images in (7, 7, 7, 3):
        batch = on_gpu(_batch(images))
        batch.pixels.copy_(torch.randint_like(batch.pixels, 256))
        model.zero_grad()
        expected = accumulate_gradients(model, batch, COST)
        plain = _gradients(model)
        model.zero_grad()
        assert gradients(batch) == pytest.approx(expected, rel=1e-3 if bf16 else 1e-6)
        _assert_close(_gradients(model), plain)
    assert notes == []


@GPU
def test_what_cannot_be_recorded_is_computed_as_usual(
    tiny_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    model = model_on_gpu(tiny_clip(), bf16=False)
    batch = on_gpu(_batch())
    expected = accumulate_gradients(model, batch, COST)
    plain = _gradients(model)

    def waits(z: Any, y: Any) -> Any:
        assert float(z.detach().sum()) < 1e9
        return COST(z, y)

    model.zero_grad()
    gradients = StepGradients(model, waits, recorded_size=len(batch), on_note=notes.append)
    assert gradients(batch) == pytest.approx(expected)
    _assert_close(_gradients(model), plain)
    assert "not recorded" in notes[0]


def test_only_whole_batches_on_a_gpu_are_recorded() -> None:
    cpu, gpu, alone = torch.device("cpu"), torch.device("cuda"), Processes()
    settings = TrainSettings(batch_size=64)
    assert recorded_size(settings, cpu, alone) == 0
    assert recorded_size(settings, gpu, alone) == 64
    assert recorded_size(settings, gpu, Processes(count=2)) == 0
    assert recorded_size(TrainSettings(batch_size=64, micro_batch=16), gpu, alone) == 0
    assert recorded_size(TrainSettings(cuda_graph=False), gpu, alone) == 0
