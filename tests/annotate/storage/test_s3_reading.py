"""Reading and listing a bucket over a network that fails."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Any

import pytest

from annotate.errors import InputError, RemoteError
from annotate.storage.aws import list_objects, read_object
from annotate.storage.remote import ATTEMPTS, UnreachableError
from annotate.storage.store import read_bytes
from tests.annotate.clients import forget_client

LIMIT = 10_000_000
DATA = random.Random(0).randbytes(400_000)
SLOW_DOWN = (503, "SlowDown")


def read(uri: str, limit: int = LIMIT) -> bytes:
    return read_bytes(uri, Path("/"), max_bytes=limit)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_keys_are_taken_as_they_are(bucket: Any) -> None:
    for key in ("a.jpg", "ü ö/ #1?.jpg", "a%20b+c.jpg", "x//y.jpg"):
        assert read(bucket.put(key, DATA)) == DATA


def test_throttled_twice_and_then_served(bucket: Any) -> None:
    uri = bucket.put("a.jpg", DATA)
    bucket.fail("a.jpg", SLOW_DOWN, times=2)
    assert read(uri) == DATA
    assert len(bucket.readings("a.jpg")) == 3


def test_throttled_for_good_is_no_fault_of_the_image(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    uri = bucket.put("a.jpg", DATA)
    bucket.fail("a.jpg", SLOW_DOWN, times=9)
    with pytest.raises(UnreachableError, match="SlowDown"):
        read(uri)


def test_a_dropped_body_is_continued_where_it_stopped(bucket: Any) -> None:
    uri = bucket.put("a.jpg", DATA)
    bucket.fail("a.jpg", "drop", times=2)
    assert read(uri) == DATA
    first, second, third = bucket.readings("a.jpg")
    assert "Range" not in first
    # Half of the whole and half of the rest came; what libraries buffer may be asked for again.
    starts = [int(headers["Range"].split("=")[1][:-1]) for headers in (second, third)]
    assert 0 < starts[0] <= 200_000 < starts[1] <= 300_000
    assert second["If-Match"] == third["If-Match"] != ""


def test_a_body_that_always_drops_ends(bucket: Any) -> None:
    uri = bucket.put("a.jpg", DATA)
    bucket.fail("a.jpg", "drop", times=99)
    with pytest.raises(UnreachableError, match=f"dropped in the middle, {ATTEMPTS} times"):
        read(uri)
    assert len(bucket.readings("a.jpg")) == ATTEMPTS


def test_an_object_that_changes_between_halves_is_read_anew(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = bucket.put("a.jpg", DATA)
    bucket.fail("a.jpg", "drop")
    # A pause comes before each further attempt: the moment to replace the object.
    other = DATA[::-1]
    monkeypatch.setattr("annotate.storage.remote.time.sleep", lambda _: bucket.put("a.jpg", other))
    assert read(uri) == other


def test_an_unchanged_object_is_not_sent_again(bucket: Any) -> None:
    uri = bucket.put("a.jpg", DATA)
    fetched = read_object(uri, max_bytes=LIMIT)
    assert fetched is not None
    assert fetched.stamp == dict(next(iter(list_objects(f"s3://{bucket.name}"))))[uri]
    assert read_object(uri, max_bytes=LIMIT, stamp=fetched.stamp) is None
    bucket.put("a.jpg", DATA[::-1])
    again = read_object(uri, max_bytes=LIMIT, stamp=fetched.stamp)
    assert again is not None
    assert again.data == DATA[::-1]


def test_reasons_for_the_rejects_table(bucket: Any) -> None:
    uri = bucket.put("a.jpg", DATA)
    with pytest.raises(InputError, match="400,000 bytes are more than 399,999"):
        read(uri, limit=399_999)
    with pytest.raises(InputError, match="no such object") as missing:
        read(f"s3://{bucket.name}/none.jpg")
    assert not isinstance(missing.value, UnreachableError)
    bucket.fail("a.jpg", (403, "AccessDenied"))
    with pytest.raises(InputError, match="access denied"):
        read(uri)
    with pytest.raises(InputError, match="names no bucket"):
        read("s3:///a.jpg")
    with pytest.raises(InputError, match="not a valid S3 address"):
        read("s3://a b/c.jpg")
    with pytest.raises(UnreachableError, match="no such bucket"):
        read("s3://no-such-bucket/a.jpg")


def test_listing_pages_and_prefixes(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    uris = [bucket.put(f"p/{number:02d}.jpg", b"x") for number in range(15)]
    bucket.put("p2/other.jpg", b"x")
    pages = list(list_objects(f"s3://{bucket.name}/p"))
    assert len(pages) == 2
    assert [uri for page in pages for uri, _ in page] == uris
    some = [uri for page in list_objects(f"s3://{bucket.name}/p/1*") for uri, _ in page]
    assert some == uris[10:]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ((403, "AccessDenied"), "s3:ListBucket"),
        ((403, "InvalidAccessKeyId"), "AWS_PROFILE"),
        ((400, "ExpiredToken"), "expired"),
        ((418, "Teapot"), "Teapot"),
    ],
)
def test_a_refused_listing_says_what_to_do(bucket: Any, code: tuple[int, str], remedy: str) -> None:
    bucket.fail("list-type", code, times=9)
    with pytest.raises(RemoteError, match=remedy) as refused:
        list(list_objects(f"s3://{bucket.name}"))
    assert f"s3://{bucket.name}: " in str(refused.value)


def test_no_bucket_no_service_no_credentials(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RemoteError, match="s3://no-such-bucket: no such bucket"):
        list(list_objects("s3://no-such-bucket"))
    with pytest.raises(InputError, match="not a valid bucket"):
        list(list_objects("s3://a b"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{closed_port()}")
    forget_client()
    with pytest.raises(RemoteError, match="AWS_ENDPOINT_URL_S3 if it is set"):
        list(list_objects(f"s3://{bucket.name}"))
    with pytest.raises(UnreachableError, match="Could not connect"):
        read(f"s3://{bucket.name}/a.jpg")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    forget_client()
    with pytest.raises(RemoteError, match="aws sts get-caller-identity"):
        list(list_objects(f"s3://{bucket.name}"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    forget_client()
    with pytest.raises(RemoteError, match=r"nobody.*AWS_PROFILE"):
        list(list_objects(f"s3://{bucket.name}"))
