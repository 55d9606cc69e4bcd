"""A migration that SIGKILL ends, before any of the renames by which it makes what it makes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.annotate.migration.world import labels, run, split_of, tree

# One process for all, which forks: Python and its modules are loaded once. Each child runs the
# command in a folder of its own and is killed before its n-th rename.
PARENT = """
import os, signal, sys
import annotate.migration.apply, annotate.migration.migrate
from annotate.cli import main

def killing(real, left):
    def rename(*args, **options):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    return rename

def child(folder, after):
    os.chdir(folder)
    left = [after]
    os.replace, os.rename = killing(os.replace, left), killing(os.rename, left)
    main(["taxonomy", "migrate", "--apply"], standalone_mode=False)

for name in sys.argv[1:]:
    folder, after = name.rsplit(":", 1)
    pid = os.fork()
    if pid == 0:
        child(folder, int(after))
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print("ended", os.waitstatus_to_exitcode(status), flush=True)
"""
KILLS = range(0, 26, 2)
NEVER = 1000


def test_killed_anywhere_it_ends_the_same_and_loses_nothing(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(workspace, kept)
    folders = {at: tmp_path / f"killed-{at}" for at in (*KILLS, NEVER)}
    for folder in folders.values():
        shutil.copytree(kept, folder)
    words = [f"{folder}:{at}" for at, folder in folders.items()]
    done = subprocess.run(
        [sys.executable, "-c", PARENT, *words], check=True, capture_output=True, text=True
    )
    ends = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("ended")]
    killed = ends.count(-signal.SIGKILL)
    assert killed >= 8  # these moments lie within the command
    assert ends == [-signal.SIGKILL] * killed + [0] * (len(folders) - killed)
    before, after, whole = labels(kept), labels(folders[NEVER]), tree(folders[NEVER])
    answers = (kept / "data/answers/all.jsonl").read_bytes()
    for at in KILLS[:killed]:
        folder = folders[at]
        assert labels(folder) in (before, after)
        assert split_of(folder) == split_of(kept)
        assert (folder / "data/answers/all.jsonl").read_bytes() == answers
        monkeypatch.chdir(folder)
        again = run("taxonomy", "migrate", "--apply")
        assert again.exit_code == 0 or "nothing to carry over" in again.output
        assert tree(folder) == whole, f"killed before rename {at}"
