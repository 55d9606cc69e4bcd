"""Compiled towers: the same gradients under the same names, or a clear word."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from annotate.errors import MumicError
from mumic.model.compiled import compile_towers, or_say_why
from mumic.model.mumic_model import MumicModel, Trained
from mumic.training.step import accumulate_gradients
from tests.mumic.training.test_step import (
    COST,
    TEXTS,
    MakeClip,
    _assert_close,
    _batch,
    _gradients,
    _model,
)

# torch's own, of the text blocks' input, which it looks at while tracing.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


def test_a_compiled_step_has_the_gradients_of_a_plain_one(tiny_clip: MakeClip) -> None:
    """Traced, with LoRA, the harder case; the second step is shorter, as the last of an epoch."""
    found = []
    for compiled in (False, True):
        torch.manual_seed(0)
        model = MumicModel(tiny_clip(), TEXTS, Trained(lora_rank=2), bf16=False).train()
        names = list(model.towers.state_dict())
        if compiled:
            compile_towers(model.towers, backend="eager")
        for images in (7, 3):
            accumulate_gradients(model, _batch(images), COST)
        found.append(_gradients(model))
        assert list(model.towers.state_dict()) == names
    _assert_close(found[1], found[0])
    torch.compiler.reset()


def test_a_machine_that_cannot_compile_is_told_so(tiny_clip: MakeClip) -> None:
    def broken(*_: Any) -> Any:
        raise FileNotFoundError("no compiler")

    model = _model(tiny_clip())
    compile_towers(model.towers, backend=broken)
    with pytest.raises(MumicError, match=r"no compiler.*Set compile = false"), or_say_why():
        accumulate_gradients(model, _batch(), COST)
    torch.compiler.reset()
