"""Simulated annotators: as good and as bad as they must be, and the same at each run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.answers.files import RawAnswers
from annotate.answers.packing import check_answers
from annotate.answers.simulate import SimulationSettings, append_lines, simulate
from annotate.errors import InputError
from annotate.labels.against_truth import mean_f1, score_against_truth, score_annotators
from annotate.labels.consolidate import consolidate, propagate
from annotate.labels.truth import Truth
from annotate.labels.votes import count_votes
from annotate.settings import ConsolidateSettings
from annotate.tasks.manifest import TaskLine
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

LEVELS = ("easy", "medium", "hard")


def world(
    seed: int, *, images: int = 700, classes: int = 50, least: float = 0.02, most: float = 0.3
) -> tuple[Taxonomy, Truth, dict[str, tuple[str, ...]], list[TaskLine]]:
    """A taxonomy in which every tenth class has two children, and the truth of some images."""
    rng = np.random.default_rng(seed)
    entries = tuple(
        TaxonomyClass(
            f"c{at:02d}",
            f"Class {at}",
            "all",
            difficulty=LEVELS[at % 3],
            parents=(f"c{at // 10 * 10:02d}",) if at % 10 in (1, 2) else (),
        )
        for at in range(classes)
    )
    taxonomy = Taxonomy("test", "1", (Category("all", "All"),), entries)
    frequency = np.exp(rng.uniform(np.log(least), np.log(most), classes))
    positive = propagate(rng.random((images, classes)) < frequency, taxonomy.ids, taxonomy)
    truth = Truth(tuple(f"i{at:04d}" for at in range(images)), taxonomy.ids, positive)
    questions = {
        f"q{at:02d}": taxonomy.ids[start:stop]
        for at, (start, stop) in enumerate(pairwise(range(0, classes + 1, 5)), 1)
    }
    tasks = [TaskLine(image_id, tuple(questions)) for image_id in truth.image_ids]
    return taxonomy, truth, questions, tasks


def crowd(seed: int = 0, **more: Any) -> SimulationSettings:
    defaults = {
        "crowd": 8,
        "careless": 1,
        "per_image": 5,
        "seconds_per_question": 6.0,
        "seed": seed,
    }
    return SimulationSettings(**{**defaults, **more})


@pytest.mark.parametrize(
    ("seed", "sizes"),
    [(0, {}), (1, {"least": 0.05, "most": 0.4}), (2, {"images": 400, "classes": 40})],
)
def test_one_is_bad_and_five_are_good(seed: int, sizes: dict[str, Any]) -> None:
    taxonomy, truth, questions, tasks = world(seed, **sizes)
    lines = simulate(tasks, questions, taxonomy, truth, crowd(seed))
    found = (RawAnswers("a", 1, line["image-id"], line["answers"]) for line in lines)
    checked = check_answers(found, questions, set(truth.image_ids))
    assert checked.rejects.empty
    labels = consolidate(count_votes(checked.answers, questions), taxonomy, ConsolidateSettings())
    score = score_against_truth(labels, truth)
    alone = score_annotators(checked.answers, questions, taxonomy, truth)
    assert score.macro_precision is not None
    assert score.macro_recall is not None
    assert min(score.macro_precision, score.macro_recall) >= 0.92
    assert 0.65 <= (mean_f1(alone) or 0) <= 0.80
    assert len(alone) == 8
    assert alone.pop("simulated-08") < 0.4 < 0.65 < min(alone.values())


def test_form_of_the_answers() -> None:
    taxonomy, truth, questions, tasks = world(0, images=60)
    lines = list(simulate(tasks, questions, taxonomy, truth, crowd()))
    assert [line["image-id"] for line in lines] == list(truth.image_ids)
    assert json.loads(json.dumps(lines)) == lines
    kinds: Counter[str] = Counter()
    for answers in (line["answers"] for line in lines):
        assert len({answer["workerId"] for answer in answers}) == 5
        for answer in answers:
            start, end = (
                datetime.fromisoformat(answer[name])
                for name in ("acceptanceTime", "submissionTime")
            )
            spent = (end - start).total_seconds()
            assert spent == pytest.approx(answer["timeSpentInSeconds"], abs=0.01)
            assert spent > 0
            for question, boxes in answer["answerContent"].items():
                assert set(boxes) == {*questions[question], "__none__", "__unsure__"}
                assert all(isinstance(value, bool) for value in boxes.values())
                ticked = any(boxes[name] for name in questions[question])
                assert ticked + boxes["__none__"] + boxes["__unsure__"] == 1
                kinds[
                    "unsure" if boxes["__unsure__"] else "none" if boxes["__none__"] else "ticked"
                ] += 1
    assert min(kinds.values()) > 0
    assert len(kinds) == 3


def test_only_what_was_asked_is_answered() -> None:
    taxonomy, truth, questions, tasks = world(0, images=30)
    some = [TaskLine(task.image_id, ("q03", "q01")) for task in tasks]
    for line in simulate(some, questions, taxonomy, truth, crowd()):
        assert all(set(answer["answerContent"]) == {"q01", "q03"} for answer in line["answers"])


def test_an_image_s_answers_depend_on_seed_and_image_alone() -> None:
    taxonomy, truth, questions, tasks = world(0, images=80)
    forward = {
        line["image-id"]: line for line in simulate(tasks, questions, taxonomy, truth, crowd())
    }
    backward = list(simulate(tasks[::-1], questions, taxonomy, truth, crowd()))
    assert all(forward[line["image-id"]] == line for line in backward)
    rest = list(
        simulate(tasks, questions, taxonomy, truth, crowd(), answered=set(list(forward)[:70]))
    )
    assert rest == [forward[image_id] for image_id in list(forward)[70:]]
    assert list(simulate(tasks, questions, taxonomy, truth, crowd(seed=1))) != list(
        forward.values()
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crowd": 4}, "crowd that large"),
        ({"careless": 9}, "careless"),
        ({"careless": -1}, "careless"),
    ],
)
def test_crowds_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    taxonomy, truth, questions, tasks = world(0, images=5)
    with pytest.raises(InputError, match=message):
        list(simulate(tasks, questions, taxonomy, truth, crowd(**settings)))


def test_a_manifest_of_other_questions() -> None:
    taxonomy, truth, questions, _ = world(0, images=5)
    with pytest.raises(InputError, match="q99"):
        list(simulate([TaskLine("i0000", ("q99",))], questions, taxonomy, truth, crowd()))


def test_append_keeps_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"cut":')
    assert append_lines(file, iter([{"a": "ä"}])) == 1
    assert append_lines(file, []) == 0
    assert file.read_bytes() == b'{"cut":\n{"a":"\xc3\xa4"}\n'


def test_append_is_all_or_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise InputError("stop")

    file = tmp_path / "a.jsonl"
    append_lines(file, [{"b": 2}])
    with pytest.raises(InputError):
        append_lines(file, broken())
    assert file.read_bytes() == b'{"b":2}\n'
    assert list(tmp_path.iterdir()) == [file]
