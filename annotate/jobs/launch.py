"""Sending a job that was planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotate.errors import InputError, RemoteError
from annotate.files import atomic, write_json
from annotate.jobs.plan import JobPlan
from annotate.jobs.record import RECORD, jobs_folder, record_of
from annotate.jobs.request import LABELS, MANIFEST, TEMPLATE
from annotate.jobs.upload import put, upload_images
from annotate.storage.aws import RefusedError, call
from annotate.workspace import Workspace

_KINDS = {
    TEMPLATE: "text/html; charset=utf-8",
    LABELS: "application/json",
    MANIFEST: "application/x-ndjson",
}


def launch_job(
    workspace: Workspace,
    plan: JobPlan,
    s3: Any,
    sagemaker: Any,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Upload what a job needs, and start it. Run again after an interruption, it goes on.

    Args:
        workspace: keeps the record, ``data/jobs/NAME/``.
        plan: which :func:`judge` passed.
        s3: client.
        sagemaker: client.
        on_progress: called with 1 after each image.

    Returns:
        ARN of the job, and how many images were sent, examples included.

    Raises:
        InputError: there is such a job already; an image is gone or changed.
        RemoteError: the bucket or the service refused.
    """
    if name_is_taken(sagemaker, plan.name):
        raise InputError(_taken(plan.name))
    kms_key = plan.settings.kms_key
    sent = upload_images(
        s3,
        workspace.root,
        [*plan.images, *plan.examples],
        max_bytes=workspace.settings.catalog.max_bytes,
        kms_key=kms_key,
        on_progress=on_progress,
    )
    for name, data in plan.files.items():
        put(s3, f"{plan.folder}/{name}", data, _KINDS[name], kms_key=kms_key)
    folder = jobs_folder(workspace) / plan.name
    region = str(sagemaker.meta.region_name)
    about = {"cost": asdict(plan.cost), "settings": {"job": asdict(plan.settings)}}
    record = record_of(plan.request, region, plan.folder, about)
    _keep(folder, plan.files, record)
    try:
        answer = call(sagemaker, "create_labeling_job", **plan.request)
    except RefusedError as error:
        if error.code != "ResourceInUse":
            raise
        raise InputError(_taken(plan.name)) from error
    except RemoteError as error:
        raise RemoteError(
            f"{error}. Whether the job was made is not known; see "
            f"`mumic-annotate job status {plan.name}`."
        ) from error
    write_json(folder / RECORD, {**record, "arn": answer["LabelingJobArn"]})
    return {"arn": answer["LabelingJobArn"], "images_sent": sent}


def name_is_taken(sagemaker: Any, name: str) -> bool:
    """Whether the service has a job of that name. Names are never free again.

    Raises:
        RemoteError: the service does not say.
    """
    try:
        call(sagemaker, "describe_labeling_job", LabelingJobName=name)
    except RefusedError as error:
        if error.code in ("ResourceNotFound", "ValidationException"):
            return False
        raise
    return True


def _taken(name: str) -> str:
    return (
        f"there is a job {name} already; see `mumic-annotate job status {name}`, or choose "
        "another name with --name."
    )


def _keep(folder: Path, files: Mapping[str, bytes], record: Mapping[str, Any]) -> None:
    for name, data in files.items():
        with atomic(folder / name) as file:
            file.write(data)
    write_json(folder / RECORD, record)
