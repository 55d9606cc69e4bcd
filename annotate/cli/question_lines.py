"""What ``questions`` prints about cost, saving and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from annotate.cli.console import table
from annotate.cli.numbers import number_text

if TYPE_CHECKING:
    from annotate.questions.comparison import Comparison
    from annotate.questions.planning import QuestionPlan
    from annotate.questions.quality import Loss, Saving


def cost_table(compared: Sequence[Comparison], planned: str) -> list[str]:
    """One line a way to ask; the planned one is marked."""
    header = ["strategy", "questions", "objects", "answers", "people-hours"]
    header += [compared[0].cost.currency, "precision", "recall"]
    rows = []
    for each in compared:
        row, cost = each.as_dict(), each.cost
        name = row["name"]
        measured = [row[key] for key in ("precision", "recall")]
        rows.append(
            [
                f"{name} (planned)" if name == planned else name,
                cost.questions,
                f"{cost.objects:,}",
                f"{cost.answers:,}",
                f"{cost.hours:,.1f}",
                f"{cost.money:,.2f}",
                *(number_text(value) for value in measured),
            ]
        )
    lines = table(header, rows)
    golden = max(each.quality.images if each.quality else 0 for each in compared)
    if golden:
        return [*lines, f"Precision and recall of all labels of up to {golden:,} golden images."]
    return [*lines, "No golden image was answered in any of these ways: no precision and recall."]


def plan_summary(plan: QuestionPlan, saving: Saving | None, loss: Loss | None) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "strategy": plan.strategy,
        "similarity": plan.similarity,
        "questions": len(plan.questions),
        "waiting": sum(bool(question.after) for question in plan.questions),
        "classes": sum(len(question.classes) for question in plan.questions),
        "saving": vars(saving) if saving else None,
        "loss": {**vars(loss), "lost": loss.lost} if loss else None,
    }


def plan_lines(plan: QuestionPlan, saving: Saving | None, loss: Loss | None) -> list[str]:
    """What there is to say of a plan that was written."""
    from annotate.questions.comparison import skips

    lines = [f"Texts compared by {plan.similarity}."] if plan.similarity else []
    if skips(plan):
        lines += skip_lines(plan, saving, loss)
    return [*lines, "Look at them with `mumic-annotate questions show`."]


def skip_lines(plan: QuestionPlan, saving: Saving | None, loss: Loss | None) -> list[str]:
    """What is known about asking parents first."""
    waiting = sum(bool(question.after) for question in plan.questions)
    lines = [f"Parents first: {waiting} of {len(plan.questions)} questions wait for others."]
    if saving is None:
        lines.append(
            "What that saves is not known: no image has votes for all classes, or a truth."
        )
    else:
        share = 1 - saving.asked / len(plan.questions)
        seen = "votes" if saving.basis == "votes" else "true labels, as if nobody erred,"
        lines.append(
            f"Saves {share:.1%} of the questions ({saving.asked:.1f} an image, in "
            f"{saving.rounds:.2f} rounds), by the {seen} of {saving.images:,} images."
        )
    if loss is None:
        lines.append("What it loses is not known: no golden image has votes for all classes.")
    else:
        lines.append(
            f"Loses {loss.lost:.1%} of recall of the classes that can be skipped, from "
            f"{loss.asking_all:.1%} to {loss.skipping:.1%} of {loss.positives:,} golden positives."
        )
    return lines
