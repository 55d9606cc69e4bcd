"""What the docs say of benchmarks: ``docs/benchmarks.md`` and the plan in ``docs/scale.md``.

Made from ``docs/figures/bench/*.json``, which ``python -m docs.build build/bench/*.json`` fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from docs.markdown import table

Report = Mapping[str, Any]

HEAD = """# Benchmarks

Made by `make docs` from the figures of whole runs. `make bench NAME=search` repeats one, `QUICK=1`
makes it small. Where a section does not say otherwise, variants take turns in one process and the
fastest turn of each counts. Seconds depend on the machine, so look at the ratios.
"""
ABOUT = {
    "metrics": "Average precision and GAP, equal to scikit-learn's to rounding, ties included.",
    "index": "From JPEGs on disk to embeddings. *Model alone* is the same model on tensors that "
    "lie ready: what nothing can be faster than. The *plain loop* decodes one image at a time with "
    "Pillow and calls open_clip's own preprocessing and model in float32.",
    "index-gpu": "The same with a GPU and more cores. What bounds it is how fast the cores decode; "
    "the start of the decoding processes counts. Files are read many times, so from memory.",
    "search": "Exact search for the best images of many texts. Recall is against float32; ours and "
    "usearch's second row search float16, which is what lies on disk. The peers are in the "
    "dependency group `bench`.",
    "catalog": "A bucket's million images, all known, listed and joined again with a table of "
    "features. A manifest that names them all is listed, and a stratified round drawn, in "
    "processes of their own.",
    "consolidate": "From answers to labels. Peers get a row per vote with numbers in place of "
    "names; where files are read, the same files of answers. Crowd-kit's Dawid-Skene and its "
    "reading of files are measured on a part of the images. Freed memory is kept, as by our "
    "command. What takes crowd-kit half a minute has one turn.",
    "serve": "The annotation server with 50 people over HTTP. At the first load each asks for "
    "everything that a browser asks for and thinks two seconds about a page, arriving spread over "
    "that time; at the second nobody pauses, so that requests queue and times follow from the "
    "number of people. People and server share the machine. In the end the server is killed with "
    "SIGKILL amid the second load.",
    "labels": "From answers on disk, or 36 million votes of another tool, to labels, golden "
    "scores, facts about annotators, a dataset, its exports, imports into an empty workspace, "
    "and all of it carried over to a changed label list. Photos are small, 160 by 120, so that "
    "it is not decoding that is measured. Every command runs in a process of its own, start "
    "included.",
    "dataset": "Splits of 80, 10 and 10 % beside those of the library iterative-stratification, "
    "whose algorithm `--split iterative` follows. Images have 2.3 labels in the mean, classes very "
    "different numbers of images.",
    "train": "One optimiser step with both towers free, and whole epochs. *open_clip's shape* is "
    "the loop that one writes with it: texts at 77 tokens, a DataLoader with Pillow, AdamW as it "
    "comes, the same precision; *memory kept* adds our setting of the C library's memory alone. "
    "Each variant has a process of its own, and its fastest step counts.",
    "train-gpu": "The same on a GPU: the parts of a step, and whole epochs. Parts are not "
    "recorded: Python launches one kernel after the other, which is probably what bounds those "
    "with little to compute, such as trimmed texts. Whole steps are in the section *gpu*.",
    "gpu": "Our training step on a GPU: recorded once and replayed, as `mumic train` does, "
    "or launched piece by piece from Python; pixels held on the GPU or read from the memory-mapped "
    "cache; compiled by torch. What would take more than 30 % of its memory is not recorded.",
    "scale": "What a million images take on disk.",
}
TEXT_GOAL = 3.5  # how many times as fast texts are to be for being trimmed
STEP_GOAL = 2.5  # and a step for all that it does otherwise
SHARE_GOAL = 0.6  # of the measured peak of matrix products


def benchmarks_page(reports: Mapping[str, Report]) -> str:
    """All benchmarks, as Markdown."""
    return "\n".join([HEAD, *(_section(name, reports[name]) for name in ABOUT if name in reports)])


def _section(name: str, report: Report) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in report.get("versions", {}).items())
    peers = ", ".join(f"{k} {v}" for k, v in report.get("peers", {}).items())
    parts = [
        f"## {name}",
        ABOUT[name],
        f"{report['size']}. {report['machine']}; Python {report['python']}"
        + "".join(f", {text}" for text in (versions, peers) if text)
        + ".",
    ]
    if "peak_gb" in report:
        parts.append(_speeds(report))
    elif "ratios" in report:
        parts.append(_ratios(report))
    if "gradients_apart" in report:
        parts.append(_training(report))
    parts += [shown(report) for key, shown in _shown().items() if key in report]
    return "\n\n".join(parts) + "\n"


def _shown() -> dict[str, Callable[[Report], str]]:
    """What shows a part that some reports have."""
    return {
        "private_memory_mb": _memory_of_search,
        "memory_mb": _memory_of_labels,
        "errors": _split_errors,
        "command": _dataset_command,
        "killed": _served,
        "steps": lambda report: _peaks(("step", "seconds", "peak MB"), report["steps"]),
        "commands": _commands,
        "bytes": _files,
    }


def _memory_of_search(report: Report) -> str:
    memory = report["private_memory_mb"]
    return (
        f"Private memory of the process: {memory['before']:.0f} MB before the search, "
        f"{memory['peak']:.0f} MB at most during it."
    )


def _memory_of_labels(report: Report) -> str:
    memory = report["memory_mb"]
    return (
        "In a process of its own the labels from Parquet take "
        f"{report['alone_seconds']:.2f} s and {memory['peak']:.0f} MB of memory at most, of which "
        f"{memory['imports']:.0f} MB are there before anything is read."
    )


def _split_errors(report: Report) -> str:
    rows = [
        (
            name,
            f"{100 * found['mean_error']:.2f}",
            f"{100 * found['largest_error']:.2f}",
            str(found["fewest"]),
        )
        for name, found in report["errors"].items()
    ]
    head = ("split", "mean error", "largest error", "fewest positives")
    return (
        "How far the share of a class's positives in validation, or in test, is from the wanted "
        "one, in points, over all classes; and the fewest positives that a class has there:\n\n"
        + table(head, rows)
    )


def _dataset_command(report: Report) -> str:
    found = report["command"]
    same = "makes the same files again" if found["reproduced"] else "does not make the same files"
    return (
        f"`dataset build` takes {found['build_seconds']:.1f} s, and `dataset verify` {same} in "
        f"{found['verify_seconds']:.1f} s: both in one process of their own, with "
        f"{found['peak_gb']:.1f} GB of memory at most."
    )


def _commands(report: Report) -> str:
    found = report["commands"]
    largest = max(found, key=lambda command: found[command]["peak_mb"])
    return (
        f"Every command has to stay under 4 GB; the largest peak is "
        f"{found[largest]['peak_mb']:,.0f} MB, of `{largest}`.\n\n"
        + _peaks(("command", "seconds", "peak MB"), found)
    )


def _peaks(head: Iterable[str], found: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (name, f"{row['seconds']:.1f}", f"{row['peak_mb']:,.0f}") for name, row in found.items()
    ]
    return table(head, rows)


def _files(report: Report) -> str:
    sizes = [(what, f"{size / 1e6:,.0f}") for what, size in report["bytes"].items()]
    seconds = ", ".join(f"{what}: {value:.1f} s" for what, value in report["seconds"].items())
    return f"{table(('file', 'MB'), sizes)}\n\n{seconds}."


def _served(report: Report) -> str:
    loads = {
        "ten times the pace of people": report["at_ten_times_the_pace_of_people"],
        "without a pause": report["without_a_pause"],
    }
    rows = [
        (load, request, *(f"{found[request][name]:.1f}" for name in ("p50_ms", "p99_ms")))
        for load, found in loads.items()
        for request in ("next", "submit")
    ]
    killed = report["killed"]
    return (
        f"{table(('load', 'request', 'p50 ms', 'p99 ms'), rows)}\n\n"
        f"{report['answers_per_second']:.0f} answers a second without a pause. Killed after "
        f"{killed['before_the_kill']:,} answers: {killed['lost']} of {killed['acknowledged']:,} "
        f"acknowledged answers lost, {killed['duplicates']} doubled, {killed['beyond_votes']} "
        "images with more than five."
    )


def _training(report: Report) -> str:
    losses = report["last_losses"]
    usual = next(name for name in losses if name != "ours")
    gradients, texts = max(report["gradients_apart"].values()), report["text_rows_apart"]
    return (
        f"{_steps(report, usual)}After {report['train_steps']} steps the losses are "
        f"{losses['ours']:.4f} and {losses[usual]:.4f}. Gradients differ from a plain float32 "
        f"step's on the same pixels by at most {gradients:.0e} of their norm. Rows of label texts "
        f"differ from those at 77 tokens by {texts:.0e}. The epochs are {report['epochs_of']}."
        f"{_missed(report)}"
    )


def _missed(report: Report) -> str:
    """The goals that are not reached."""
    ratios = report["ratios"]
    texts = ratios["text tower, forward and backward"]["77 tokens"]
    reached = {"the text tower, times as fast as at 77 tokens": (texts, TEXT_GOAL)}
    if "step" in ratios:
        usual = ratios["step"]["open_clip's shape"]
        reached["a step, times as fast as open_clip's shape"] = (usual, STEP_GOAL)
        reached["share of the peak"] = (report["share_of_peak"], SHARE_GOAL)
    return "".join(
        f" Missed: {what}: {value:.2f}, and the goal is {goal}."
        for what, (value, goal) in reached.items()
        if value < goal
    )


def _steps(report: Report, usual: str) -> str:
    if "share_of_peak" not in report:
        return (
            "A whole step beside open_clip's shape, and its share of the peak, have not been "
            "measured here since the step is recorded. "
        )
    speed, reached = report["images_per_second"], report["share_of_peak"] * report["peak_gflops"]
    return (
        f"{speed['ours']:,.1f} images a second, {speed[usual]:,.1f} in {usual}. "
        f"The step computes {reached:,.0f} GFLOP a second, large matrix products between its turns "
        f"{report['peak_gflops']:,.0f}: a share of {report['share_of_peak']:.0%}. "
    )


def _speeds(report: Report) -> str:
    """Images a second by batch size, of all variants."""
    speeds = report["images_per_second"]
    variants = list(dict.fromkeys(name for found in speeds.values() for name in found))
    rows = [
        (batch, *(f"{found[name]:,.0f}" if name in found else "" for name in variants))
        for batch, found in speeds.items()
    ]
    return "Images a second:\n\n" + table(("", *variants), rows)


def _ratios(report: Report) -> str:
    recall = report.get("recall", {})
    head = ["task", "variant", "seconds", "times ours", *(["recall"] if recall else [])]
    rows = []
    for task, variants in report["seconds"].items():
        for variant, seconds in variants.items():
            ratio = report["ratios"][task][variant]
            row = [task, variant, f"{seconds:.4g}", f"{ratio:.2f}"]
            if recall:
                row.append(f"{recall[variant]:.4f}" if variant in recall else "")
            rows.append(row)
    return table(head, rows)
