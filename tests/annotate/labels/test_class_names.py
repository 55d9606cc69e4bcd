"""Votes on a class that files call by several names."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from annotate.tables import ANSWER_REJECTS, LABELS, read
from tests.annotate.labels.voted import make_workspace, run, table

CLASSES = """\
version: 1
name: T
categories: [{id: a, name: A}]
classes:
  - {id: dog, name: Dog, category: a, aliases: [puppy]}
  - {id: sea, name: Sea, category: a}
"""
IMAGE = "photos/a.jpg"
WORDS = ("yes", "no", "unsure", "skip")


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_workspace(tmp_path)
    settings = Path("mumic.toml").read_text()
    Path("mumic.toml").write_text(settings.replace("label_taxonomy/travel.yaml", "classes.yaml"))
    Path("classes.yaml").write_text(CLASSES)


def counts(class_id: str = "dog") -> tuple[int, int, int]:
    found: Any = read(LABELS, Path("data/labels/labels.parquet")).set_index("class_id")
    return tuple(int(found.loc[class_id, name]) for name in ("yes", "no", "unsure"))  # type: ignore[return-value]


def reasons() -> list[str]:
    rejects = read(ANSWER_REJECTS, Path("data/labels/rejects.parquet"))
    return [str(reason) for reason in rejects["reason"]]


@pytest.mark.parametrize("names", list(itertools.permutations(["puppy", "dog"])))
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("yes", "no", (1, 0, 0)),
        ("no", "yes", (1, 0, 0)),
        ("unsure", "no", (0, 0, 1)),
        ("no", "unsure", (0, 0, 1)),
        ("yes", "unsure", (1, 0, 0)),
        ("skip", "no", (0, 1, 0)),
    ],
)
def test_a_yes_to_any_name_is_a_yes(
    names: tuple[str, str], first: str, second: str, expected: tuple[int, int, int]
) -> None:
    table([(IMAGE, names[0], "w1", first), (IMAGE, names[1], "w1", second)]).to_csv("v.csv")
    summary = run("--votes", "v.csv")
    assert counts() == expected
    assert summary["set_aside_kinds"] == {"replaced": 1}
    assert reasons() == ["replaced by the answer to another name of the class"]
    # The same in two files, of which each knows one name.
    for at, (name, said) in enumerate(zip(names, (first, second), strict=True)):
        table([(IMAGE, name, "w1", said)]).to_parquet(f"v{at}.parquet")
    run("--votes", "v0.parquet", "--votes", "v1.parquet")
    assert counts() == expected


def test_of_one_name_in_any_spelling_the_last_vote_counts() -> None:
    said = [("dog", "yes"), ("Dog", "no"), (" DOG ", "unsure"), ("dog", "no")]
    table([(IMAGE, name, "w1", answer) for name, answer in said]).to_csv("v.csv")
    run("--votes", "v.csv")
    assert counts() == (0, 1, 0)
    assert set(reasons()) == {"replaced by a later answer"}
    said = [("puppy", "yes"), ("puppy", "no"), ("dog", "unsure")]  # a change of mind, and a doubt
    table([(IMAGE, name, "w1", answer) for name, answer in said]).to_csv("v.csv")
    run("--votes", "v.csv")
    assert counts() == (0, 0, 1)
    said = [("puppy", "yes"), ("dog", "yes")]
    table([(IMAGE, name, "w1", answer) for name, answer in said]).to_csv("v.csv")
    run("--votes", "v.csv")
    assert (counts(), reasons()) == ((1, 0, 0), ["a copy of an answer that is there"])


def test_choices_of_label_studio_that_mean_one_class() -> None:
    tick = {"from_name": "x", "type": "choices"}
    annotations = [
        {"completed_by": who, "result": [{**tick, "value": {"choices": [choice]}}]}
        for who, choice in enumerate(["puppy", "dog", "sea"])
    ]
    tasks = [{"data": {"image": IMAGE}, "annotations": annotations}]
    Path("ls.json").write_text(json.dumps(tasks))
    run("--votes", "ls.json")
    assert (counts("dog"), counts("sea")) == ((2, 1, 0), (1, 2, 0))


@pytest.mark.parametrize("seed", range(3))
def test_random_votes_in_several_files_as_counted_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    votes = [
        (IMAGE, rng.choice(["dog", "puppy", "sea"]), f"w{rng.randint(0, 9)}", rng.choice(WORDS))
        for _ in range(120)
    ]
    said: dict[tuple[str, str], dict[str, str]] = {}
    for _, name, who, answer in votes:
        class_id = "dog" if name == "puppy" else name
        said.setdefault((class_id, who), {})[name] = answer
    expected = {"dog": [0, 0, 0, 0], "sea": [0, 0, 0, 0]}
    for (class_id, _), by_name in said.items():
        best = min(by_name.values(), key=["yes", "unsure", "no", "skip"].index)
        expected[class_id][WORDS.index(best)] += 1
    cuts = [0, *sorted(rng.sample(range(1, 120), 2)), 120]
    files = [f"v{at}.csv" for at in range(3)]
    for file, (start, end) in zip(files, itertools.pairwise(cuts), strict=True):
        table(votes[start:end]).to_csv(file)
    run(*(word for file in files for word in ("--votes", file)))
    for class_id, (yes, no, unsure, _) in expected.items():
        assert counts(class_id) == (yes, no, unsure)
