"""One training in several processes, on one machine or many, started by ``torchrun``.

Every process has the whole dataset and works on its share of each batch and of the label texts.
What is summed over them are costs and gradients, so nothing depends on how many there are but the
rounding. With one process nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from annotate.clip.memory import is_memory_full
from annotate.errors import InputError, MumicError

PATIENCE = timedelta(hours=2)  # while another process fills the pixel cache
BUCKET = 2**24  # numbers that are sent at a time


@dataclass(frozen=True)
class Processes:
    """``rank`` of this process among ``count``; ``device`` is where what is sent must lie."""

    rank: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks to the user."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """The rows that are this process's."""
        return slice(self.rank, None, self.count)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.count > 1:
            with _or_say_who():
                dist.all_reduce(tensor)
        return tensor

    def any(self, flag: bool) -> bool:
        """Whether it is so in some process."""
        if self.count == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)))

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum each gradient over all processes; one that has none adds nothing."""
        if self.count == 1:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        present = torch.tensor([float(entry.grad is not None) for entry in trained])
        somewhere = self.sum(present.to(self.device)).tolist()
        used = [entry for entry, found in zip(trained, somewhere, strict=True) if found]
        for bucket in _buckets(used):
            gradients = [
                torch.zeros_like(entry) if entry.grad is None else entry.grad for entry in bucket
            ]
            flat = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
            parts = torch.split(flat, [gradient.numel() for gradient in gradients])
            for parameter, part in zip(bucket, parts, strict=True):
                parameter.grad = part.view_as(parameter)

    def from_first(self, value: Any) -> Any:
        """What the first process has; a small value that JSON could hold."""
        if self.count == 1:
            return value
        held = [value]
        with _or_say_who():
            dist.broadcast_object_list(held, src=0)
        return held[0]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            with _or_say_who():
                dist.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """A block that the other processes enter after the first has left it."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()


@contextmanager
def _or_say_who() -> Iterator[None]:
    """One process's error is one message: to the others it is only a broken connection.

    Raises:
        MumicError: another process has ended, or has not answered for too long.
        RuntimeError: it is of this process, such as one of its GPU, which shows itself late.
    """
    try:
        yield
    except RuntimeError as error:  # gloo's are no more than that, NCCL's are a kind of it
        if is_memory_full(error) or "CUDA error" in str(error):
            raise
        why = str(error).split("\n")[0]
        raise MumicError(
            f"another process has ended or does not answer; its message says why ({why})"
        ) from error


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Parameters in their order, of about as many numbers each."""
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        bucket.append(parameter)
        size += parameter.numel()
        if size >= BUCKET:
            yield bucket
            bucket, size = [], 0
    if bucket:
        yield bucket


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the other processes where ``torchrun`` started this one.

    Args:
        device: a torch device; ``cuda`` becomes this process's own GPU.

    Yields:
        This process among the others, with its device.

    Raises:
        InputError: more processes on this machine than it has GPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(device=device)
        return
    if device.startswith("cuda"):
        device = _own_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    joined = dist.is_initialized()  # by a caller that trains several times
    if not joined:
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield Processes(dist.get_rank(), count, device)
    finally:
        if not joined:
            dist.destroy_process_group()


def _own_gpu(place: int) -> str:
    if place >= torch.cuda.device_count():
        raise InputError(
            f"torchrun started more processes than this machine's {torch.cuda.device_count()} "
            "GPUs. Lower --nproc-per-node, or use --device cpu."
        )
    torch.cuda.set_device(place)
    return f"cuda:{place}"
