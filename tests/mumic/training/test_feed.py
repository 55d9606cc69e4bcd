"""Batches of pixels on the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mumic.cache import Rows
from mumic.training.feed import Feed


@pytest.mark.parametrize("hold", [True, False])
def test_a_process_without_images_gets_none(hold: bool) -> None:
    """A last batch may be smaller than the number of processes."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 4), dtype=np.uint8)
    rows = Rows((pixels,), {name: (0, place) for place, name in enumerate("abc")})
    feed = Feed(rows, ["a", "b", "c"], torch.device("cpu"), hold=hold)
    assert feed.batch([]).shape == (0, 3, 4, 4)
    assert np.array_equal(feed.batch(["c", "a"]).numpy(), pixels[[2, 0]])
