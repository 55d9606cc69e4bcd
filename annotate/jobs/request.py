"""The request for a labelling job, as a plain dictionary."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from annotate.errors import InputError
from annotate.jobs.prices import public_task_price
from annotate.settings import JobSettings, TaskSettings

TEMPLATE = "template.liquid.html"
MANIFEST = "manifest.jsonl"
LABELS = "label-categories.json"
PUBLIC_TEAM = ":workteam/public-crowd/"


def job_name(manifest: bytes, template: bytes) -> str:
    """A name for a job over these files: the same files have the same name.

    >>> job_name(b"{}", b"<p>")
    'mumic-63b23e059829'
    """
    return f"mumic-{hashlib.sha256(manifest + bytes(1) + template).hexdigest()[:12]}"


def job_folder(name: str, settings: JobSettings) -> str:
    """Where a job's files and answers lie: ``LOCATION/NAME``.

    Raises:
        InputError: ``[job] location`` names no bucket.
    """
    location = settings.location.rstrip("/")
    if not location.startswith("s3://") or not location.removeprefix("s3://").split("/")[0]:
        raise InputError(
            f"[job] location {settings.location!r} must name a folder of a bucket, as in "
            "s3://bucket/annotation/. Template, manifest and answers lie there."
        )
    return f"{location}/{name}"


def is_public(settings: JobSettings) -> bool:
    """Whether the work team is Amazon's public one."""
    return PUBLIC_TEAM in settings.workteam


def make_request(name: str, tasks: TaskSettings, settings: JobSettings) -> dict[str, Any]:
    """The parameters of ``CreateLabelingJob``.

    Nothing is judged here; ``annotate.jobs.validate`` does. No Lambda stands in it unless one is
    set: the service needs none, and writes the raw answers, which are consolidated on this side.

    Args:
        name: of the job.
        tasks: title, description, and how many people answer an image.
        settings: everything else.

    Raises:
        InputError: no location, a tag without ``=``, or a public price that the service refuses.
    """
    folder = job_folder(name, settings)
    inputs: dict[str, Any] = {
        "DataSource": {"S3DataSource": {"ManifestS3Uri": f"{folder}/{MANIFEST}"}}
    }
    if is_public(settings):
        classifiers = ["FreeOfPersonallyIdentifiableInformation", "FreeOfAdultContent"]
        inputs["DataAttributes"] = {"ContentClassifiers": classifiers}
    output = {"S3OutputPath": f"{settings.location.rstrip('/')}/"}
    if settings.kms_key:
        output["KmsKeyId"] = settings.kms_key
    request: dict[str, Any] = {
        "LabelingJobName": name,
        "LabelAttributeName": settings.attribute,
        "InputConfig": inputs,
        "OutputConfig": output,
        "RoleArn": settings.role,
        "LabelCategoryConfigS3Uri": f"{folder}/{LABELS}",
        "HumanTaskConfig": _human_task(f"{folder}/{TEMPLATE}", tasks, settings),
    }
    if automated := _automated(settings):
        request["LabelingJobAlgorithmsConfig"] = automated
    if settings.tags:
        request["Tags"] = _tags(settings.tags)
    return request


def _human_task(template: str, tasks: TaskSettings, settings: JobSettings) -> dict[str, Any]:
    task: dict[str, Any] = {
        "WorkteamArn": settings.workteam,
        "UiConfig": {"UiTemplateS3Uri": template},
        "TaskTitle": tasks.title,
        "TaskDescription": tasks.description,
        "NumberOfHumanWorkersPerDataObject": tasks.annotators,
        "TaskTimeLimitInSeconds": settings.time_limit,
        "TaskAvailabilityLifetimeInSeconds": settings.availability,
        "MaxConcurrentTaskCount": settings.concurrent,
    }
    if settings.keywords:
        task["TaskKeywords"] = list(settings.keywords)
    if settings.pre_lambda:
        task["PreHumanTaskLambdaArn"] = settings.pre_lambda
    if settings.post_lambda:
        arn = settings.post_lambda
        task["AnnotationConsolidationConfig"] = {"AnnotationConsolidationLambdaArn": arn}
    if settings.public_price:
        task["PublicWorkforceTaskPrice"] = public_task_price(settings.public_price)
    return task


def _automated(settings: JobSettings) -> dict[str, Any]:
    """The part about automated labelling, the only one that takes a VPC."""
    part: dict[str, Any] = {}
    if settings.algorithm:
        part["LabelingJobAlgorithmSpecificationArn"] = settings.algorithm
    if settings.subnets or settings.security_groups:
        part["LabelingJobResourceConfig"] = {
            "VpcConfig": {
                "SecurityGroupIds": list(settings.security_groups),
                "Subnets": list(settings.subnets),
            }
        }
    return part


def _tags(tags: Sequence[str]) -> list[dict[str, str]]:
    for tag in tags:
        if "=" not in tag:
            raise InputError(f"[job] tags: {tag!r} must be written as key=value.")
    pairs = (tag.partition("=") for tag in tags)
    return [{"Key": key.strip(), "Value": value.strip()} for key, _, value in pairs]
