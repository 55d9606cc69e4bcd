"""Write the parts of the docs that come from the code and from measured figures: ``make docs``.

    python -m docs.build [FIGURES]...

``docs/commands.md`` is made from the help texts, the keys in ``docs/taxonomy.md`` from
``annotate/taxonomy/fields.py``. The results in the README are made from
``docs/figures/demo.json``, the benchmarks' pages from ``docs/figures/bench/``, and
``docs/experiments.md`` from ``docs/figures/experiments.json``. With ``FIGURES``, a demo's
``summary.json``, an ``experiments.json`` or a benchmark's report, those files are made first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from annotate.cli import main as annotate_main
from docs.benchmark_pages import benchmarks_page
from docs.crowds import crowd_block
from docs.experiment_page import experiments_page
from docs.scale_page import scale_plan
from docs.taxonomy_keys import keys_block
from mumic.cli import main as mumic_main
from mumic.page_numbers import points

DOCS = Path(__file__).parent
COMMANDS = DOCS / "commands.md"
FIGURES = DOCS / "figures" / "demo.json"
README = DOCS.parent / "README.md"
BEGIN = "<!-- demo figures: begin (made by `make docs` from docs/figures/demo.json) -->\n"
END = "<!-- demo figures: end -->\n"
REPORTS = DOCS / "figures" / "bench"
BENCHMARKS = DOCS / "benchmarks.md"
SCALE = DOCS / "scale.md"
SCALE_BEGIN = "<!-- scale figures: begin (made by `make docs` from docs/figures/bench) -->\n"
EXPERIMENT_FIGURES = DOCS / "figures" / "experiments.json"
EXPERIMENTS_ELSEWHERE = DOCS / "figures" / "experiments-fp32.json"
EXPERIMENTS = DOCS / "experiments.md"
SCALE_END = "<!-- scale figures: end -->\n"
CROWDS = DOCS / "figures" / "crowds.json"  # made by `python -m docs.crowds`
CONSOLIDATION = DOCS / "consolidation.md"
CROWDS_BEGIN = "<!-- crowd figures: begin (made by `make docs` from docs/figures/crowds.json) -->\n"
CROWDS_END = "<!-- crowd figures: end -->\n"
TAXONOMY = DOCS / "taxonomy.md"
KEYS_BEGIN = "<!-- keys: begin (made by `make docs` from annotate/taxonomy/fields.py) -->\n"
KEYS_END = "<!-- keys: end -->\n"


def commands_page() -> str:
    """The reference of all commands, as Markdown."""
    parts = ["# Commands\n\nMade by `make docs` from the help texts.\n"]
    for name, group in (("mumic-annotate", annotate_main), ("mumic", mumic_main)):
        parts += _sections(name, group, depth=2)
    return "\n".join(parts)


def _sections(path: str, command: click.Command, depth: int) -> list[str]:
    text = CliRunner().invoke(command, ["--help"], prog_name=path, terminal_width=100).output
    parts = [f"{'#' * depth} {path}\n\n```\n{text.rstrip()}\n```\n"]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            parts += _sections(f"{path} {name}", child, depth + 1)
    return parts


def kept_figures(summary: dict[str, Any]) -> dict[str, Any]:
    """The figures of a demo that the README quotes."""
    measures = summary["measures"]
    return {
        "machine": summary["machine"],
        "minutes": summary["minutes"],
        "peak_mb": summary["peak_mb"],
        "images": summary["catalog"]["images"],
        "annotated": summary["consolidation"]["images"],
        "labels": {
            key: value for key, value in summary["labels"].items() if key not in ("classes", "page")
        },
        "mean_alpha": summary["consolidation"]["agreement"]["mean_alpha"],
        "methods": measures["methods"],
        "differences": measures["differences"],
        "fewest_positives": min(
            row["positives"] for row in measures["per_class"] if row["in_means"]
        ),
        "prevalence": summary["prevalence"],
        "unseen": summary["unseen"],
    }


def results(figures: dict[str, Any]) -> str:
    """The README's block of results."""
    labels, own = figures["labels"], figures["methods"]["MuMIC"]
    scored = own["classes"] - own["classes_left_out"]
    lines = [
        f"{figures['images']:,} drawn photos; {own['classes']} of the 120 classes are drawn and "
        f"asked, {scored} are scored, each with {figures['fewest_positives']} or more positives in "
        f"test. "
        f"{figures['annotated']:,} images were annotated by five simulated people each, and "
        f"{own['images']} of them, of properties that training never saw, are the test images. "
        f"{figures['minutes']:.1f} minutes and at most {figures['peak_mb'] / 1000:.1f} GB on "
        f"{figures['machine']}.",
        "",
        "Labels against the truth: macro precision "
        f"{labels['macro_precision']:.3f}, macro recall {labels['macro_recall']:.3f}, macro F1 "
        f"{labels['macro_f1']:.3f}; a single annotator alone reaches F1 "
        f"{labels['single_annotator_f1']:.3f}. Krippendorff's alpha is {figures['mean_alpha']:.2f} "
        "on average.",
        "",
        "| method | macro mAP | weighted mAP | GAP | GAP@10 | MuMIC ahead, macro mAP | GAP |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in figures["methods"].items():
        differences = figures["differences"].get(name, {})
        ahead, ahead_gap = (points(differences.get(key)) for key in ("macro_map", "gap"))
        lines.append(
            f"| {name} | {row['macro_map']:.3f} | {row['weighted_map']:.3f} | {row['gap']:.3f} "
            f"| {row['gap_at_10']:.3f} | {ahead} | {ahead_gap} |"
        )
    unseen = figures["unseen"]
    lines += [
        "",
        "The differences are in points, with paired 95 % intervals over whole properties. For the "
        "four concepts that no label names (museum, mountain climbing, shopping, door), mean "
        f"average precision is {unseen['start']['mean']:.3f} before training, "
        f"{unseen['run']['mean']:.3f} after it, and {unseen['half_way']['mean']:.3f} with the "
        "weights half way between (`mumic blend --alpha 0.5`).",
        "",
        f"`mine --report` estimates how frequent each class is in the whole catalogue: "
        f"{figures['prevalence']['held']} of {figures['prevalence']['classes']} intervals (95 %) "
        "hold the true share.",
    ]
    return "\n".join(lines) + "\n"


def readme() -> str:
    """The README with its block of results."""
    block = results(json.loads(FIGURES.read_text("utf-8")))
    return _filled(README, BEGIN, block, END)


def benchmarks() -> str:
    """``docs/benchmarks.md``."""
    return benchmarks_page(_reports())


def consolidation() -> str:
    """``docs/consolidation.md`` with its block of accuracies."""
    block = crowd_block(json.loads(CROWDS.read_text("utf-8")))
    return _filled(CONSOLIDATION, CROWDS_BEGIN, block, CROWDS_END)


def taxonomy() -> str:
    """``docs/taxonomy.md`` with its table of keys."""
    return _filled(TAXONOMY, KEYS_BEGIN, keys_block(), KEYS_END)


def scale() -> str:
    """``docs/scale.md`` with its block of figures."""
    return _filled(SCALE, SCALE_BEGIN, scale_plan(_reports()), SCALE_END)


def experiments() -> str:
    """``docs/experiments.md``."""
    files = (EXPERIMENT_FIGURES, EXPERIMENTS_ELSEWHERE)
    return experiments_page(*(json.loads(file.read_text("utf-8")) for file in files))


def _filled(file: Path, begin: str, block: str, end: str) -> str:
    before, rest = file.read_text("utf-8").split(begin)
    return before + begin + block + end + rest.split(end)[1]


def _reports() -> dict[str, Any]:
    return {
        file.stem: json.loads(file.read_text("utf-8")) for file in sorted(REPORTS.glob("*.json"))
    }


def keep(figures: dict[str, Any]) -> None:
    """Keep a benchmark's report, the experiments, or what the README quotes of a demo.

    Raises:
        SystemExit: the figures are of a quick run or one cut off, which documents do not quote.
    """
    REPORTS.mkdir(parents=True, exist_ok=True)
    if figures.get("quick") or not figures.get("whole", True):
        name = figures.get("benchmark", "experiments")
        raise SystemExit(f"{name}: a quick run or one cut off; documents quote whole ones.")
    if "benchmark" in figures:
        target, kept = REPORTS / f"{figures['benchmark']}.json", figures
    elif "experiments" in figures:
        target, kept = EXPERIMENT_FIGURES, figures
    else:
        target, kept = FIGURES, kept_figures(figures)
    target.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def main(arguments: list[str]) -> None:
    """Write the files."""
    for name in arguments:
        keep(json.loads(Path(name).read_text("utf-8")))
    COMMANDS.write_text(commands_page(), "utf-8")
    README.write_text(readme(), "utf-8")
    BENCHMARKS.write_text(benchmarks(), "utf-8")
    SCALE.write_text(scale(), "utf-8")
    CONSOLIDATION.write_text(consolidation(), "utf-8")
    TAXONOMY.write_text(taxonomy(), "utf-8")
    EXPERIMENTS.write_text(experiments(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
