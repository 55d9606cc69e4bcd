"""What can be found out about a job before money is spent: buckets, role, work team."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from annotate.errors import InputError, RemoteError
from annotate.jobs.launch import name_is_taken
from annotate.jobs.plan import JobPlan, judge
from annotate.jobs.team import check_team
from annotate.storage.aws import RefusedError, call, connect, split_uri

SAMPLE = 20  # images that are looked for in the bucket
CORS_RULE = {
    "AllowedHeaders": [],
    "AllowedMethods": ["GET"],
    "AllowedOrigins": ["*"],
    "ExposeHeaders": ["Access-Control-Allow-Origin"],
}
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: such as ``bucket photos``.
        state: ``unknown`` where the credentials may not look.
        message: what is there, and what to do about it.
    """

    subject: str
    state: Literal["ok", "unknown", "problem"]
    message: str


@dataclass(frozen=True)
class Clients:
    """The services that a check asks."""

    s3: Any
    sagemaker: Any
    iam: Any
    cognito: Any

    @classmethod
    def open(cls, region: str) -> Clients:
        """Clients in a region; empty: as boto3 finds it.

        Raises:
            RemoteError: no region is known.
        """
        return cls(
            connect("s3", region),
            connect("sagemaker", region),
            connect("iam", region),
            connect("cognito-idp", region),
        )

    @property
    def region(self) -> str:
        """Where the job will run."""
        return str(self.sagemaker.meta.region_name)


def check_job(plan: JobPlan, clients: Clients, *, force_public: bool = False) -> list[Finding]:
    """Look at everything that a job needs.

    Nothing is changed. A service that cannot be asked is a problem of that one subject.

    Args:
        plan: the job.
        clients: the services.
        force_public: the public work team is meant.

    Returns:
        Findings in the order of a job's life.
    """
    request = plan.request
    team = str(request["HumanTaskConfig"]["WorkteamArn"])
    annotators = int(request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"])
    checks: list[tuple[str, Callable[[], str]]] = [
        ("request", lambda: _request(plan, clients.region, force_public)),
        (f"name {plan.name}", lambda: _name(plan, clients.sagemaker)),
    ]
    for bucket, shows_images in _buckets(plan).items():
        subject = f"bucket {bucket}"
        checks.append((subject, partial(_region, bucket, clients)))
        if shows_images:
            checks.append((f"{subject}, CORS", partial(_cors, bucket, clients.s3)))
    checks += [
        ("images", lambda: _images(plan, clients.s3)),
        ("role", lambda: _role(plan.settings.role, clients.iam)),
        ("work team", lambda: check_team(team, annotators, clients.sagemaker, clients.cognito)),
    ]
    return [_finding(subject, check) for subject, check in checks]


def _finding(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, "ok", check())
    except RefusedError as error:
        if error.code in _DENIED:
            return Finding(subject, "unknown", f"these credentials may not look: {error}")
        return Finding(subject, "problem", str(error))
    except (InputError, RemoteError) as error:
        return Finding(subject, "problem", str(error))


def _request(plan: JobPlan, region: str, force_public: bool) -> str:
    judge(plan, region=region, force_public=force_public)
    return f"fits the service's model and rules; {plan.cost}"


def _name(plan: JobPlan, sagemaker: Any) -> str:
    if name_is_taken(sagemaker, plan.name):
        raise InputError("is taken; choose another with --name")
    return "is free"


def _buckets(plan: JobPlan) -> dict[str, bool]:
    """Each bucket that takes part, and whether images are shown from it."""
    buckets = {split_uri(plan.folder)[0]: False}
    for entry in plan.manifest:
        if entry["source-ref"].startswith("s3://"):
            buckets[split_uri(entry["source-ref"])[0]] = True
    return buckets


def _region(bucket: str, clients: Clients) -> str:
    try:
        answer = call(clients.s3, "head_bucket", Bucket=bucket)
    except RefusedError as error:
        if error.code in ("404", "NoSuchBucket"):
            raise InputError(
                "no such bucket; check [job] location and [tasks] image_prefix"
            ) from error
        raise
    region = answer.get("BucketRegion") or "us-east-1"
    if region != clients.region:
        raise InputError(
            f"lies in {region}, and the job in {clients.region}: data and manifest must be in the "
            "job's region. Set [job] region, or use a bucket there."
        )
    return f"lies in {region}"


def _cors(bucket: str, s3: Any) -> str:
    remedy = (
        "annotators would see no image. Add this rule, for example with `aws s3api "
        f"put-bucket-cors --bucket {bucket} --cors-configuration "
        f"'{json.dumps({'CORSRules': [CORS_RULE]})}'`"
    )
    try:
        rules = call(s3, "get_bucket_cors", Bucket=bucket).get("CORSRules", [])
    except RefusedError as error:
        if error.code == "NoSuchCORSConfiguration":
            raise InputError(f"none: {remedy}") from error
        raise
    if not any(_allows(rule) for rule in rules):
        raise InputError(f"no rule lets a browser read from any origin: {remedy}")
    return "lets browsers read the images"


def _allows(rule: Mapping[str, Any]) -> bool:
    exposed = {header.lower() for header in rule.get("ExposeHeaders", [])}
    return (
        "GET" in rule.get("AllowedMethods", [])
        and "*" in rule.get("AllowedOrigins", [])
        and "access-control-allow-origin" in exposed
    )


def _images(plan: JobPlan, s3: Any) -> str:
    """The first images that are to be in the bucket already are there."""
    sent = {image.target for image in plan.images}
    there = [entry["source-ref"] for entry in plan.manifest if entry["source-ref"] not in sent]
    sample = [uri for uri in there if uri.startswith("s3://")][:SAMPLE]
    for uri in sample:
        bucket, key = split_uri(uri)
        try:
            call(s3, "head_object", Bucket=bucket, Key=key)
        except RefusedError as error:
            if error.code in ("404", "NoSuchKey"):
                raise InputError(f"{uri}: no such object") from error
            raise
    return f"{len(sample)} of {len(there):,} looked for and found, {len(sent):,} to be uploaded"


def _role(arn: str, iam: Any) -> str:
    name = arn.rsplit("/", 1)[-1]
    if not name:
        raise InputError("[job] role is empty; it takes the ARN of a role for SageMaker")
    try:
        role = call(iam, "get_role", RoleName=name)["Role"]
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            raise InputError(f"there is no role {name}; see [job] role") from error
        raise
    if role.get("Arn", arn) != arn:
        raise InputError(f"is {role['Arn']} here, not {arn}: another account or path?")
    if "sagemaker.amazonaws.com" not in set(_trusted(role.get("AssumeRolePolicyDocument"))):
        raise InputError(
            f"{name} does not let sagemaker.amazonaws.com assume it; add that service to its "
            "trust policy"
        )
    return f"{name} can be assumed by SageMaker"


def _trusted(policy: Any) -> Iterator[str]:
    """Services that a trust policy lets assume the role."""
    statements = policy.get("Statement", []) if isinstance(policy, Mapping) else []
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, Mapping) else []
        if statement.get("Effect") == "Allow":
            yield from [services] if isinstance(services, str) else services
