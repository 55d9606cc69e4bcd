"""``mumic train``."""

from __future__ import annotations

import os
from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace
from mumic.cli.demo_note import demo_lines
from mumic.cli.options import model_option, override, pretrained_option
from mumic.cli.training_bars import TrainingBars


@click.command()
@click.option("--run", help="Name of the run; default: the time and a few digits of the settings.")
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--lr", type=float, help="Learning rate of AdamW.")
@click.option("--batch-size", type=int, help="Images an optimiser step.")
@click.option("--micro-batch", type=int, help="Images at a time; fewer need less memory.")
@click.option("--loss", help="tempered-bce, bce (temperature 1), focal or asl.")
@click.option("--positive-weight", help='A number, "auto", or by class: "pets=20, 10".')
@click.option("--logit-scale", type=float, help="Log of the initial inverse temperature.")
@click.option("--schedule", help="constant or cosine.")
@click.option("--warmup-steps", type=int, help="Optimiser steps of linear warm-up.")
@click.option("--ema", type=float, help="Decay of averaged weights, such as 0.999; 0: none.")
@click.option("--lora-rank", type=int, help="Train low-rank changes only; 0: all weights.")
@click.option("--freeze", help="none, image, text, both, or both+ (last projections learn).")
@click.option("--early-stop", type=int, help="Epochs without a better GAP; 0: never stop early.")
@click.option("--prompts", help="taxonomy, name or description.")
@model_option
@pretrained_option
@click.option("--precision", help="auto, fp32 or bf16.")
@click.option("--seed", type=click.IntRange(0), help="Order of the images, and random weights.")
@click.option("--threads", type=int, help="CPU threads; 0: torch's default.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--random-init", is_flag=True, help="Start from random weights, to compare with.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP learn from real photos.")
@json_option
@click.pass_context
def train(
    ctx: click.Context,
    run: str | None,
    epochs: int | None,
    lr: float | None,
    batch_size: int | None,
    micro_batch: int | None,
    loss: str | None,
    positive_weight: str | None,
    logit_scale: float | None,
    schedule: str | None,
    warmup_steps: int | None,
    ema: float | None,
    lora_rank: int | None,
    freeze: str | None,
    early_stop: int | None,
    prompts: str | None,
    model: str | None,
    pretrained: str | None,
    precision: str | None,
    seed: int | None,
    threads: int | None,
    device: str,
    random_init: bool,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Train on the dataset of this workspace with the MuMIC recipe.

    Can be stopped at any moment; the same command again goes on from the last checkpoint. Every
    setting stands under [train] in mumic.toml; those tried most are options too.

    \b
    Example:
      mumic train --epochs 5 --run five-epochs
      torchrun --nproc-per-node 4 -m -- mumic train
    """
    from mumic.cli.train_usage import check_usage
    from mumic.training.train import TrainOptions
    from mumic.training.train import train as train_run

    workspace = override(
        open_workspace(),
        train={
            "epochs": epochs,
            "lr": lr,
            "batch_size": batch_size,
            "micro_batch": micro_batch,
            "loss": loss,
            "positive_weight": _number_or_text(positive_weight),
            "logit_scale": logit_scale,
            "schedule": schedule,
            "warmup_steps": warmup_steps,
            "ema": ema,
            "lora_rank": lora_rank,
            "freeze": freeze,
            "early_stop": early_stop,
            "prompts": prompts,
            "threads": threads,
        },
        model={"name": model, "pretrained": pretrained, "precision": precision},
        project={"seed": seed},
    )
    check_usage(ctx, workspace.settings)
    options = TrainOptions(run, random_init, allow_demo_model, device)
    with TrainingBars() as bars:
        finished = train_run(workspace, options, bars.reports())
    record = finished.record
    summary = {
        "run": finished.id,
        "path": str(finished.path),
        "steps": record["steps"],
        "best_epoch": record["best_epoch"],
        "validation_gap": record["validation_gap"],
        "logit_scale": record["logit_scale"],
        "classes": len(finished.classes),
        "demo_model": record["demo_model"],
    }
    if os.environ.get("RANK", "0") == "0":  # torchrun's: one process speaks for all
        emit(summary, _lines(summary, record), as_json=as_json)


def _number_or_text(value: str | None) -> float | str | None:
    """As mumic.toml would have it, so that both name the same settings."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return value


def _lines(summary: dict[str, Any], record: dict[str, Any]) -> list[str]:
    gap = summary["validation_gap"]
    lines = [
        f"Run {summary['run']}: {record['images']['train']} images, {summary['classes']} classes, "
        f"{summary['steps']} steps.",
        f"Best epoch {summary['best_epoch']}, "
        + ("no positives in validation." if gap is None else f"validation GAP {gap:.4f}."),
        f"logit_scale {summary['logit_scale']:.3f}. Folder: {summary['path']}",
    ]
    return [*lines, *demo_lines(summary["demo_model"]), "Next: mumic evaluate"]
