"""Bringing local images to a bucket: in parallel, and only those that are not there."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.errors import InputError, RemoteError
from annotate.storage.aws import RefusedError, call, split_uri
from annotate.storage.store import read_bytes

THREADS = 16


@dataclass(frozen=True)
class ImageFile:
    """An image that annotators will open from a bucket.

    Attributes:
        uri: canonical, of a local file.
        target: its ``s3://`` address.
        content_hash: SHA-256 of the bytes that the catalogue knows; empty: it does not.
    """

    uri: str
    target: str
    content_hash: str


def upload_images(
    client: Any,
    root: Path,
    files: Sequence[ImageFile],
    *,
    max_bytes: int,
    kms_key: str = "",
    on_progress: Callable[[int], object] | None = None,
) -> int:
    """Send the images that the bucket lacks. A killed upload goes on where it was.

    An object counts as there if it has the file's size, and its SHA-256 (among the metadata that
    :func:`put` writes) or its ETag (the MD5 of an object that came in one piece) is the file's.

    Args:
        client: of S3.
        root: the workspace.
        files: what is needed.
        max_bytes: larger files are refused.
        kms_key: that encrypts them.
        on_progress: called with 1 after each image.

    Returns:
        How many were sent; the others were there.

    Raises:
        InputError: a file is gone, or changed since it was catalogued.
        RemoteError: the bucket does not take them.
    """

    def send(file: ImageFile) -> bool:
        data = _read(file, root, max_bytes)
        if _is_there(client, file, data):
            return False
        kind = mimetypes.guess_type(file.uri)[0] or "application/octet-stream"
        put(client, file.target, data, kind, kms_key=kms_key)
        return True

    sent = 0
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(send, file) for file in files]
        try:
            for done in as_completed(running):
                sent += done.result()
                if on_progress is not None:
                    on_progress(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sent


def _read(file: ImageFile, root: Path, max_bytes: int) -> bytes:
    advice = "Run `mumic-annotate catalog` and `mumic-annotate tasks` again"
    try:
        data = read_bytes(file.uri, root, max_bytes=max_bytes)
    except InputError as error:
        raise InputError(f"{file.uri}: {error}. {advice}.") from error
    if file.content_hash and hashlib.sha256(data).hexdigest() != file.content_hash:
        raise InputError(f"{file.uri}: changed since it was catalogued. {advice}.")
    return data


def _is_there(client: Any, file: ImageFile, data: bytes) -> bool:
    bucket, key = split_uri(file.target)
    try:
        head = call(client, "head_object", Bucket=bucket, Key=key)
    except RefusedError as error:
        if error.code in ("404", "NoSuchKey", "NotFound"):
            return False
        if error.code in ("403", "AccessDenied"):  # says so too where listing is not allowed
            return False
        raise
    if head["ContentLength"] != len(data):
        return False
    if head.get("Metadata", {}).get("sha256") == hashlib.sha256(data).hexdigest():
        return True
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return bool(head.get("ETag", "").strip('"') == md5)


def put(client: Any, uri: str, data: bytes, kind: str, *, kms_key: str = "") -> None:
    """Write an object, with the SHA-256 of its bytes among its metadata.

    Args:
        client: of S3.
        uri: ``s3://bucket/key``.
        data: its bytes.
        kind: its content type.
        kms_key: that encrypts it; empty: the bucket's own rule.

    Raises:
        RemoteError: the bucket did not take it.
    """
    bucket, key = split_uri(uri)
    about: dict[str, Any] = {"Metadata": {"sha256": hashlib.sha256(data).hexdigest()}}
    if kms_key:
        about |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    try:
        call(client, "put_object", Bucket=bucket, Key=key, Body=data, ContentType=kind, **about)
    except RemoteError as error:
        raise RemoteError(
            f"{uri}: not written: {error}. What was sent stays there; run the command again."
        ) from error
