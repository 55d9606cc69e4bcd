"""What is found out about buckets, role and work team before money is spent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from annotate.cli import main
from annotate.errors import InputError, RemoteError
from annotate.jobs.check import Clients, Finding, check_job
from annotate.jobs.launch import launch_job
from annotate.jobs.plan import JobPlan, plan_job
from annotate.jobs.team import check_team
from annotate.storage.aws import RefusedError, connect
from annotate.workspace import Workspace

ARN = "arn:aws:sagemaker:us-east-1:123456789012:workteam"
TEAM = f"{ARN}/private-crowd/people"
GROUP = {"UserPool": "us-east-1_pool", "UserGroup": "people", "ClientId": "client"}


def make_plan(workspace: Workspace, **changes: Any) -> JobPlan:
    settings = replace(workspace.settings.job, **changes)
    return plan_job(workspace, workspace.settings.tasks, settings)


def findings(plan: JobPlan) -> dict[str, Finding]:
    return {finding.subject: finding for finding in check_job(plan, Clients.open(""))}


def test_all_is_well(workspace: Workspace, amazon: Any, service: Any) -> None:
    plan = make_plan(workspace)
    found = findings(plan)
    bucket = f"bucket {amazon.bucket}"
    names = ["request", f"name {plan.name}", bucket, f"{bucket}, CORS", "images", "role"]
    assert list(found) == [*names, "work team"]
    assert {finding.state for finding in found.values()} == {"ok"}, found
    assert "lies in us-east-1" in found[bucket].message
    assert "3 to be uploaded" in found["images"].message


NARROW = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://one.example"]}
SILENT = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}


@pytest.mark.parametrize("rule", [None, NARROW, SILENT], ids=["none", "narrow", "silent"])
def test_a_bucket_that_browsers_may_not_read(
    workspace: Workspace, amazon: Any, service: Any, rule: Any
) -> None:
    amazon.s3.delete_bucket_cors(Bucket=amazon.bucket)
    if rule:
        amazon.s3.put_bucket_cors(Bucket=amazon.bucket, CORSConfiguration={"CORSRules": [rule]})
    found = findings(make_plan(workspace))[f"bucket {amazon.bucket}, CORS"]
    assert found.state == "problem"
    assert "put-bucket-cors" in found.message
    # The rule that the message names is the remedy.
    remedy = json.loads(found.message.split("--cors-configuration '")[1].split("'`")[0])
    amazon.s3.put_bucket_cors(Bucket=amazon.bucket, CORSConfiguration=remedy)
    assert findings(make_plan(workspace))[found.subject].state == "ok"


def test_a_bucket_elsewhere(workspace: Workspace, amazon: Any, service: Any) -> None:
    far = f"{amazon.bucket}-far"
    amazon.s3.create_bucket(
        Bucket=far, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    found = findings(make_plan(workspace, location=f"s3://{far}/x"))
    assert found[f"bucket {far}"].state == "problem"
    assert "lies in eu-west-1, and the job in us-east-1" in found[f"bucket {far}"].message
    missing = findings(make_plan(workspace, location="s3://no-such-bucket/x"))
    assert "no such bucket" in missing["bucket no-such-bucket"].message


def test_a_role_that_is_not_the_services(workspace: Workspace, amazon: Any, service: Any) -> None:
    gone = make_plan(workspace, role="arn:aws:iam::123456789012:role/gone")
    assert "there is no role gone" in findings(gone)["role"].message
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    name = f"other-{amazon.bucket}"
    role = amazon.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    found = findings(make_plan(workspace, role=role["Role"]["Arn"]))["role"]
    assert found.state == "problem"
    assert "does not let sagemaker.amazonaws.com assume it" in found.message


def test_images_that_should_be_in_the_bucket(
    workspace: Workspace, amazon: Any, service: Any
) -> None:
    manifest = workspace.tasks / "manifest.jsonl"
    line = {
        "source-ref": f"s3://{amazon.bucket}/there.jpg",
        "image-id": "elsewhere",
        "questions": ["q01"],
    }
    manifest.write_text(json.dumps(line) + "\n")
    found = findings(make_plan(workspace))["images"]
    assert found.message.endswith("there.jpg: no such object")
    amazon.s3.put_object(Bucket=amazon.bucket, Key="there.jpg", Body=b"x")
    assert findings(make_plan(workspace))["images"].state == "ok"


def test_the_command_shows_findings_and_fails_on_problems(
    workspace: Workspace, amazon: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    good = CliRunner().invoke(main, ["job", "check", "--json"])
    assert good.exit_code == 0, good.output
    assert {finding["state"] for finding in json.loads(good.stdout)["findings"]} == {"ok"}
    amazon.s3.delete_bucket_cors(Bucket=amazon.bucket)
    bad = CliRunner().invoke(main, ["job", "check"])
    assert bad.exit_code == 1
    assert f"NO  bucket {amazon.bucket}, CORS" in bad.output
    refused = CliRunner().invoke(main, ["job", "launch", "--yes"])
    assert refused.exit_code == 1
    assert "nothing was sent" in refused.output
    assert service.jobs == {}


@contextmanager
def stubbed(client: Any, *answers: Callable[[Stubber], None]) -> Iterator[Any]:
    with Stubber(client) as stub:
        for answer in answers:
            answer(stub)
        yield client
        stub.assert_no_pending_responses()


def team_of(*members: dict[str, Any], **more: Any) -> Callable[[Stubber], None]:
    team = {
        "WorkteamName": "people",
        "WorkteamArn": TEAM,
        "Description": "people",
        "MemberDefinitions": list(members),
        **more,
    }
    return lambda stub: stub.add_response(
        "describe_workteam", {"Workteam": team}, {"WorkteamName": "people"}
    )


def users(*names: str, token: str = "", after: str = "") -> Callable[[Stubber], None]:
    answer: dict[str, Any] = {"Users": [{"Username": name, "Enabled": True} for name in names]}
    answer["Users"].append({"Username": f"left {names[0]}", "Enabled": False})
    asked = {"UserPoolId": "us-east-1_pool", "GroupName": "people"}
    if token:
        answer["NextToken"] = token
    if after:
        asked["NextToken"] = after
    return lambda stub: stub.add_response("list_users_in_group", answer, asked)


def test_a_team_needs_as_many_people_as_answers(alone: None) -> None:
    sagemaker, cognito = connect("sagemaker"), connect("cognito-idp")
    member = {"CognitoMemberDefinition": GROUP}
    pages = (users("a", "b", token="more"), users("b", "c", "d", after="more"))
    with stubbed(sagemaker, team_of(member)), stubbed(cognito, *pages):
        assert "people has 4 people" in check_team(TEAM, 4, sagemaker, cognito)
    with (
        stubbed(sagemaker, team_of(member)),
        stubbed(cognito, *pages),
        pytest.raises(InputError, match=r"has 4 people .* each image needs 5"),
    ):
        check_team(TEAM, 5, sagemaker, cognito)


def test_addresses_that_a_team_is_bound_to_are_said(alone: None) -> None:
    sagemaker, cognito = connect("sagemaker"), connect("cognito-idp")
    bound = {"S3Presign": {"IamPolicyConstraints": {"VpcSourceIp": "Enabled"}}}
    team = team_of({"CognitoMemberDefinition": GROUP}, WorkerAccessConfiguration=bound)
    with stubbed(sagemaker, team), stubbed(cognito, users("a")):
        assert "(VpcSourceIp)" in check_team(TEAM, 1, sagemaker, cognito)


def test_teams_whose_people_cannot_be_counted(alone: None) -> None:
    sagemaker = connect("sagemaker")
    outside = team_of({"OidcMemberDefinition": {"Groups": ["g"]}})
    with stubbed(sagemaker, outside):
        assert "a provider of its own" in check_team(TEAM, 5, sagemaker, None)
    arn = f"{ARN}/vendor-crowd/acme"
    vendor = {"SubscribedWorkteam": {"WorkteamArn": arn, "SellerName": "Acme"}}
    with stubbed(sagemaker, lambda stub: stub.add_response("describe_subscribed_workteam", vendor)):
        assert "of the vendor Acme" in check_team(arn, 5, sagemaker, None)
    with (
        stubbed(
            sagemaker,
            lambda stub: stub.add_client_error("describe_workteam", "ValidationException", "gone"),
        ),
        pytest.raises(InputError, match="no such team"),
    ):
        check_team(TEAM, 5, sagemaker, None)
    with pytest.raises(InputError, match="workteam is empty"):
        check_team("", 5, sagemaker, None)


def test_what_may_not_be_looked_at_is_unknown_and_no_problem(
    workspace: Workspace, amazon: Any, service: Any
) -> None:
    clients = Clients.open("")
    denied = [
        lambda stub: stub.add_client_error("get_role", "AccessDenied", "not you"),
    ]
    with stubbed(clients.iam, *denied):
        found = check_job(make_plan(workspace), clients)
    (role,) = (finding for finding in found if finding.subject == "role")
    assert role.state == "unknown"
    assert "not you" in role.message


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("ResourceInUse", InputError, "there is a job .* already"),
        ("AccessDeniedException", RefusedError, "not you"),
        ("InternalFailure", RemoteError, "not you"),
    ],
)
def test_a_service_that_does_not_take_the_job(
    workspace: Workspace, amazon: Any, code: str, kind: type[Exception], message: str
) -> None:
    sagemaker = connect("sagemaker")
    plan = make_plan(workspace)
    with (
        stubbed(
            sagemaker,
            lambda stub: stub.add_client_error("describe_labeling_job", "ResourceNotFound", "?"),
            lambda stub: stub.add_client_error(
                "create_labeling_job", code, "not you", expected_params=plan.request
            ),
        ),
        pytest.raises(kind, match=message),
    ):
        launch_job(workspace, plan, amazon.s3, sagemaker)


def test_no_region_is_a_message(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(RemoteError, match=r"\[job\] region"):
        connect("sagemaker")
