"""Rules of Ground Truth that its model does not hold (the service's developer guide)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from annotate.errors import InputError
from annotate.jobs.request import PUBLIC_TEAM
from annotate.tasks.objects import check_manifest

LONGEST_TASK = 28_800  # seconds; custom tasks
LONGEST_OFFER = 2_592_000  # seconds; private and vendor teams
LONGEST_PUBLIC_OFFER = 43_200
CLOSED = (
    "Amazon closed Mechanical Turk and the public work team on 30 September 2026: a new job would "
    "find nobody. Give [job] workteam the ARN of a private or vendor team, or annotate with the "
    "local server. --force-public sends it all the same."
)


def refuse_public(request: Mapping[str, Any], *, force: bool) -> None:
    """Make sure that no job goes to the public work team by mistake.

    Raises:
        InputError: it would.
    """
    if PUBLIC_TEAM in str(request["HumanTaskConfig"].get("WorkteamArn", "")) and not force:
        raise InputError(CLOSED)


def rule_problems(request: Mapping[str, Any], *, region: str = "") -> list[str]:
    """Everything in a request that the service refuses though its model allows it.

    Args:
        request: for ``CreateLabelingJob``, of any form: what is missing or of a wrong type is the
            model's business and passed over here.
        region: of the job, if it is known.

    Returns:
        Messages, each beginning with its place in the request.
    """
    task = _part(request, "HumanTaskConfig")
    return [
        *_attribute(request.get("LabelAttributeName")),
        *_places(request, task),
        *_times(task),
        *_public(request, task),
        *_vpc(request),
        *_tags(request.get("Tags")),
        *_regions(task, region),
    ]


def _part(value: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _attribute(name: Any) -> Iterator[str]:
    place = "LabelAttributeName"
    if not isinstance(name, str):
        return
    if name.endswith(("-metadata", "-ref")):
        yield f"{place}: {name!r} must not end in -metadata or -ref"
    if name in ("source", "image-id", "questions"):
        yield f"{place}: {name!r} is a key of the manifest already"


def _places(request: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    source = _part(request, "InputConfig", "DataSource", "S3DataSource")
    addresses = {
        "InputConfig.DataSource.S3DataSource.ManifestS3Uri": source.get("ManifestS3Uri"),
        "HumanTaskConfig.UiConfig.UiTemplateS3Uri": _part(task, "UiConfig").get("UiTemplateS3Uri"),
        "OutputConfig.S3OutputPath": _part(request, "OutputConfig").get("S3OutputPath"),
    }
    for place, address in addresses.items():
        if address is None:
            yield f"{place}: is needed for a page of one's own"
        elif isinstance(address, str) and not address.startswith("s3://"):
            yield f"{place}: {address!r} must be an s3:// address"


def _times(task: Mapping[str, Any]) -> Iterator[str]:
    limit = task.get("TaskTimeLimitInSeconds")
    if isinstance(limit, int) and limit > LONGEST_TASK:
        yield (
            f"HumanTaskConfig.TaskTimeLimitInSeconds: {limit:,}, and at most {LONGEST_TASK:,} are "
            "taken for a page of one's own"
        )
    offer = task.get("TaskAvailabilityLifetimeInSeconds")
    most = LONGEST_PUBLIC_OFFER if _is_public(task) else LONGEST_OFFER
    if isinstance(offer, int) and offer > most:
        yield (
            f"HumanTaskConfig.TaskAvailabilityLifetimeInSeconds: {offer:,}, and at most {most:,} "
            "are taken for this team"
        )
    if isinstance(limit, int) and isinstance(offer, int) and offer < limit:
        yield (
            f"HumanTaskConfig.TaskAvailabilityLifetimeInSeconds: {offer:,} is less than the "
            f"{limit:,} seconds that one task may take"
        )


def _is_public(task: Mapping[str, Any]) -> bool:
    return PUBLIC_TEAM in str(task.get("WorkteamArn", ""))


def _public(request: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    place = "HumanTaskConfig.PublicWorkforceTaskPrice"
    priced = "PublicWorkforceTaskPrice" in task
    if not _is_public(task):
        if priced:
            yield f"{place}: only a public team takes a price for each answer"
        return
    if not priced:
        yield f"{place}: a public team needs a price for each answer"
    named = _part(request, "InputConfig", "DataAttributes").get("ContentClassifiers")
    if "FreeOfPersonallyIdentifiableInformation" not in (named or ()):
        yield (
            "InputConfig.DataAttributes.ContentClassifiers: a public team needs the statement "
            "FreeOfPersonallyIdentifiableInformation"
        )


def _vpc(request: Mapping[str, Any]) -> Iterator[str]:
    part = _part(request, "LabelingJobAlgorithmsConfig")
    if part and "LabelingJobAlgorithmSpecificationArn" not in part:
        yield (
            "LabelingJobAlgorithmsConfig: the service takes a VPC for automated labelling only; "
            "where people may open pages from is the work team's (WorkerAccessConfiguration)"
        )


def _tags(tags: Any) -> Iterator[str]:
    pairs = tags if isinstance(tags, list) else []
    keys = [tag.get("Key") for tag in pairs if isinstance(tag, Mapping)]
    for number, key in enumerate(keys):
        if isinstance(key, str) and key.lower().startswith("aws:"):
            yield f"Tags[{number}].Key: {key!r}: names that begin with aws: are Amazon's own"
        if key in keys[:number]:
            yield f"Tags[{number}].Key: {key!r} stands there twice"


def _regions(task: Mapping[str, Any], region: str) -> Iterator[str]:
    consolidation = _part(task, "AnnotationConsolidationConfig")
    arns = {
        "WorkteamArn": task.get("WorkteamArn"),
        "PreHumanTaskLambdaArn": task.get("PreHumanTaskLambdaArn"),
        "AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn": consolidation.get(
            "AnnotationConsolidationLambdaArn"
        ),
    }
    for name, arn in arns.items():
        parts = arn.split(":") if isinstance(arn, str) else []
        if region and len(parts) > 5 and parts[3] and parts[3] != region:
            yield f"HumanTaskConfig.{name}: lies in {parts[3]}, and the job in {region}"


def check_objects(manifest: Sequence[Mapping[str, Any]], attribute: str) -> None:
    """Make sure that Ground Truth can open the objects of a manifest.

    Args:
        manifest: its objects.
        attribute: the job's label attribute.

    Raises:
        InputError: there are none or too many, one is too long, its address is not in a bucket, or
            it already has the attribute.
    """
    if not manifest:
        raise InputError("no image is left to ask about; build tasks with `mumic-annotate tasks`.")
    check_manifest(manifest)
    elsewhere = [entry for entry in manifest if not str(entry["source-ref"]).startswith("s3://")]
    if elsewhere:
        raise InputError(
            f"{len(elsewhere):,} of {len(manifest):,} images are not in a bucket, such as "
            f"{elsewhere[0]['source-ref']}; Ground Truth shows images from S3 only. Upload them "
            "with `mumic-annotate job launch --image-prefix s3://bucket/photos/`."
        )
    taken = {attribute, f"{attribute}-metadata"}
    if any(taken & entry.keys() for entry in manifest):
        raise InputError(f"[job] attribute {attribute!r} is a key of the manifest already.")
