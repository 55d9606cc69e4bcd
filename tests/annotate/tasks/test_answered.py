"""Which images have all their answers, by hand."""

from __future__ import annotations

from typing import Any

from annotate.answers.choices import NONE, UNSURE
from annotate.answers.excluded import leave_out
from annotate.answers.found import RawAnswers
from annotate.answers.packing import Answers, check_answers
from annotate.tasks.answered import answered_in

QUESTIONS = {"q1": ("dog",), "q2": ("cat",)}


def said(person: str, q1: bool | None = True, q2: bool | None = True, **more: Any) -> Any:
    """An answer: True to nothing seen, None to a question without any box ticked."""
    content = {
        question: {name: False, NONE: bool(value), UNSURE: False}
        for (question, (name,)), value in zip(QUESTIONS.items(), (q1, q2), strict=True)
    }
    return {"workerId": person, "answerContent": {**content, **more}}


def given(**images: list[Any]) -> Answers:
    raw = [RawAnswers("a", at, name, answers) for at, (name, answers) in enumerate(images.items())]
    return check_answers(raw, QUESTIONS, set(images))


def test_enough_distinct_people_with_answers_that_count() -> None:
    answers = given(
        whole=[said("x"), said("y")],
        same=[said("x"), said("x")],
        one=[said("x")],
        half=[said("x"), said("y", q2=None)],
        none=[said("x", q1=None, q2=None), said("y", q1=None, q2=None)],
        mended=[said("x"), said("y", q2=None), said("y")],
        more=[said("x"), said("y", q2=None), said("z")],
        old=[said("x", q7={"fox": True, NONE: False, UNSURE: False}), said("y")],
        broken=[{"workerId": "x"}, {"workerId": "y"}],
    )
    assert answered_in(answers, 2) == {"whole", "mended", "more", "old"}
    assert answered_in(answers, 3) == set()
    assert answered_in(leave_out(answers, {"y": ""}), 2) == {"more"}
    assert answered_in(given(), 1) == set()


def test_an_empty_submission_does_not_take_a_later_answer_away() -> None:
    answers = given(one=[{"workerId": "ann"}, said("ann"), said("bob")])
    assert not answers.rejects.empty
    assert answered_in(answers, 2) == {"one"}
