"""Times variants side by side in one run, prints a table and writes ``build/bench/NAME.json``.

Machines are shared and noisy: variants take turns, the fastest turn of each counts, and documents
quote ratios.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from annotate.cli.console import table
from mumic.machine import machine

QUICK = bool(os.environ.get("QUICK"))
FOLDER = Path("build") / "bench"
VERSIONS = ("numpy", "torch", "scikit-learn")


def device_name() -> str:
    """The GPU, or the threads that torch uses without one."""
    import torch  # not in benchmarks that measure memory

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads"


def wait() -> None:
    """For what a GPU has still to do."""
    torch: Any = sys.modules.get("torch")  # who has not imported it has nothing there
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()


def fastest(variants: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Seconds of the fastest of some turns of each variant, after a turn that does not count."""
    seconds = dict.fromkeys(variants, float("inf"))
    for turn in range(turns + 1):
        for name, run in variants.items():
            started = time.perf_counter()
            run()
            wait()
            if turn:
                seconds[name] = min(seconds[name], time.perf_counter() - started)
    return seconds


def publish(
    name: str,
    size: str,
    measured: Mapping[str, Mapping[str, float]],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Print and write the figures.

    Args:
        name: of the benchmark and its file.
        size: what was worked on.
        measured: per task the seconds of each variant, ours first; ratios are to it.
        facts: what else was found out, printed and written as it is.
    """
    facts = facts or {}
    ratios = write_measured(name, size, measured, facts, whole=True)
    rows = [
        [task, variant, f"{value:.4f}", f"{ratios[task][variant]:.2f}"]
        for task, seconds in measured.items()
        for variant, value in seconds.items()
    ]
    print("\n".join([size, *table(["task", "variant", "seconds", "times ours"], rows)]))
    if facts:
        print(json.dumps(facts, indent=1))


def write_measured(
    name: str,
    size: str,
    measured: Mapping[str, Mapping[str, float]],
    facts: Mapping[str, Any],
    *,
    whole: bool = False,
) -> dict[str, dict[str, float]]:
    """Write the figures, see :func:`publish`; returns each variant's ratio to the task's first.

    Until a run is ``whole`` the report says that it was cut off.
    """
    ratios = {
        task: {variant: value / next(iter(seconds.values())) for variant, value in seconds.items()}
        for task, seconds in measured.items()
    }
    write_report(name, size, {"whole": whole, "seconds": measured, "ratios": ratios} | dict(facts))
    return ratios


def write_report(name: str, size: str, figures: Mapping[str, Any]) -> None:
    """Write ``build/bench/NAME.json``: figures, and the machine that they were measured on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {
        "benchmark": name,
        "size": size,
        "quick": QUICK,
        "machine": machine(),
        "python": sys.version.split()[0],
        "versions": {package: version(package) for package in VERSIONS},
    }
    text = json.dumps(content | dict(figures), indent=1) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")
