"""``mumic baseline``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress
from annotate.cli.given import given_options
from mumic.cli.baseline_usage import check_usage
from mumic.cli.demo_note import demo_lines
from mumic.cli.options import check_weights, model_option, override, pretrained_option


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--trials", type=int, help="Points of the search, 1 to 12; the same for all.")
@click.option("--max-epochs", type=int, help="Most epochs of a trial.")
@click.option("--patience", type=int, help="Epochs without gain that end a trial.")
@click.option("--batch-size", type=int, help="Images an optimiser step.")
@click.option("--backbone", help="timm model of asl-timm.")
@click.option("--weights", help="Its weights file; without: timm's own download.")
@model_option
@pretrained_option
@click.option("--random-init", is_flag=True, help="Start from no weights, to compare with.")
@click.option(
    "--seed", type=click.IntRange(0), help="Order of the images, and the head's first weights."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
@click.pass_context
def baseline(
    ctx: click.Context,
    names: tuple[str, ...],
    trials: int | None,
    max_epochs: int | None,
    patience: int | None,
    batch_size: int | None,
    backbone: str | None,
    weights: str | None,
    model: str | None,
    pretrained: str | None,
    random_init: bool,
    seed: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Make what a run is compared with, on the same split.

    NAME: two-prompts, cosine, softmax (zero-shot CLIP), linear-probe; asl-head (ASL with a head on
    the same CLIP tower), asl-timm (ASL on a timm backbone). Without a name: the four that train no
    tower. All but asl-timm stand on a CLIP, which must be the one that the run was trained from. A
    killed search goes on after its last finished trial.

    \b
    Example:
      mumic baseline
      mumic baseline asl-head --trials 4
      mumic baseline asl-timm --backbone tresnet_l --weights tresnet_l.safetensors
    """
    check_usage(ctx, names)
    from mumic.baselines.runs import BaselineOptions, Reports, default_baselines, run_baseline

    workspace = override(
        open_workspace(),
        baseline={
            "trials": trials,
            "max_epochs": max_epochs,
            "patience": patience,
            "batch_size": batch_size,
            "backbone": backbone,
            "weights": weights,
        },
        model={"name": model, "pretrained": pretrained},
        project={"seed": seed},
    )
    check_weights(given_options(ctx), workspace.settings.model)
    options = BaselineOptions(random_init, allow_demo_model, device)
    made = []
    with progress(None, "reading") as bar:
        for name in names or default_baselines(workspace):
            made.append(run_baseline(workspace, name, options, Reports(bar.update, note)))
    summary: dict[str, Any] = {
        "baselines": [{"path": str(entry.path)} | entry.record for entry in made]
    }
    lines = [_line(entry.record) for entry in made]
    lines += demo_lines(any(entry.record["demo_model"] for entry in made))
    emit(summary, [*lines, "Next: mumic compare"], as_json=as_json)


def _line(record: dict[str, Any]) -> str:
    best = record.get("best")
    found = "" if not best else f": {', '.join(f'{key} {value}' for key, value in best.items())}"
    epochs = record.get("epochs_to_saturation")
    return f"{record['title']}{found}" + ("" if epochs is None else f", {epochs} epochs")
