"""What ``benchmarks/consolidate.py`` compares with: crowd-kit, pandas and DuckDB."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.consolidate_world import CLASSES, PLAN

ROUNDS = 10  # of Dawid-Skene


def crowd_kit(frame: pd.DataFrame) -> Any:
    from crowdkit.aggregation import MajorityVote

    return MajorityVote().fit_predict(frame)


def crowd_kit_from_files(folder: Path) -> Any:
    """As one who uses crowd-kit would write it: a task is an image and a class."""
    rows = []
    with (folder / "serve.jsonl").open() as file:
        for line in file:
            entry = json.loads(line)
            for answer in entry["answers"]:
                for boxes in answer["answerContent"].values():
                    for name, on in boxes.items():
                        if not name.startswith("__"):
                            task = f"{entry['image-id']} {name}"
                            rows.append((task, answer["workerId"], on))
    return crowd_kit(pd.DataFrame(rows, columns=["task", "worker", "label"]))


def crowd_kit_with_numbers(folder: Path) -> Any:
    """With numbers in place of ids, made while reading: the fastest that we could write for it."""
    column = {name: at for at, name in enumerate(n for group in PLAN.values() for n in group)}
    tasks, workers, labels = [], [], []
    with (folder / "serve.jsonl").open("rb") as file:
        for row, raw in enumerate(file):
            for answer in json.loads(raw)["answers"]:
                for boxes in answer["answerContent"].values():
                    own = [
                        (row * CLASSES + column[name], on)
                        for name, on in boxes.items()
                        if name in column
                    ]
                    tasks += [task for task, _ in own]
                    labels += [on for _, on in own]
                    workers += [answer["workerId"]] * len(own)
    frame = pd.DataFrame(
        {
            "task": np.array(tasks, np.int32),
            "worker": pd.factorize(np.array(workers, object))[0],
            "label": np.array(labels, np.int8),
        }
    )
    return crowd_kit(frame)


def pandas_mean(frame: pd.DataFrame) -> Any:
    return frame.groupby("task", sort=False)["label"].mean() >= 0.6


def duck_db(frame: pd.DataFrame) -> Callable[[], Any]:
    import duckdb

    base = duckdb.connect()
    base.register("frame", frame)
    base.execute("CREATE TABLE votes AS SELECT * FROM frame")
    sql = "SELECT task, avg(label) >= 0.6 AS label FROM votes GROUP BY task"
    return lambda: base.execute(sql).fetchnumpy()


def crowd_kit_dawid_skene(frame: pd.DataFrame) -> list[Any]:
    """A model per class, as ours."""
    from crowdkit.aggregation import DawidSkene

    column = frame["task"].to_numpy() % CLASSES
    parts = [frame[column == at] for at in range(CLASSES)]
    return [DawidSkene(ROUNDS, tol=-1).fit_predict_proba(part) for part in parts]
