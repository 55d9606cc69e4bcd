"""The request against the service's model and rules."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.validate import ParamValidator

from annotate.errors import InputError
from annotate.jobs.prices import PUBLIC_PRICES, public_task_price
from annotate.jobs.request import job_folder, make_request
from annotate.jobs.rules import check_objects, refuse_public, rule_problems
from annotate.jobs.validate import check_request, model_problems
from annotate.settings import JobSettings, TaskSettings
from annotate.storage.aws import request_shape

TEAM = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/people"
PUBLIC = "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:x"
GOOD = JobSettings(
    location="s3://b/annotation/", role="arn:aws:iam::123456789012:role/r", workteam=TEAM
)
FULL = replace(
    GOOD,
    kms_key="arn:aws:kms:us-east-1:123456789012:key/1",
    tags=("équipe=photos + more", "stage="),
    pre_lambda=LAMBDA,
    post_lambda=LAMBDA,
    algorithm="arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/x",
    subnets=("subnet-1",),
    security_groups=("sg-1", "sg-2"),
)
TASK = "HumanTaskConfig"
SOURCE = "InputConfig.DataSource.S3DataSource.ManifestS3Uri"


@pytest.fixture(scope="module")
def shape() -> Any:
    return request_shape("sagemaker", "CreateLabelingJob")


@pytest.mark.parametrize("settings", [GOOD, FULL])
def test_our_requests_fit(shape: Any, settings: JobSettings) -> None:
    request = make_request("mumic-1", TaskSettings(), settings)
    check_request(request, shape, region="us-east-1")
    assert not ParamValidator().validate(request, shape).has_errors()


def changed(place: str, value: Any) -> dict[str, Any]:
    request = copy.deepcopy(make_request("mumic-1", TaskSettings(), FULL))
    *path, last = place.split(".")
    target: Any = request
    for name in path:
        target = target[name]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return request


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("RoleArn", None),
        ("LabelingJobName", 7),
        ("Colour", "red"),
        (f"{TASK}.UiConfig", []),
        (f"{TASK}.NumberOfHumanWorkersPerDataObject", 0),
        (f"{TASK}.NumberOfHumanWorkersPerDataObject", True),
        (f"{TASK}.TaskKeywords", []),
        (f"{TASK}.TaskTitle", ""),
        ("Tags", {"a": "b"}),
        ("OutputConfig.KmsKeyId", 1.5),
    ],
)
def test_what_botocore_finds_is_found(shape: Any, place: str, value: Any) -> None:
    request = changed(place, value)
    theirs = ParamValidator().validate(request, shape).has_errors()
    # botocore takes a truth value for a number; the service does not.
    assert theirs or value is True
    (problem,) = model_problems(shape, request)
    assert problem.startswith(place)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("LabelingJobName", "a_b"),
        ("LabelingJobName", "a" * 64),
        ("LabelingJobName", "a-"),
        ("LabelAttributeName", "a" * 128),
        (f"{TASK}.NumberOfHumanWorkersPerDataObject", 10),
        (f"{TASK}.MaxConcurrentTaskCount", 5001),
        (f"{TASK}.TaskKeywords", ["a"] * 6),
        (f"{TASK}.TaskKeywords", ["a" * 31]),
        (f"{TASK}.TaskKeywords", ["a  b"]),
        (f"{TASK}.TaskTitle", "Beach 🏖"),
        (f"{TASK}.TaskDescription", "two\nlines"),
        (f"{TASK}.WorkteamArn", "people"),
        ("InputConfig.DataAttributes", {"ContentClassifiers": ["Harmless"]}),
        ("StoppingConditions", {"MaxPercentageOfInputDatasetLabeled": 101}),
        ("Tags", [{"Key": "a", "Value": "!"}]),
        ("RoleArn", "arn:aws:iam::12:role/r"),
        (f"{TASK}.PublicWorkforceTaskPrice", {"AmountInUsd": {"Cents": 120}}),
    ],
)
def test_what_botocore_lets_pass_is_found(shape: Any, place: str, value: Any) -> None:
    request = changed(place, value)
    assert not ParamValidator().validate(request, shape).has_errors()
    problems = model_problems(shape, request)
    assert len(problems) == 1
    assert problems[0].startswith(place)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("LabelAttributeName", "mumic-metadata"),
        ("LabelAttributeName", "mumic-ref"),
        ("LabelAttributeName", "source"),
        ("LabelAttributeName", "source-ref"),
        ("LabelAttributeName", "image-id"),
        (SOURCE, None),
        (SOURCE, "https://b/manifest.jsonl"),
        (f"{TASK}.UiConfig.UiTemplateS3Uri", None),
        (f"{TASK}.TaskTimeLimitInSeconds", 28_801),
        (f"{TASK}.TaskAvailabilityLifetimeInSeconds", 2_592_001),
        (f"{TASK}.TaskAvailabilityLifetimeInSeconds", 60),
        (f"{TASK}.WorkteamArn", TEAM.replace("us-east-1", "eu-west-1")),
        (f"{TASK}.PublicWorkforceTaskPrice", public_task_price(0.012)),
        ("LabelingJobAlgorithmsConfig", {"LabelingJobResourceConfig": {}}),
        ("Tags", [{"Key": "aws:x", "Value": ""}]),
    ],
)
def test_rules_that_the_model_does_not_hold(place: str, value: Any) -> None:
    (problem,) = rule_problems(changed(place, value), region="us-east-1")
    assert place.split(".")[0] in problem


def test_limits_themselves_are_allowed(shape: Any) -> None:
    request = changed("LabelingJobName", "a" * 63)
    task = request[TASK]
    task |= {"TaskTimeLimitInSeconds": 28_800, "TaskAvailabilityLifetimeInSeconds": 2_592_000}
    task |= {"NumberOfHumanWorkersPerDataObject": 9, "MaxConcurrentTaskCount": 5000}
    check_request(request, shape)


def test_all_problems_are_named_at_once_with_their_setting(shape: Any) -> None:
    settings = replace(GOOD, role="", attribute="x-metadata", keywords=("a",) * 6, time_limit=1)
    request = make_request("n_1", TaskSettings(annotators=10), settings)
    with pytest.raises(InputError) as caught:
        check_request(request, shape)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 + 6
    for setting in ("--name", "[job] role", "[job] attribute", "[job] keywords"):
        assert setting in message
    assert "[job] time_limit" in message
    assert "[tasks] annotators" in message


@pytest.mark.parametrize("broken", [{}, {TASK: 3}, {TASK: {"UiConfig": "x"}, "Tags": [1]}])
def test_a_request_of_any_form_is_judged_and_no_traceback(shape: Any, broken: Any) -> None:
    with pytest.raises(InputError):
        check_request(broken, shape, region="us-east-1")


def test_the_public_team_is_refused_unless_forced(shape: Any) -> None:
    settings = replace(GOOD, workteam=PUBLIC, public_price=0.036, availability=43_200)
    request = make_request("mumic-1", TaskSettings(), settings)
    with pytest.raises(InputError, match=r"closed Mechanical Turk .* 30 September 2026"):
        refuse_public(request, force=False)
    refuse_public(request, force=True)
    check_request(request, shape, region="us-east-1")
    unpriced = make_request("mumic-1", TaskSettings(), replace(settings, public_price=0.0))
    with pytest.raises(InputError, match="needs a price"):
        check_request(unpriced, shape)


def test_prices_add_up() -> None:
    for price in PUBLIC_PRICES:
        parts = public_task_price(float(price))["AmountInUsd"]
        dollars, cents, tenths = parts.values()
        assert Decimal(dollars) + Decimal(cents) / 100 + Decimal(tenths) / 1000 == price
        assert cents < 100
        assert tenths < 10
    with pytest.raises(InputError, match=r"0\.05"):
        public_task_price(0.05)


def attempt_location(location: str) -> None:
    job_folder("mumic-1", JobSettings(location=location))


def attempt_tag() -> None:
    make_request("mumic-1", TaskSettings(), replace(GOOD, tags=("stage",)))


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: attempt_location(""), "location '' must name a folder of a bucket"),
        (lambda: attempt_location("s3://"), "must name a folder of a bucket"),
        (lambda: attempt_location("photos/"), "must name a folder of a bucket"),
        (attempt_tag, "'stage' must be written as key=value"),
    ],
)
def test_settings_that_make_no_request(attempt: Callable[[], None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        attempt()


def test_objects_must_lie_in_a_bucket_and_be_new() -> None:
    line = {"source-ref": "s3://b/1.jpg", "image-id": "1", "questions": ["q01"]}
    check_objects([line], "mumic")
    with pytest.raises(InputError, match=r"2 of 3 images are not in a bucket, such as a\.jpg"):
        check_objects(
            [line, {**line, "source-ref": "a.jpg"}, {**line, "source-ref": "https://h/a.jpg"}],
            "mumic",
        )
    with pytest.raises(InputError, match="is a key of the manifest already"):
        check_objects([{**line, "mumic": 1}], "mumic")
    with pytest.raises(InputError, match="no image is left"):
        check_objects([], "mumic")
