"""``mumic ablate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, table
from annotate.cli.given import given_options, listed
from annotate.cli.numbers import number_text
from mumic.cli.demo_note import demo_lines
from mumic.cli.numbers import difference_text
from mumic.cli.training_bars import TrainingBars

if TYPE_CHECKING:
    from mumic.training.train import Reports


@click.command()
@click.argument("name", required=False)
@click.option("--seeds", type=click.IntRange(1, 20), default=1, show_default=True,
              help="Trainings of each arm, with different seeds.")  # fmt: skip
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP learn from real photos.")
@json_option
@click.pass_context
def ablate(
    ctx: click.Context,
    name: str | None,
    seeds: int,
    split: str,
    epochs: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Train the arms of an ablation of the paper and measure them side by side.

    Without a NAME: the list of ready-made ones. All arms have the settings of mumic.toml but for
    what they are about. Can be stopped at any moment; the same command goes on.

    \b
    Example:
      mumic ablate crop --seeds 3
    """
    from mumic.series.ablations import ABLATIONS, run_ablation

    if name is None:
        if idle := [flag for key, flag in given_options(ctx).items() if key != "as_json"]:
            raise click.UsageError(
                f"{listed(idle)} would have no effect: without a NAME nothing is trained. Name an "
                "ablation, or leave out the rest."
            )
        known = {key: entry.about for key, entry in ABLATIONS.items()}
        rows = [[key, len(entry.arms), entry.about] for key, entry in ABLATIONS.items()]
        emit(known, table(["ablation", "arms", "about"], rows), as_json=as_json)
        return
    from mumic.cli.options import override
    from mumic.training.train import TrainOptions

    workspace = override(open_workspace(), train={"epochs": epochs})
    seed = workspace.settings.project.seed
    with SeriesBars() as bars:
        summary = run_ablation(
            workspace,
            name,
            seeds=range(seed, seed + seeds),
            split=split,
            options=TrainOptions(allow_demo_model=allow_demo_model, device=device),
            reports_for=bars.start,
        )
    emit(summary, series_lines(summary), as_json=as_json)


class SeriesBars:
    """Progress bars for each training of a series and the measuring, one after another."""

    def __init__(self) -> None:
        self._bars: TrainingBars | None = None

    def __enter__(self) -> SeriesBars:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def start(self, title: str) -> Reports:
        """Close the bars before, say what begins, and report to new ones."""
        self._close()
        note(title)
        self._bars = TrainingBars()
        return self._bars.reports()

    def _close(self) -> None:
        if self._bars is not None:
            self._bars.close()


def series_lines(summary: dict[str, Any]) -> list[str]:
    """Arms, then the differences of each to the one it is measured against, and what it moves."""
    k = summary["k"]
    header = ["", "macro mAP", "weighted mAP", "GAP", f"GAP@{k}", "F1 micro", "logit_scale"]
    keys = ("macro_map", "weighted_map", "gap", "gap_at_k", "f1_micro", "logit_scale")
    seeds = summary["arms"][0]["seeds"]
    left_out = summary["classes_left_out"]
    lines = [
        f"{summary['images']} {summary['split']} images, mean of {seeds} "
        f"{'seed' if seeds == 1 else 'seeds'}; {left_out} classes with too few positives are left "
        "out of the means.",
        *table(
            header,
            [[row["arm"], *(number_text(row[key]) for key in keys)] for row in summary["arms"]],
        ),
    ]
    for other, found in summary["differences"].items():
        macro_map, gap = (difference_text(found[key]) for key in ("macro_map", "gap"))
        pair = f"{summary['against'][other]} - {other}"
        lines.append(f"{pair}: macro mAP {macro_map}; GAP {gap}")
        lines += _moved(summary["per_class"][other])
    lines += [f"Figure: {path}" for path in summary.get("figures", ())]
    return [*lines, *demo_lines(summary["demo_model"])]


def _moved(rows: list[dict[str, Any]]) -> list[str]:
    """The classes whose interval excludes zero."""
    ordered = sorted((row for row in rows if row["counts"]), key=lambda row: -row["value"])
    if not ordered:
        return ["  no class with a clear difference"]
    named = ", ".join(f"{row['name']} {100 * row['value']:+.0f}" for row in ordered)
    return [f"  {len(ordered)} of {len(rows)} classes differ clearly, in points: {named}"]
