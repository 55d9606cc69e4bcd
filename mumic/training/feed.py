"""Batches of pixels on the training's device."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from mumic.cache import Rows

SHARE = 0.4  # of the accelerator's free memory that pixels may take; the rest is the training's
_CHUNK = 1024


class Feed:
    """Pixels from the memory-mapped cache; held on the accelerator where all of them fit.

    Args:
        rows: uint8 (3, size, size) each.
        hashes: of the images that will be asked for.
        device: where batches are wanted.
        hold: keep all of them on the device; None: on an accelerator, if they fit.
    """

    def __init__(
        self, rows: Rows, hashes: Sequence[str], device: torch.device, *, hold: bool | None = None
    ) -> None:
        self._rows = rows
        self._device = device
        self._places: dict[str, int] = {}
        self._reader = ThreadPoolExecutor(max_workers=1)
        self._ahead: tuple[list[str], Future[Tensor]] | None = None
        if hold if hold is not None else _fits(rows, hashes, device):
            self._places = {entry: at for at, entry in enumerate(dict.fromkeys(hashes))}
            self._held = _load(rows, list(self._places), device)

    def batch(self, hashes: Sequence[str]) -> Tensor:
        """Pixels of some images in their order, uint8 (n, 3, size, size)."""
        if self._places:
            places = [self._places[entry] for entry in hashes]  # none: torch would guess float32
            at = torch.tensor(places, dtype=torch.int64, device=self._device)
            return self._held.index_select(0, at)
        pixels = self._read_ahead(list(hashes))
        if pixels is None:
            pixels = self._read(list(hashes))
        return pixels.to(self._device, non_blocking=True)

    def prepare(self, hashes: Sequence[str]) -> None:
        """Read the next batch from the cache while the present one is computed."""
        if not self._places:
            wanted = list(hashes)
            self._ahead = (wanted, self._reader.submit(self._read, wanted))

    def _read_ahead(self, hashes: list[str]) -> Tensor | None:
        ahead, self._ahead = self._ahead, None
        return ahead[1].result() if ahead is not None and ahead[0] == hashes else None

    def _read(self, hashes: list[str]) -> Tensor:
        pixels = torch.from_numpy(self._rows.gather(hashes))
        # From pinned memory the copy to a GPU runs beside the computing.
        return pixels.pin_memory() if self._device.type == "cuda" else pixels


def _fits(rows: Rows, hashes: Sequence[str], device: torch.device) -> bool:
    if device.type != "cuda" or not hashes:
        return False
    free, _ = torch.cuda.mem_get_info(device)
    each = int(np.prod(rows.shards[0].shape[1:]))
    return each * len(set(hashes)) <= SHARE * free


def _load(rows: Rows, hashes: list[str], device: torch.device) -> Tensor:
    shape = rows.shards[0].shape[1:]
    held = torch.empty((len(hashes), *shape), dtype=torch.uint8, device=device)
    for start in range(0, len(hashes), _CHUNK):
        chunk = rows.gather(hashes[start : start + _CHUNK])
        held[start : start + len(chunk)] = torch.from_numpy(chunk).to(device)
    return held
