"""Reading web addresses whose servers misbehave."""

from __future__ import annotations

import random
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from annotate.errors import InputError
from annotate.storage.remote import ATTEMPTS, UnreachableError
from annotate.storage.store import fetch, read_bytes
from annotate.storage.web import MAX_REDIRECTS, RETRIES

LIMIT = 1_000_000
DATA = random.Random(1).randbytes(300_000)
TAG = '"one"'


def read(uri: str) -> bytes:
    return read_bytes(uri, Path("/"), max_bytes=LIMIT)


def test_a_host_called_redirect_that_is_down_is_not_reached(
    alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = RETRIES.new(total=0, connect=0, backoff_factor=0)
    monkeypatch.setattr("annotate.storage.web.RETRIES", never)
    for uri in ("http://redirect.localhost:9/a.jpg", "http://127.0.0.1:9/redirect/a.jpg"):
        with pytest.raises(UnreachableError):
            read(uri)


def send(
    page: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b""
) -> None:
    page.send_response_only(status)
    for name, value in headers.items():
        page.send_header(name, value)
    page.end_headers()
    page.wfile.write(body)


def photo(page: BaseHTTPRequestHandler) -> None:
    send(page, 200, {"Content-Length": str(len(DATA))}, DATA)


def test_a_photo_and_the_way_to_it(web: Any) -> None:
    web.pages["/a.jpg?w=1"] = photo
    web.pages["/moved"] = lambda page: send(page, 302, {"Location": "/a.jpg?w=1"})
    assert read(f"{web.address}/moved") == DATA
    assert "mumic" in web.requests[0][1]["User-Agent"]


def test_without_a_length_the_end_is_the_end(web: Any) -> None:
    web.pages["/a"] = lambda page: send(page, 200, {}, DATA)
    assert read(f"{web.address}/a") == DATA


def test_circles_and_other_schemes(web: Any) -> None:
    web.pages["/round"] = lambda page: send(page, 302, {"Location": "/round"})
    web.pages["/file"] = lambda page: send(page, 302, {"Location": "file:///etc/passwd"})
    with pytest.raises(InputError, match=f"redirected more than {MAX_REDIRECTS} times"):
        read(f"{web.address}/round")
    assert len(web.requests) == MAX_REDIRECTS + 1
    with pytest.raises(InputError):
        read(f"{web.address}/file")


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_is_refused_before_or_while_reading(web: Any, declared: bool) -> None:
    headers = {"Content-Length": str(10 * LIMIT)} if declared else {}

    def flood(page: BaseHTTPRequestHandler) -> None:
        send(page, 200, headers)
        try:
            for _ in range(100):
                page.wfile.write(bytes(LIMIT // 10))
        except OSError:
            return

    web.pages["/flood"] = flood
    with pytest.raises(InputError, match="bytes are more than 1,000,000"):
        read(f"{web.address}/flood")


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "no such file"), (403, "access denied"), (418, "HTTP 418")]
)
def test_refusals_are_the_images_own(web: Any, status: int, reason: str) -> None:
    web.pages["/a"] = lambda page: send(page, status, {"Content-Length": "0"})
    with pytest.raises(InputError, match=reason) as refused:
        read(f"{web.address}/a")
    assert not isinstance(refused.value, UnreachableError)


@pytest.mark.parametrize("status", [408, 429, 500, 501, 507, 520, 530, 999])
def test_errors_of_the_server_are_not_the_images(
    web: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("annotate.storage.web.RETRIES", RETRIES.new(backoff_factor=0))
    web.pages["/a"] = lambda page: send(page, status, {"Content-Length": "0"})
    with pytest.raises(UnreachableError, match=str(status)):
        read(f"{web.address}/a")
    assert len(web.requests) > 1, "it was asked again"


def test_a_busy_server_is_asked_again(web: Any) -> None:
    def busy_twice(page: BaseHTTPRequestHandler) -> None:
        if len(web.requests) < 3:
            send(page, 503, {"Retry-After": "0", "Content-Length": "0"})
        else:
            photo(page)

    web.pages["/a"] = busy_twice
    assert read(f"{web.address}/a") == DATA


@pytest.mark.parametrize("tag", [TAG, None, 'W/"weak"'])
def test_a_dropped_body_is_continued_or_read_anew(web: Any, tag: str | None) -> None:
    def drops(page: BaseHTTPRequestHandler) -> None:
        start = int(page.headers.get("Range", "bytes=0-")[6:-1])
        body = DATA[start:]
        headers = {"Content-Length": str(len(body)), **({"ETag": tag} if tag else {})}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
        end = 100_000 if len(web.requests) < 3 else None
        send(page, 206 if start else 200, headers, body[:end])

    web.pages["/a"] = drops
    assert read(f"{web.address}/a") == DATA
    ranges = [headers.get("Range") for _, headers in web.requests]
    assert ranges == ([None, "bytes=100000-", "bytes=200000-"] if tag == TAG else [None] * 3)
    assert tag != TAG or web.requests[1][1]["If-Range"] == TAG


def test_a_server_that_ignores_the_range(web: Any) -> None:
    def whole(page: BaseHTTPRequestHandler) -> None:
        end = 100_000 if len(web.requests) < 3 else None
        send(page, 200, {"Content-Length": str(len(DATA)), "ETag": TAG}, DATA[:end])

    web.pages["/a"] = whole
    assert read(f"{web.address}/a") == DATA


@pytest.mark.parametrize("header", [{}, {"Content-Range": "bytes x-y/z"}])
def test_a_part_that_nobody_asked_for(web: Any, header: dict[str, str]) -> None:
    web.pages["/a"] = lambda page: send(page, 206, {"Content-Length": "4", **header}, b"part")
    with pytest.raises(InputError, match="did not say which"):
        read(f"{web.address}/a")


def test_a_part_from_the_middle_is_not_taken_for_the_whole(web: Any) -> None:
    header = {"Content-Length": "4", "Content-Range": "bytes 5-8/9"}
    web.pages["/a"] = lambda page: send(page, 206, header, b"part")
    with pytest.raises(UnreachableError):
        read(f"{web.address}/a")


def test_a_server_that_always_drops(web: Any) -> None:
    web.pages["/a"] = lambda page: send(page, 200, {"Content-Length": "9"}, b"half")
    with pytest.raises(UnreachableError, match=f"{ATTEMPTS} times"):
        read(f"{web.address}/a")


def test_a_dripping_server_meets_the_deadline(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotate.storage.remote.MAX_SECONDS", 0.0)
    web.pages["/a"] = photo
    with pytest.raises(UnreachableError, match="not read within"):
        read(f"{web.address}/a")


@pytest.mark.parametrize(
    ("name", "question"), [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")]
)
def test_an_unchanged_photo_is_not_sent_again(web: Any, name: str, question: str) -> None:
    value = "Sat, 01 Jan 2022 00:00:00 GMT"

    def page(page: BaseHTTPRequestHandler) -> None:
        if page.headers.get(question) == value:
            send(page, 304, {})
        else:
            send(page, 200, {name: value, "Content-Length": str(len(DATA))}, DATA)

    web.pages["/a"] = page
    first = fetch(f"{web.address}/a", Path("/"), max_bytes=LIMIT)
    assert first is not None
    assert fetch(f"{web.address}/a", Path("/"), max_bytes=LIMIT, stamp=first.stamp) is None


@pytest.mark.parametrize(
    "uri",
    [
        "https://",
        "http://[::1",
        "http://127.0.0.1:99999/a",
        "http://127.0.0.1:x/a",
        "https://" + "a" * 70 + ".example/a",
        "http://\x00/a",
    ],
)
def test_addresses_that_are_none(alone: None, uri: str) -> None:
    with pytest.raises(InputError):
        read(uri)


def test_nobody_answers(alone: None) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError):
        read(f"http://127.0.0.1:{port}/a.jpg")
    with pytest.raises(InputError, match="ftp:// cannot be read"):
        read("ftp://127.0.0.1/a.jpg")
