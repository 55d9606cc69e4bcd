"""A clear word where there is too little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from annotate.errors import MumicError

# Of allocators, the system, CUDA and its libraries, whose errors are of several kinds.
_SAYINGS = (
    "allocate memory",
    "not enough memory",
    "CUDA error: out of memory",
    "STATUS_ALLOC_FAILED",
)


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says so; a processor's allocator raises a bare RuntimeError.

    >>> is_memory_full(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    True
    """
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        saying in text for saying in _SAYINGS
    )


@contextmanager
def clear_word(advice: Callable[[], str]) -> Iterator[None]:
    """Say what to do where the memory is full. Also a decorator.

    Args:
        advice: gives what follows "the memory is full;".

    Raises:
        MumicError: it is.
    """
    try:
        yield
    except Exception as error:
        if not is_memory_full(error):
            raise
        raise MumicError(f"the memory is full; {advice()}") from error
