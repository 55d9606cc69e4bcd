"""Gradients in parts: micro-batches, processes and texts encoded once, against one plain pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from annotate.clip.encoder import load_clip
from annotate.settings import ModelSettings
from mumic.loss import bce_cost, tempered_bce
from mumic.model import MumicModel, Trained
from mumic.step import Batch, accumulate_gradients

TEXTS = ["a photo with a bed", "a photo with a large swimming pool", "pets"]
COST = partial(bce_cost, positive_weight=10.0)


def _model(tiny_model: Path, freeze: str = "none") -> MumicModel:
    clip = load_clip(ModelSettings(f"local-dir:{tiny_model}", ""), tiny_model)
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
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).abs().max() <= 1e-5 * max(
            1.0, float(gradient.abs().max())
        ), name


@pytest.mark.parametrize("freeze", ["none", "image", "text", "both", "both+"])
@pytest.mark.parametrize("micro_batch", [0, 1, 3])
def test_micro_batches_have_the_gradient_of_one_plain_pass(
    tiny_model: Path, freeze: str, micro_batch: int
) -> None:
    batch = _batch()
    plain = _model(tiny_model, freeze)
    loss = tempered_bce(plain(batch.pixels), batch.labels, batch.mask, 10.0)
    loss.backward()  # type: ignore[no-untyped-call]
    model = _model(tiny_model, freeze)
    value = accumulate_gradients(model, batch, COST, micro_batch=micro_batch)
    assert value == pytest.approx(loss.item(), rel=1e-5)
    _assert_close(_gradients(model), _gradients(plain))


def test_texts_are_encoded_once_a_step(tiny_model: Path) -> None:
    model, passes = _model(tiny_model), []
    model.towers.ln_final.register_forward_hook(lambda *_: passes.append("forward"))
    model.towers.ln_final.register_full_backward_hook(lambda *_: passes.append("backward"))
    accumulate_gradients(model, _batch(), COST, micro_batch=1)
    assert passes == ["forward", "backward"]


PROCESS = """
import json, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from mumic.processes import processes
from mumic.step import Batch, accumulate_gradients
from mumic.optimiser import make_optimiser
from annotate.settings import TrainSettings
from tests.mumic.test_step import COST, _batch, _gradients, _model
from dataclasses import replace

torch.set_num_threads(1)
folder, steps, micro = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with processes("cpu") as joined:
    model = _model(Path(sys.argv[4]))
    optimiser = make_optimiser(model.towers, TrainSettings(lr=1e-3, adam_epsilon=1e-6))
    losses = []
    for step in range(steps):
        whole = _batch(7 + step) if step < 3 else _batch(1)
        own = joined.share
        batch = replace(
            whole, pixels=whole.pixels[own], labels=whole.labels[own], mask=whole.mask[own]
        )
        optimiser.zero_grad()
        losses.append(accumulate_gradients(model, batch, COST, joined, micro))
        if step == 0:
            save_file(_gradients(model), folder / f"gradients-{joined.rank}.safetensors")
        optimiser.step()
        model.clamp_logit_scale(4.605)
    save_file(dict(model.towers.state_dict()), folder / f"weights-{joined.rank}.safetensors")
    (folder / f"losses-{joined.rank}.json").write_text(json.dumps(losses))
"""


def _without_key_bias(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Softmax does not see attention's bias of the keys: its gradient is 0 but for rounding."""
    kept = {name: tensor.clone() for name, tensor in weights.items()}
    for name, tensor in kept.items():
        if name.endswith("in_proj_bias"):
            tensor[len(tensor) // 3 : 2 * len(tensor) // 3] = 0
    return kept


def _processes(command: list[str], count: int, where: Path) -> None:
    """``torchrun`` on loopback."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    alone = [sys.executable]
    joined = [
        *(sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}"),
        *("--master-addr=127.0.0.1", "--master-port=0", "--rdzv-backend=c10d"),
        "--rdzv-endpoint=127.0.0.1:0",
    ]
    subprocess.run(
        [*(joined if count > 1 else alone), *command],
        cwd=where,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )


def test_two_processes_are_one_with_the_same_batch(tmp_path: Path, tiny_model: Path) -> None:
    """Unequal masks, shares of unequal size, a last batch that leaves a process without images."""
    from safetensors.torch import load_file

    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    found = {}
    for count, micro in ((1, 0), (2, 2)):
        folder = tmp_path / str(count)
        folder.mkdir()
        command = [str(script), str(folder), "4", str(micro), str(tiny_model)]
        _processes(command, count, tmp_path)
        found[count] = [
            load_file(folder / f"{kind}-0.safetensors") for kind in ("gradients", "weights")
        ]
    _assert_close(found[2][0], found[1][0])
    _assert_close(_without_key_bias(found[2][1]), _without_key_bias(found[1][1]))
    both = [load_file(tmp_path / "2" / f"weights-{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[0])
    losses = [json.loads((tmp_path / f"{n}" / "losses-0.json").read_text()) for n in (1, 2)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
