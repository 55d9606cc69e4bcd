"""From tasks to a job: what is sent, what is not, and the answers that come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotate.answers.excluded import write_excluded
from annotate.cli import main
from annotate.workspace import Workspace


def picture(number: int) -> bytes:
    """What the photos of the fixture ``workspace`` hold."""
    return b"photo %d" % number * 50


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


def started(run: Any) -> str:
    done = run("launch", "--yes", "--json")
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["job"])


def test_an_upload_goes_on_where_it_was(run: Any, amazon: Any, service: Any) -> None:
    # One by an earlier call of another tool, one cut short, one not there.
    amazon.s3.put_object(Bucket=amazon.bucket, Key="photos/photos/ü 0.jpg", Body=picture(0))
    amazon.s3.put_object(Bucket=amazon.bucket, Key="photos/photos/ü 1.jpg", Body=picture(1)[:9])
    said = json.loads(run("launch", "--yes", "--json").stdout)
    assert said["images_sent"] == 2
    assert objects(amazon)["photos/photos/ü 1.jpg"] == picture(1)
    again = json.loads(run("launch", "--yes", "--json", "--name", "another").stdout)
    assert again["images_sent"] == 0
    assert len(service.jobs) == 2


def test_an_object_of_the_same_size_with_other_bytes_is_replaced(
    run: Any, amazon: Any, service: Any
) -> None:
    key = "photos/photos/ü 2.jpg"
    amazon.s3.put_object(Bucket=amazon.bucket, Key=key, Body=picture(2)[::-1])
    started(run)
    assert objects(amazon)[key] == picture(2)


def test_a_job_is_started_once(run: Any, amazon: Any, service: Any) -> None:
    name = started(run)
    before = objects(amazon)
    again = run("launch", "--yes")
    assert again.exit_code == 1
    assert f"name {name}" in again.output
    assert "is taken" in again.output
    assert len(service.jobs) == 1
    assert objects(amazon) == before


def test_a_photo_that_changed_stops_the_launch(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    (workspace.root / "photos" / "ü 1.jpg").write_bytes(b"other")
    done = run("launch", "--yes")
    assert done.exit_code == 1
    assert "ü 1.jpg: changed since it was catalogued" in done.output
    assert service.jobs == {}


def test_local_photos_without_a_prefix_are_named(run: Any, workspace: Workspace) -> None:
    done = run("launch", "--image-prefix", "")
    assert done.exit_code == 1
    assert "3 of 3 images are not in a bucket, such as photos/ü 0.jpg" in done.output


def test_status_and_stop(run: Any, amazon: Any, service: Any) -> None:
    missing = run("status")
    assert missing.exit_code == 1
    assert "no job was launched from here" in missing.output
    name = started(run)
    told = run("status")
    assert told.exit_code == 0
    assert f"{name}: InProgress; 1 images have their answers, 2 wait, 0 failed" in told.output
    assert run("stop", name).exit_code == 0
    again = run("stop", name)
    assert again.exit_code == 1
    assert "it is Stopping" in again.output


def answer(person: str, ticked: bool) -> dict[str, Any]:
    boxes = {"pets": ticked, "pool": False, "__none__": not ticked, "__unsure__": False}
    return {"workerId": person, "answerContent": {"q01": boxes}}


def put_answers(amazon: Any, name: str, place: str, answers: Any) -> None:
    key = f"annotation/{name}/annotations/worker-response/{place}"
    body = answers if isinstance(answers, bytes) else json.dumps({"answers": answers}).encode()
    amazon.s3.put_object(Bucket=amazon.bucket, Key=key, Body=body)


def test_answers_come_home_and_the_rest_is_asked_again(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    name = started(run)
    both = [answer("a", True), answer("b", False)]
    put_answers(amazon, name, "iteration-1/0/2026-11-21_08:00:01.json", both)
    put_answers(amazon, name, "iteration-1/1/2026-11-21_08:00:02.json", both[:1])
    put_answers(amazon, name, "iteration-2/1/2026-11-21_09:00:00.json", both[:1])
    put_answers(amazon, name, "iteration-2/notes.txt", b"nothing of ours")
    done = run("collect", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["fetched"], said["answered"], said["answers"], said["short"]) == (3, 2, 3, 2)
    file = workspace.answers / f"job-{name}.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert lines == [
        {"image-id": f"{0:020x}", "answers": both},
        {"image-id": f"{1:020x}", "answers": both[:1]},
    ]
    assert json.loads(run("collect", "--json").stdout)["fetched"] == 0

    chained = json.loads(run("launch", "--chain", name, "--yes", "--json").stdout)
    assert (chained["images"], chained["already_answered"]) == (2, 1)
    # In the new job, object 0 is the image that was object 1 in the first.
    put_answers(amazon, chained["job"], "iteration-1/0/2026-11-22_08:00:00.json", both[1:])
    second = json.loads(run("collect", "--json").stdout)
    assert second["job"] == chained["job"]
    told = json.loads(Path(second["file"]).read_text("utf-8"))
    assert told == {"image-id": f"{1:020x}", "answers": both[1:]}
    left = json.loads(run("launch", "--chain", name, "--json").stdout)
    assert (left["images"], left["already_answered"]) == (1, 2)
    write_excluded(workspace.desk, {"b": "ticks at random"})
    open_again = json.loads(run("launch", "--chain", name, "--json").stdout)
    assert (open_again["images"], open_again["already_answered"]) == (3, 0)
    plan = workspace.questions.read_text("utf-8")
    workspace.questions.write_text(plan.replace("q01", "q09"), "utf-8")
    refused = run("launch", "--chain", name)
    assert refused.exit_code == 1
    assert "asks questions that the present plan has not (q01)" in refused.output


def test_broken_answers_are_handed_on_to_be_set_aside(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    from annotate.answers.files import find_answers
    from annotate.answers.packing import check_answers

    name = started(run)
    put_answers(amazon, name, "iteration-1/0/t.json", b"[" * 50_000)
    put_answers(amazon, name, "iteration-1/1/t.json", [7, answer("a", True)])
    assert run("collect").exit_code == 0
    images = {f"{number:020x}" for number in range(3)}
    found = find_answers(workspace.answers)
    checked = check_answers(found, {"q01": ("pets", "pool")}, images)
    assert list(checked.answers["annotator_id"]) == ["a"]
    assert len(checked.rejects) == 2


def test_answers_of_another_manifest_are_refused(run: Any, amazon: Any, service: Any) -> None:
    name = started(run)
    put_answers(amazon, name, "iteration-1/3/t.json", [answer("a", True)])
    done = run("collect")
    assert done.exit_code == 1
    assert "holds answers to object 3" in done.output


def test_the_output_manifest_has_the_last_word_on_the_order(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    name = started(run)
    put_answers(amazon, name, "iteration-1/0/t.json", [answer("a", True)])
    folder = f"annotation/{name}"
    address = f"s3://{amazon.bucket}/{folder}/annotations/worker-response/iteration-1/0/t.json"
    for number, code in ((0, 0), (1, 1)):
        about = {"worker-response-ref": address}
        line = {"image-id": f"{number:020x}", "mumic": {}, "mumic-metadata": about}
        amazon.s3.put_object(
            Bucket=amazon.bucket,
            Key=f"{folder}/manifests/output/output.manifest",
            Body=json.dumps(line).encode(),
        )
        assert run("collect").exit_code == code


def test_example_images_go_where_the_page_looks_for_them(
    run: Any, amazon: Any, service: Any, workspace: Workspace
) -> None:
    (workspace.root / "pool.jpg").write_bytes(b"an example")
    about = workspace.tasks / "tasks.json"
    about.write_text(json.dumps({"examples": {"pool.jpg": "pool.jpg"}}))
    refused = run("launch")
    assert refused.exit_code == 1
    assert "example images that are not in a bucket, such as pool.jpg" in refused.output
    address = f"s3://{amazon.bucket}/photos/pool.jpg"
    about.write_text(
        json.dumps({"examples": {address: "pool.jpg", "https://h/a.jpg": "https://h/a.jpg"}})
    )
    started(run)
    assert objects(amazon)["photos/pool.jpg"] == b"an example"


def test_settings_without_a_default_are_named_together(run: Any, workspace: Workspace) -> None:
    file = workspace.root / "mumic.toml"
    kept = [line for line in file.read_text("utf-8").splitlines() if "123456789012" not in line]
    file.write_text("\n".join(kept), "utf-8")
    done = run("launch")
    assert done.exit_code == 1
    assert "role = " in done.output
    assert "workteam = " in done.output
    assert "location" not in done.output


def test_the_public_team_is_refused_by_the_command(run: Any, workspace: Workspace) -> None:
    file = workspace.root / "mumic.toml"
    public = "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"
    text = file.read_text("utf-8").replace(workspace.settings.job.workteam, public)
    text = text.replace("public_price = 0.0", "public_price = 0.012")
    file.write_text(text.replace("availability = 864000", "availability = 43200"), "utf-8")
    done = run("launch")
    assert done.exit_code == 1
    assert "30 September 2026" in done.output
    assert run("launch", "--force-public").exit_code == 0
