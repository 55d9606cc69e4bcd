"""The store off the event loop: changes in one line, a few threads for looking, the export."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from annotate.errors import MumicError
from annotate.server.store import Store

T = TypeVar("T")
READERS = 4
MOST_TOGETHER = 64
# Exporting writes all answers anew, so it may take this share of the time and no more.
EXPORT_SHARE = 0.05


@dataclass(frozen=True)
class _Change:
    """A call that stands in line, and who waits for it."""

    call: Callable[[], Any]
    done: asyncio.Future[Any]

    def tell(self, outcome: object) -> None:
        if self.done.done():  # whoever asked is gone
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class Desk:
    """Runs the store's calls in threads, so that a disk that waits never stops the server.

    Changes stand in one line and are served in their order: threads that compete for SQLite's lock
    would poll for it, and the unlucky would wait long. What came while the disk was busy is stored
    together, so that the line does not grow with the number of people.
    """

    def __init__(self, store: Store, answers: Path, *, export_seconds: float = 5.0) -> None:
        self.store = store
        self.answers = answers
        self._export_seconds = export_seconds
        self._changed = True
        self._line: list[_Change] = []
        self._serving: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, "store")
        self._readers = ThreadPoolExecutor(READERS, "read")

    async def change(self, call: Callable[..., T], *arguments: object) -> T:
        """Run a call that may change the store; what it changed is kept when this returns."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._line.append(_Change(partial(call, *arguments), done))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve_line())
        return await done

    async def _serve_line(self) -> None:
        loop = asyncio.get_running_loop()
        while self._line:
            served, self._line = self._line[:MOST_TOGETHER], self._line[MOST_TOGETHER:]
            calls = [change.call for change in served]
            outcomes: Sequence[object]
            try:
                outcomes = await loop.run_in_executor(self._writer, self.store.together, calls)
            except Exception as error:
                outcomes = [error] * len(served)
            self._changed = True
            for change, outcome in zip(served, outcomes, strict=True):
                change.tell(outcome)
        self._serving = None

    async def look(self, call: Callable[..., T], *arguments: object) -> T:
        """Run a call that only reads: the store, a picture."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, call, *arguments)

    async def export(self) -> int:
        """Write the answers to the workspace; the number of lines."""
        self._changed = False
        try:
            return await self.look(self.store.export, self.answers)
        except BaseException:
            self._changed = True
            raise

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Export now and then, and once more at the end."""
        exporting = asyncio.create_task(self._keep_exporting())
        try:
            yield
        finally:
            exporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await exporting
            await self.export()
            self._writer.shutdown()
            self._readers.shutdown()

    async def _keep_exporting(self) -> None:
        pause = self._export_seconds
        while True:
            await asyncio.sleep(pause)
            if not self._changed:
                continue
            started = time.monotonic()
            try:
                await self.export()
            except (MumicError, OSError) as error:
                print(f"The answers could not be exported: {error}", file=sys.stderr)
            pause = max(self._export_seconds, (time.monotonic() - started) / EXPORT_SHARE)
