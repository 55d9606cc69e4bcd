"""``mine`` in a workspace: rounds, scope, strategies, sheet, report, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from annotate.cli import main
from annotate.files import write_json
from annotate.locks import exclusive
from annotate.tables import LABELS, PREDICTIONS, write


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "Pets", "--by", "stars"], "--by would have no effect: it belongs to the str"),
        (["--class", "Pets", "--allocation", "equal"], "strategy stratified, and this round's is"),
        (["--class", "Pets", "--run", "one"], "--run would have no effect"),
        (["--by", "property_type", "--top", "9"], "strategy similarity or uncertain, and this"),
        (["--strategy", "diverse", "--top", "9"], "this round's is diverse"),
        (["--strategy", "uncertain", "--by", "stars"], "this round's is uncertain"),
        (["--report", "--where", "stars > 3", "--by", "stars"], "--by and --where would have no"),
        (["--report", "--sheet", "1"], "--sheet would have no effect: --report draws nothing"),
        (["--sheet", "1", "--class", "Pets"], "--class would have no effect: --sheet draws noth"),
    ],
)
def test_options_without_effect_are_refused(
    workspace: Path, arguments: list[str], message: str
) -> None:
    result = run("mine", *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_the_commands_of_the_readme_draw_by_a_column_of_the_table(workspace: Path) -> None:
    """A folder alone has none, which is said with where features come from."""
    photos = workspace / "photos"
    for number in range(9):  # wide enough, unlike the others
        file = photos / f"{number}.png"
        Image.open(file).resize((600, 450), Image.Resampling.NEAREST).save(file)
    assert run("catalog", str(photos)).exit_code == 0
    lines = (Path(__file__).parents[3] / "README.md").read_text("utf-8").splitlines()
    shown = [line for line in lines if line.startswith("    mumic-annotate ")]
    commands = [shlex.split(line, comments=True) for line in shown]
    (catalog,) = [words for words in commands if words[1] == "catalog"]
    (mine,) = [words for words in commands if words[1] == "mine" and "stratified" in words]
    refused = run(*mine[1:])
    assert refused.exit_code == 1
    assert "the catalogue has no feature 'property_type'" in refused.stderr
    assert "the other columns of a table that names the photos" in refused.stderr
    table = photos / Path(catalog[2]).name
    rows = [
        f"{number}.png,h{number // 2},{'hotel' if number % 4 else 'flat'}" for number in range(10)
    ]
    table.write_text("\n".join(["path,property_id,property_type", *rows]), "utf-8")
    assert run("catalog", str(table), "--only").exit_code == 0
    drawn = run(*mine[1:], "--json")
    assert drawn.exit_code == 0, drawn.output
    found = json.loads(drawn.stdout)["drawn_from"]
    assert {row["name"]: row["population"] for row in found} == {
        "property_type=hotel": 6,
        "property_type=flat": 3,
    }


def test_many_strata_are_named_in_part_and_those_not_reached_are_told(workspace: Path) -> None:
    table = pd.read_csv(workspace / "photos.csv")
    table.assign(price=range(40)).to_csv(workspace / "photos.csv", index=False)
    assert run("catalog", "photos.csv").exit_code == 0
    shown = run("mine", "--by", "price", "-n", "10")
    lines = shown.stdout.splitlines()
    assert sum(line.startswith("price=") for line in lines) == 20
    assert "and 20 others: 20 images, 0 drawn" in lines
    assert "30 of 40 strata, with 30 images, cannot be drawn from with -n 10" in shown.stderr
    assert "--allocation equal and -n 40 or more" in shown.stderr
    sheet = (workspace / "data/candidates/round-0001.html").read_text("utf-8")
    assert '<dd dir="auto">30 with 30 images</dd>' in sheet
    few = run("mine", "--by", "property_type", "-n", "10")
    assert "strata" not in few.stderr
    assert "others:" not in few.stdout


def test_the_budget_is_kept(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    both = ["--class", "pets", "--class", "pool", "--budget", "9"]
    shown = run("mine", *both, "-n", "7", "--json")
    assert [entry["drawn"] for entry in json.loads(shown.stdout)["drawn_from"]] == [4, 4]
    assert "the budget of 9 candidates left room for 4 instead of 7" in shown.stderr
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


def test_two_scans_do_not_run_at_once(workspace: Path) -> None:
    run("catalog", "photos.csv")
    before = (workspace / "data/catalog/images.parquet").read_bytes()
    with exclusive(workspace / "data/catalog/.lock"):
        refused = run("catalog", "photos")
    assert refused.exit_code == 1
    assert "another process is filling" in refused.stderr
    assert (workspace / "data/catalog/images.parquet").read_bytes() == before
