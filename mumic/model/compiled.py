"""A training whose towers torch compiles: fewer, larger kernels, worth their making on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch._dynamo.exc import TorchDynamoException

from annotate.errors import MumicError


def compile_towers(towers: Any, backend: str | Callable[..., Any] = "inductor") -> None:
    """Compile the image tower and the text tower's blocks at their first use; names stay.

    The text tower's ends stay as they are: its texts are cut at a length that the data decides.

    Args:
        towers: an open_clip model.
        backend: of torch.compile.
    """
    towers.visual.compile(backend=backend)
    blocks = getattr(getattr(towers, "text", towers), "transformer", None)
    if blocks is not None:
        blocks.compile(backend=backend)


@contextmanager
def or_say_why() -> Iterator[None]:
    """A clear word where torch cannot compile, as without a compiler on the machine.

    Raises:
        MumicError: it cannot.
    """
    try:
        yield
    except TorchDynamoException as error:
        reason = " ".join(str(error).split("\n")[:2])  # what failed, and with what
        raise MumicError(
            f"torch cannot compile the model: {reason}. Set compile = false under [train]."
        ) from error
