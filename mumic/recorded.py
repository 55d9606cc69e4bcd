"""The gradient of a step as one recording of a GPU's work (a CUDA graph), replayed for each batch.

A step of CLIP is some two thousand small kernels. At usual batch sizes a GPU has done each before
Python has launched the next; a replay launches them all at once. What is computed is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from annotate.settings import TrainSettings
from mumic.loss import Cost
from mumic.memory import is_memory_full
from mumic.model import MumicModel
from mumic.processes import Processes
from mumic.step import Batch, accumulate_gradients, add_gradients

WARM_UP = 3  # steps before a recording: libraries choose their kernels, the allocator settles
SHARE = 0.3  # of the GPU's memory that a step may take: a recording keeps its own for good


def recorded_size(settings: TrainSettings, device: torch.device, processes: Processes) -> int:
    """Images of the batches to record; 0 where nothing is: on a processor, or a batch is shared."""
    whole = processes.count == 1 and settings.micro_batch in (0, settings.batch_size)
    return settings.batch_size if settings.cuda_graph and device.type == "cuda" and whole else 0


@dataclass
class StepGradients:
    """Gradients of one batch after the other, see :func:`mumic.step.accumulate_gradients`.

    Attributes:
        model: in training mode at every call.
        cost: of a cell.
        processes: that share each batch.
        micro_batch: images at a time; 0: all of the share.
        recorded_size: batches of so many images are recorded and replayed; 0: none.
        on_note: told where that does not work, and they are computed as usual.
    """

    model: MumicModel
    cost: Cost
    processes: Processes = field(default_factory=Processes)
    micro_batch: int = 0
    recorded_size: int = 0
    on_note: Callable[[str], object] | None = None
    _recording: Recording | None = None

    def __call__(self, batch: Batch) -> float:
        """Add a batch's gradients to the parameters', which are zero or None; its mean cost."""
        if len(batch) == self.recorded_size and self._recording is None:
            self._recording = self._record(batch)
        if self._recording is not None and len(batch) == self.recorded_size:
            return self._recording.replay(batch)
        return accumulate_gradients(self.model, batch, self.cost, self.processes, self.micro_batch)

    def _record(self, batch: Batch) -> Recording | None:
        try:
            recording = record(self.model, batch, self.cost)
            why = "a step takes too much memory" if recording is None else ""
        except RuntimeError as error:
            recording, why = None, str(error).split("\n")[0]
            if is_memory_full(error):
                why = "the memory is full"
        if recording is None:
            self.recorded_size = 0
            _forget_gradients(self.model)
            torch.cuda.empty_cache()
            if self.on_note is not None:
                self.on_note(f"steps are not recorded on the GPU: {why}")
        return recording


@dataclass(frozen=True)
class Recording:
    """A step's work and where it reads and writes; see :func:`record`."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    divisor: Tensor
    mean: Tensor
    gradients: tuple[tuple[nn.Parameter, Tensor], ...]

    def replay(self, batch: Batch) -> float:
        """Compute the gradients of a batch of the recorded size; its mean cost."""
        self.batch.pixels.copy_(batch.pixels)
        self.batch.labels.copy_(batch.labels)
        self.batch.mask.copy_(batch.mask)
        self.divisor.fill_(max(batch.observed, 1))
        self.graph.replay()
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return float(self.mean)


def record(model: MumicModel, batch: Batch, cost: Cost) -> Recording | None:
    """Record the gradient of batches of this one's size; None where it takes too much memory.

    Args:
        model: in training mode, on a GPU; its gradients are lost.
        batch: any of that size.
        cost: of a cell.

    Raises:
        RuntimeError: something in the model cannot be recorded, or the memory is full.
    """
    device = batch.pixels.device
    held = Batch(batch.pixels.clone(), batch.labels.clone(), batch.mask.clone(), batch.observed)
    divisor = torch.full((), max(batch.observed, 1), dtype=torch.float32, device=device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            _forget_gradients(model)
            add_gradients(model, held, divisor, cost)
    torch.cuda.current_stream(device).wait_stream(stream)
    _forget_gradients(model)
    needed = torch.cuda.max_memory_allocated(device) - before
    if needed > SHARE * torch.cuda.get_device_properties(device).total_memory:
        return None
    torch.cuda.empty_cache()
    graph = torch.cuda.CUDAGraph()
    # The thread that reads the next batch ahead may use the GPU meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        mean = add_gradients(model, held, divisor, cost)
    found = tuple((p, p.grad) for p in model.parameters() if p.grad is not None)
    return Recording(graph, held, divisor, mean, found)


def _forget_gradients(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.grad = None
