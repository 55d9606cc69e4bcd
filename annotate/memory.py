"""Memory of a program that makes large arrays all the time."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of mallopt(3), in glibc's malloc.h
_PAD = 64 * 2**20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, for the rest of this program.

    It hands every large block back to the system as soon as it is free, and asks for it again in
    the next operation; the system then clears and maps it page by page. For the tensors of a
    training step, and for columns of answers, that costs more than much of the arithmetic.

    Returns:
        Whether it does; only glibc knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _PAD))
    return all(mallopt(option, value) == 1 for option, value in wanted)
