"""What this side keeps of a job: ``data/jobs/NAME/``, with the very files that were sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import read_json
from annotate.tasks.manifest import read_manifest
from annotate.workspace import Workspace

RECORD = "job.json"


@dataclass(frozen=True)
class JobRecord:
    """A job that was sent, or was about to be.

    Attributes:
        name: of the job.
        region: where it runs.
        folder: ``s3://`` folder of its files and answers.
        attribute: its label attribute.
        annotators: people asked for each image.
        arn: of the job; empty if the service has not confirmed it.
    """

    name: str
    region: str
    folder: str
    attribute: str
    annotators: int
    arn: str


def jobs_folder(workspace: Workspace) -> Path:
    """Folder with one folder for each job."""
    return workspace.data / "jobs"


def find_job(workspace: Workspace, name: str | None) -> JobRecord:
    """The record of a job, or of the one that was launched last.

    Raises:
        MissingError: there is no such job.
        DamagedError: its record was altered.
    """
    folder = jobs_folder(workspace)
    known = sorted(folder.glob(f"*/{RECORD}"), key=lambda file: file.stat().st_mtime_ns)
    if name is None and known:
        return _record(known[-1])
    for file in known:
        if file.parent.name == name:
            return _record(file)
    names = ", ".join(file.parent.name for file in known) or "none yet"
    which = "no job was launched from here" if name is None else f"no job {name!r} in {folder}"
    raise MissingError(f"{which} (known: {names}). Launch one with `mumic-annotate job launch`.")


def _record(file: Path) -> JobRecord:
    entry = read_json(file, "mumic-annotate job launch")
    try:
        request = entry["request"]
        return JobRecord(
            name=str(request["LabelingJobName"]),
            region=str(entry["region"]),
            folder=str(entry["folder"]),
            attribute=str(request["LabelAttributeName"]),
            annotators=int(request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]),
            arn=str(entry["arn"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{file}: not the record of a job ({error!r} is missing).") from error


def read_objects(path: Path) -> list[dict[str, Any]]:
    """All objects of a manifest as they stand there.

    Raises:
        MissingError: no such file.
        InputError: a line is none of ours, or names no place.
    """
    tasks = read_manifest(path)
    objects = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    for number, (entry, _) in enumerate(zip(objects, tasks, strict=True), 1):
        if not isinstance(entry.get("source-ref"), str):
            raise InputError(f"{path}:{number}: no text `source-ref`.")
    return objects


def record_of(
    request: Mapping[str, Any], region: str, folder: str, about: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``job.json`` holds before the service has answered; ``arn`` is filled in then."""
    return {"request": dict(request), "region": region, "folder": folder, "arn": "", **about}
