"""``mumic-annotate job``: labelling jobs at Amazon SageMaker Ground Truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress
from annotate.cli.job_lines import finding_lines, import_lines, plan_counts, plan_summary

if TYPE_CHECKING:
    from annotate.jobs.plan import JobPlan
    from annotate.jobs.record import JobRecord
    from annotate.settings import JobSettings
    from annotate.workspace import Workspace


@click.group()
def job() -> None:
    """The tasks as a labelling job at Amazon SageMaker Ground Truth.

    For a private or vendor work team; the settings stand in [job] of mumic.toml.
    """


def _plan_options(command: Any) -> Any:
    options = [
        click.option("--name", help="Of the job; else made from its files."),
        click.option("--chain", metavar="JOB", help="Ask again what this earlier job left open."),
        click.option("--image-prefix", help="s3:// prefix that local images are uploaded below."),
        click.option("--region", help="Of work team and buckets."),
        click.option("--force-public", is_flag=True, help="Take the public work team, now closed."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _plan(
    workspace: Workspace, name: str | None, chain: str | None, image_prefix: str | None
) -> JobPlan:
    from dataclasses import replace

    from annotate.jobs.plan import plan_job

    tasks = workspace.settings.tasks
    if image_prefix is not None:
        tasks = replace(tasks, image_prefix=image_prefix)
    return plan_job(workspace, tasks, workspace.settings.job, name=name, chain=chain)


def _region(settings: JobSettings, region: str | None) -> str:
    return settings.region if region is None else region


@job.command()
@_plan_options
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    name: str | None,
    chain: str | None,
    image_prefix: str | None,
    region: str | None,
    force_public: bool,
    as_json: bool,
) -> None:
    """Look at request, buckets, role and work team before money is spent.

    Nothing is changed. The exit code is 1 where something stands in the way.

    \b
    Example:
      mumic-annotate job check
    """
    from annotate.jobs.check import Clients, check_job

    workspace = open_workspace()
    plan = _plan(workspace, name, chain, image_prefix)
    clients = Clients.open(_region(workspace.settings.job, region))
    findings = check_job(plan, clients, force_public=force_public)
    summary = {"job": plan.name, "region": clients.region, "findings": [vars(f) for f in findings]}
    emit(summary, finding_lines(findings), as_json=as_json)
    if any(finding.state == "problem" for finding in findings):
        ctx.exit(1)


@job.command()
@_plan_options
@click.option("--yes", is_flag=True, help="Upload and start the job; else nothing is sent.")
@json_option
def launch(
    name: str | None,
    chain: str | None,
    image_prefix: str | None,
    region: str | None,
    force_public: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Print a job's request and cost; with --yes, check, upload and start it.

    Local images are uploaded below [tasks] image_prefix where the bucket lacks them.

    \b
    Example:
      mumic-annotate job launch --yes
    """
    from annotate.jobs.plan import judge, request_text

    workspace = open_workspace()
    plan = _plan(workspace, name, chain, image_prefix)
    where = _region(workspace.settings.job, region)
    if not yes:
        judge(plan, region=where, force_public=force_public)
        lines = [
            request_text(plan),
            plan_counts(plan),
            str(plan.cost),
            "Nothing was sent. `mumic-annotate job check` looks at buckets, role and work team; "
            "--yes sends it.",
        ]
        emit({"sent": False, **plan_summary(plan)}, lines, as_json=as_json)
        return
    note(f"{plan.name}: {plan.cost}")
    sent = _send(workspace, plan, where, force_public=force_public)
    lines = [
        f"{sent['arn']}",
        f"{len(plan.manifest):,} images, {sent['images_sent']:,} uploaded now; "
        f"follow it with `mumic-annotate job status {plan.name}`",
    ]
    emit({"sent": True, **sent, **plan_summary(plan)}, lines, as_json=as_json)


def _send(
    workspace: Workspace, plan: JobPlan, region: str, *, force_public: bool
) -> dict[str, Any]:
    from annotate.errors import InputError
    from annotate.jobs.check import Clients, check_job
    from annotate.jobs.launch import launch_job
    from annotate.jobs.plan import judge

    judge(plan, region=region, force_public=force_public)
    clients = Clients.open(region)
    findings = check_job(plan, clients, force_public=force_public)
    if any(finding.state == "problem" for finding in findings):
        raise InputError("nothing was sent:\n" + "\n".join(finding_lines(findings)))
    for finding in findings:
        if finding.state == "unknown":
            note(f"Not checked: {finding.subject}: {finding.message}")
    with progress(len(plan.images) + len(plan.examples), "upload") as bar:
        return launch_job(workspace, plan, clients.s3, clients.sagemaker, bar.update)


@job.command()
@click.argument("name", required=False)
@json_option
def status(name: str | None, as_json: bool) -> None:
    """How far a job is: the one that was launched last, or NAME.

    \b
    Example:
      mumic-annotate job status
    """
    from annotate.jobs.collect import describe_job
    from annotate.jobs.record import find_job

    record = find_job(open_workspace(), name)
    state = describe_job(_sagemaker(record), record.name)
    lines = [
        f"{record.name}: {state['status']}; {state['answered']:,} images have their answers, "
        f"{state['waiting']:,} wait, {state['failed']:,} failed"
    ]
    if state["reason"]:
        lines.append(f"Reason: {state['reason']}")
    lines.append(f"Fetch the answers so far: mumic-annotate job collect {record.name}")
    emit(state, lines, as_json=as_json)


@job.command()
@click.argument("name")
@json_option
def stop(name: str, as_json: bool) -> None:
    """End a job. Its answers stay, and `job launch --chain NAME` asks the rest.

    \b
    Example:
      mumic-annotate job stop mumic-1f2e3d4c5b6a
    """
    from annotate.jobs.collect import stop_job
    from annotate.jobs.record import find_job

    record = find_job(open_workspace(), name)
    stop_job(_sagemaker(record), record.name)
    lines = [f"{record.name} is stopping; answers that are under way may still come"]
    emit({"job": record.name, "status": "Stopping"}, lines, as_json=as_json)


@job.command()
@click.argument("name", required=False)
@json_option
def collect(name: str | None, as_json: bool) -> None:
    """Fetch a job's answers so far; again later, only the new ones.

    \b
    Example:
      mumic-annotate job collect && mumic-annotate consolidate
    """
    from annotate.jobs.collect import collect_answers
    from annotate.jobs.record import find_job

    workspace = open_workspace()
    record = find_job(workspace, name)
    with progress(None, "answers") as bar:
        summary = collect_answers(workspace, record, bar.update)
    lines = [
        f"{summary['file']}: {summary['answers']:,} answers of {summary['annotators']:,} people "
        f"to {summary['answered']:,} of {summary['images']:,} images "
        f"({summary['fetched']:,} files are new)"
    ]
    if summary["short"]:
        lines.append(
            f"{summary['short']:,} images lack answers; once the job has ended: "
            f"mumic-annotate job launch --chain {record.name}"
        )
    emit(summary, lines, as_json=as_json)


@job.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Of the files that are made; else of the first path.")
@click.option("--manifest", type=click.Path(path_type=Path), help="That the job was given.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Label category file: what a category list showed.",
)
@click.option(
    "--fields",
    type=click.Path(path_type=Path),
    help="CSV (field,value,class): what the fields of a form asked.",
)
@json_option
def import_past(
    paths: tuple[Path, ...],
    name: str | None,
    manifest: Path | None,
    labels: Path | None,
    fields: Path | None,
    as_json: bool,
) -> None:
    """Read results of past jobs, of other templates and of Mechanical Turk too.

    PATHS are job output folders (annotations/worker-response/), consolidation requests, output
    manifests, and assignments of Mechanical Turk as XML, JSON or a batch's CSV. Answers are
    translated to the questions of questions.yaml and go to data/answers; labels of output manifests
    go to data/imported, and what cannot be used too, with its reason.

    \b
    Example:
      mumic-annotate job import old-job/ --manifest old-job.manifest
      mumic-annotate job import batch_results.csv --fields fields.csv
    """
    from annotate.answers.history.stage import PastJob, import_results

    stem = paths[0].resolve().name.split(".")[0]
    made = name or "".join(letter if letter.isalnum() else "-" for letter in stem).strip("-")
    job = PastJob(paths, manifest, labels, fields)
    summary = import_results(open_workspace(), job, made or "past")
    emit(summary, import_lines(summary), as_json=as_json)
    if not (summary["answers_file"] or summary["labels_file"]):
        raise SystemExit(1)


def _sagemaker(record: JobRecord) -> Any:
    from annotate.storage.aws import connect

    return connect("sagemaker", record.region)
