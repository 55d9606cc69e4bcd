"""A workspace with tasks, a bucket and roles on this machine, and a SageMaker that takes jobs."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotate.init import init_workspace
from annotate.settings import JobSettings, Settings, TaskSettings
from annotate.tables import CATALOG, write
from annotate.workspace import Workspace

ACCOUNT = "123456789012"
TEAM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/private-crowd/people"
TEMPLATE = (
    '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>\n'
    '<crowd-form><img src="{{ task.input.source-ref | grant_read_access }}"></crowd-form>\n'
)
PLAN = """\
taxonomy: none
strategy: grouped
questions:
- id: q01
  title: Animals
  classes: [pets, pool]
"""
_numbers = itertools.count()


@pytest.fixture
def alone(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, too, that are good for nothing else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture(scope="session")
def aws_address() -> Iterator[str]:
    """S3 and IAM."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Amazon:
    """Clients of the services, and the name of a fresh bucket that browsers may read from."""

    bucket: str
    s3: Any
    iam: Any
    role: str


@pytest.fixture
def amazon(alone: None, aws_address: str, monkeypatch: pytest.MonkeyPatch) -> Amazon:
    """A bucket with CORS, and a role for SageMaker."""
    from annotate.jobs.check import CORS_RULE
    from annotate.storage.aws import connect

    for service in ("S3", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws_address)
    s3, iam = connect("s3"), connect("iam")
    number = next(_numbers)
    bucket = f"jobs-{number}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [CORS_RULE]})
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    name = f"labelling-{number}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    return Amazon(bucket, s3, iam, role["Arn"])


@dataclass
class JobService:
    """What SageMaker was asked, and what it says about each job."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: str = "InProgress"
    seller: str | None = None

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body, as the service's JSON protocol has them."""
        name = request.get("LabelingJobName")
        if operation == "CreateLabelingJob":
            if name in self.jobs:
                return 400, {"__type": "ResourceInUse", "message": "name is taken"}
            self.jobs[str(name)] = request
            return 200, {"LabelingJobArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:job/{name}"}
        if operation == "DescribeWorkteam":
            team = {"WorkteamName": "people", "WorkteamArn": TEAM, "Description": "people"}
            team["MemberDefinitions"] = [{"OidcMemberDefinition": {"Groups": ["g"]}}]  # type: ignore[assignment]
            return 200, {"Workteam": team}
        if name not in self.jobs:
            return 400, {"__type": "ResourceNotFound", "message": "no such job"}
        if operation == "StopLabelingJob":
            self.status = "Stopping"
            return 200, {}
        counts = {"TotalLabeled": 1, "Unlabeled": 2, "FailedNonRetryableError": 0}
        return 200, {"LabelingJobStatus": self.status, "LabelCounters": counts}


@pytest.fixture
def service(alone: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobService]:
    """SageMaker, as far as jobs go; boto3's own client speaks to it over HTTP."""
    state = JobService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].split(".")[1]
            status, answer = state.answer(operation, json.loads(sent))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", f"http://127.0.0.1:{server.server_port}")
    yield state
    server.shutdown()
    server.server_close()


def picture(number: int) -> bytes:
    """Bytes that stand for a photo; jobs never decode them."""
    return b"photo %d" % number * 50


@pytest.fixture
def workspace(tmp_path: Path, amazon: Amazon) -> Workspace:
    """Three local photos with their tasks, and job settings for the bucket."""
    root = tmp_path / "hotels"
    location = f"s3://{amazon.bucket}/annotation"
    settings = Settings(
        tasks=TaskSettings(image_prefix=f"s3://{amazon.bucket}/photos/", annotators=2),
        job=JobSettings(location=location, role=amazon.role, workteam=TEAM),
    )
    init_workspace(root, settings)
    rows, lines = [], []
    for number in range(3):
        uri = f"photos/ü {number}.jpg"
        (root / "photos").mkdir(exist_ok=True)
        (root / uri).write_bytes(picture(number))
        image = f"{number:020x}"
        content = hashlib.sha256(picture(number)).hexdigest()
        rows.append({"image_id": image, "uri": uri, "content_hash": content, "present": True})
        lines.append({"source-ref": uri, "image-id": image, "questions": ["q01"]})
    frame = pd.DataFrame(rows).reindex(columns=list(CATALOG.columns))
    write(CATALOG, frame, root / "data" / "catalog" / "images.parquet")
    tasks = root / "data" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (root / "questions.yaml").write_text(PLAN)
    (tasks / "template.liquid.html").write_text(TEMPLATE)
    (tasks / "label-categories.json").write_text('{"document-version": "2018-11-28", "labels": []}')
    return Workspace.find(root)
