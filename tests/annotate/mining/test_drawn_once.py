"""Images are drawn and paid for once: labels from elsewhere, sheets that fail, files beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from annotate.cli import main
from annotate.tables import LABELS, write


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


def left(summary: dict[str, Any]) -> dict[str, int]:
    return {row["rule"]: row["images"] for row in summary["funnel"]}


def test_a_round_whose_sheet_fails_is_drawn_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("catalog", "photos.csv")
    template = workspace / "templates/contact-sheet.html.j2"
    template.parent.mkdir()
    template.write_text("{% if %}", "utf-8")
    shown = run("mine", "--by", "property_type", "-n", "5", "--json")
    assert shown.exit_code == 0, shown.output
    summary = json.loads(shown.stdout)
    assert summary["round"] == 1
    assert "sheet" not in summary
    assert "correct the template" in summary["sheet_error"]
    assert "Round 1 is drawn, its contact sheet is not" in shown.stderr
    assert "`mumic-annotate mine --sheet 1`" in shown.stderr
    assert "correct the template" in run("mine", "--sheet", "1").stderr
    template.unlink()
    again = run("mine", "--sheet", "1", "--json")
    assert json.loads(again.stdout) == {"round": 1, "sheet": "data/candidates/round-0001.html"}
    assert [file.name for file in (workspace / "data/candidates").glob("round-*.parquet")] == [
        "round-0001.parquet"
    ]
    # It is the sheet that the round would have had.
    sheet = workspace / "data/candidates/round-0001.html"
    first = sheet.read_bytes()
    assert all(
        name in first.decode()
        for name in pd.read_parquet(sheet.with_suffix(".parquet"))["image_id"]
    )
    assert "has no round 7. Its rounds: 1." in run("mine", "--sheet", "7").stderr

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("annotate.mining.round_sheet.write_sheet", interrupted)
    broken = run("mine", "--by", "property_type", "-n", "5")
    assert broken.exit_code != 0
    assert "Round 2 is drawn, its contact sheet is not" in broken.stderr


def test_files_beside_the_rounds_and_shards_do_not_count(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    assert run("mine", "--class", "pets", "-n", "5").exit_code == 0
    candidates = workspace / "data/candidates"
    copied = candidates / "round-0001-backup.parquet"
    copied.write_bytes((candidates / "round-0001.parquet").read_bytes())
    (shard,) = (workspace / "data/index").glob("*/shard-00000.parquet")
    shard.with_name("shard-00000 (copy).parquet").write_bytes(shard.read_bytes())
    summary = json.loads(run("mine", "--class", "pets", "-n", "5", "--json").stdout)
    assert summary["round"] == 2
    assert {row["rule"]: row["images"] for row in summary["funnel"]}[
        "not drawn or answered before"
    ] == 35


def test_a_drawn_image_that_was_moved_is_not_drawn_again(workspace: Path) -> None:
    photos = workspace / "photos"
    table = workspace / "photos.csv"
    run("catalog", "photos.csv")
    run("mine", "--by", "property_type", "-n", "30")
    photos.rename(workspace / "moved")
    table.write_text(table.read_text("utf-8").replace("photos/", "moved/"), "utf-8")
    run("catalog")
    again = json.loads(run("mine", "--by", "property_type", "-n", "30", "--json").stdout)
    assert again["images"] == 10
    left = {entry["rule"]: entry["images"] for entry in again["funnel"]}
    assert (left["catalogue"], left["present"]) == (80, 40)


def test_labels_of_votes_and_imports_from_elsewhere_count(workspace: Path) -> None:
    run("catalog", "photos.csv")
    ids = pd.read_parquet(workspace / "data/catalog/images.parquet")["image_id"].tolist()
    rows = pd.DataFrame({"image_id": ids[:10], "class_id": "pets"})
    rows = rows.assign(
        label=pd.array([1] * 4 + [0] * 5 + [None], "Int8"), yes=3, no=0, unsure=0, rate=1.0
    ).assign(decided="voted")
    write(LABELS, rows, workspace / "data/labels/labels.parquet")
    brought = pd.DataFrame({"image_id": ids[9:14], "class_id": "pets"})
    brought = brought.assign(label=pd.array([1, 0, 0, 0, 0], "Int8"), rate=float("nan"))
    brought = brought.assign(yes=0, no=0, unsure=0, decided="imported")
    write(LABELS, brought, workspace / "data/imports/coco/labels.parquet")
    summary = json.loads(run("mine", "--by", "property_type", "-n", "26", "--json").stdout)
    assert left(summary)["not drawn or answered before"] == 26
    drawn = pd.read_parquet(workspace / "data/candidates/round-0001.parquet")["image_id"]
    assert set(drawn) == set(ids[14:])
    # What is known of them, by whomever, counts in the estimate: 5 of 14 show pets.
    (line,) = json.loads(run("mine", "--report", "--class", "pets", "--json").stdout)["estimates"]
    assert (line["drawn"], line["labelled"], line["positives"]) == (40, 14, 5)
    assert line["prevalence"] == pytest.approx(5 / 14)
    assert (line["population_images"], line["unreached_images"]) == (14, 26)


def test_answers_in_a_ground_truth_tree_count(workspace: Path) -> None:
    run("catalog", "photos.csv")
    ids = pd.read_parquet(workspace / "data/catalog/images.parquet")["image_id"].tolist()
    manifest = workspace / "data/tasks/manifest.jsonl"
    manifest.parent.mkdir()
    lines = [json.dumps({"image-id": name, "questions": ["q01"]}) for name in ids[:3]]
    manifest.write_text("\n".join(lines), "utf-8")
    tree = workspace / "data/answers/job/annotations/worker-response/iteration-1/2"
    tree.mkdir(parents=True)
    (tree / "2026.json").write_text('{"answers": []}', "utf-8")
    summary = json.loads(run("mine", "--by", "property_type", "-n", "5", "--json").stdout)
    assert left(summary)["not drawn or answered before"] == 39


def test_embeddings_of_weights_that_changed_are_not_used(
    workspace: Path, tiny_clip_folder: Path
) -> None:
    model = workspace / "model"
    shutil.copytree(tiny_clip_folder, model)
    settings = (workspace / "mumic.toml").read_text("utf-8")
    settings = settings.replace(str(tiny_clip_folder), "model").replace("2.0", "0.9999")
    (workspace / "mumic.toml").write_text(settings, "utf-8")
    run("catalog", "photos.csv")
    assert run("index").exit_code == 0
    sample = ["mine", "--by", "property_type", "-n", "2", "--no-sheet", "--json"]
    by = json.loads(run(*sample).stdout)["near_copies_by"]
    assert by == (  # the pictures have no property
        "perceptual hash; embeddings among 40 images without a property, cosine 0.9999"
    )
    weights = load_file(model / "open_clip_model.safetensors")
    save_file(
        {name: 1.01 * values for name, values in weights.items()},
        model / "open_clip_model.safetensors",
    )
    by = json.loads(run(*sample).stdout)["near_copies_by"]
    assert by == "perceptual hash; no embeddings of the configured model"
    refused = run("mine", "--strategy", "diverse", "-n", "2")
    assert refused.exit_code == 1
    assert "none of the configured model" in refused.stderr
    assert run("index").exit_code == 0
    assert run("mine", "--strategy", "diverse", "-n", "2", "--no-sheet").exit_code == 0


def test_what_is_not_embedded_or_near_what_was_drawn_makes_no_round(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    for file in (workspace / "photos").iterdir():  # other pictures under the same names
        number = (int(file.stem) + 1) % 40
        pixels = (workspace / "photos" / f"{number}.png").read_bytes()
        (workspace / "moved").mkdir(exist_ok=True)
        (workspace / "moved" / file.name).write_bytes(pixels + b" ")
    shutil.rmtree(workspace / "photos")
    (workspace / "moved").rename(workspace / "photos")
    run("catalog")
    refused = run("mine", "--class", "pets")
    assert refused.exit_code == 1
    assert "none of the 40 images that may be drawn is in the index" in refused.stderr
    assert not (workspace / "data/candidates/round-0001.parquet").exists()
    assert run("index").exit_code == 0
    assert run("mine", "--class", "pets", "-n", "1", "--no-sheet").exit_code == 0
    settings = (workspace / "mumic.toml").read_text("utf-8").replace("2.0", "0.0001")
    (workspace / "mumic.toml").write_text(settings, "utf-8")
    refused = run("mine", "--class", "pets")
    assert (refused.exit_code, "nothing is left to draw" in refused.stderr) == (1, True)
    assert not (workspace / "data/candidates/round-0002.parquet").exists()
