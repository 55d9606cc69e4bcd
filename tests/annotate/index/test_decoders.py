"""Decoding in processes: when, and what happens when one of them, or their parent, is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from annotate.errors import MumicError
from annotate.index import decoders
from annotate.index.decoders import decoding_processes
from annotate.index.pipeline import batches_ahead
from annotate.index.reading import Reading
from tests.annotate.index.test_pipeline import photo
from tests.processes import alive, children

FOREVER = """
import signal, sys
from itertools import repeat
from pathlib import Path
from annotate.index.pipeline import batches_ahead
from annotate.index.reading import Reading

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    reading = Reading(Path(sys.argv[1]), 16, 10**6, 10**6)
    with batches_ahead(repeat([(sys.argv[2], "1.png")]), reading, processes=2, largest=1) as made:
        for _ in made:
            print("one", flush=True)
            sys.stdin.readline()
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes share memory on Linux alone")


@LINUX
@pytest.mark.parametrize(
    ("cores", "images", "expected"), [(2, 10_000, 0), (16, 100, 0), (16, 10_000, 16)]
)
def test_processes_decode_many_images_on_many_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, images: int, expected: int
) -> None:
    monkeypatch.setattr(decoders, "usable_cores", lambda: cores)
    monkeypatch.setattr(os, "memfd_create", lambda name: 0, raising=False)
    assert decoding_processes(images) == expected


def test_without_shared_memory_threads_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "usable_cores", lambda: 16)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert decoding_processes(10_000) == 0


@LINUX
@pytest.mark.parametrize("noticed", [False, True])
def test_a_killed_decoder_is_told_of(tmp_path: Path, noticed: bool) -> None:
    """Whether it is noticed while a batch is waited for, or before the next is submitted."""
    reading = Reading(tmp_path, 16, 10**6, 10**6)
    with batches_ahead([[photo(tmp_path, 1)]] * 200, reading, processes=2, largest=1) as made:
        next(made)
        (server,) = (c for c in children(os.getpid()) if "forkserver" in command_of(c))
        for worker in children(server):
            os.kill(worker, signal.SIGKILL)
        if noticed:
            while any(map(alive, children(server))):
                time.sleep(0.1)
        with pytest.raises(MumicError, match="run the command again"):
            list(made)


@LINUX
def test_leaving_stops_decoders_amid_their_tasks(tmp_path: Path) -> None:
    """What is at the memory's old place by then is another file, which they leave alone."""
    item, reading = photo(tmp_path, 1), Reading(tmp_path, 16, 10**6, 10**6)
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    kept = []
    with batches_ahead([[item] * 8] * 50, reading, processes=2, largest=8) as made:
        next(made)
        assert active_children()
    assert not active_children()  # an exit while they still end may print a traceback
    for _ in range(64):
        kept.append(os.open(other, os.O_RDWR))
    try:
        time.sleep(0.5)
        assert other.read_bytes() == b"mine"
    finally:
        for file in kept:
            os.close(file)


@LINUX
def test_a_batch_beyond_the_largest_is_refused(tmp_path: Path) -> None:
    items = [photo(tmp_path, number) for number in range(3)]
    reading = Reading(tmp_path, 16, 10**6, 10**6)
    with (
        batches_ahead([items], reading, processes=2, largest=2) as made,
        pytest.raises(ValueError, match="3 images where 2 are the most"),
    ):
        next(made)


@LINUX
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_decoder_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "forever.py"
    script.write_text(FOREVER)
    content, _ = photo(tmp_path, 1)
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), content],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert parent.stdout.readline() == "one\n"
        (server,) = (c for c in children(parent.pid) if "forkserver" in command_of(c))
        workers = children(server)
        while any(len(list(Path(f"/proc/{worker}/task").iterdir())) < 2 for worker in workers):
            time.sleep(0.1)  # until each watches its parent, and is deaf to Ctrl-C
        os.killpg(parent.pid, how) if how == signal.SIGINT else parent.kill()  # Ctrl-C reaches all
        said = parent.stderr.read()
    assert workers
    while any(alive(worker) for worker in workers):
        time.sleep(0.1)
    assert said.count("Traceback") == (how == signal.SIGINT)  # the script's own


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
