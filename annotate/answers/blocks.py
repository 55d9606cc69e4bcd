"""Files of answers in blocks of whole lines, one block read ahead."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

SIZE = 4_000_000  # bytes, about


@dataclass(frozen=True)
class Block:
    """Lines of a file.

    Attributes:
        text: the bytes.
        lines: where each line begins and ends in them.
        closing: where closing braces stand in them.
    """

    text: bytes
    lines: list[tuple[int, int]]
    closing: npt.NDArray[np.int64]


def read_blocks(file: BinaryIO) -> Iterator[Block]:
    """Read whole lines, many at a time.

    Reading and looking for braces need no interpreter: while a block is in use, a thread does both
    for the next one.
    """
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(_next, file)
        while block := ahead.result():
            ahead = pool.submit(_next, file)
            yield block


def _next(file: BinaryIO) -> Block | None:
    text = file.read(SIZE)
    if text and not text.endswith(b"\n"):
        text += file.readline()
    return scan(text) if text else None


def scan(text: bytes) -> Block:
    """Find lines and closing braces."""
    closing = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("}"))
    lines, start = [], 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        lines.append((start, end))
        start = end + 1
    return Block(text, lines, closing)
