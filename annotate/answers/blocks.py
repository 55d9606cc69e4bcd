"""Files of answers in blocks of whole lines, one block read ahead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SIZE = 16_000_000  # bytes, about; what a block repeats of the others is parsed in each of them
AHEAD = 65_536  # bytes that are searched at a time for the end of a line


@dataclass(frozen=True)
class Block:
    """Lines of a file.

    Attributes:
        text: the bytes.
        lines: where each line begins and ends in them.
        closing: where closing braces stand in them.
        between: the text from behind each closing brace up to and with the next, as codes; None
            for a block of 2 GiB and more, where Arrow's offsets end.
    """

    text: bytes
    lines: list[tuple[int, int]]
    closing: npt.NDArray[np.int64]
    between: pa.DictionaryArray | None


def read_blocks(file: BinaryIO) -> Iterator[Block]:
    """Read whole lines, many at a time.

    Reading and cutting at braces need no interpreter: while a block is in use, a thread does both
    for the next one.
    """
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(_next, file)
        while block := ahead.result():
            ahead = pool.submit(_next, file)
            yield block


def _next(file: BinaryIO) -> Block | None:
    text = file.read(_whole_lines(file))
    if text and not text.endswith(b"\n"):
        text += file.readline()
    return scan(text) if text else None


def _whole_lines(file: BinaryIO) -> int:
    """How many bytes to read to end where a line ends, :data:`SIZE` or somewhat more.

    So the rest of a line is seldom put to the bytes before it: to copy these holds the interpreter.
    """
    if not hasattr(os, "pread"):
        return SIZE
    start = file.tell()
    at = start + SIZE - 1
    while ahead := os.pread(file.fileno(), AHEAD, at):
        end = ahead.find(b"\n") + 1
        if end:
            return at + end - start
        at += len(ahead)
    return max(SIZE, at - start)


def scan(text: bytes) -> Block:
    """Find lines and closing braces, and number the texts between these."""
    closing = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("}"))
    lines, start = [], 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        lines.append((start, end))
        start = end + 1
    return Block(text, lines, closing, _between(text, closing) if len(text) < 2**31 else None)


def _between(text: bytes, closing: npt.NDArray[np.int64]) -> pa.DictionaryArray:
    ends = (closing + 1).astype(np.int32)
    if not len(ends):
        return pa.array([], pa.binary()).dictionary_encode()
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, buffers).dictionary_encode()
