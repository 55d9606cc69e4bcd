"""Whether Ground Truth will take a request: its model in full, and the rules beside the model.

botocore itself checks names, types and minima only; maxima, patterns and choices pass and come back
from the service as one opaque error at a time. Here everything is looked at, all at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import regex

from annotate.errors import InputError, closest
from annotate.jobs.rules import rule_problems

_SETTINGS = {
    "LabelingJobName": "--name",
    "LabelAttributeName": "[job] attribute",
    "InputConfig": "[job] location",
    "OutputConfig.KmsKeyId": "[job] kms_key",
    "OutputConfig": "[job] location",
    "RoleArn": "[job] role",
    "LabelCategoryConfigS3Uri": "[job] location",
    "LabelingJobAlgorithmsConfig": "[job] algorithm, subnets and security_groups",
    "HumanTaskConfig.WorkteamArn": "[job] workteam",
    "HumanTaskConfig.UiConfig": "[job] location",
    "HumanTaskConfig.PreHumanTaskLambdaArn": "[job] pre_lambda",
    "HumanTaskConfig.AnnotationConsolidationConfig": "[job] post_lambda",
    "HumanTaskConfig.TaskKeywords": "[job] keywords",
    "HumanTaskConfig.TaskTitle": "[tasks] title",
    "HumanTaskConfig.TaskDescription": "[tasks] description",
    "HumanTaskConfig.NumberOfHumanWorkersPerDataObject": "[tasks] annotators",
    "HumanTaskConfig.TaskTimeLimitInSeconds": "[job] time_limit",
    "HumanTaskConfig.TaskAvailabilityLifetimeInSeconds": "[job] availability",
    "HumanTaskConfig.MaxConcurrentTaskCount": "[job] concurrent",
    "HumanTaskConfig.PublicWorkforceTaskPrice": "[job] public_price",
    "Tags": "[job] tags",
}


def check_request(request: Mapping[str, Any], shape: Any, *, region: str = "") -> None:
    """Make sure that the service will take a request.

    Args:
        request: for ``CreateLabelingJob``.
        shape: botocore's description of it, from ``annotate.storage.aws.request_shape``.
        region: of the job, if it is known.

    Raises:
        InputError: it will not; every problem is named with the setting that it comes from.
    """
    problems = [*model_problems(shape, request), *rule_problems(request, region=region)]
    if problems:
        lines = "\n".join(f"  {_advised(problem)}" for problem in problems)
        raise InputError(f"Ground Truth would refuse this request:\n{lines}")


def _advised(problem: str) -> str:
    place = problem.split(":", 1)[0]
    for start, setting in _SETTINGS.items():
        if place == start or place.startswith((f"{start}.", f"{start}[")):
            return f"{problem}; see {setting}"
    return problem


def model_problems(shape: Any, value: Any, place: str = "") -> list[str]:
    """Everything in which a value differs from a shape of botocore's model.

    Args:
        shape: a botocore ``Shape``: structure, list, map, string, number or boolean.
        value: what is to be sent.
        place: of the value in the request, such as ``HumanTaskConfig.TaskKeywords[0]``.

    Returns:
        Messages, each beginning with its place; none if all is well.
    """
    check = _CHECKS.get(shape.type_name)
    return check(shape, value, place) if check else []


def _structure(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{place}: must be an object, not {_shown(value)}"]
    start = f"{place}." if place else ""
    problems = [
        f"{start}{name}: is required and not there"
        for name in shape.required_members
        if name not in value
    ]
    for name, entry in value.items():
        if name in shape.members:
            problems += model_problems(shape.members[name], entry, f"{start}{name}")
        else:
            problems.append(f"{start}{name}: is not known{closest(str(name), shape.members)}")
    return problems


def _list(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{place}: must be a list, not {_shown(value)}"]
    problems = _bounds(shape, len(value), place, "entries")
    for number, entry in enumerate(value):
        problems += model_problems(shape.member, entry, f"{place}[{number}]")
    return problems


def _map(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{place}: must be an object, not {_shown(value)}"]
    problems = _bounds(shape, len(value), place, "entries")
    for name, entry in value.items():
        problems += model_problems(shape.key, name, f"{place}[{name!r}]")
        problems += model_problems(shape.value, entry, f"{place}[{name!r}]")
    return problems


def _string(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, str):
        return [f"{place}: must be text, not {_shown(value)}"]
    pattern = shape.metadata.get("pattern")
    if not value and (shape.metadata.get("min") or (pattern and not _compiled(pattern).match(""))):
        return [f"{place}: is empty"]
    if problems := _bounds(shape, len(value), place, "characters"):
        return problems
    if shape.enum and value not in shape.enum:
        return [f"{place}: {_shown(value)} is none of {', '.join(shape.enum)}"]
    if pattern and not _compiled(pattern).fullmatch(value):
        return [f"{place}: {_shown(value)} does not fit the pattern {pattern}"]
    return []


def _whole(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        return [f"{place}: must be a whole number, not {_shown(value)}"]
    return _bounds(shape, value, place, "")


def _number(shape: Any, value: Any, place: str) -> list[str]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return [f"{place}: must be a number, not {_shown(value)}"]
    return _bounds(shape, value, place, "")


def _boolean(shape: Any, value: Any, place: str) -> list[str]:
    return [] if isinstance(value, bool) else [f"{place}: must be true or false"]


_CHECKS: dict[str, Callable[[Any, Any, str], list[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _whole,
    "long": _whole,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
}


def _bounds(shape: Any, size: float, place: str, unit: str) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    words = f" {unit}" if unit else ""
    if least is not None and size < least:
        return [f"{place}: {size:,}{words}, and at least {least:,} must be given"]
    if most is not None and size > most:
        return [f"{place}: {size:,}{words}, and at most {most:,} are taken"]
    return []


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """The model writes patterns as Java does: ``re`` knows no classes such as ``\\p{L}``."""
    return regex.compile(pattern)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
