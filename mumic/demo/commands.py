"""Run the commands that a user types, one after another, and measure each."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from annotate.errors import MumicError

PACKAGES = {"mumic-annotate": "annotate", "mumic": "mumic"}


@dataclass(frozen=True)
class Step:
    """One command as it ran: its line, wall-clock seconds, and peak memory in MB."""

    line: str
    seconds: float
    peak_mb: float


@dataclass
class Session:
    """A terminal of its own: prints each command, runs it, keeps what it cost.

    Attributes:
        folder: where the commands run.
        output: where command lines and what they print go.
    """

    folder: Path
    output: TextIO
    steps: list[Step] = field(default_factory=list)

    def run(self, line: str) -> None:
        """Run one command line, such as ``mumic-annotate mine --class Pets``.

        Raises:
            MumicError: it ended with another exit code than 0.
        """
        print(f"\n$ {line}", file=self.output, flush=True)
        program, *arguments = shlex.split(line)
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", PACKAGES[program], *arguments],
            cwd=self.folder,
            stdout=self.output,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise MumicError(f"`{line}` stopped with exit code {child.returncode}; see above.")
        self.steps.append(Step(line, time.perf_counter() - started, _megabytes(usage.ru_maxrss)))


def _megabytes(maxrss: int) -> float:
    """Linux counts kilobytes, macOS bytes."""
    return maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
