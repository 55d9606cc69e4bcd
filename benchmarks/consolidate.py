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
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from annotate.answers.packed import Packed, read_packed, to_arrow
from annotate.answers.packing import pack
from annotate.answers.reading import Keeping, read_folder
from annotate.cli.console import table
from annotate.labels.consolidate import decide_labels
from annotate.labels.dawid_skene import dawid_skene
from annotate.labels.decisions import Decisions
from annotate.labels.votes import count_votes
from annotate.memory import keep_freed_memory
from annotate.settings import ConsolidateSettings
from benchmarks.consolidate_peers import (
    ROUNDS,
    crowd_kit,
    crowd_kit_dawid_skene,
    crowd_kit_from_files,
    crowd_kit_with_numbers,
    duck_db,
    pandas_mean,
)
from benchmarks.consolidate_world import (
    ANNOTATORS,
    CLASSES,
    PLAN,
    image_names,
    long_votes,
    make_ticks,
    packed_answers,
    taxonomy,
    write_answers,
)
from benchmarks.report import QUICK, write_report

IMAGES = 2_000 if QUICK else 60_000
PEER_IMAGES = 200 if QUICK else 6_000  # for crowd-kit's Dawid-Skene, and its reading of answers
Floats = npt.NDArray[np.float64]


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


def ours_dawid_skene(packed: Packed, *, pooled: bool = False) -> Floats:
    votes = count_votes(packed, PLAN)
    return dawid_skene(packed, PLAN, votes, pooled=pooled, iterations=ROUNDS, near=-1).probability


def in_turns(variants: dict[str, Callable[[], Any]], turns: int = 1) -> dict[str, float]:
    """Seconds of the fastest turn of each, one after the other in each turn."""
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(turns):
        for name, run in variants.items():
            gc.collect()
            started = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - started)
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
    keep_freed_memory()  # as our command does; what peers do profits, too
    packed = packed_answers(ticks, who)
    file = folder / "answers.parquet"
    pq.write_table(to_arrow(packed), file, compression="zstd", store_schema=False)
    command = [sys.executable, "-m", "benchmarks.consolidate", "memory", str(file)]
    before, peak, alone = json.loads(subprocess.run(command, stdout=-1, check=True).stdout)
    write_answers(folder / "all", ticks, who)
    frame = long_votes(ticks, who)
    seconds = {
        "labels from the packed table": in_turns(
            {
                "ours, in memory": lambda: ours(packed),
                "ours, from Parquet": lambda: ours(read_packed(file)),
                "DuckDB, table loaded": duck_db(frame),
                "pandas": lambda: pandas_mean(frame),
            },
            3,
        )
        | in_turns({"crowd-kit": lambda: crowd_kit(frame)}),
        f"Dawid-Skene, {ROUNDS} rounds, {PEER_IMAGES:,} images": in_turns(
            {
                "ours": lambda: ours_dawid_skene(some),
                "ours, pooled": lambda: ours_dawid_skene(some, pooled=True),
            },
            2,
        )
        | in_turns({"crowd-kit": lambda: crowd_kit_dawid_skene(part)}),
        f"from files of answers, {PEER_IMAGES:,} images": in_turns(
            {
                "ours": lambda: ours_from_files(folder / "few", PEER_IMAGES),
                "ours, kept for the next time": lambda: ours_kept(folder / "few", PEER_IMAGES),
                "crowd-kit": lambda: crowd_kit_from_files(folder / "few"),
                "crowd-kit, ids as numbers": lambda: crowd_kit_with_numbers(folder / "few"),
            },
            4,
        ),
        f"from files of answers, {IMAGES:,} images": in_turns(
            {
                "ours": lambda: ours_from_files(folder / "all", IMAGES),
                "ours, kept for the next time": lambda: ours_kept(folder / "all", IMAGES),
            },
            2,
        ),
        f"Dawid-Skene, {ROUNDS} rounds, {IMAGES:,} images": in_turns(
            {
                "ours": lambda: ours_dawid_skene(packed),
                "ours, pooled": lambda: ours_dawid_skene(packed, pooled=True),
            }
        ),
    }
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
