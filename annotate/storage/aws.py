"""Amazon S3 and what speaks its language: listing a bucket, reading an object.

Other services of Amazon are reached through :func:`connect` and :func:`call`.

Credentials, region and endpoint are found as boto3 finds them (environment, profiles, roles;
``AWS_ENDPOINT_URL_S3`` names another service). botocore's standard mode retries throttled and
failed requests with a growing pause; ``AWS_MAX_ATTEMPTS`` says how often.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
import urllib3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from annotate.errors import InputError, MissingError, RemoteError
from annotate.storage.remote import (
    PIECE,
    Body,
    ChangedError,
    DroppedError,
    Fetched,
    UnreachableError,
    parse_range,
    read_whole,
)

CONNECT_SECONDS = 10
READ_SECONDS = 60
CONNECTIONS = 64
_creating = threading.Lock()
_CREDENTIALS = (
    "Check the credentials: `aws sts get-caller-identity` says whose are used; AWS_PROFILE or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY choose others."
)
_ADVICE = {
    "NoSuchBucket": "no such bucket. Check its name, and AWS_ENDPOINT_URL_S3 if it is set.",
    "AccessDenied": "access denied. The credentials need s3:ListBucket and s3:GetObject on it.",
    "InvalidAccessKeyId": f"the access key is not known there. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the secret access key is wrong. {_CREDENTIALS}",
    "ExpiredToken": f"the credentials have expired. {_CREDENTIALS}",
}
_REASONS = {
    "NoSuchKey": "no such object",
    "404": "no such object",
    "InvalidObjectState": "archived",
}
# These are about the bucket or the caller, so that the next object would fare no better.
_OUTAGES = frozenset({*_ADVICE, "SlowDown", "RequestTimeTooSkewed", "InvalidToken"})


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URI.

    >>> split_uri("s3://photos/a b/#1.jpg")
    ('photos', 'a b/#1.jpg')

    Raises:
        InputError: there is no bucket in it.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket:
        raise InputError(f"{uri}: names no bucket; write s3://BUCKET/PREFIX")
    return bucket, key


def read_object(uri: str, *, max_bytes: int, stamp: str | None = None) -> Fetched | None:
    """Read an object, unless it still is what a stamp says.

    Args:
        uri: ``s3://bucket/key``.
        max_bytes: larger ones are refused before and while they are read.
        stamp: of an earlier reading or a listing: the object's ETag and size.

    Returns:
        Bytes and stamp, or None if the object is unchanged.

    Raises:
        InputError: no such object, too large, denied; the message is the reason.
        UnreachableError: the service, the bucket or the credentials do not work.
    """
    bucket, key = split_uri(uri)
    if not key:
        raise InputError("names a bucket and no object")
    known = stamp.rsplit(" ", 1)[0] if stamp else None

    def open_at(start: int, tag: str | None) -> Body | None:
        asked: dict[str, str] = {}
        if start and tag:
            asked = {"Range": f"bytes={start}-", "IfMatch": tag}
        elif known:
            asked = {"IfNoneMatch": known}
        try:
            answer = _client(os.getpid()).get_object(Bucket=bucket, Key=key, **asked)
        except ClientError as error:
            if _status(error) == 304:
                return None
            if start and _status(error) in (412, 416):
                raise ChangedError from error
            raise _reason(error) from error
        except (BotoCoreError, ValueError) as error:
            raise _reason(error) from error
        return _body(answer)

    return read_whole(open_at, max_bytes=max_bytes)


def list_objects(uri: str) -> Iterator[list[tuple[str, str]]]:
    """All objects below a prefix, a page of some hundreds at a time.

    Args:
        uri: ``s3://bucket/prefix``. A prefix is taken as a folder; with a ``*`` at its end it is
            the beginning of keys.

    Yields:
        Pairs of URI and stamp (ETag and size), in the order of the keys.

    Raises:
        RemoteError: the bucket cannot be listed; the message says why and what to do.
    """
    bucket, prefix = split_uri(uri)
    if prefix.endswith("*"):
        prefix = prefix[:-1]
    elif prefix and not prefix.endswith("/"):
        prefix += "/"
    try:
        pages = _client(os.getpid()).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield [
                (f"s3://{bucket}/{entry['Key']}", f"{entry['ETag']} {entry['Size']}")
                for entry in page.get("Contents", ())
            ]
    except (ClientError, BotoCoreError, ValueError) as error:
        raise _refusal(bucket, error) from error


def _client(process: int) -> Any:
    """The one client of a process: boto3's clients may be shared by threads, not by forks."""
    with _creating:
        return _make_client(process)


@lru_cache(maxsize=1)
def _make_client(process: int) -> Any:
    return _session(process).client("s3", config=_config())


@lru_cache(maxsize=1)
def _session(process: int) -> Any:
    return boto3.session.Session()


def _config() -> Config:
    """A new one for each client: botocore writes what it finds in the environment into it."""
    wait = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    return Config(retries={"mode": "standard"}, max_pool_connections=CONNECTIONS, **wait)


class RefusedError(RemoteError):
    """A service answered and said no.

    Its ``code`` is the service's name for the reason, such as ``AccessDeniedException``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def connect(service: str, region: str = "") -> Any:
    """A client of a service such as ``sagemaker``; without a region, as boto3 finds it.

    Raises:
        RemoteError: no region is known, or the profile does not exist.
    """
    try:
        with _creating:
            session = _session(os.getpid())
            return session.client(service, region_name=region or None, config=_config())
    except (BotoCoreError, ValueError) as error:
        raise RemoteError(
            f"{service}: {_first_line(error)} Check [job] region, AWS_REGION and AWS_PROFILE."
        ) from error


def call(client: Any, operation: str, **request: Any) -> dict[str, Any]:
    """Ask a service for something; the operation in Python's spelling, such as ``head_bucket``.

    Raises:
        RefusedError: the service said no.
        RemoteError: it could not be asked.
    """
    try:
        answer: dict[str, Any] = getattr(client, operation)(**request)
    except ClientError as error:
        raise RefusedError(f"{operation}: {_first_line(error)}", _code(error)) from error
    except (BotoCoreError, ValueError) as error:
        advice = f". {_CREDENTIALS}" if isinstance(error, NoCredentialsError) else ""
        raise RemoteError(f"{operation}: {_first_line(error)}{advice}") from error
    return answer


@lru_cache(maxsize=4)
def request_shape(service: str, operation: str) -> Any:
    """What a request must look like: a shape of botocore's model of the service."""
    model = botocore.session.Session().get_service_model(service)
    return model.operation_model(operation).input_shape


def _body(answer: dict[str, Any]) -> Body:
    start, total = 0, answer["ContentLength"]
    if ranged := answer.get("ContentRange"):
        start, total = parse_range(ranged)
    tag = answer.get("ETag")
    return Body(start, total, tag, f"{tag} {total}" if tag else None, _pieces(answer["Body"]))


def _pieces(stream: Any) -> Generator[bytes, None, None]:
    try:
        while piece := stream.read(PIECE):
            yield piece
    except FlexibleChecksumError as error:
        raise ChangedError from error
    except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
        raise DroppedError from error
    finally:
        stream.close()


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "") or _status(error))


def _reason(error: Exception) -> InputError:
    """Why an object cannot be read, in a few words."""
    if isinstance(error, ClientError):
        code = _code(error)
        if code in _REASONS:
            return InputError(_REASONS[code])
        kind = (
            UnreachableError
            if code in _OUTAGES or _status(error) in (403, 429, *SERVER)
            else InputError
        )
        words = _ADVICE.get(code, "the service refused").split(".")[0]
        return kind(f"{words} (S3: {code})")
    if isinstance(error, (ParamValidationError, ValueError)):
        return InputError("not a valid S3 address")
    return UnreachableError(_first_line(error))


SERVER = range(500, 600)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _refusal(bucket: str, error: Exception) -> RemoteError | InputError | MissingError:
    """Why a bucket cannot be listed, and what to do."""
    where = f"s3://{bucket}"
    if isinstance(error, ClientError):
        code = _code(error)
        advice = _ADVICE.get(code, f"the service refused: {_first_line(error)}")
        return RemoteError(f"{where}: {advice}")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, ProfileNotFound)):
        return RemoteError(f"{where}: {_first_line(error)}. {_CREDENTIALS}")
    if isinstance(error, (ParamValidationError, ValueError)):
        return InputError(f"{where}: not a valid bucket: {_first_line(error)}")
    return RemoteError(
        f"{where}: {_first_line(error)}. Check the network, the region, and AWS_ENDPOINT_URL_S3 "
        "if it is set; then run the command again."
    )
