"""Exact search of a million embeddings: ours against faiss, usearch and plain NumPy.

All work on the same vectors on disk with the same number of threads: ours on float16 shards, the
others on float32 (usearch on both). Vectors are synthetic: 4,000 clusters of Pareto size in a
subspace of 96 dimensions, noise, and an offset between the modalities, so that cosines of a text
and an image average 0.1 and peak near 0.6. Peers are in the dependency group ``bench``; one that is
not installed is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from annotate.index.shards import Index
from benchmarks.report import FOLDER, QUICK, fastest, publish

ROWS, QUERIES, K, DIM = (50_000, 20, 100, 512) if QUICK else (1_000_000, 120, 1000, 512)
CLUSTERS, SUBSPACE = 4000, 96
SHARD = 65_536
WRITTEN = 20_000  # rows made at a time
PER_CLASS = 5
KEPT = 0.01
DATA = FOLDER / f"search-{ROWS}"

Floats = npt.NDArray[np.float32]
Found = npt.NDArray[np.int64]


def make_data() -> None:
    """Write ``rows.npy`` (float32), ``halves.npy`` (float16) and ``queries.npy``, once."""
    if (DATA / "queries.npy").is_file():
        return
    DATA.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((DIM, SUBSPACE)))[0].T.astype(np.float32)
    centres = unit(rng.standard_normal((CLUSTERS, SUBSPACE))) @ basis
    offset = unit(rng.standard_normal((1, DIM)))
    share = rng.pareto(1.2, CLUSTERS) + 0.05
    share /= share.sum()
    shape = (ROWS, DIM)
    rows = np.lib.format.open_memmap(DATA / "rows.npy", "w+", np.float32, shape)
    halves = np.lib.format.open_memmap(DATA / "halves.npy", "w+", np.float16, shape)
    for start in range(0, ROWS, WRITTEN):
        part = slice(start, start + WRITTEN)
        cluster = rng.choice(CLUSTERS, len(rows[part]), p=share)
        rows[part] = unit(0.8 * centres[cluster] + noise(rng, len(cluster), 0.5) + 0.5 * offset)
        halves[part] = rows[part]
    cluster = rng.choice(CLUSTERS, QUERIES, p=share)
    texts = unit(0.55 * centres[cluster] + noise(rng, QUERIES, 0.7) + 0.2 * offset)
    np.save(DATA / "queries.npy", texts)


def unit(rows: npt.NDArray[Any]) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths, np.float32)


def noise(rng: np.random.Generator, count: int, length: float) -> Floats:
    return rng.standard_normal((count, DIM), np.float32) * np.float32(length / np.sqrt(DIM))


def open_index() -> Index:
    halves = np.load(DATA / "halves.npy", mmap_mode="r")
    hashes = np.array([f"{number:064x}" for number in range(ROWS)], object)
    return Index(hashes, [halves[start : start + SHARD] for start in range(0, ROWS, SHARD)])


def plain_numpy(rows: Floats, queries: Floats) -> Found:
    """All scores of a block, then a partition of each query's best so far and the block's."""
    best, at = np.full((len(queries), K), -np.inf, np.float32), np.zeros((len(queries), K), int)
    for start in range(0, len(rows), 16_384):
        scores = np.hstack([best, queries @ rows[start : start + 16_384].T])
        number = np.arange(start, start + scores.shape[1] - K)
        numbers = np.hstack([at, np.broadcast_to(number, (len(queries), len(number)))])
        top = np.argpartition(scores, -K, axis=1)[:, -K:]
        best, at = np.take_along_axis(scores, top, 1), np.take_along_axis(numbers, top, 1)
    return at


def peers(rows: Floats, queries: Floats, threads: int) -> dict[str, Callable[[], Found]]:
    found: dict[str, Callable[[], Found]] = {}
    if find_spec("faiss"):
        import faiss

        faiss.omp_set_num_threads(threads)
        flat = faiss.IndexFlatIP(DIM)
        flat.add(rows)
        found["faiss IndexFlatIP"] = lambda: flat.search(queries, K)[1]
        found["faiss.knn, mapped file"] = lambda: faiss.knn(
            queries, rows, K, metric=faiss.METRIC_INNER_PRODUCT
        )[1]
    if find_spec("usearch"):
        from usearch.index import MetricKind, search  # type: ignore[attr-defined, unused-ignore]

        def exact(data: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> Found:
            hits = search(data, wanted, K, MetricKind.IP, exact=True, threads=threads)
            return np.asarray(hits.keys, np.int64)

        halves = np.load(DATA / "halves.npy", mmap_mode="r")
        found["usearch exact float32"] = lambda: exact(rows, queries)
        found["usearch exact float16"] = lambda: exact(halves, queries.astype(np.float16))
    return found


def recall(found: Found, truth: Found) -> float:
    shared = [len(np.intersect1d(one, other)) for one, other in zip(found, truth, strict=True)]
    return float(sum(shared)) / truth.size


def private_mb() -> float:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def ours(
    index: Index, queries: npt.NDArray[np.float32], keep: npt.NDArray[np.bool_] | None = None
) -> Found:
    """Rows of the best of each query, by the call that the commands make."""
    return index.search_groups(queries, np.arange(len(queries)), K, keep).rows


def measure_memory() -> None:
    """Print the private memory of this process before a search, and its peak during one."""
    index, queries = open_index(), np.load(DATA / "queries.npy")
    before, seen, done = private_mb(), [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(0.002):
            seen.append(private_mb())

    thread = threading.Thread(target=sample)
    thread.start()
    started = time.perf_counter()
    ours(index, queries)
    seconds = time.perf_counter() - started
    done.set()
    thread.join()
    print(json.dumps({"before": before, "peak": max(seen), "first_call_seconds": seconds}))


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main() -> None:
    make_data()
    child = [sys.executable, "-m", "benchmarks.search", "memory"]
    memory = json.loads(subprocess.run(child, check=True, capture_output=True).stdout)
    index = open_index()
    rows, queries = np.load(DATA / "rows.npy", mmap_mode="r"), np.load(DATA / "queries.npy")
    blas = ThreadpoolController().select(user_api="blas").info()
    threads = max((library["num_threads"] for library in blas), default=1)
    results: dict[str, Found] = {}

    def kept(name: str, run: Callable[[], Found]) -> Callable[[], None]:
        return lambda: results.__setitem__(name, run())

    runs = {"ours": lambda: ours(index, queries)} | peers(rows, queries, threads)
    runs["plain NumPy float32"] = lambda: plain_numpy(rows, queries)
    near = noise(np.random.default_rng(1), PER_CLASS * QUERIES, 0.3)
    many = unit(np.repeat(queries, PER_CLASS, axis=0) + near)
    groups = np.repeat(np.arange(QUERIES), PER_CLASS)
    keep = np.random.default_rng(2).random(ROWS) < KEPT
    few = Index(index.content_hashes[keep], [np.concatenate(index.embeddings)[keep]])
    measured = {
        f"{QUERIES} queries, top {K}": fastest(
            {name: kept(name, run) for name, run in runs.items()}, turns=2
        ),
        "scope and classes": fastest(
            {
                "ours, all rows": lambda: ours(index, queries),
                f"ours, {KEPT:.0%} of the rows kept": lambda: ours(index, queries, keep),
                "ours, an index of those alone": lambda: ours(few, queries),
                f"ours, {QUERIES} classes of {PER_CLASS} queries": lambda: index.search_groups(
                    many, groups, K
                ),
            },
            turns=2,
        ),
    }
    truth = results["plain NumPy float32"]
    facts = {
        "recall": {name: round(recall(found, truth), 5) for name, found in results.items()},
        "private_memory_mb": memory,
        "rows": ROWS,
        "queries": QUERIES,
        "threads": threads,
        "peers": {name: installed(name) for name in ("faiss-cpu", "usearch")},
    }
    publish("search", f"{ROWS:,} x {DIM}, {threads} threads", measured, facts)


if __name__ == "__main__":
    measure_memory() if sys.argv[1:] == ["memory"] else main()
