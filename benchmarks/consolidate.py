"""From answers to labels, 36 million votes: crowd-kit, pandas and DuckDB beside ours.

The images, people and answers are made up: everybody answers every question of an image, a class is
there in one image of fifty. Peers get a row per vote with numbers in place of names, which is what
suits them best. Where reading counts they start from the same files of answers as we do: once with
texts as ids, as one would write it, and once with numbers made while reading. Crowd-kit cannot hold
36 million votes with texts as ids, so both are compared on a part of the images; our own row of all
images stands beside it. The whole command is measured in ``benchmarks/labels.py``.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from annotate.answers.packed import Coded, Packed, read_packed, to_arrow
from annotate.answers.packing import pack
from annotate.answers.reading import Keeping, read_folder
from annotate.cli.console import table
from annotate.labels.consolidate import decide_labels
from annotate.labels.dawid_skene import dawid_skene
from annotate.labels.decisions import Decisions
from annotate.labels.votes import count_votes
from annotate.memory import keep_freed_memory
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from benchmarks.report import QUICK, write_report

IMAGES = 2_000 if QUICK else 60_000
PEER_IMAGES = 200 if QUICK else 6_000  # for crowd-kit's Dawid-Skene, and its reading of answers
QUESTIONS, CLASSES_EACH, PEOPLE, ANNOTATORS = (4 if QUICK else 24), 5, 200, 5
CLASSES = QUESTIONS * CLASSES_EACH
ROUNDS = 10  # of Dawid-Skene
PLAN = {
    f"q{q:02d}": tuple(f"class_{q * CLASSES_EACH + k:03d}" for k in range(CLASSES_EACH))
    for q in range(QUESTIONS)
}
Ticks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def make_ticks(images: int) -> tuple[Ticks, npt.NDArray[np.int32]]:
    """(images, annotators, classes) ticks, and who the annotators are."""
    rng = np.random.default_rng(0)
    who = (rng.integers(0, PEOPLE, images)[:, None] + np.arange(ANNOTATORS) * 37) % PEOPLE
    truth = rng.random((images, CLASSES)) < 0.02
    ticks = np.empty((images, ANNOTATORS, CLASSES), bool)
    for at in range(ANNOTATORS):
        ticks[:, at] = rng.random((images, CLASSES), np.float32) < np.where(truth, 0.9, 0.005)
    return ticks, np.sort(who, axis=1).astype(np.int32)


def image_names(images: int) -> tuple[str, ...]:
    return tuple(f"{at:020x}" for at in range(images))


def packed_answers(ticks: Ticks, who: npt.NDArray[np.int32]) -> Packed:
    """The packed table, as ``consolidate`` has it."""
    images = len(ticks)
    by_question = ticks.reshape(images, ANNOTATORS, QUESTIONS, CLASSES_EACH).transpose(0, 2, 1, 3)
    _, question, _, place = np.nonzero(by_question)
    counts = by_question.sum(axis=-1, dtype=np.int32).ravel()
    rows = len(counts)
    names = [name for classes in PLAN.values() for name in classes]
    return Packed(
        Coded(image_names(images), np.repeat(np.arange(images, dtype=np.int32), rows // images)),
        Coded(
            tuple(PLAN),
            np.tile(np.repeat(np.arange(QUESTIONS, dtype=np.int32), ANNOTATORS), images),
        ),
        Coded(
            tuple(f"w{at:03d}" for at in range(PEOPLE)),
            np.repeat(who[:, None], QUESTIONS, axis=1).ravel(),
        ),
        Coded(tuple(names), (question * CLASSES_EACH + place).astype(np.int32)),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        counts == 0,
        np.zeros(rows, bool),
        np.zeros(rows, bool),
        Coded(("2026-01-05T10:00:00.000Z",), np.zeros(rows, np.int32)),
        np.full(rows, 40.0, np.float32),
    )


def taxonomy() -> Taxonomy:
    """The first class of each question is above the others."""
    classes = tuple(
        TaxonomyClass(name, name, "all", parents=group[:1] if at else ())
        for group in PLAN.values()
        for at, name in enumerate(group)
    )
    return Taxonomy("benchmark", "1", (Category("all", "All"),), classes)


def long_votes(ticks: Ticks, who: npt.NDArray[np.int32]) -> pd.DataFrame:
    """A row per vote: the pair of image and class is the task."""
    images = len(ticks)
    task = np.arange(images * CLASSES, dtype=np.int32).reshape(images, 1, CLASSES)
    return pd.DataFrame(
        {
            "task": np.broadcast_to(task, ticks.shape).ravel(),
            "worker": np.repeat(who.ravel(), CLASSES),
            "label": ticks.ravel().astype(np.int8),
        }
    )


def write_answers(folder: Path, ticks: Ticks, who: npt.NDArray[np.int32]) -> None:
    """Files of answers as the annotation server writes them."""
    folder.mkdir()
    names = image_names(len(ticks))
    with (folder / "serve.jsonl").open("w") as file:
        for at, image in enumerate(names):
            answers = [
                f'{{"workerId": "w{who[at, person]:03d}", '
                '"acceptanceTime": "2026-01-05T08:00:00.000Z", '
                f'"submissionTime": "{_moment(at * ANNOTATORS + person)}", '
                f'"timeSpentInSeconds": {20 + (at * ANNOTATORS + person) % 9973 / 100}, '
                f'"answerContent": {_content(ticks[at, person].tolist())}}}'
                for person in range(ANNOTATORS)
            ]
            file.write(f'{{"image-id": "{image}", "answers": [{", ".join(answers)}]}}\n')


def _moment(number: int) -> str:
    """No two answers are sent at the same time."""
    moment = np.datetime64("2026-01-05T10:00:00.000") + number * 1013
    return f"{moment}Z"


def _content(ticked: list[bool]) -> str:
    parts = (
        _boxes(question, tuple(ticked[at * CLASSES_EACH : (at + 1) * CLASSES_EACH]))
        for at, question in enumerate(PLAN)
    )
    return f"{{{', '.join(parts)}}}"


@cache
def _boxes(question: str, ticked: tuple[bool, ...]) -> str:
    boxes = dict(zip(PLAN[question], ticked, strict=True))
    boxes |= {"__none__": not any(ticked), "__unsure__": False}
    return f"{json.dumps(question)}: {json.dumps(boxes)}"


def ours(packed: Packed) -> Decisions:
    return decide_labels(count_votes(packed, PLAN), taxonomy(), ConsolidateSettings())


def ours_from_files(folder: Path, images: int) -> Decisions:
    files = read_folder(folder, PLAN).files
    return ours(pack(files, set(image_names(images))).packed)


def ours_kept(folder: Path, images: int) -> Decisions:
    """With the cache of what was read, as ``consolidate`` writes it the first time."""
    with tempfile.TemporaryDirectory() as cache:
        files = read_folder(folder, PLAN, (), Path(cache), Keeping()).files
    return ours(pack(files, set(image_names(images))).packed)


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


def ours_dawid_skene(packed: Packed, *, pooled: bool = False) -> Floats:
    votes = count_votes(packed, PLAN)
    return dawid_skene(packed, PLAN, votes, pooled=pooled, iterations=ROUNDS, near=-1).probability


def timed(run: Callable[[], Any], turns: int = 1) -> float:
    """Seconds of the fastest turn."""
    best = float("inf")
    for _ in range(turns):
        gc.collect()
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best


def peak_mb() -> float:
    """Of this program alone: Linux's rusage of a started process counts its parent's peak, too."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def memory_of_ours(path: str) -> None:
    """In a process of its own: peak memory with imports alone, and from the packed table."""
    keep_freed_memory()
    before = peak_mb()
    started = time.perf_counter()
    ours(read_packed(Path(path)))
    print(json.dumps([before, peak_mb(), time.perf_counter() - started]))


def measure(folder: Path) -> dict[str, Any]:
    import subprocess

    ticks, who = make_ticks(IMAGES)
    few, few_who = ticks[:PEER_IMAGES], who[:PEER_IMAGES]
    some, part = packed_answers(few, few_who), long_votes(few, few_who)
    write_answers(folder / "few", few, few_who)
    theirs = {
        "crowd-kit": timed(lambda: crowd_kit_from_files(folder / "few"), 2),
        "crowd-kit, ids as numbers": timed(lambda: crowd_kit_with_numbers(folder / "few"), 2),
    }
    their_dawid_skene = timed(lambda: crowd_kit_dawid_skene(part))
    keep_freed_memory()  # as our command does; what peers do after it profits, too
    packed = packed_answers(ticks, who)
    file = folder / "answers.parquet"
    pq.write_table(to_arrow(packed), file, compression="zstd", store_schema=False)
    command = [sys.executable, "-m", "benchmarks.consolidate", "memory", str(file)]
    before, peak, alone = json.loads(subprocess.run(command, stdout=-1, check=True).stdout)
    seconds: dict[str, dict[str, float]] = {
        "labels from the packed table": {
            "ours, in memory": timed(lambda: ours(packed), 3),
            "ours, from Parquet": timed(lambda: ours(read_packed(file)), 3),
        }
    }
    seconds[f"Dawid-Skene, {ROUNDS} rounds, {PEER_IMAGES:,} images"] = {
        "ours": timed(lambda: ours_dawid_skene(some), 2),
        "ours, pooled": timed(lambda: ours_dawid_skene(some, pooled=True), 2),
        "crowd-kit": their_dawid_skene,
    }
    seconds[f"from files of answers, {PEER_IMAGES:,} images"] = {
        "ours": timed(lambda: ours_from_files(folder / "few", PEER_IMAGES), 3),
        "ours, kept for the next time": timed(lambda: ours_kept(folder / "few", PEER_IMAGES), 3),
        **theirs,
    }
    write_answers(folder / "all", ticks, who)
    seconds[f"from files of answers, {IMAGES:,} images"] = {
        "ours": timed(lambda: ours_from_files(folder / "all", IMAGES), 2),
        "ours, kept for the next time": timed(lambda: ours_kept(folder / "all", IMAGES)),
    }
    seconds[f"Dawid-Skene, {ROUNDS} rounds, {IMAGES:,} images"] = {
        "ours": timed(lambda: ours_dawid_skene(packed)),
        "ours, pooled": timed(lambda: ours_dawid_skene(packed, pooled=True)),
    }
    frame = long_votes(ticks, who)
    first = seconds["labels from the packed table"]
    first["DuckDB, table loaded"] = timed(duck_db(frame), 2)
    first["pandas"] = timed(lambda: pandas_mean(frame))
    first["crowd-kit"] = timed(lambda: crowd_kit(frame))
    return {
        "seconds": seconds,
        "memory_mb": {"imports": before, "peak": peak},
        "alone_seconds": alone,
    }


def main() -> None:
    warnings.simplefilter("ignore")  # crowd-kit's, about pandas
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name))
    found["ratios"] = {
        task: {variant: value / next(iter(rows.values())) for variant, value in rows.items()}
        for task, rows in found["seconds"].items()
    }
    rows = [
        [task, variant, f"{value:.3f}", f"{found['ratios'][task][variant]:.1f}"]
        for task, variants in found["seconds"].items()
        for variant, value in variants.items()
    ]
    print("\n".join(table(["task", "variant", "seconds", "times ours"], rows)))
    memory = found["memory_mb"]
    print(f"memory: {memory['imports']:.0f} MB imports, {memory['peak']:.0f} MB at most")
    found["peers"] = {name: version(name) for name in ("crowd-kit", "duckdb", "pandas")}
    size = f"{IMAGES:,} images x {CLASSES} classes x {ANNOTATORS} annotators"
    write_report("consolidate", f"{size}: {IMAGES * CLASSES * ANNOTATORS:,} votes", found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory_of_ours(sys.argv[2])
    else:
        main()
