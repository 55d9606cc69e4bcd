"""What a round knows of images that were drawn or answered before, copies and renamed classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.files import write_json
from annotate.index.shards import write_shard
from annotate.migration.carry import Step
from annotate.migration.record import Migration
from annotate.mining.draw import Draw
from annotate.mining.frame import Scope, build_frame
from annotate.mining.population import Round, catalogue_of
from annotate.mining.report import Known, estimates, with_present_classes
from annotate.mining.round_draws import Request, draw_round
from annotate.settings import MineSettings
from annotate.tables import CANDIDATES, LABELS, POOLS, empty, write
from annotate.taxonomy.diff import Source
from annotate.taxonomy.model import Taxonomy, TaxonomyClass
from annotate.workspace import Workspace

NO_CONTENTS = pd.Series(dtype=object)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


def names(letter: str, count: int) -> list[str]:
    return [f"{letter}{number:04d}" for number in range(count)]


def receipts(number: int, class_id: str | None, ids: list[str], strategy: str) -> pd.DataFrame:
    rows = pd.DataFrame({"image_id": ids, "class_id": class_id, "round": number})
    return rows.assign(strategy=strategy).reindex(columns=list(CANDIDATES.columns))


def third_round() -> Round:
    """1,000 of 9,600 images, after 200 for pets, 200 for a pool, and 30 that a file brought."""
    earlier = [
        receipts(1, "pets", names("a", 200), "similarity"),
        receipts(2, "pool", names("b", 200), "similarity"),
        receipts(2, "pets", names("b", 200), "migration"),  # asks again, drew nothing
    ]
    drawn = receipts(3, None, names("d", 1000), "stratified")
    drawn = drawn.assign(stratum="s", inclusion_probability=1000 / 9600)
    known = pd.DataFrame({"image_id": [*names("a", 200), *names("b", 200), *names("e", 30)]})
    summary = {
        "round": 3,
        "strategy": "stratified",
        "settings": {"max_per_property": 0},
        "drawn_from": [{"name": "s", "population": 9600}],
        "near_copies_out_of_reach": 7,
    }
    return Round(drawn, known.reindex(columns=list(POOLS.columns)), summary, pd.concat(earlier))


def pets(**values: list[int]) -> Known:
    """Labels of the first images of each letter."""
    parts = [
        pd.Series(labels, index=names(letter, len(labels)), dtype=float)
        for letter, labels in values.items()
    ]
    return Known({"pets": pd.concat(parts)}, pd.Series(dtype=object), {})


def test_a_round_without_labels_is_not_what_another_round_is() -> None:
    """Half of the first round shows pets, none of the second would; the second has no labels."""
    known = pets(a=[1, 0] * 100, d=[1] * 10 + [0] * 990, e=[0] * 30)
    (line,) = estimates(third_round(), known)
    # Positives: 100 known, and 9,600 / 1,000 for each of the ten that were drawn.
    assert line["prevalence"] == pytest.approx((100 + 96) / (200 + 9600 + 30))
    assert (line["population_images"], line["unreached_images"]) == (9830, 207)
    assert line["population"] == "part of the catalogue in scope"


def test_labelled_images_of_a_round_stand_for_the_others_of_it() -> None:
    known = pets(a=[1, 0] * 100, b=[0] * 45 + [1] * 5, d=[1] * 10 + [0] * 990, e=[0] * 30)
    (line,) = estimates(third_round(), known)
    assert line["prevalence"] == pytest.approx((100 + 96 + 20) / (400 + 9600 + 30))
    assert (line["population_images"], line["unreached_images"]) == (10_030, 7)


def test_strata_of_what_was_known_before() -> None:
    whole = catalogue_of(third_round(), NO_CONTENTS)
    assert whole.sizes == {
        "s": 9600,
        "(round 1: pets)": 200,
        "(round 2: pool)": 200,
        "(answered elsewhere)": 30,
    }
    # A drawn image that was moved is still of its round.
    entry = third_round()
    moved = entry.pools.assign(image_id=["new", *entry.pools["image_id"][1:]])
    contents = pd.Series({"new": "c", "a0000": "c"})
    again = catalogue_of(Round(entry.receipts, moved, entry.summary, entry.earlier), contents)
    assert again.sizes == whole.sizes


def label_rows(ids: list[str], positives: set[str], class_id: str = "pets") -> pd.DataFrame:
    rows = pd.DataFrame({"image_id": ids, "class_id": class_id, "yes": 5, "no": 0, "unsure": 0})
    label = pd.array([int(name in positives) for name in ids], "Int8")
    return rows.assign(label=label, rate=1.0, decided="voted")[list(LABELS.columns)]


def test_labels_of_photos_that_were_moved_count(workspace: Path) -> None:
    """30 of 40 are drawn and labelled under the ids that they have before they move."""
    labels = workspace / "data/labels/labels.parquet"
    table = workspace / "photos.csv"
    run("catalog", "photos.csv")
    run("mine", "--by", "property_type", "-n", "30")
    first = pd.read_parquet(workspace / "data/candidates/round-0001.parquet")["image_id"].tolist()
    write(LABELS, label_rows(first, set(first[:12])), labels)
    (workspace / "photos").rename(workspace / "moved")
    table.write_text(table.read_text("utf-8").replace("photos/", "moved/"), "utf-8")
    run("catalog")
    assert run("mine", "--by", "property_type", "-n", "30").exit_code == 0
    second = pd.read_parquet(workspace / "data/candidates/round-0002.parquet")["image_id"].tolist()
    write(LABELS, label_rows([*first, *second], {*first[:12], *second[:1]}), labels)
    shown = json.loads(run("mine", "--report", "--class", "pets", "--json").stdout)
    line = shown["estimates"][1]
    assert (line["drawn"], line["labelled"], line["unreached_images"]) == (40, 40, 0)
    # Everything is known: 13 of 40, and nothing is uncertain.
    assert [line[name] for name in ("prevalence", "low", "high")] == pytest.approx([13 / 40] * 3)


def test_a_class_that_no_round_tells_about_is_named(workspace: Path) -> None:
    run("catalog", "photos.csv")
    run("index")
    run("mine", "--class", "pets", "-n", "5", "--top", "10")
    ids = pd.read_parquet(workspace / "data/candidates/round-0001.parquet")["image_id"].tolist()
    write(LABELS, label_rows(ids, set(ids[:2])), workspace / "data/labels/labels.parquet")
    alone = run("mine", "--report", "--class", "pool")
    assert alone.exit_code == 1
    assert "no round tells about pool" in alone.stderr
    both = run("mine", "--report", "--class", "pool", "--class", "pets", "--json")
    assert json.loads(both.stdout)["untold_classes"] == ["pool"]
    assert "no round tells about pool" in both.stderr
    assert [line["prevalence"] for line in json.loads(both.stdout)["estimates"]] == [2 / 5]

    # The class gets another id, as its labels do; the round keeps the one that it was drawn for.
    taxonomy = workspace / "taxonomy.yaml"
    taxonomy.write_text(taxonomy.read_text("utf-8").replace("id: pets", "id: animals"), "utf-8")
    sources = {"animals": [{"id": "pets", "whole": True}], "pool": [{"id": "pool", "whole": True}]}
    facts: dict[str, Any] = {"sources": sources, "above": {}, "questions": {}, "thresholds": {}}
    write_json(workspace / "data/migrations/0001/migration.json", facts)
    labels = label_rows(ids, set(ids[:2]), "animals")
    write(LABELS, labels, workspace / "data/labels/labels.parquet")
    (line,) = json.loads(run("mine", "--report", "--json").stdout)["estimates"]
    assert (line["class_id"], line["prevalence"]) == ("animals", 2 / 5)


def test_pools_of_renamed_and_merged_classes_have_the_ids_of_today() -> None:
    """Dog became hound; cat and lamp became light, later glow; pool was split; sea stays."""

    def step(**sources: list[Source]) -> Migration:
        made = Step({name: tuple(found) for name, found in sources.items()}, {})
        return Migration(1, Path(), made, {}, {}, {})

    def whole(name: str) -> Source:
        return Source(name, whole=True)

    history = [
        step(
            hound=[whole("dog")],
            light=[whole("cat"), whole("lamp")],
            indoor=[Source("pool", whole=False)],
            outdoor=[Source("pool", whole=False)],
            sea=[whole("sea")],
        ),
        step(hound=[whole("hound")], glow=[whole("light")], sea=[whole("sea")]),
    ]
    gone = TaxonomyClass("cat", "Cat", "c", replaced_by=("glow",))
    in_use = [TaxonomyClass(name, name, "c") for name in ("hound", "glow", "indoor", "sea")]
    taxonomy = Taxonomy("t", "1", (), (*in_use, gone))
    pools = pd.DataFrame(
        [("dog", "1"), ("cat", "1"), ("lamp", "1"), ("lamp", "2"), ("pool", "3"), ("sea", "4")],
        columns=["class_id", "image_id"],
    )
    drawn = pd.DataFrame({"image_id": ["1", "2"], "inclusion_probability": 0.5})
    entry = Round(drawn, pools, {"round": 1, "strategy": "similarity"})
    found = with_present_classes(entry, taxonomy, history)
    assert list(found.pools.itertuples(index=False, name=None)) == [
        ("hound", "1"),
        ("glow", "1"),
        ("glow", "2"),
        ("pool", "3"),
        ("sea", "4"),
    ]
    known = Known({"glow": pd.Series({"1": 1.0, "2": 0.0})}, pd.Series(dtype=object), {})
    (line,) = estimates(found, known, ["glow"])
    assert (line["population_images"], line["labelled"], line["prevalence"]) == (2, 2, 0.5)


def test_near_copies_by_embedding_of_what_is_out_of_scope(tmp_path: Path) -> None:
    """Of one property: 0 was drawn and is gone; 1, 2 and 3 look like it, 3 like 4 too."""
    ids = list("01234")
    angles = np.array([0.0, 0.0, 0.0, 0.5, 1.0])
    rows = np.stack([np.cos(angles), np.sin(angles), np.zeros(5)], axis=1)
    (tmp_path / "mumic.toml").write_text('[model]\nname = "m"\npretrained = "p"\n', "utf-8")
    workspace = Workspace.find(tmp_path)
    folder = workspace.index / "m-00000000"
    write_shard(folder, 0, rows.astype(np.float16), ids, {})
    write_json(folder / "model.json", {"name": "m", "pretrained": "p"})
    images = pd.DataFrame(
        {
            "image_id": ids,
            "content_hash": ids,
            "perceptual_hash": [f"{15 << 4 * at:016x}" for at in range(5)],
            "property_id": "p",
            "present": [False, True, True, True, True],
            "kind": "hotel",
        }
    )
    frame = build_frame(images, {"0"}, Scope(near_bits=3))
    assert (len(frame.images), len(frame.before), frame.out_of_reach) == (4, 0, 0)
    request = Request("stratified", (), MineSettings(by=("kind",), near_cosine=0.87), 0)
    draw = Draw(n=1, top=1, seed=0, round=2, near_cosine=0.87)  # cos 0.5 = 0.878, cos 1 = 0.54
    done = draw_round(workspace, request, frame, draw)
    assert done.facts["population"] == 1
    # 1 and 2 are one picture that is near nothing in scope; 3 is near 4, which may be drawn.
    assert done.facts["near_copies_out_of_reach"] == 1
    in_scope = build_frame(images.assign(present=True), {"0"}, Scope(near_bits=3))
    inside = draw_round(workspace, request, in_scope, draw)
    assert inside.facts["near_copies_out_of_reach"] == 0


def test_rounds_need_no_earlier_ones() -> None:
    entry = third_round()
    alone = Round(entry.receipts, empty(POOLS), entry.summary)
    assert catalogue_of(alone, NO_CONTENTS).sizes == {"s": 9600}
