"""The store under many threads and processes, and its death among them."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from annotate.server.model import Rules
from annotate.server.store import Store
from tests.annotate.server.stores import content, exported, open_store, people


def _hammer(folder: Path, names: list[str], output: Path) -> None:
    store = Store.open(folder / "annotation.sqlite3", Rules())

    def work(person: str) -> None:
        with output.with_suffix("." + person).open("a") as log:
            while (task := store.next_task(person)) is not None:
                store.submit(person, task.image_id, task.lease, content("pool"), 0.0)
                log.write(task.image_id + "\n")
                log.flush()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _in_processes(folder: Path, groups: list[list[str]]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    found = [
        context.Process(target=_hammer, args=(folder, names, folder / "log")) for names in groups
    ]
    for process in found:
        process.start()
    return found


def acknowledged(folder: Path) -> set[tuple[str, str]]:
    return {
        (file.suffix[1:], image)
        for file in folder.glob("log.*")
        for image in file.read_text().split("\n")[:-1]
    }


def test_threads_and_processes_neither_lose_nor_double_an_answer(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=20)
    everybody = people(store, 12)
    for process in _in_processes(tmp_path, [everybody[:6], everybody[6:]]):
        process.join()
        assert process.exitcode == 0
    stored = {
        (entry["workerId"], image)
        for image, found in exported(store, tmp_path).items()
        for entry in found
    }
    assert stored == acknowledged(tmp_path)
    assert Counter(image for _, image in stored) == {f"image{n}": 5 for n in range(20)}


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=400)
    everybody = people(store, 8)
    (process,) = _in_processes(tmp_path, [everybody])
    while len(acknowledged(tmp_path)) < 100 and process.is_alive():
        process.join(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store.close()
    reopened = open_store(tmp_path, images=400)
    stored = {
        (entry["workerId"], image)
        for image, found in exported(reopened, tmp_path).items()
        for entry in found
    }
    assert len(acknowledged(tmp_path)) >= 100
    assert acknowledged(tmp_path) <= stored
    with sqlite3.connect(tmp_path / "annotation.sqlite3") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()
