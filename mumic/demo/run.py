"""``mumic demo``: the whole path, with the commands that a user types."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from annotate.errors import InputError
from annotate.files import read_json, write_json
from annotate.workspace import Workspace
from mumic.demo.commands import Session
from mumic.machine import machine

SCRATCH_RUN = "from-scratch"
NEW_PHOTOS = "demo/new"

COMMANDS = (
    "mumic-annotate catalog",
    "mumic-annotate index",
    'mumic-annotate search "a house with a swimming pool" -k 12',
    "mumic-annotate mine --class Pets",
    "mumic-annotate mine --all",
    "mumic-annotate mine --strategy stratified --by property_type",
    "mumic-annotate questions",
    "mumic-annotate tasks",
    "mumic-annotate simulate",
    "mumic-annotate consolidate",
    "mumic-annotate golden --truth demo/truth.csv",
    "mumic-annotate annotators --truth demo/truth.csv",
    "mumic-annotate mine --report --strategy stratified",
    "mumic-annotate dataset",
    f"mumic train --random-init --run {SCRATCH_RUN}",
    "mumic train",
    f"mumic evaluate --against {SCRATCH_RUN}",
    f"mumic predict {NEW_PHOTOS}",
)


@dataclass(frozen=True)
class DemoResult:
    """What a demo leaves: all figures, and where the page is."""

    figures: dict[str, Any]
    page: Path

    def lines(self) -> list[str]:
        """The results for people."""
        labels, measures = self.figures["labels"], self.figures["measures"]
        return [
            "",
            "Figures of the demo world (drawn photos, simulated annotators):",
            f"  labels against the truth: precision {labels['macro_precision']:.3f}, "
            f"recall {labels['macro_recall']:.3f}; F1 {labels['macro_f1']:.3f}, "
            f"a single annotator {labels['single_annotator_f1']:.3f}",
            *(
                f"  {name:<34} macro mAP {row['macro_map']:.3f}  GAP {row['gap']:.3f}"
                for name, row in measures["methods"].items()
            ),
            f"  {self.figures['minutes']:.1f} minutes, {self.figures['peak_mb']:.0f} MB at most",
            f"Page: {self.page}",
            f"Go on with: cd {self.page.parent} && mumic-annotate",
        ]


def run_demo(folder: Path, *, quick: bool, output: TextIO) -> DemoResult:
    """Run the whole path in a new folder.

    Args:
        folder: becomes a workspace; must be new or empty.
        quick: few photos and a short training.
        output: where commands and what they print go.

    Raises:
        InputError: the folder holds something.
        MumicError: a command failed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; name a new folder for the demo.")
    folder.mkdir(parents=True, exist_ok=True)
    session = Session(folder.resolve(), output)
    session.run("mumic-annotate init . --demo" + (" --quick" if quick else ""))
    for line in COMMANDS:
        session.run(line)
    workspace = Workspace.find(folder)
    figures = collect_figures(workspace, session)
    write_json(folder / "summary.json", figures)
    from mumic.demo.page import write_demo_page

    return DemoResult(figures, write_demo_page(workspace, figures, folder / "demo.html"))


def collect_figures(workspace: Workspace, session: Session) -> dict[str, Any]:
    """All figures of a finished demo, from the files that the commands wrote."""
    from mumic.demo.prevalence_check import check_prevalence
    from mumic.demo.unseen import see_unseen
    from mumic.run import read_run

    run = workspace.latest_run()
    return {
        "catalog": read_json(workspace.catalog / "summary.json", "mumic-annotate catalog"),
        "labels": read_json(workspace.golden / "score.json", "mumic-annotate golden"),
        "consolidation": read_json(workspace.labels / "summary.json", "mumic-annotate consolidate"),
        "annotators": read_json(workspace.labels / "annotators.json", "mumic-annotate annotators"),
        "dataset": read_json(workspace.dataset / "stats.json", "mumic-annotate dataset"),
        "measures": read_json(run / "metrics.json", "mumic evaluate")["test"],
        "prevalence": check_prevalence(workspace),
        "unseen": see_unseen(workspace, read_run(run)).to_json(),
        "run": run.name,
        "machine": machine(),
        "steps": [asdict(step) for step in session.steps],
        "minutes": sum(step.seconds for step in session.steps) / 60,
        "peak_mb": max(step.peak_mb for step in session.steps),
    }
