"""``mumic predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, progress
from mumic.cli.demo_note import demo_lines


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--run", help="The run; default: the newest.")
@click.option("--out", type=click.Path(path_type=Path), help="A Parquet file to write instead.")
@click.option(
    "--min-probability",
    type=float,
    help="Smaller ones are not stored, whatever `mumic thresholds` has found.",
)
@click.option("--batch-size", type=click.IntRange(1), help="Images a forward pass.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
def predict(
    sources: tuple[str, ...],
    run: str | None,
    out: Path | None,
    min_probability: float | None,
    batch_size: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Predict folders, tables or single photos; without SOURCE the whole catalogue.

    Mining, audits and the status read what was predicted over the catalogue. Predictions of
    SOURCEs, though they be the catalogue's own photos, leave it as it is: they go to
    data/predictions/sources/, where the next ones replace them, or to --out.

    \b
    Example:
      mumic predict new-photos/ --out predictions.parquet
    """
    from mumic.cli.options import override
    from mumic.prediction.picking import pick_images, prediction_file
    from mumic.prediction.predict import open_predictor
    from mumic.prediction.predict import predict as predict_images

    workspace = override(
        open_workspace(), predict={"min_probability": min_probability, "batch_size": batch_size}
    )
    picked = pick_images(workspace, list(sources))
    predictor = open_predictor(
        workspace, run, device, all_classes_alike=min_probability is not None
    )
    predictor.check(picked.demo, allow=allow_demo_model)
    target = prediction_file(workspace, predictor.run.id, sources, out)
    with progress(len(picked.uris), "predicting") as bar:
        summary = predict_images(predictor, picked, target, bar.update)
    summary = {"path": str(target), **summary}
    lines = _lines(summary)
    if not (sources or out):
        lines.append(
            "A round of annotation where the run is unsure: "
            "mumic-annotate mine --strategy uncertain" + (f" --run {run}" if run else "")
        )
    emit(summary, lines, as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    lines = [
        f"{shown['uri']}: "
        + ", ".join(f"{entry['name']} {entry['probability']:.2f}" for entry in shown["classes"])
        for shown in summary["first"]
    ]
    stored = (
        "at or above their class's storage threshold"
        if summary["min_logits"]
        else f"of {summary['min_probability']:g} or more"
    )
    lines.append(
        f"{summary['images']} images, {summary['rows']} predictions {stored}: {summary['path']}"
    )
    if summary["rejects"]:
        first = summary["rejects"][0]
        lines.append(
            f"{len(summary['rejects'])} images set aside (listed in the JSON file beside it), such "
            f"as {first['uri']}: {first['reason']}"
        )
    return [*lines, *demo_lines(summary["demo_model"])]
