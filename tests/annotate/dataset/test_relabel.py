"""Labels of a lock are made again by the command that the refusal prints."""

from __future__ import annotations

import json
import random
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate.answers.choices import NONE, UNSURE
from annotate.cli import main
from tests.annotate.dataset.command import hashes, write_workspace
from tests.annotate.dataset.made import YAML

QUESTIONS = """\
taxonomy: none
strategy: grouped
questions:
  - {id: q01, title: All, classes: [water, snow]}
"""
IMAGES = [f"i{at:04d}" for at in range(200)]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answers of five of seven people to each of two hundred images, a fifth of them late."""
    write_workspace(tmp_path)
    shutil.rmtree(tmp_path / "data/labels")
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    (tmp_path / "data/answers").mkdir()
    rng = random.Random(1)
    with (tmp_path / "data/answers/people.jsonl").open("w") as file:
        for image in IMAGES:
            answers = [answer(rng, who) for who in rng.sample("abcdefg", 5)]
            file.write(json.dumps({"image-id": image, "answers": answers}) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(rng: random.Random, who: str) -> dict[str, Any]:
    ticks = {name: rng.random() < 0.5 for name in ("water", "snow")}
    content = {"q01": ticks | {NONE: not any(ticks.values()), UNSURE: False}}
    time = f"2026-01-{rng.randint(1, 25):02d}T10:00:00.000Z"
    return {"workerId": who, "submissionTime": time, "answerContent": content}


def run(*arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return result.output


def lose_all_but_the_lock(root: Path) -> None:
    lock = (root / "data/dataset/lock.json").read_bytes()
    shutil.rmtree(root / "data/labels")
    shutil.rmtree(root / "data/dataset")
    (root / "data/dataset").mkdir()
    (root / "data/dataset/lock.json").write_bytes(lock)


def printed_command(said: str) -> list[str]:
    program, *words = shlex.split(said.split("run `")[1].split("`")[0])
    assert program == "mumic-annotate"
    return words


@pytest.mark.parametrize(
    "options",
    [
        ["--min-votes", "2", "--threshold", "0.75", "--until", "2026-01-20"],
        ["--method", "pooled-dawid-skene"],
    ],
)
def test_from_answers_to_the_same_bytes_by_the_command_that_is_printed(
    workspace: Path, options: list[str]
) -> None:
    run("consolidate", *options)
    labels = (workspace / "data/labels/labels.parquet").read_bytes()
    run("dataset", "build")
    first = hashes(workspace / "data/dataset")
    lose_all_but_the_lock(workspace)
    toml = workspace / "mumic.toml"
    toml.write_text(toml.read_text() + '[consolidate]\nmin_votes = 1\nuntil = "2026-01-02"\n')
    run("consolidate")
    said = run("dataset", "verify", expect=1)
    shutil.rmtree(workspace / "data/labels")
    missing = run("dataset", "build", "--locked", expect=1)
    assert printed_command(said) == printed_command(missing)
    run(*printed_command(missing))
    assert (workspace / "data/labels/labels.parquet").read_bytes() == labels
    run("dataset", "build", "--locked")
    assert hashes(workspace / "data/dataset") == first
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True


def test_settings_without_an_option_are_named(workspace: Path) -> None:
    toml = workspace / "mumic.toml"
    before = toml.read_text()
    toml.write_text(before + "[consolidate]\nprobability_threshold = 0.7\n")
    run("consolidate", "--method", "dawid-skene")
    run("dataset", "build")
    toml.write_text(before)
    run("consolidate")
    said = run("dataset", "verify", expect=1)
    assert "put probability_threshold = 0.7 into [consolidate] of mumic.toml and run `" in said
    assert "iterations" not in said


def test_thresholds_that_the_label_list_gives_otherwise_are_named(workspace: Path) -> None:
    run("consolidate", "--threshold", "0.5")
    run("dataset", "build")
    snow = "{id: snow, name: Snow,"
    (workspace / "classes.yaml").write_text(YAML.replace(snow, f"{snow} vote_threshold: 0.8,"))
    said = run("dataset", "verify", expect=1)
    assert "label list changed" in said
    assert "threshold of snow: 0.8 by the label list, 0.5 by the lock" in said
    assert "threshold of water" not in said


def test_votes_of_another_tool_are_in_the_lock_and_a_changed_file_is_named(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(2)
    cells = [(image, who) for image in IMAGES for who in "abcde"]
    rows = [f"{i},{c},{w},{rng.randint(0, 1)}\n" for c in ("Water", "Snow") for i, w in cells]
    inside = workspace / "the votes.csv"
    outside = tmp_path_factory.mktemp("elsewhere") / "more.csv"
    for file, part in ((inside, rows[:1500]), (outside, rows[1500:])):
        file.write_text("photo,class,annotator,answer\n" + "".join(part))
    files = ["--votes", "the votes.csv", "--votes", str(outside)]
    run("consolidate", *files, "--column", "image=photo", "--min-votes", "4")
    run("dataset", "build")
    lock = json.loads((workspace / "data/dataset/lock.json").read_bytes())
    assert [entry["file"] for entry in lock["votes"]["files"]] == ["the votes.csv", str(outside)]
    first = hashes(workspace / "data/dataset")
    lose_all_but_the_lock(workspace)
    kept = inside.read_text()
    inside.write_text(kept + "\n")
    said = run("dataset", "build", "--locked", expect=1)
    assert "votes: the votes.csv changed" in said
    inside.write_text(kept)
    run(*printed_command(said))
    run("dataset", "build", "--locked")
    assert hashes(workspace / "data/dataset") == first
    (workspace / "data/answers/later.jsonl").write_text("{}")  # not what the labels are made of
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
    outside.unlink()
    assert f"votes: {outside} is gone" in run("dataset", "verify", expect=1)
