"""Gradients in parts: micro-batches, processes and texts encoded once, against one plain pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from annotate.clip.loading import Clip
from annotate.settings import TrainSettings
from mumic.baselines.backbones import HeadOnTower
from mumic.model.mumic_model import MumicModel, Trained
from mumic.training.loss import bce_cost, tempered_bce
from mumic.training.optimiser import make_optimiser
from mumic.training.processes import Processes
from mumic.training.step import Batch, accumulate_gradients
from tests.mumic.conftest import TINY_MODEL

MakeClip = Callable[[], Clip]
Weights = dict[str, torch.Tensor]

TEXTS = ["a photo with a bed", "a photo with a large swimming pool", "pets"]
COST = partial(bce_cost, positive_weight=10.0)


def _model(clip: Clip, freeze: str = "none") -> MumicModel:
    model = MumicModel(clip, TEXTS, Trained(freeze), bf16=False).train()
    model.set_logit_scale(3.652)
    return model


def _batch(images: int = 7) -> Batch:
    """The first images have few known labels, the last ones all."""
    generator = torch.Generator().manual_seed(5)
    mask = torch.rand(images, 3, generator=generator) < torch.linspace(0.2, 1.2, images)[:, None]
    return Batch(
        pixels=torch.randint(0, 256, (images, 3, 32, 32), generator=generator).to(torch.uint8),
        labels=(torch.rand(images, 3, generator=generator) < 0.4).float(),
        mask=mask,
        observed=int(mask.sum()),
    )


def _gradients(model: MumicModel) -> dict[str, torch.Tensor]:
    named = model.towers.named_parameters()
    return {name: entry.grad.clone() for name, entry in named if entry.grad is not None}


def _assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Each parameter by its own size: those with small gradients must be right, too."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        largest = float(gradient.abs().max())
        assert float((found[name] - gradient).abs().max()) <= 1e-5 * largest, name


@pytest.mark.parametrize("freeze", ["none", "image", "text", "both", "both+"])
@pytest.mark.parametrize("micro_batch", [0, 1, 3])
def test_micro_batches_have_the_gradient_of_one_plain_pass(
    tiny_clip: MakeClip, freeze: str, micro_batch: int
) -> None:
    batch = _batch()
    plain = _model(tiny_clip(), freeze)
    loss = tempered_bce(plain(batch.pixels), batch.labels, batch.mask, 10.0)
    loss.backward()  # type: ignore[no-untyped-call]
    model = _model(tiny_clip(), freeze)
    value = accumulate_gradients(model, batch, COST, micro_batch=micro_batch)
    assert value == pytest.approx(loss.item(), rel=1e-5)
    _assert_close(_without_key_bias(_gradients(model)), _without_key_bias(_gradients(plain)))


def _resnet(clip: Clip) -> Clip:
    """An image tower of RN50's kind, with statistics that are not those of a batch."""
    tower = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64}
    torch.manual_seed(7)
    model = open_clip.CLIP(**(TINY_MODEL | {"vision_cfg": tower}))
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 2)  # open_clip begins with some at 0
            part.running_mean = 0.1 * torch.randn(part.num_features)
            part.running_var = 0.5 + torch.rand(part.num_features)
    return replace(clip, model=model)


@pytest.mark.parametrize("freeze", ["none", "both+"])
def test_batch_norm_keeps_its_statistics(tiny_clip: MakeClip, freeze: str) -> None:
    batch, clip = _batch(), _resnet(tiny_clip())
    buffers = {name: entry.clone() for name, entry in clip.model.named_buffers()}
    found = []
    for micro_batch in (0, 1, 3):
        model = _model(clip, freeze)
        model.zero_grad()
        accumulate_gradients(model, batch, COST, micro_batch=micro_batch)
        found.append(_without_key_bias(_gradients(model)))
    for parts in found[1:]:
        _assert_close(parts, found[0])
    after = dict(clip.model.named_buffers())
    assert all(torch.equal(after[name], entry) for name, entry in buffers.items())


def test_a_head_on_a_tower_with_batch_norm_keeps_its_statistics(tiny_clip: MakeClip) -> None:
    network = HeadOnTower(_resnet(tiny_clip()), 3, 0, bf16=False).train()
    before = {name: entry.clone() for name, entry in network.tower.named_buffers()}
    network(_batch().pixels)
    assert network.head.training
    assert all(torch.equal(before[name], entry) for name, entry in network.tower.named_buffers())


def test_texts_are_encoded_once_a_step(tiny_clip: MakeClip) -> None:
    model, passes = _model(tiny_clip()), []
    model.towers.ln_final.register_forward_hook(lambda *_: passes.append("forward"))
    model.towers.ln_final.register_full_backward_hook(lambda *_: passes.append("backward"))
    accumulate_gradients(model, _batch(), COST, micro_batch=1)
    assert passes == ["forward", "backward"]


PROCESS = """
import sys
from pathlib import Path
import torch
from annotate.clip.loading import load_clip
from annotate.settings import ModelSettings
from mumic.training.processes import processes
from tests.mumic.training.test_step import take_steps

torch.set_num_threads(1)
folder, model = Path(sys.argv[1]), Path(sys.argv[2])
with processes("cpu") as joined:
    take_steps(load_clip(ModelSettings(f"local-dir:{model}", ""), model), joined, folder, 2)
"""


def take_steps(clip: Clip, joined: Processes, folder: Path, micro_batch: int) -> None:
    """Four steps; the first gradient, the weights and the losses are written."""
    model = _model(clip)
    optimiser = make_optimiser(model.towers, TrainSettings(lr=1e-3, adam_epsilon=1e-6))
    losses = []
    for step, images in enumerate((7, 8, 9, 1)):
        whole, own = _batch(images), joined.share
        batch = replace(
            whole, pixels=whole.pixels[own], labels=whole.labels[own], mask=whole.mask[own]
        )
        optimiser.zero_grad()
        losses.append(accumulate_gradients(model, batch, COST, joined, micro_batch))
        if step == 0:
            save_file(_gradients(model), folder / f"gradients-{joined.rank}.safetensors")
        optimiser.step()
        model.clamp_logit_scale(4.605)
    save_file(dict(model.towers.state_dict()), folder / f"weights-{joined.rank}.safetensors")
    (folder / f"losses-{joined.rank}.json").write_text(json.dumps(losses))


def _without_key_bias(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Softmax does not see attention's bias of the keys: its gradient is 0 but for rounding."""
    kept = {name: tensor.clone() for name, tensor in weights.items()}
    for name, tensor in kept.items():
        if name.endswith("in_proj_bias"):
            tensor[len(tensor) // 3 : 2 * len(tensor) // 3] = 0
        if name.endswith("k_proj.bias"):
            tensor.zero_()
    return kept


def _assert_moved_alike(found: Weights, expected: Weights, start: Weights) -> None:
    """By the norm of each parameter's change.

    A lone weight with a gradient near zero is moved by as much as its rounding says, in spite of a
    larger eps, and how it is rounded differs between machines.
    """
    assert found.keys() == expected.keys() == start.keys()
    for name, before in start.items():
        moved = float((expected[name] - before).norm())
        assert float((found[name] - expected[name]).norm()) <= 1e-4 * moved, name


def _on_loopback() -> dict[str, str]:
    """The environment of processes that work together on this machine."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), *sys.path]),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }


def _processes(
    command: list[str], where: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """``torchrun`` with two processes on loopback."""
    joined = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
        *("--master-addr=127.0.0.1", "--master-port=0", "--rdzv-backend=c10d"),
        "--rdzv-endpoint=127.0.0.1:0",
    ]
    return subprocess.run(
        [*joined, *command],
        cwd=where,
        env=_on_loopback(),
        check=check,
        capture_output=True,
        text=True,
    )


def test_two_processes_are_one_with_the_same_batch(
    tmp_path: Path, tiny_model: Path, tiny_clip: MakeClip
) -> None:
    """Unequal masks, shares of unequal size, a last batch that leaves a process without images."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    take_steps(tiny_clip(), Processes(), one, 0)
    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    _processes([str(script), str(two), str(tiny_model)], tmp_path)
    alone, joined = (
        {kind: load_file(folder / f"{kind}-0.safetensors") for kind in ("gradients", "weights")}
        for folder in (one, two)
    )
    _assert_close(_without_key_bias(joined["gradients"]), _without_key_bias(alone["gradients"]))
    start = _without_key_bias(dict(_model(tiny_clip()).towers.state_dict()))
    found, expected = (_without_key_bias(entry["weights"]) for entry in (joined, alone))
    _assert_moved_alike(found, expected, start)
    other = load_file(two / "weights-1.safetensors")
    assert all(torch.equal(joined["weights"][name], other[name]) for name in other)
    losses = [json.loads((folder / "losses-0.json").read_text()) for folder in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
