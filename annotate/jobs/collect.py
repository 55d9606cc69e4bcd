"""A running job: how far it is, stopping it, and fetching its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from annotate.answers.files import TREE
from annotate.errors import InputError, RemoteError
from annotate.files import atomic, remove_stale
from annotate.jobs.record import JobRecord, jobs_folder, read_objects
from annotate.jobs.request import MANIFEST
from annotate.storage.aws import RefusedError, call, list_objects
from annotate.storage.store import read_bytes
from annotate.workspace import Workspace

OUTPUT = "manifests/output/output.manifest"
THREADS = 16
LARGEST = 50_000_000  # bytes of one file of answers
LARGEST_OUTPUT = 2_000_000_000
_PLACE = re.compile(r"(iteration-[0-9]{1,9})/([0-9]{1,9})/([^/]{1,200})\.json")
ENDED = ("Completed", "Failed", "Stopped")


def describe_job(sagemaker: Any, name: str) -> dict[str, Any]:
    """Where a job stands: status, counts of its images, and why it failed.

    Raises:
        InputError: the service knows no such job.
        RemoteError: it does not answer.
    """
    try:
        answer = call(sagemaker, "describe_labeling_job", LabelingJobName=name)
    except RefusedError as error:
        if error.code in ("ResourceNotFound", "ValidationException"):
            raise InputError(f"the service has no job {name} in this region: {error}") from error
        raise
    counts = answer.get("LabelCounters", {})
    return {
        "job": name,
        "status": answer["LabelingJobStatus"],
        "answered": counts.get("TotalLabeled", 0),
        "failed": counts.get("FailedNonRetryableError", 0),
        "waiting": counts.get("Unlabeled", 0),
        "reason": answer.get("FailureReason"),
        "created": answer.get("CreationTime"),
        "changed": answer.get("LastModifiedTime"),
    }


def stop_job(sagemaker: Any, name: str) -> None:
    """End a job. Its answers stay; it cannot be taken up again, only chained.

    Raises:
        InputError: it has ended already, or there is none.
        RemoteError: the service does not answer.
    """
    status = describe_job(sagemaker, name)["status"]
    if status in (*ENDED, "Stopping"):
        raise InputError(f"job {name} has nothing to stop: it is {status}.")
    call(sagemaker, "stop_labeling_job", LabelingJobName=name)


def collect_answers(
    workspace: Workspace, record: JobRecord, on_progress: Callable[[int], object] | None = None
) -> dict[str, Any]:
    """Fetch a job's answers so far, and put them where ``consolidate`` reads.

    The service's files are kept below ``data/jobs/NAME/worker-response/`` (colons in their names
    become hyphens); those that are there are not fetched again. ``data/answers/job-NAME.jsonl`` is
    made from all of them, with the image ids of the manifest that this very job was given: later
    tasks, and other jobs, number their objects otherwise.

    Args:
        workspace: with the job's record.
        record: the job.
        on_progress: called with 1 after each file.

    Returns:
        Counts: files fetched, images with answers, answers, and images with fewer than wanted.

    Raises:
        InputError: the bucket holds answers to objects that the job's manifest does not have.
        RemoteError: the bucket cannot be read.
    """
    folder = jobs_folder(workspace) / record.name
    images = [entry["image-id"] for entry in read_objects(folder / MANIFEST)]
    target = folder / "worker-response"
    found = _listing(f"{record.folder}/{TREE}/")
    beyond = sorted({index for _, index, _, _ in found if index >= len(images)})
    if beyond:
        raise InputError(
            f"{record.folder}: holds answers to object {beyond[0]}, and the manifest of job "
            f"{record.name} has {len(images):,}. Nothing was collected: is this another job's?"
        )
    _check_order(record, images)
    for place in {file.parent for *_, file, _ in _local(found, target)}:
        remove_stale(place)
    wanted = [entry for entry in _local(found, target) if not _is_there(entry)]
    _fetch_all(wanted, on_progress)
    lines = merge(target, images)
    answers = workspace.answers / f"job-{record.name}.jsonl"
    remove_stale(answers.parent, answers.name)
    with atomic(answers) as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    people = [
        {entry["workerId"] for entry in line["answers"] if isinstance(entry.get("workerId"), str)}
        for line in lines
    ]
    return {
        "job": record.name,
        "file": str(workspace.answers / f"job-{record.name}.jsonl"),
        "fetched": len(wanted),
        "images": len(images),
        "answered": len(lines),
        "answers": sum(len(line["answers"]) for line in lines),
        "short": len(images) - sum(len(names) >= record.annotators for names in people),
        "annotators": len(set().union(*people)),
    }


def _listing(prefix: str) -> list[tuple[str, int, str, int]]:
    """URI, object number, safe local name and size of each file of answers."""
    found = []
    for page in list_objects(prefix):
        for uri, stamp in page:
            if match := _PLACE.fullmatch(uri.removeprefix(prefix)):
                iteration, index, name = match.groups()
                safe = re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip(".")
                place = f"{iteration}/{index}/{safe}.json"
                found.append((uri, int(index), place, int(stamp.rsplit(" ", 1)[1])))
    return found


def _local(found: Sequence[tuple[str, int, str, int]], target: Path) -> list[tuple[str, Path, int]]:
    return [(uri, target / place, size) for uri, _, place, size in found]


def _is_there(entry: tuple[str, Path, int]) -> bool:
    _, file, size = entry
    return file.is_file() and file.stat().st_size == size


def _fetch_all(
    wanted: Sequence[tuple[str, Path, int]], on_progress: Callable[[int], object] | None
) -> None:
    def fetch(entry: tuple[str, Path, int]) -> None:
        uri, file, _ = entry
        try:
            data = read_bytes(uri, file.parent, max_bytes=LARGEST)
        except InputError as error:
            advice = "What came is kept; run the command again"
            raise RemoteError(f"{uri}: {error}. {advice}.") from error
        with atomic(file) as out:
            out.write(data)

    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for _ in pool.map(fetch, wanted):
                if on_progress is not None:
                    on_progress(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _check_order(record: JobRecord, images: Sequence[str]) -> None:
    """Where the job has ended: its own manifest says whose answers stand in which folder.

    Raises:
        InputError: they are others than the numbers say.
    """
    try:
        data = read_bytes(f"{record.folder}/{OUTPUT}", Path(), max_bytes=LARGEST_OUTPUT)
    except InputError as error:
        if "no such object" in str(error):
            return  # not ended yet
        raise RemoteError(f"{record.folder}/{OUTPUT}: {error}") from error
    for line in data.splitlines():
        entry = _json(line)
        place = _answer_place(entry, record.attribute)
        if place is not None and (place >= len(images) or images[place] != entry["image-id"]):
            raise InputError(
                f"{record.folder}/{OUTPUT}: object {place} is image {entry['image-id']!r}, which "
                f"it is not in the manifest of job {record.name}. Nothing was collected."
            )


def _answer_place(entry: Any, attribute: str) -> int | None:
    """The number of the object in the address of its raw answers; None where none is given."""
    if not isinstance(entry, dict) or "image-id" not in entry:
        return None
    about = entry.get(f"{attribute}-metadata")
    address = about.get("worker-response-ref") if isinstance(about, Mapping) else None
    match = re.search(r"/iteration-[0-9]+/([0-9]{1,9})/[^/]*$", str(address))
    return int(match[1]) if match else None


def merge(folder: Path, images: Sequence[str]) -> list[dict[str, Any]]:
    """Lines of ``data/answers/*.jsonl`` from the files of a job, over all its iterations.

    An answer that stands in several files is taken once. For what is no worker response an answer
    without a ``workerId`` is given, which ``consolidate`` sets aside with its place.

    Args:
        folder: with ``iteration-N/OBJECT/TIME.json``.
        images: ids in the order of the job's manifest.
    """
    answers: dict[int, dict[str, Any]] = {}
    files = {file.relative_to(folder).as_posix(): file for file in folder.glob("*/*/*.json")}
    for place in sorted(filter(_PLACE.fullmatch, files), key=_age):
        file = files[place]
        index = int(file.parent.name)
        for response in _responses(file):
            key = json.dumps(response, sort_keys=True)
            answers.setdefault(index, {})[key] = response
    return [
        {"image-id": images[index], "answers": list(entries.values())}
        for index, entries in sorted(answers.items())
    ]


def _age(place: str) -> tuple[int, int, str]:
    iteration, index, name = place.split("/")
    return int(iteration.removeprefix("iteration-")), int(index), name


def _responses(file: Path) -> Iterator[dict[str, Any]]:
    entry = _json(file.read_bytes())
    found = entry.get("answers") if isinstance(entry, dict) else None
    if not isinstance(found, list):
        yield {"problem": f"{file.name}: no worker responses"}
        return
    for response in found:
        yield (
            response
            if isinstance(response, dict)
            else {"problem": f"{file.name}: {response!r:.80}"}
        )


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
