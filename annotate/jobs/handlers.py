"""Functions for AWS Lambda, for teams that want them. A job needs none.

This file alone is the function's code: it imports the standard library only. Give Lambda the
handler ``handlers.before_task`` for ``[job] pre_lambda`` and ``handlers.after_tasks`` for
``[job] post_lambda``. A name that holds ``LabelingFunction`` may be called by the managed policy
AmazonSageMakerGroundTruthExecution. The second needs s3:GetObject on the job's output.

Events are read leniently: versions ``2018-10-06`` and ``2018-10-16``, the spellings ``s3Uri`` and
``s3uri``, content in place or at an address, and label categories that may be absent.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

SECONDS = 20  # for one object; a function has half a minute or more
_EMPTY = hashlib.sha256(b"").hexdigest()


def before_task(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
    """Pass an object of the manifest on to the page, as the service itself would.

    An object without questions is not shown to anybody.

    Args:
        event: ``{version, labelingJobArn, dataObject}``.
        context: Lambda's; unused.

    Returns:
        ``{taskInput, isHumanAnnotationRequired}``, the latter a truth value.
    """
    data = event.get("dataObject")
    task = dict(data) if isinstance(data, Mapping) else {}
    return {"taskInput": task, "isHumanAnnotationRequired": task.get("questions") != []}


def after_tasks(event: Mapping[str, Any], context: object = None) -> list[dict[str, Any]]:
    """Count the votes of a batch of objects.

    Args:
        event: ``{version, labelingJobArn, labelAttributeName, payload: {s3Uri}, ...}``.
        context: Lambda's; unused.

    Returns:
        Per object what :func:`count_votes` gives, below the label attribute.
    """
    return count_batch(event, read_object)


def count_batch(event: Mapping[str, Any], read: Callable[[str], bytes]) -> list[dict[str, Any]]:
    """As :func:`after_tasks`, with a way to read ``s3://`` objects.

    Args:
        event: of the service.
        read: bytes of an object by its URI.
    """
    attribute = event["labelAttributeName"]
    batch = json.loads(read(_address(event["payload"])))
    return [
        {
            "datasetObjectId": entry["datasetObjectId"],
            "consolidatedAnnotation": {"content": {attribute: count_votes(entry, read)}},
        }
        for entry in batch
    ]


def count_votes(entry: Mapping[str, Any], read: Callable[[str], bytes]) -> dict[str, Any]:
    """The ticks of one object.

    Args:
        entry: ``{datasetObjectId, dataObject, annotations: [{workerId, annotationData}]}``.
        read: for answers that are kept at an address.

    Returns:
        ``annotators``, who gave an answer that can be read; and ``votes``: for each question and
        choice ``[ticks, answers]``. Nothing is decided by it.
    """
    votes: dict[str, dict[str, list[int]]] = {}
    annotators = set()
    for annotation in entry.get("annotations") or []:
        answer = _answer(annotation.get("annotationData") or {}, read)
        if not isinstance(answer, Mapping):
            continue
        annotators.add(annotation.get("workerId"))
        for question, choices in answer.items():
            if not isinstance(choices, Mapping):
                continue
            for choice, ticked in choices.items():
                count = votes.setdefault(question, {}).setdefault(choice, [0, 0])
                count[0] += ticked is True
                count[1] += 1
    return {"annotators": len(annotators), "votes": votes}


def _answer(data: Mapping[str, Any], read: Callable[[str], bytes]) -> Any:
    content = data.get("content")
    if content is None and (data.get("s3Uri") or data.get("s3uri")):
        content = read(_address(data))
    for _ in range(2):  # JSON in a text, and that text sometimes in JSON again
        if isinstance(content, str | bytes):
            try:
                content = json.loads(content)
            except ValueError:
                return None
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return content


def _address(place: Mapping[str, Any]) -> str:
    return str(place.get("s3Uri") or place["s3uri"])


def read_object(uri: str) -> bytes:
    """Bytes of an ``s3://`` object, with the credentials that Lambda puts in the environment."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    region = os.environ["AWS_REGION"]
    suffix = ".cn" if region.startswith("cn-") else ""
    host = f"https://s3.{region}.amazonaws.com{suffix}"
    address = f"{os.environ.get('AWS_ENDPOINT_URL_S3', host)}/{bucket}/{urllib.parse.quote(key)}"
    request = urllib.request.Request(address, headers=sign(address, region, datetime.now(UTC)))
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        data: bytes = answer.read()
    return data


def sign(address: str, region: str, now: datetime) -> dict[str, str]:
    """Headers of a GET of S3 by Amazon's Signature Version 4.

    Args:
        address: without a query, its path quoted.
        region: of the bucket.
        now: time of the request, UTC.
    """
    parts = urllib.parse.urlsplit(address)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    headers = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    asked = f"GET\n{parts.path}\n\n{lines}\n{names}\n{_EMPTY}"
    signed = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {authorization}"}
