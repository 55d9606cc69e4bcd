"""``mine`` in a workspace: rounds, scope, strategies, sheet, report, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.files import write_json
from annotate.locks import exclusive
from annotate.tables import LABELS, PREDICTIONS, write

DrawNoise = Callable[[Path, int], None]
TAXONOMY = """\
version: "1"
name: two classes
categories: [{id: things, name: Things}]
classes:
- {id: pets, name: Pets, description: "pets, tame animals", category: things,
   queries: [a photo with dog, a photo with cat]}
- {id: pool, name: Swimming pool, description: a pool to swim in, category: things,
   queries: [a photo with pool, people who swim]}
"""


@pytest.fixture
def workspace(
    tmp_path: Path,
    tiny_clip_folder: Path,
    draw_noise: DrawNoise,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    rows = ["path,property_type,empty"]
    for number in range(40):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
        rows.append(f"photos/{number}.png,{['hotel', 'flat', ''][number % 3]},")
    (tmp_path / "photos.csv").write_text("\n".join(rows), "utf-8")
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY, "utf-8")
    (tmp_path / "mumic.toml").write_text(
        f'[project]\ntaxonomy = "taxonomy.yaml"\nclasses = ["pool"]\n'
        f'[model]\nname = "local-dir:{tiny_clip_folder}"\n'
        # Random weights put all pictures close together.
        "[mine]\nnear_cosine = 2.0\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


def test_rounds_on_the_command_line(workspace: Path) -> None:
    assert "mumic-annotate catalog SOURCE" in run("mine", "--class", "Pets").stderr
    assert run("catalog", "photos.csv").exit_code == 0
    assert "Make it with `mumic-annotate index`" in run("mine", "--class", "Pets").stderr
    assert run("index").exit_code == 0

    pets = json.loads(run("mine", "--class", "pETS", "-n", "5", "--top", "10", "--json").stdout)
    assert (pets["round"], pets["images"]) == (1, 5)
    every = json.loads(run("mine", "--all", "-n", "6", "--top", "12", "--json").stdout)
    assert every["drawn_from"] == [{"name": "pool", "pool": 12, "drawn": 6}]
    sample = run("mine", "--by", "property_type", "-n", "12", "--allocation", "equal", "--json")
    assert sum(json.loads(sample.stdout)["allocation"].values()) == 12
    answers = workspace / "data/answers/a.jsonl"
    answers.parent.mkdir()
    drawn = pd.concat(
        map(pd.read_parquet, sorted((workspace / "data/candidates").glob("round-*.parquet")))
    )
    assert drawn["image_id"].nunique() == 5 + 6 + 12
    catalogue = pd.read_parquet(workspace / "data/catalog/images.parquet")
    left = sorted(set(catalogue["image_id"]) - set(drawn["image_id"]))
    answers.write_text(json.dumps({"image-id": left[0], "answers": []}) + "\nbroken\n", "utf-8")
    rest = run("mine", "--class", "pets", "--class", "Swimming pool")
    assert "took all there are for pets, pool" in rest.stderr
    last = pd.read_parquet(workspace / "data/candidates/round-0004.parquet")
    assert set(last["image_id"]) == set(left[1:])
    assert last["inclusion_probability"].eq(1).all()
    summary = json.loads((workspace / "data/candidates/round-0004.json").read_text("utf-8"))
    assert summary["settings"]["top"] == 1000
    assert "every image" in run("mine", "--all").stderr


def test_features_may_be_called_as_columns_of_receipts_are(workspace: Path) -> None:
    columns = ["score", "rank", "query", "class_id", "stratum", "seed", "position", "row", "old"]
    table = pd.read_csv(workspace / "photos.csv")[["path", "property_type"]]
    values = {name: "first" if name == "rank" else "8.7/10" for name in columns}
    table.assign(**values).to_csv(workspace / "photos.csv", index=False)
    assert run("catalog", "photos.csv").exit_code == 0
    assert run("index").exit_code == 0
    found = run("search", "a dog", "-k", "2", "--json")
    assert found.exit_code == 0, found.output
    assert all(-1 <= hit["score"] <= 1 for hit in json.loads(found.stdout)["hits"])
    for rule in (["--class", "pets"], ["--by", "score"], ["--by", "rank"], ["--by", "seed"]):
        drawn = run("mine", *rule, "-n", "3")
        assert drawn.exit_code == 0, drawn.output
    pools = pd.read_parquet(workspace / "data/candidates/pools-0003.parquet")
    assert len(pools) == 6
    assert pools.drop(columns="image_id").isna().all(axis=None)


def test_what_mine_refuses(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    for arguments, message in [
        (["--class", "Pest"], "did you mean Pets?"),
        (["--by", "property_typ"], "did you mean property_type"),
        (["--by", "empty"], "no image has a value of 'empty'"),
        (["--strategy", "stratified"], "--by: property_id, empty, property_type"),
    ]:
        result = run("mine", *arguments)
        assert (result.exit_code, message in result.stderr) == (1, True), result.stderr
    for usage in ([], ["--strategy", "stratified", "--class", "Pets"], ["-n", "0", "--all"]):
        assert run("mine", *usage).exit_code == 2
    assert not (workspace / "data/candidates").exists()


def test_the_budget_is_kept(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    both = ["--class", "pets", "--class", "pool", "--budget", "9"]
    summary = json.loads(run("mine", *both, "--json").stdout)
    assert [entry["drawn"] for entry in summary["drawn_from"]] == [4, 4]
    assert "of a budget of 9" in run("mine", *both).stderr


def test_scope_sheet_strategies_and_report(workspace: Path) -> None:
    run("catalog", "photos.csv")
    assert run("mine", "--by", "property_type", "-n", "3").exit_code == 0  # no index is needed
    run("index")
    hotels = ["--where", "property_type == 'hotel'", "--min-size", "30"]
    first = run("mine", "--class", "Pets", *hotels, "-n", "4", "--top", "8", "--json")
    summary = json.loads(first.stdout)
    counts = {row["rule"]: row["images"] for row in summary["funnel"]}
    assert counts["where property_type == 'hotel'"] < counts["present"] == 40
    receipts = pd.read_parquet(workspace / "data/candidates/round-0002.parquet")
    catalogue = pd.read_parquet(workspace / "data/catalog/images.parquet").set_index("image_id")
    assert set(catalogue.loc[receipts["image_id"], "property_type"]) == {"hotel"}
    assert set(receipts["draw_probability"]) == {4 / 8}
    assert len(pd.read_parquet(workspace / "data/candidates/pools-0002.parquet")) == 8
    sheet = (workspace / summary["sheet"]).read_text("utf-8")
    assert "Candidates of round 2" in sheet
    assert all(image_id in sheet for image_id in receipts["image_id"])

    diverse = json.loads(
        run("mine", "--strategy", "diverse", "-n", "3", "--no-sheet", "--json").stdout
    )
    assert (diverse["strategy"], diverse["images"], diverse.get("sheet")) == ("diverse", 3, None)
    assert not (workspace / "data/candidates/round-0003.html").exists()
    assert (
        pd.read_parquet(workspace / "data/candidates/round-0003.parquet")["inclusion_probability"]
        .isna()
        .all()
    )
    assert "train" in run("mine", "--strategy", "uncertain", "--class", "Pets").stderr

    assert "mumic-annotate consolidate" in run("mine", "--report").stderr
    rows = pd.DataFrame({"image_id": receipts["image_id"], "class_id": "pets"})
    rows = rows.assign(
        label=pd.array([1, 0, 1, None], "Int8"), yes=5, no=0, unsure=0, rate=1.0, decided="voted"
    )
    write(LABELS, rows, workspace / "data/labels/labels.parquet")
    report = json.loads(run("mine", "--report", "--strategy", "similarity", "--json").stdout)
    (line,) = report["estimates"]
    assert line["prevalence"] == pytest.approx(2 / 3)
    assert (line["population_images"], line["labelled"], line["unlabelled"]) == (8, 3, 1)
    shown = run("mine", "--report")
    assert "within the pool of the class" in shown.stdout
    assert "of the catalogue in scope" in shown.stdout
    assert "without a label are left out" in shown.stderr


def test_an_uncertain_round_names_run_and_classes(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    catalogue = pd.read_parquet(workspace / "data/catalog/images.parquet")
    # Of the 15 nearest to a threshold ten are of the pool; ten images have no prediction.
    rows = catalogue.iloc[:30][["image_id", "uri", "content_hash"]].assign(
        run_id="one",
        taxonomy_hash="t",
        class_id=np.where(np.arange(30) % 3 == 0, "pets", "pool"),
        logit=np.float32(2 + np.arange(30) / 10),
    )
    write(PREDICTIONS, rows, workspace / "data/predictions/one.parquet")
    write_json(
        workspace / "data/predictions/one.json", {"min_probability": 0.01, "taxonomy_hash": "t"}
    )
    write_json(workspace / "runs/one/run.json", {"finished": "2026-01-01T00:00:00+00:00"})
    entries = [{"class_id": name, "logit": 2.0} for name in ("pets", "pool")]
    write_json(workspace / "runs/one/thresholds.json", {"thresholds": entries})

    shown = run("mine", "--strategy", "uncertain", "-n", "15", "--top", "15")
    assert "Run one is unsure of: pool 10, pets 5" in shown.stdout
    assert "10 images in scope have no prediction of the run" in shown.stderr
    drawn = pd.read_parquet(workspace / "data/candidates/round-0001.parquet")
    assert set(drawn["image_id"]) == set(rows["image_id"][:15])
    sheet = (workspace / "data/candidates/round-0001.html").read_text("utf-8")
    assert '<dt dir="auto">run</dt><dd dir="auto">one</dd>' in sheet
    assert "Swimming pool" in sheet  # the class's name, though no class was asked for
    assert '"pool"' not in sheet


def test_another_model_and_wrong_rules_are_named(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    (file,) = (workspace / "data/index").glob("*/model.json")
    other = file.parent.rename(file.parent.with_name("another-12345678"))
    shown = run("mine", "--class", "Pets").stderr
    assert "holds embeddings of another-12345678, none of the configured" in shown
    other.rename(file.parent)
    for arguments, message in [
        (["--where", "propertytype == 'hotel'"], "did you mean property_type"),
        (["--where", "property_type == 'castle'"], "fits the rule"),
        (["--max-per-property", "2"], "no image of the catalogue has a property_id"),
    ]:
        result = run("mine", "--class", "Pets", *arguments)
        assert (result.exit_code, message in result.stderr) == (1, True), result.stderr
    assert "Draw one with `mumic-annotate mine`" in run("mine", "--report").stderr
    assert not (workspace / "data/candidates").exists()


def test_two_rounds_are_not_drawn_at_once(workspace: Path) -> None:
    run("catalog", "photos.csv")
    candidates = workspace / "data/candidates"
    with exclusive(workspace / "data/.candidates.lock"):
        refused = run("mine", "--by", "property_type", "-n", "5")
    assert refused.exit_code == 1
    assert "another process is drawing a round" in refused.stderr
    assert not candidates.exists()
    assert run("mine", "--by", "property_type", "-n", "5").exit_code == 0


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


def test_two_scans_do_not_run_at_once(workspace: Path) -> None:
    run("catalog", "photos.csv")
    before = (workspace / "data/catalog/images.parquet").read_bytes()
    with exclusive(workspace / "data/catalog/.lock"):
        refused = run("catalog", "photos")
    assert refused.exit_code == 1
    assert "another process is filling" in refused.stderr
    assert (workspace / "data/catalog/images.parquet").read_bytes() == before
