"""A command that is killed at every moment at which it changes a file or a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Runs the command in a copy of this process for each folder. The first run is whole and says how
# many calls it makes that change a file or a folder; the n-th is killed just before its n-th.
KILLER = """
import os, signal, sys
import annotate.dataset.files, annotate.labels.stage
from annotate.cli import main

words = sys.argv[1].split()

def run(folder, last):
    calls = 0
    def counted(name):
        real = getattr(os, name)
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        setattr(os, name, call)
    for name in ("replace", "fsync", "mkdir", "rmdir", "unlink"):
        counted(name)
    os.chdir(folder)
    main(words, standalone_mode=False)
    return calls

for last, folder in enumerate(sys.argv[2:]):
    if not (child := os.fork()):
        calls = run(folder, last)
        if not last:
            print("calls", calls, flush=True)
        os._exit(0)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run_and_kill(command: str, folders: list[Path]) -> int:
    """Run a command in the first folder, and in the n-th that follows until its n-th change.

    Returns:
        How many changes the whole command makes: so many folders after the first hold a killed one.
    """
    words = [sys.executable, "-c", KILLER, command, *map(str, folders)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    calls = next(int(line[1]) for line in said if line[:1] == ["calls"])
    statuses = [int(line[1]) for line in said if line[:1] == ["exit"]]
    assert calls < len(folders)
    assert statuses == [0] + [-9] * calls + [0] * (len(folders) - calls - 1)
    return calls
