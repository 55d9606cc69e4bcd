"""What ``job`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotate.jobs.check import Finding
    from annotate.jobs.plan import JobPlan

_MARKS = {"ok": "ok", "unknown": "?", "problem": "NO"}


def finding_lines(findings: list[Finding]) -> list[str]:
    """What `job check` found, a line each."""
    width = max(len(finding.subject) for finding in findings)
    return [f"{_MARKS[f.state]:<2}  {f.subject:<{width}}  {f.message}" for f in findings]


def plan_summary(plan: JobPlan) -> dict[str, Any]:
    """A job that is not sent yet, as JSON."""
    return {
        "job": plan.name,
        "images": len(plan.manifest),
        "already_answered": plan.answered,
        "local_images": len(plan.images),
        "cost": vars(plan.cost),
        "request": plan.request,
    }


def plan_counts(plan: JobPlan) -> str:
    """How many images it asks about."""
    chained = f", {plan.answered:,} have all their answers" if plan.answered else ""
    return f"{len(plan.manifest):,} images{chained}; {len(plan.images):,} of them local"


def import_lines(summary: dict[str, Any]) -> list[str]:
    """What became of the results of a past job."""
    lines = []
    if summary["answers_file"]:
        lines.append(
            f"{summary['answers_file']}: {summary['answers']:,} answers of "
            f"{summary['annotators']:,} people to {summary['images']:,} images"
        )
    if summary["labels_file"]:
        lines.append(
            f"{summary['labels_file']}: labels of {summary['labelled_images']:,} images; no votes, "
            "and a class that the job did not ask for is not known there"
        )
    if summary["set_aside"]:
        reasons = ", ".join(f"{why}: {count:,}" for why, count in summary["reasons"].items())
        lines.append(
            f"Set aside: {summary['set_aside']:,} ({reasons}); see {summary['rejects_file']}"
        )
    if not (summary["answers_file"] or summary["labels_file"]):
        lines.append("Nothing of it could be used.")
    return lines
