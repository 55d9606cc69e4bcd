"""Ctrl-C and SIGTERM as a request to stop after the present step."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

from annotate.errors import MumicError


class StoppedError(MumicError):
    """A training was asked to stop, and has been saved."""


class Interrupt:
    """While it is entered, the first signal sets ``asked``; a second one ends the program at once.

    In another thread than the main one signals are left alone.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}
