"""``consolidate`` again and again: more answers, corrections, exclusions, and kills."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.answers.excluded import write_excluded
from annotate.cli import main
from annotate.cli.console import open_workspace
from annotate.tables import CATALOG, LABEL_CHANGES, LABELS, empty, read, write
from tests.annotate.killing import run_and_kill

TAXONOMY = """\
version: 1
name: Test
categories: [{id: all, name: All}]
classes:
  - {id: pool, name: Pool, category: all}
  - {id: indoor, name: Indoor, category: all, parents: [pool]}
  - {id: snow, name: Snow, category: all}
  - {id: dog, name: Dog, category: all}
"""
PLAN = {"q01": ["pool", "snow"], "q02": ["indoor", "dog"]}
IMAGES = [f"i{at:02d}" for at in range(12)]
FILES = ("answers.parquet", "labels.parquet", "rejects.parquet", "summary.json")
Kept = dict[str, bytes]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (root / "classes.yaml").write_text(TAXONOMY)
    questions = [f"  - {{id: {q}, title: {q}, classes: {json.dumps(c)}}}" for q, c in PLAN.items()]
    (root / "questions.yaml").write_text(
        "\n".join(["taxonomy: none", "strategy: grouped", "questions:", *questions]) + "\n"
    )
    frame = pd.DataFrame({"image_id": IMAGES}).reindex(columns=empty(CATALOG).columns)
    numbers: dict[str, Any] = {
        "bytes": 1,
        "width": 1,
        "height": 1,
        "orientation": 1,
        "present": True,
    }
    texts: dict[str, Any] = {
        "uri": frame["image_id"] + ".jpg",
        "content_hash": IMAGES,
        "perceptual_hash": "0",
    }
    frame = frame.assign(**numbers, **texts).astype({"property_id": object, "text": object})
    write(CATALOG, frame, root / "data/catalog/images.parquet")
    monkeypatch.chdir(root)
    return root


def line(rng: random.Random, image: str, people: list[str], day: int) -> str:
    answers = []
    for person in people:
        content: dict[str, Any] = {}
        for question, classes in PLAN.items():
            boxes = {name: rng.random() < 0.4 for name in classes}
            none = not any(boxes.values())
            content[question] = boxes | {"__none__": none, "__unsure__": rng.random() < 0.1}
        moment = f"2026-01-{day:02d}T10:00:00.000Z"
        answers.append({"workerId": person, "submissionTime": moment, "answerContent": content})
    return json.dumps({"image-id": image, "answers": answers}) + "\n"


def add(root: Path, rng: random.Random, images: list[str], day: int) -> None:
    (root / "data/answers").mkdir(parents=True, exist_ok=True)
    with (root / f"data/answers/{rng.choice('ab')}.jsonl").open("a") as file:
        for image in images:
            file.write(line(rng, image, rng.sample(list("uvwxyz"), 4), day))


def consolidate(*options: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["consolidate", "--json", *options])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def kept(root: Path) -> Kept:
    """The bytes of all labels; nothing else may lie there but two lists and the lock."""
    folder = root / "data/labels"
    lists = {"changes.parquet", "lacking.parquet"}
    others = {path.name for path in folder.iterdir()} - {*FILES, *lists, ".lock"}
    assert not others
    return {name: (folder / name).read_bytes() for name in FILES}


def labels(root: Path) -> dict[tuple[str, str], int | None]:
    found: Any = read(LABELS, root / "data/labels/labels.parquet")
    return {
        (row.image_id, row.class_id): None if pd.isna(row.label) else int(row.label)
        for row in found.itertuples()
    }


@pytest.mark.parametrize("method", ["majority", "pooled-dawid-skene"])
@pytest.mark.parametrize("seed", range(2))
def test_a_run_upon_another_equals_a_full_run_and_says_what_changed(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, seed: int
) -> None:
    rng = random.Random(seed)
    add(workspace, rng, IMAGES[:8], 5)
    assert "changes" not in consolidate("--method", method)
    for day in range(6, 10):
        before = labels(workspace)
        touched = rng.sample(IMAGES, 3)
        if day == 8:
            write_excluded(workspace / "data", {"u": "guesses"})
        else:
            add(workspace, rng, touched, day)
        counts = consolidate("--method", method)["changes"]

        fresh = tmp_path / f"fresh{day}"
        shutil.copytree(workspace, fresh, ignore=shutil.ignore_patterns("labels", "cache"))
        with monkeypatch.context() as inside:
            inside.chdir(fresh)
            consolidate("--method", method)
        assert kept(workspace) == kept(fresh)

        after = labels(workspace)
        there = {image for image, _ in before}
        expected = {
            (*cell, before.get(cell), label)
            for cell, label in after.items()
            if cell[0] in there and label != before.get(cell)
        }
        if expected:
            found = read(LABEL_CHANGES, workspace / "data/labels/changes.parquet")
            rows = found.astype(object).where(found.notna(), None).itertuples(index=False)
            assert set(map(tuple, rows)) == expected
        assert counts["images"] == len({cell[0] for cell in expected})
        assert counts["to_yes"] == sum(now == 1 for *_, now in expected)
        assert counts["from_yes"] == sum(was == 1 for *_, was, _ in expected)
        assert counts["new_images"] == len({image for image, _ in after} - there)
        if method == "majority" and day != 8:
            assert {cell[0] for cell in expected} <= set(touched)
            assert counts["other_votes"] <= len(touched)


def test_nothing_new_changes_nothing_and_keeps_the_list_of_changes(workspace: Path) -> None:
    rng = random.Random(7)
    add(workspace, rng, IMAGES, 5)
    consolidate()
    add(workspace, rng, IMAGES, 6)
    assert consolidate()["changes"]["images"]
    listed = (workspace / "data/labels/changes.parquet").read_bytes()
    before = kept(workspace)
    result = CliRunner().invoke(main, ["consolidate"])
    assert "no vote and no label has changed" in result.stdout
    assert kept(workspace) == before
    assert (workspace / "data/labels/changes.parquet").read_bytes() == listed


def test_a_kill_at_any_moment_leaves_labels_as_before_or_as_after(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(3)
    add(workspace, rng, IMAGES[:8], 5)
    consolidate()
    before = kept(workspace)
    add(workspace, rng, IMAGES, 6)
    copies = [tmp_path / f"killed{at}" for at in range(40)]
    for copy in copies:
        shutil.copytree(workspace, copy)
    calls = run_and_kill("consolidate", copies)
    assert calls > 15
    after = kept(copies[0])
    changes = (copies[0] / "data/labels/changes.parquet").read_bytes()
    assert after != before

    seen = []
    for copy in copies[1 : calls + 1]:
        monkeypatch.chdir(copy)
        open_workspace()  # as every command does
        found = {name: (copy / "data/labels" / name).read_bytes() for name in FILES}
        assert found in (before, after)
        seen.append(found == after)
        consolidate()
        assert kept(copy) == after
        assert (copy / "data/labels/changes.parquet").read_bytes() == changes
        lacking = [root / "data/labels/lacking.parquet" for root in (copy, copies[0])]
        assert lacking[0].exists() == lacking[1].exists()
    assert seen == sorted(seen)
    assert 1 < sum(seen) < len(seen) - 1
