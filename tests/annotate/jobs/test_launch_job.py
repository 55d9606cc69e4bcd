"""From tasks to a job: what is sent, what is not, and the answers that come back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotate.cli import main
from annotate.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(workspace.root)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, ["job", *words], catch_exceptions=False)

    return call


def objects(amazon: Any) -> dict[str, bytes]:
    listed = amazon.s3.list_objects_v2(Bucket=amazon.bucket).get("Contents", [])
    return {
        entry["Key"]: amazon.s3.get_object(Bucket=amazon.bucket, Key=entry["Key"])["Body"].read()
        for entry in listed
    }


def test_a_dry_run_prints_request_and_cost_and_sends_nothing(
    run: Any, amazon: Any, service: Any
) -> None:
    done = run("launch", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["sent"] is False
    assert (said["images"], said["local_images"]) == (3, 3)
    # 3 images, 2 people, 1 question of 6 s at 15 an hour; and 3 times the fee of 0.08
    assert said["cost"]["total"] == pytest.approx(3 * 0.08 + 3 * 2 * 6 / 3600 * 15)
    assert service.jobs == {}
    assert objects(amazon) == {}


def test_yes_uploads_and_starts_the_job(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    done = run("launch", "--yes", "--json")
    assert done.exit_code == 0, done.output
    name = json.loads(done.stdout)["job"]
    there = objects(amazon)
    folder = f"annotation/{name}"
    assert {key: there[key] for key in there if key.startswith("photos/")} == {
        f"photos/photos/ü {number}.jpg": b"photo %d" % number * 50 for number in range(3)
    }
    manifest = [json.loads(line) for line in there[f"{folder}/manifest.jsonl"].splitlines()]
    assert manifest[1] == {
        "source-ref": f"s3://{amazon.bucket}/photos/photos/ü 1.jpg",
        "image-id": f"{1:020x}",
        "questions": ["q01"],
    }
    sent = service.jobs[name]
    source = sent["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    assert source == f"s3://{amazon.bucket}/{folder}/manifest.jsonl"
    assert sent["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 2
    record = json.loads((workspace.data / "jobs" / name / "job.json").read_text())
    assert record["arn"].endswith(name)
    assert record["request"] == sent
