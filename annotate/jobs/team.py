"""Whether a work team has enough people: each image needs as many different ones as answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotate.errors import InputError
from annotate.jobs.request import PUBLIC_TEAM
from annotate.storage.aws import RefusedError, call


def check_team(arn: str, annotators: int, sagemaker: Any, cognito: Any) -> str:
    """What is known about a work team.

    Args:
        arn: of the team.
        annotators: different people that an image needs.
        sagemaker: client.
        cognito: client of ``cognito-idp``, where the people of private teams stand.

    Raises:
        InputError: no such team, or too few people in it.
        RemoteError: it cannot be looked at.
    """
    if PUBLIC_TEAM in arn:
        return "is the public one; its size is not known"
    if ":workteam/vendor-crowd/" in arn:
        team = _ask(
            sagemaker, "describe_subscribed_workteam", "SubscribedWorkteam", WorkteamArn=arn
        )
        return f"of the vendor {team.get('SellerName', 'of this ARN')}; its size is not known"
    name = arn.rsplit("/", 1)[-1]
    if not name:
        raise InputError("[job] workteam is empty; it takes the ARN of a private or vendor team")
    team = _ask(sagemaker, "describe_workteam", "Workteam", WorkteamName=name)
    people: set[str] = set()
    counted = True
    for member in team.get("MemberDefinitions", []):
        group = member.get("CognitoMemberDefinition")
        if group is None:
            counted = False
        else:
            people |= set(_members(group, cognito))
    if not counted:
        return f"{name} takes its people from a provider of its own, which is not asked here"
    if len(people) < annotators:
        raise InputError(
            f"{name} has {len(people)} people who may sign in, and each image needs {annotators} "
            "different ones: its last answers would never come. Add people to the team, or lower "
            "[tasks] annotators."
        )
    return f"{name} has {len(people)} people for {annotators} answers an image{_limits(team)}"


def _ask(sagemaker: Any, operation: str, part: str, **request: str) -> Mapping[str, Any]:
    try:
        team: Mapping[str, Any] = call(sagemaker, operation, **request)[part]
    except RefusedError as error:
        if error.code in ("ResourceNotFound", "ValidationException"):
            raise InputError(f"no such team; see [job] workteam and region: {error}") from error
        raise
    return team


def _members(group: Mapping[str, str], cognito: Any) -> Iterator[str]:
    request = {"UserPoolId": group["UserPool"], "GroupName": group["UserGroup"]}
    while True:
        page = call(cognito, "list_users_in_group", **request)
        yield from (user["Username"] for user in page["Users"] if user.get("Enabled", True))
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _limits(team: Mapping[str, Any]) -> str:
    """Where people may open the images from, if the team restricts that."""
    access = team.get("WorkerAccessConfiguration", {}).get("S3Presign", {})
    limits = access.get("IamPolicyConstraints", {})
    enabled = [name for name in ("SourceIp", "VpcSourceIp") if limits.get(name) == "Enabled"]
    if not enabled:
        return ""
    return f"; images open only from the addresses that they signed in from ({', '.join(enabled)})"
