"""The table of docs/scale.md: what some millions of images cost, from measured rates."""

from __future__ import annotations

from collections.abc import Mapping

from docs.benchmark_pages import Report
from docs.markdown import table

SCALES = (1, 10, 350)  # million images
MILLION = 1_000_000
# Assumptions, not measurements; the page says so. US dollars.
HOUR = 0.10  # of a machine with two cores
GPU_HOUR = 3.00  # of a machine with the GPU
MILLION_READS = 0.40  # of objects in a bucket
READS = 2  # of each image: for the catalogue and for the index


def scale_plan(reports: Mapping[str, Report]) -> str:
    """The measured rates, and what they make of 1, 10 and 350 million images."""
    stored = reports["scale"]
    size = {name: value / stored["rows"] * MILLION for name, value in stored["bytes"].items()}
    seconds = reports["index"]["seconds"]["embed"]["files to embeddings"]
    hours = MILLION * seconds / 3600
    on_gpu = reports["index-gpu"]
    gpu_seconds = on_gpu["seconds"]["embed"]["files to embeddings"]
    gpu_hours = MILLION * gpu_seconds / 3600
    search = reports["search"]
    task = next(iter(search["seconds"]))
    scan = search["seconds"][task]["ours"] / search["rows"] * MILLION
    memory = reports["catalog"]["peak_mb"] / reports["catalog"]["images"] * MILLION / 1000
    on_disk = size["embeddings"] + size["sidecar"]
    rows = [
        ["embeddings and sidecars on disk", *(_bytes(n * on_disk) for n in SCALES)],
        ["catalogue on disk", *(_bytes(n * size["catalogue"]) for n in SCALES)],
        ["memory of a scan of the catalogue", *(f"{n * memory:,.1f} GB" for n in SCALES)],
        ["embedding, hours of one such machine", *(f"{n * hours:,.0f}" for n in SCALES)],
        [f"these hours at {HOUR:.2f} USD", *(f"{n * hours * HOUR:,.2f} USD" for n in SCALES)],
        ["embedding, hours of the machine with a GPU", *(f"{n * gpu_hours:,.1f}" for n in SCALES)],
        [
            f"these hours at {GPU_HOUR:.2f} USD",
            *(f"{n * gpu_hours * GPU_HOUR:,.2f} USD" for n in SCALES),
        ],
        [
            f"{READS} reads of each image at {MILLION_READS:.2f} USD a million",
            *(f"{n * READS * MILLION_READS:,.2f} USD" for n in SCALES),
        ],
        [f"{task}, one machine", *(_duration(n * scan) for n in SCALES)],
    ]
    source = reports["index"]
    elsewhere = "" if search["machine"] == source["machine"] else f" ({search['machine']})"
    return "\n".join(
        [
            f"Measured on {source['machine']}: {1 / seconds:.0f} images a second from files to "
            f"embeddings ({source['size'].split(';')[0]}), {scan:.1f} s for {task} of a million "
            f"embeddings in the page cache{elsewhere}. With a GPU ({_gpu(on_gpu)}, "
            f"{on_gpu['machine']}): {1 / gpu_seconds:,.0f} images a second of such files "
            "in memory, as fast as the cores decode; the model alone would take "
            f"{1 / on_gpu['seconds']['embed']['model alone']:,.0f}. All else is multiplication; "
            "the prices are examples, put in yours.",
            "",
            table(["", *(f"{n} million" for n in SCALES)], rows),
            "",
        ]
    )


def _gpu(report: Report) -> str:
    """Its name, the last thing that a size says before what it counts."""
    return str(report["size"].split(";")[0].rsplit(", ", 1)[1])


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
