"""The Lambda functions, on events as both dialects of Ground Truth have them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from annotate.jobs import handlers

LINE = {"source-ref": "s3://b/1.jpg", "image-id": "1", "questions": ["q01"]}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/mumic"


@pytest.mark.parametrize("version", ["2018-10-06", "2018-10-16"])
def test_the_page_gets_the_line_of_the_manifest(version: str) -> None:
    event = {"version": version, "labelingJobArn": ARN, "dataObject": LINE}
    assert handlers.before_task(event) == {"taskInput": LINE, "isHumanAnnotationRequired": True}


def test_nobody_is_asked_nothing() -> None:
    event = {"version": "2018-10-16", "dataObject": {**LINE, "questions": []}}
    assert handlers.before_task(event)["isHumanAnnotationRequired"] is False


def annotation(worker: str, **ticks: bool) -> dict[str, Any]:
    content = json.dumps({"q01": ticks})
    return {"workerId": worker, "annotationData": {"content": content}}


BATCH: list[dict[str, Any]] = [
    {
        "datasetObjectId": "0",
        "dataObject": {"s3Uri": "s3://b/1.jpg"},
        "annotations": [
            annotation("a", pets=True, pool=False),
            annotation("b", pets=True, pool=True),
            {"workerId": "c", "annotationData": {"s3uri": "s3://b/out/c.json"}},
            {"workerId": "d", "annotationData": {"content": "{broken"}},
        ],
    },
    {"datasetObjectId": "1", "dataObject": {"content": "x"}, "annotations": []},
]
DOCUMENTED = {
    "version": "2018-10-16",
    "labelingJobArn": ARN,
    "labelCategories": ["pets"],
    "labelAttributeName": "mumic",
    "roleArn": "arn:aws:iam::123456789012:role/r",
    "payload": {"s3Uri": "s3://b/out/batch.json"},
}
OBSERVED = {
    "version": "2018-10-06",
    "labelingJobArn": ARN,
    "labelCategories": None,
    "labelAttributeName": "mumic",
    "roleArn": "arn:aws:iam::123456789012:role/r",
    "payload": {"s3uri": "s3://b/out/batch.json"},
    "outputConfig": "s3://b/out/",
    "maxHumanWorkersPerDataObject": 5,
    "kmsKeyId": None,
    "vpcEnabled": False,
}


@pytest.mark.parametrize("event", [DOCUMENTED, OBSERVED], ids=["documented", "observed"])
def test_votes_are_counted_in_both_dialects(event: dict[str, Any]) -> None:
    stored = {
        "s3://b/out/batch.json": json.dumps(BATCH).encode(),
        "s3://b/out/c.json": b'[{"q01": {"pets": false, "pool": false}}]',
    }
    first, second = handlers.count_batch(event, stored.__getitem__)
    assert first["datasetObjectId"] == "0"
    assert first["consolidatedAnnotation"]["content"]["mumic"] == {
        "annotators": 3,
        "votes": {"q01": {"pets": [2, 3], "pool": [1, 3]}},
    }
    content = second["consolidatedAnnotation"]["content"]
    assert content == {"mumic": {"annotators": 0, "votes": {}}}


@pytest.mark.parametrize("token", [None, "a/session+token="])
def test_the_signature_is_the_one_that_botocore_makes(
    alone: None, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    address = "https://s3.eu-west-1.amazonaws.com/b/a%20b/%C3%BC~x.json"
    ours = handlers.sign(address, "eu-west-1", datetime(2026, 11, 21, 8, tzinfo=UTC))
    request = AWSRequest("GET", address)
    request.context["timestamp"] = "20261121T080000Z"
    request.headers["X-Amz-Date"] = "20261121T080000Z"
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signer = S3SigV4Auth(Credentials("testing", "testing", token), "s3", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={signer.signature(text, request)}")


def test_a_batch_is_read_from_the_bucket(amazon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    key = "out/ü b/batch 1.json"
    batch = [{**BATCH[1], "annotations": [annotation("a", pets=True)]}]
    amazon.s3.put_object(Bucket=amazon.bucket, Key=key, Body=json.dumps(batch).encode())
    event = {**DOCUMENTED, "payload": {"s3Uri": f"s3://{amazon.bucket}/{key}"}}
    (entry,) = handlers.after_tasks(event)
    votes = entry["consolidatedAnnotation"]["content"]["mumic"]["votes"]
    assert votes == {"q01": {"pets": [1, 1]}}


def test_the_file_alone_is_the_function() -> None:
    program = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "print([m for m in sys.modules if m.split('.')[0] in ('annotate', 'boto3', 'botocore')])"
    )
    file = str(Path(handlers.__file__))
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, file], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
