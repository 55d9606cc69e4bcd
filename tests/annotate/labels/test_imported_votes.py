"""Votes of other tools: tables; what counts and what is set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.tables import ANSWER_REJECTS, LABELS, LACKING, read
from tests.annotate.labels.voted import EXPECTED, ROWS, labels, make_workspace, run, table


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_csv_and_a_parquet_table_outside_of_any_workspace() -> None:
    table().to_csv("votes.csv", index=False)
    table().to_parquet("votes.parquet")
    for file in ("votes.csv", "votes.parquet"):
        summary = run("--votes", file)
        assert labels() == EXPECTED
        assert (summary["answers"], summary["set_aside"], summary["annotators"]) == (11, 0, 4)


def test_a_parquet_table_of_categories_with_and_without_gaps() -> None:
    rows = [("a", "Pool", 7, 1), ("a", "Pool", 8, 1), ("a", "Pool", 9, 0), ("a", "Pool", None, 1)]
    frame = table(rows).astype({"annotator": "Int64"}).astype("category")
    frame.to_parquet("v.parquet")
    summary = run("--votes", "v.parquet")
    assert labels() == {("a", "Pool"): (1, 2, 1, 0)}
    assert summary["reasons"] == {"no usable annotator": 1}
    table([*ROWS, ("b.jpg", None, "w8", "1")]).astype("category").to_parquet("v.parquet")
    summary = run("--votes", "v.parquet")
    assert labels() == EXPECTED
    assert summary["set_aside_kinds"] == {"unknown": 1}
    table([("a", "Pool", ["w1"], "1")]).to_parquet("v.parquet")
    assert "v.parquet" in run("--votes", "v.parquet", code=1)


def test_other_names_of_columns_and_answers_as_numbers() -> None:
    rows = [("a", "Pool", 7, 1), ("a", "Pool", 8, 1), ("a", "Pool", 9, 0)]
    frame = pd.DataFrame(rows, columns=["photo", "label", "worker", "vote"])
    frame.to_parquet("v.parquet")
    names = ["image=photo", "class=label", "annotator=worker", "answer=vote"]
    run("--votes", "v.parquet", *(word for name in names for word in ("--column", name)))
    assert labels() == {("a", "Pool"): (1, 2, 1, 0)}
    assert "no column 'image'" in run("--votes", "v.parquet", code=1)
    assert "OURS=THEIRS" in run("--votes", "v.parquet", "--column", "photo", code=2)


def test_what_cannot_count_is_set_aside_with_its_row() -> None:
    rows = [
        *ROWS,
        ("a.jpg", "Pool", "", "yes"),
        ("a.jpg", "Pool", "w9", "perhaps"),
        ("", "Pool", "w9", "yes"),
        ("a.jpg", "Pool", "w0", "yes"),  # as before
        ("a.jpg", "Sea", "w0", "1"),  # she has changed her mind
    ]
    table(rows).to_csv("votes.csv", index=False)
    summary = run("--votes", "votes.csv")
    assert labels() == EXPECTED | {("a.jpg", "Sea"): (0, 1, 2, 1)}
    kinds = {"malformed": 2, "duplicate": 1, "replaced": 1, "unknown": 1}
    assert summary["set_aside_kinds"] == kinds
    rejects = read(ANSWER_REJECTS, Path("labels/rejects.parquet"))
    assert rejects["line"].tolist() == [2, 6, 13, 14, 15]


def test_of_votes_in_several_files_the_last_counts_and_the_others_are_named() -> None:
    table(ROWS[:4]).to_csv("a.csv", index=False)
    table([("a.jpg", "Pool", "w0", "no"), *ROWS[1:2]]).to_parquet("b.parquet")
    table(ROWS[4:]).to_csv("c.csv", index=False)
    summary = run("--votes", "a.csv", "--votes", "b.parquet", "--votes", "c.csv")
    assert labels() == EXPECTED | {("a.jpg", "Pool"): (0, 2, 2, 0)}
    assert summary["set_aside_kinds"] == {"duplicate": 1, "replaced": 1}
    rejects = read(ANSWER_REJECTS, Path("labels/rejects.parquet"))
    rows = rejects[["file", "line", "image_id", "question_id", "annotator_id"]].values.tolist()
    assert rows == [["a.csv", 2, "a.jpg", "Pool", "w0"], ["a.csv", 3, "a.jpg", "Pool", "w1"]]


def test_what_everybody_skipped_lacks_answers_and_all_such_images_are_listed() -> None:
    people = [f"w{at}" for at in range(5)]
    rows = [
        *(("whole", "Pool", who, "1") for who in people),
        *(("whole", "Sea", who, "skip") for who in people),
        *(("nobody", "Pool", who, "skip") for who in people),
        *(("most", "Pool", who, "skip" if who == "w4" else "0") for who in people),
        *((f"few{at}", "Pool", "w0", "unsure") for at in range(6)),
        *(("done", "Pool", who, "0") for who in people),
        ("done", "Pool", "w5", "skip"),
    ]
    table(rows).to_csv("votes.csv", index=False)
    listed = Path("labels/lacking.parquet")
    assert run("--votes", "votes.csv")["too_few_annotators"]["images"] == 9
    found = read(LACKING, listed)
    expected = {**{f"few{at}": 1 for at in range(6)}, "most": 4, "nobody": 0, "whole": 0}
    assert dict(zip(found["image_id"], found["people"], strict=True)) == expected
    said = CliRunner().invoke(main, ["consolidate", "--votes", "votes.csv"]).stdout
    assert "labels/lacking.parquet" in said
    table([row for row in rows if row[0] == "done"]).to_csv("votes.csv", index=False)
    assert run("--votes", "votes.csv")["too_few_annotators"]["images"] == 0
    assert not listed.exists()


def test_columns_of_numbers_categories_and_nothing() -> None:
    people = pd.Categorical(["ann", "bob", "cy", None])
    frame = pd.DataFrame({"image": 7, "class": "Pool", "annotator": people, "answer": True})
    frame.to_parquet("v.parquet")
    assert run("--votes", "v.parquet")["reasons"] == {"no usable annotator": 1}
    assert labels() == {("7", "Pool"): (1, 3, 0, 0)}
    frame.assign(image=None).to_parquet("v.parquet")
    assert "unknown image" in run("--votes", "v.parquet", code=1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"image,class\na,b\n"),
        ("a.csv", b"image,class,annotator,answer\na,b\n"),
        ("a.csv", b"image,class,annotator,answer\n\xff,b,c,1\n"),
        ("a.csv", b"image,class,annotator,answer\n"),
        ("a.parquet", b"PAR1 not really"),
        ("a.json", b"{}"),
        ("a.json", b"[[["),
        ("a.xml", b"<annotations><image"),
        ("a.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><annotations/>'),
        ("a.xml", '<!DOCTYPE x [<!ENTITY a "b">]><annotations>&a;</annotations>'.encode("utf-16")),
        ("a.xml", '<?xml version="1.0" encoding="shift_jis"?><annotations/>'.encode("shift_jis")),
        ("a.xml", b'<?xml version="1.0" encoding="no-such"?><annotations/>'),
        ("a.xml", b"<html/>"),
    ],
)
def test_files_that_are_none(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    assert name in run("--votes", name, code=1)


def test_who_is_excluded_does_not_count_and_can_be_excluded_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(tmp_path)
    rows = [("photos/a.jpg", "Indoor swimming pool", f"w{at}", int(at < 3)) for at in range(5)]
    (tmp_path / "elsewhere").mkdir()
    table(rows).to_csv("elsewhere/votes.csv", index=False)
    monkeypatch.chdir(tmp_path / "elsewhere")
    run("--votes", "votes.csv", "--images", "..", "--threshold", "0.5")
    monkeypatch.chdir(tmp_path)

    def counts() -> Any:
        found: Any = read(LABELS, tmp_path / "data/labels/labels.parquet")
        pool = found[found["class_id"] == "indoor_swimming_pool"].iloc[0]
        return int(pool["label"]), int(pool["yes"]), int(pool["no"])

    assert counts() == (1, 3, 2)
    command = ["annotators", "--exclude", "w0", "--reason", "in a hurry", "--json"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    changed = json.loads(result.stdout)["changed"]
    assert (changed["lacking"], changed["of_votes"]) == (1, True)
    assert counts() == (1, 2, 2), "by the threshold of the run before: 0.5"
    summary = run("--votes", "elsewhere/votes.csv", "--images", ".")
    assert counts() == (0, 2, 2)
    assert (summary["annotators"], summary["set_aside_kinds"]) == (4, {"excluded": 1})
    assert "--until" in run("--votes", "elsewhere/votes.csv", "--until", "2026-01-01", code=2)


def test_in_a_workspace_images_and_classes_are_those_of_the_workspace(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    rows = [
        *(("photos/a.jpg", "Indoor swimming pool", f"w{at}", "1") for at in range(2)),
        ("id1", "indoor_swimming_pool", "w2", "1"),
        ("photos/none.jpg", "Indoor swimming pool", "w2", "1"),
        ("id1", "Nonsense", "w2", "1"),
    ]
    table(rows).to_csv("votes.csv", index=False)
    summary = run("--votes", "votes.csv")
    found = read(LABELS, tmp_path / "data/labels/labels.parquet")
    decided = dict(zip(found["class_id"], found["decided"], strict=True))
    assert decided["indoor_swimming_pool"] == "voted"
    assert decided["swimming_pool"] == "propagated"
    assert set(found["image_id"]) == {"id1"}
    assert summary["reasons"] == {"unknown image": 1, "unknown class Nonsense": 1}


def test_probabilities_of_the_other_methods_are_written() -> None:
    table().to_csv("votes.csv", index=False)
    summary = run("--votes", "votes.csv", "--method", "pooled-dawid-skene")
    found = read(LABELS, Path("labels/labels.parquet"))
    assert found["probability"].between(0, 1).all()
    assert set(summary["estimate"]["annotators"]) == {"w0", "w1", "w2", "w3"}
    run("--votes", "votes.csv")
    assert "probability" not in read(LABELS, Path("labels/labels.parquet"))


def test_a_threshold_that_would_change_nothing_is_refused(tmp_path: Path) -> None:
    table().to_csv("votes.csv", index=False)
    said = run("--votes", "votes.csv", "--threshold", "0.4", "--method", "dawid-skene", code=2)
    assert "--threshold goes with the method majority" in said
    make_workspace(tmp_path)
    (tmp_path / "mumic.toml").write_text('[consolidate]\nmethod = "pooled-dawid-skene"\n')
    assert "probability_threshold" in run("--threshold", "0.4", code=2)
    run("--votes", "votes.csv", "--threshold", "0.4", "--method", "majority", code=1)  # no class
