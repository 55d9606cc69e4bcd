"""Images that lack answers, worked by hand."""

from __future__ import annotations

from typing import Any

from annotate.answers.choices import NONE, UNSURE
from annotate.answers.excluded import leave_out
from annotate.answers.found import RawAnswers
from annotate.answers.packing import Answers, check_answers
from annotate.labels.lacking import Wanted, find_lacking
from annotate.labels.summary import kinds
from annotate.labels.votes import count_votes
from annotate.tasks.manifest import TaskLine

QUESTIONS = {"q1": ("a", "b"), "q2": ("c",), "q2+": ("c", "d")}
IMAGES = {"whole", "part", "wrong", "half", "moved", "unseen", "doubt"}


def answer(person: str, *questions: str, doubt: bool = False) -> dict[str, Any]:
    """An answer that ticks nothing."""
    boxes = {
        name: dict.fromkeys(QUESTIONS[name], False) | {NONE: not doubt, UNSURE: doubt}
        for name in questions
    }
    return {"workerId": person, "answerContent": boxes}


def empty(person: str, *questions: str) -> dict[str, Any]:
    """An answer that does not count."""
    boxes = {name: dict.fromkeys((*QUESTIONS[name], NONE, UNSURE), False) for name in questions}
    return {"workerId": person, "answerContent": boxes}


def given(**images: list[dict[str, Any]]) -> Answers:
    raw = [RawAnswers("a", at, name, said) for at, (name, said) in enumerate(images.items(), 1)]
    return check_answers(raw, QUESTIONS, IMAGES)


def lacking(answers: Answers, *tasks: TaskLine) -> list[str]:
    votes = count_votes(answers.packed, QUESTIONS)
    found = find_lacking(votes, QUESTIONS, answers, Wanted(2, tasks))
    examples: list[str] = found.summary["examples"]
    assert found.summary["images"] == len(found.people)
    assert examples == list(found.people)[:5]
    return examples


def test_every_question_that_was_asked_needs_its_people() -> None:
    answers = given(
        whole=[answer("x", "q1", "q2"), answer("y", "q1", "q2")],
        part=[answer("x", "q1", "q2"), answer("y", "q1")],
        wrong=[empty("x", "q1"), empty("y", "q1")],
        half=[
            {**answer("x", "q1"), "answerContent": {**answer("x", "q1")["answerContent"],
             **empty("x", "q2")["answerContent"]}},
            answer("y", "q1"),
        ],
        moved=[answer("x", "q2"), answer("y", "q2+"), answer("z", "q2+")],
        doubt=[answer("x", "q1", doubt=True), answer("y", "q1", doubt=True)],
        stranger=[answer("x", "q1")],
    )  # fmt: skip
    assert lacking(answers) == ["half", "part", "wrong"]


def test_each_image_has_the_count_of_the_question_that_fewest_answered() -> None:
    answers = given(
        whole=[answer(name, "q1", "q2") for name in ("x", "y", "z")],
        part=[answer("x", "q1", "q2"), answer("y", "q1")],
        half=[answer("x", "q1", "q2"), answer("y", "q1", "q2"), answer("z", "q1")],
        wrong=[empty("x", "q1"), answer("y", "q2")],
    )
    votes = count_votes(answers.packed, QUESTIONS)
    asked = (TaskLine("part", ("q2+",)), TaskLine("unseen", ("q1",)))
    found = find_lacking(votes, QUESTIONS, answers, Wanted(3, asked))
    # part: nobody answered d of q2+; half: two answered c; wrong: nobody's answer to q1 counts.
    assert found.people == {"half": 2, "part": 0, "unseen": 0, "wrong": 0}
    assert found.table.to_dict("list") == {
        "image_id": ["half", "part", "unseen", "wrong"],
        "people": [2, 0, 0, 0],
    }


def test_tasks_say_what_else_is_asked() -> None:
    answers = given(whole=[answer("x", "q1"), answer("y", "q1")])
    assert lacking(answers, TaskLine("whole", ("q1",))) == []
    assert lacking(answers, TaskLine("whole", ("q1", "q2"))) == ["whole"]
    assert lacking(answers, TaskLine("unseen", ("q1",)), TaskLine("half", ())) == ["half", "unseen"]


def test_excluded_answers_are_counted_as_answers_and_their_images_lack_them() -> None:
    answers = given(
        whole=[answer(name, "q1", "q2") for name in ("x", "y", "bad")],
        part=[answer("x", "q1"), answer("bad", "q1")],
        wrong=[answer("bad", "q1", "q2")],
    )
    left = leave_out(answers, {"bad": "ticks at random", "nobody": ""})
    assert set(left.packed.annotator.values) == {"x", "y"}
    assert lacking(left) == ["part", "wrong"]
    rejects: Any = left.rejects
    assert kinds(rejects["reason"].value_counts().to_dict()) == {"excluded": 5}
    assert set(rejects["reason"]) == {"excluded annotator: ticks at random"}
    found = rejects[["image_id", "question_id", "annotator_id"]].itertuples(index=False)
    assert [tuple(row) for row in found] == [
        ("part", "q1", "bad"),
        ("whole", "q1", "bad"),
        ("whole", "q2", "bad"),
        ("wrong", "q1", "bad"),
        ("wrong", "q2", "bad"),
    ]


def test_what_other_tools_pass_over_is_no_malformed_answer() -> None:
    reasons = {
        "skipped by the annotator": 2,
        "no tag: CVAT does not say whether anybody looked": 3,
        "no usable workerId": 1,
    }
    assert kinds(reasons) == {"passed over": 5, "malformed": 1}
