"""The gradient of a step as one recording of a GPU's work (a CUDA graph), replayed for each batch.

A step of CLIP is some two thousand small kernels. At usual batch sizes a GPU has done each before
Python has launched the next; a replay launches them all at once. What is computed is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from annotate.clip.memory import is_memory_full
from annotate.errors import MumicError
from annotate.settings import TrainSettings
from mumic.model.mumic_model import MumicModel
from mumic.training.loss import Cost
from mumic.training.processes import Processes
from mumic.training.step import Batch, accumulate_gradients, add_gradients

WARM_UP = 3  # steps before a recording: libraries choose their kernels, the allocator settles
SHARE = 0.3  # of the GPU's memory that a step may take: a recording keeps its own for good


def recorded_size(settings: TrainSettings, model: MumicModel, processes: Processes) -> int:
    """Images of the batches to record.

    0, which is none, on a processor, where a batch is shared or taken in parts, and where open_clip
    drops patches: it draws them on the processor in each step.
    """
    whole = processes.count == 1 and not 0 < settings.micro_batch < settings.batch_size
    on_gpu = model.clip.device.type == "cuda"
    drops = any(type(part).__name__ == "PatchDropout" for part in model.modules())
    return settings.batch_size if settings.cuda_graph and on_gpu and whole and not drops else 0


@dataclass
class StepGradients:
    """Gradients of one batch after the other, see :func:`mumic.training.step.accumulate_gradients`.

    Attributes:
        model: in training mode at every call.
        cost: of a cell.
        processes: that share each batch.
        micro_batch: images at a time; 0: all of the share.
        recorded_size: batches of so many images are recorded and replayed; 0: none.
        on_note: told where a step takes too much memory for it.
    """

    model: MumicModel
    cost: Cost
    processes: Processes = field(default_factory=Processes)
    micro_batch: int = 0
    recorded_size: int = 0
    on_note: Callable[[str], object] | None = None
    _recording: Recording | None = field(default=None, init=False)

    def __call__(self, batch: Batch) -> float:
        """Add a batch's gradients to the parameters', which are zero or None; its mean cost.

        Raises:
            MumicError: the model's work cannot be recorded.
        """
        if len(batch) == self.recorded_size and self._recording is None:
            self._recording = record(self.model, batch, self.cost)
            if self._recording is None:
                self._give_up("a step takes too much of its memory")
        if self._recording is not None and len(batch) == self.recorded_size:
            return self._recording.replay(batch)
        try:
            return self._usual(batch)
        except RuntimeError as error:
            if self._recording is None or not is_memory_full(error):
                raise
        self._give_up("its memory is full")
        return self._usual(batch)

    def _usual(self, batch: Batch) -> float:
        return accumulate_gradients(self.model, batch, self.cost, self.processes, self.micro_batch)

    def _give_up(self, why: str) -> None:
        """Record no more, and free what a recording keeps."""
        self.recorded_size, self._recording = 0, None
        _forget_gradients(self.model)
        torch.cuda.empty_cache()
        if self.on_note is not None:
            self.on_note(f"steps are not recorded on the GPU, which is slower: {why}")


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
        with torch.cuda.device(self.mean.device):
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
        MumicError: something in the model cannot be recorded.
    """
    device = batch.pixels.device
    held = Batch(batch.pixels.clone(), batch.labels.clone(), batch.mask.clone(), batch.observed)
    divisor = torch.full((), max(batch.observed, 1), dtype=torch.float32, device=device)
    with torch.cuda.device(device):
        with _unchanged(device):
            needed = _warm_up(model, held, divisor, cost)
        if needed > SHARE * torch.cuda.get_device_properties(device).total_memory:
            return None
        torch.cuda.empty_cache()
        graph = torch.cuda.CUDAGraph()
        try:
            # The thread that reads the next batch ahead may use the GPU meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                mean = add_gradients(model, held, divisor, cost)
        except RuntimeError as error:
            # After this torch's allocator is not to be relied on, so there is no going on.
            why = str(error.__context__ or error).split("\n")[0]
            raise MumicError(
                f"a step of this model cannot be recorded on the GPU: {why}. Set cuda_graph = "
                "false under [train], and run the command again: it goes on."
            ) from error
    found = tuple((p, p.grad) for p in model.parameters() if p.grad is not None)
    return Recording(graph, held, divisor, mean, found)


def _warm_up(model: MumicModel, batch: Batch, divisor: Tensor, cost: Cost) -> int:
    """Take steps beside the current stream, as torch asks for; bytes that a step needs at most."""
    device = divisor.device
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            _forget_gradients(model)
            add_gradients(model, batch, divisor, cost)
    torch.cuda.current_stream(device).wait_stream(stream)
    _forget_gradients(model)
    return torch.cuda.max_memory_allocated(device) - before


@contextmanager
def _unchanged(device: torch.device) -> Iterator[None]:
    """Steps that leave no trace: random numbers are as before."""
    state = torch.cuda.get_rng_state(device)
    try:
        yield
    finally:
        torch.cuda.set_rng_state(state, device)


def _forget_gradients(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.grad = None
