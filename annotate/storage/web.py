"""Reading ``http`` and ``https`` addresses with limits on everything a server decides."""

from __future__ import annotations

import http.client
import os
import urllib.request
from collections.abc import Generator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.util import Retry, Timeout

from annotate.errors import InputError
from annotate.storage.remote import (
    PIECE,
    Body,
    DroppedError,
    Fetched,
    UnreachableError,
    parse_range,
    read_whole,
)

TIMEOUT = Timeout(connect=10, read=60)
MAX_REDIRECTS = 5
MAX_WAIT = 30.0  # seconds; a server may ask for a pause of hours
# The host's fault, not the image's: time-outs, throttling, and every server error, also those that
# content networks make up (520 to 530). A status beyond 599 counts as one (RFC 9110, section 15).
BUSY = frozenset({408, 429, *range(500, 1000)})
REASONS = {401: "access denied", 403: "access denied", 404: "no such file", 410: "no such file"}
HEADERS = {"User-Agent": "mumic-annotate (+https://arxiv.org/abs/2211.05232)"}


class _Patient(Retry):
    """Retries that wait as long as the server asks, within reason."""

    def get_retry_after(self, response: Any) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, MAX_WAIT)


RETRIES = _Patient(
    total=8,
    connect=2,
    read=2,
    redirect=MAX_REDIRECTS,
    status=3,
    status_forcelist=BUSY,
    backoff_factor=0.3,
    backoff_max=MAX_WAIT,
)


def read_address(uri: str, *, max_bytes: int, stamp: str | None = None) -> Fetched | None:
    """Read an address, unless the server says that it is what a stamp says.

    Args:
        uri: ``http://`` or ``https://``.
        max_bytes: larger answers are refused before and while they are read.
        stamp: of an earlier reading: the server's ETag or date of change.

    Returns:
        Bytes and stamp (None where the server gives neither), or None if it is unchanged.

    Raises:
        InputError: not there, refused, too large, redirected in circles; the message is the reason.
        UnreachableError: the host does not answer, or each time only with an error of its own.
    """

    def open_at(start: int, tag: str | None) -> Body | None:
        headers = {**HEADERS, "Accept-Encoding": "identity"}
        if start and tag:
            headers |= {"Range": f"bytes={start}-", "If-Range": tag}
        elif stamp:
            kind, _, value = stamp.partition(" ")
            headers["If-None-Match" if kind == "etag" else "If-Modified-Since"] = value
        answer = _ask(uri, headers)
        if answer.status in (200, 206):
            return _body(answer)
        answer.close()
        if answer.status == 304 and stamp:
            return None
        reason = REASONS.get(answer.status, "the server refused")
        raise InputError(f"{reason} (HTTP {answer.status})")

    return read_whole(open_at, max_bytes=max_bytes)


def _ask(uri: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    try:
        return _manager(uri).request(
            "GET",
            uri,
            headers=headers,
            preload_content=False,
            decode_content=False,
            timeout=TIMEOUT,
            retries=RETRIES,
        )
    except urllib3.exceptions.MaxRetryError as error:
        cause = error.reason
        refused = isinstance(cause, urllib3.exceptions.ResponseError)
        if refused and "redirect" in str(cause):  # an error of a connection names the host instead
            raise InputError(f"redirected more than {MAX_REDIRECTS} times") from error
        raise UnreachableError(_short(cause)) from error
    except (urllib3.exceptions.LocationValueError, http.client.InvalidURL, ValueError) as error:
        raise InputError(f"not a valid web address: {_short(error)}") from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise UnreachableError(_short(error)) from error


def _short(error: BaseException | None) -> str:
    """A library's message without the object that it begins with."""
    text = (str(error).splitlines() or [""])[0]
    return (text.rsplit(">: ", 1)[-1].split("): ", 1)[-1] or type(error).__name__)[:200]


def _manager(uri: str) -> urllib3.PoolManager:
    """The pool for a host: through the proxy that the environment names, or straight."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        return _pool(os.getpid(), proxy)
    return _pool(os.getpid(), "")


@lru_cache(maxsize=4)
def _pool(process: int, proxy: str) -> urllib3.PoolManager:
    """Connections are shared by the threads of a process, not by forks."""
    options: dict[str, Any] = {"num_pools": 32, "maxsize": 16}
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _body(answer: urllib3.BaseHTTPResponse) -> Body:
    length = answer.headers.get("Content-Length", "")
    start, total = 0, int(length) if length.isdecimal() else None
    if answer.status == 206:
        start, total = parse_range(answer.headers.get("Content-Range", ""))
    tag = answer.headers.get("ETag")
    changed = answer.headers.get("Last-Modified")
    stamp = f"etag {tag}" if tag else f"changed {changed}" if changed else None
    strong = tag if tag and not tag.startswith("W/") else None
    return Body(start, total, strong, stamp, _pieces(answer))


def _pieces(answer: urllib3.BaseHTTPResponse) -> Generator[bytes, None, None]:
    try:
        # Unlike read, read1 returns what has come: a server that drips meets the deadline.
        while piece := answer.read1(PIECE):
            yield piece
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise DroppedError from error
    finally:
        answer.close()
