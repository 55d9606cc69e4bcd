"""``mumic train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress

if TYPE_CHECKING:
    from mumic.loop import StepReport


@click.command()
@click.option("--run", help="Name of the run; default: the time and a few digits of the settings.")
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--lr", type=float, help="Learning rate of AdamW.")
@click.option("--batch-size", type=int, help="Images an optimiser step.")
@click.option("--freeze", help="none, image or text.")
@click.option("--prompts", help="taxonomy, name or description.")
@click.option("--model", help="open_clip model, or local-dir:FOLDER, to start from.")
@click.option("--pretrained", help="open_clip's tag, or a weights file.")
@click.option("--precision", help="auto, fp32 or bf16.")
@click.option("--seed", type=int, help="Order of the images, and random weights.")
@click.option("--threads", type=int, help="CPU threads; 0: torch's default.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--random-init", is_flag=True, help="Start from random weights, to compare with.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP learn from real photos.")
@json_option
def train(
    run: str | None,
    epochs: int | None,
    lr: float | None,
    batch_size: int | None,
    freeze: str | None,
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

    Can be stopped at any moment; the same command again goes on from the last checkpoint.

    \b
    Example:
      mumic train --epochs 5 --run five-epochs
    """
    from mumic.cli.options import override
    from mumic.train import Reports, TrainOptions
    from mumic.train import train as train_run

    workspace = override(
        open_workspace(),
        train={
            "epochs": epochs,
            "lr": lr,
            "batch_size": batch_size,
            "freeze": freeze,
            "prompts": prompts,
            "threads": threads,
        },
        model={"name": model, "pretrained": pretrained, "precision": precision},
        project={"seed": seed},
    )
    options = TrainOptions(run, random_init, allow_demo_model, device)
    with progress(None, "decoding") as decoding, TrainingBar() as bar:
        finished = train_run(
            workspace, options, Reports(on_decoded=decoding.update, on_step=bar.show, on_note=note)
        )
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
    emit(summary, _lines(summary, record), as_json=as_json)


def _lines(summary: dict[str, Any], record: dict[str, Any]) -> list[str]:
    gap = summary["validation_gap"]
    lines = [
        f"Run {summary['run']}: {record['images']['train']} images, {summary['classes']} classes, "
        f"{summary['steps']} steps.",
        f"Best epoch {summary['best_epoch']}, "
        + ("no positives in validation." if gap is None else f"validation GAP {gap:.4f}."),
        f"logit_scale {summary['logit_scale']:.3f}. Folder: {summary['path']}",
    ]
    if summary["demo_model"]:
        lines.append("Trained from the small CLIP of the demo world.")
    return [*lines, "Next: mumic evaluate"]


class TrainingBar:
    """A progress bar over the images of all epochs, with loss and temperature."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, report: StepReport) -> None:
        """Show an optimiser step."""
        if self._bar is None:
            self._bar = progress(report.all_images, "training")
            self._bar.update(report.done_before)
        self._bar.set_postfix(
            loss=f"{report.loss:.4f}", logit_scale=f"{report.logit_scale:.3f}", refresh=False
        )
        self._bar.update(report.images)
