"""Gradients replayed on a GPU are those that are computed as usual."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from open_clip.transformer import PatchDropout

from annotate.clip.loading import Clip
from annotate.settings import TrainSettings
from mumic.model.mumic_model import MumicModel
from mumic.training.cuda_graph import StepGradients, record, recorded_size
from mumic.training.processes import Processes
from mumic.training.step import Batch, accumulate_gradients
from tests.mumic.training.test_step import COST, TEXTS, MakeClip, _assert_close, _batch, _gradients

ROOT = Path(__file__).parents[3]
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def model_on_gpu(clip: Clip, *, bf16: bool) -> MumicModel:
    clip.model.cuda()
    return MumicModel(clip, TEXTS, bf16=bf16).train()


def on_gpu(batch: Batch) -> Batch:
    parts = (batch.pixels.cuda(), batch.labels.cuda(), batch.mask.cuda())
    return Batch(*parts, batch.observed)


@GPU
@pytest.mark.parametrize("bf16", [False, True])
def test_a_replayed_step_has_the_gradients_of_a_plain_one(
    tiny_clip: MakeClip, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unequal masks; batches of seven are replayed, and the last is too short for it."""

    def only_short_ones(model: MumicModel, batch: Batch, *rest: Any) -> float:
        assert len(batch) == 3
        return accumulate_gradients(model, batch, *rest)

    monkeypatch.setattr("mumic.training.cuda_graph.accumulate_gradients", only_short_ones)
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
def test_recording_leaves_no_trace(tiny_clip: MakeClip) -> None:
    """In random numbers."""
    model = model_on_gpu(tiny_clip(), bf16=False)
    torch.cuda.manual_seed(3)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(3)
    assert record(model, on_gpu(_batch()), COST) is not None
    assert torch.equal(torch.rand(3, device="cuda"), expected)


def test_where_a_step_takes_too_much_memory_it_is_computed_as_usual(
    tiny_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    model = MumicModel(tiny_clip(), TEXTS, bf16=False).train()
    batch = _batch()
    expected = accumulate_gradients(model, batch, COST)
    plain = _gradients(model)
    model.zero_grad()
    monkeypatch.setattr("mumic.training.cuda_graph.record", lambda *_: None)
    gradients = StepGradients(model, COST, recorded_size=len(batch), on_note=notes.append)
    assert gradients(batch) == pytest.approx(expected)
    _assert_close(_gradients(model), plain)
    assert len(notes) == 1
    assert gradients.recorded_size == 0


def test_a_recording_is_given_up_where_the_rest_needs_its_memory(
    tiny_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last batch of an epoch is smaller, and computed beside what a recording keeps."""
    notes: list[str] = []
    model = MumicModel(tiny_clip(), TEXTS, bf16=False).train()
    gradients = StepGradients(model, COST, recorded_size=7, on_note=notes.append)
    recording = SimpleNamespace(replay=lambda batch: 0.25)
    monkeypatch.setattr("mumic.training.cuda_graph.record", lambda *_: recording)
    assert gradients(_batch(7)) == 0.25
    full = iter([torch.OutOfMemoryError("CUDA out of memory")])
    real = accumulate_gradients

    def once_full(*args: Any) -> float:
        for error in full:
            raise error
        return real(*args)

    monkeypatch.setattr("mumic.training.cuda_graph.accumulate_gradients", once_full)
    assert gradients(_batch(3)) > 0
    assert len(notes) == 1
    assert gradients.recorded_size == 0


def test_only_whole_batches_on_a_gpu_are_recorded(tiny_clip: MakeClip) -> None:
    model, alone = MumicModel(tiny_clip(), TEXTS, bf16=False), Processes()
    settings = TrainSettings(batch_size=64)
    assert recorded_size(settings, model, alone) == 0
    on_gpu: Any = SimpleNamespace(clip=SimpleNamespace(device=torch.device("cuda")), modules=list)
    assert recorded_size(settings, on_gpu, alone) == 64
    assert recorded_size(settings, on_gpu, Processes(count=2)) == 0
    assert recorded_size(replace(settings, micro_batch=16), on_gpu, alone) == 0
    assert recorded_size(replace(settings, cuda_graph=False), on_gpu, alone) == 0
    on_gpu.modules = lambda: [PatchDropout(0.5)]
    assert recorded_size(settings, on_gpu, alone) == 0


UNRECORDABLE = """
import sys
from pathlib import Path
from annotate.clip.loading import load_clip
from annotate.settings import ModelSettings
from mumic.training.cuda_graph import StepGradients
from tests.mumic.training.test_cuda_graph import COST, _batch, model_on_gpu, on_gpu

def waits(z, y):
    assert float(z.detach().sum()) < 1e9
    return COST(z, y)

folder = Path(sys.argv[1])
model = model_on_gpu(load_clip(ModelSettings(f"local-dir:{folder}", ""), folder), bf16=False)
batch = on_gpu(_batch())
try:
    StepGradients(model, waits, recorded_size=len(batch))(batch)
except MumicError as error:
    print(error)
"""


@GPU
def test_what_cannot_be_recorded_is_told_of(tiny_model: Path) -> None:
    """In a process of its own, whose GPU is not to be relied on afterwards."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-c", UNRECORDABLE, str(tiny_model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "cuda_graph = false" in done.stdout
