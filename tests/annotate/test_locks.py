"""Locks: one holder at a time, also where the holder before deletes the file."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from annotate.errors import InputError
from annotate.locks import exclusive, is_held


def test_a_second_process_is_refused_or_waits(tmp_path: Path) -> None:
    file = tmp_path / "a" / ".lock"
    with exclusive(file):
        assert is_held(file)
        with pytest.raises(InputError, match="taken"), exclusive(file, busy="taken"):
            pass
    assert not is_held(file)
    with exclusive(file, busy="taken"):
        pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc says who waits")
def test_who_waited_for_a_deleted_lock_holds_the_one_that_others_see(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    waiting, holding, done = (threading.Event() for _ in range(3))

    def wait() -> None:
        waiting.set()
        with exclusive(file):
            holding.set()
            done.wait(60)

    thread = threading.Thread(target=wait)
    with exclusive(file):
        thread.start()
        waiting.wait(60)
        while not _is_opened_twice(file):
            threading.Event().wait(0.01)
        file.unlink()
    assert holding.wait(60)
    assert is_held(file)
    with pytest.raises(InputError, match="taken"), exclusive(file, busy="taken"):
        pass
    done.set()
    thread.join()
    assert not is_held(file)


def _is_opened_twice(file: Path) -> bool:
    links = (entry for entry in Path("/proc/self/fd").iterdir())
    return sum(str(file) == _target(entry) for entry in links) == 2


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""
