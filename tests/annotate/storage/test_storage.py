"""Canonical URIs, and files that are not read twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import annotate.storage.store
from annotate.catalog.scan import load_catalog, save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.settings import CatalogSettings
from annotate.storage.store import authority, canonical_uri, fetch, join_remote

SETTINGS = CatalogSettings()
HOUR_NS = 3600 * 10**9


@pytest.fixture
def old_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just written count as settled."""
    monkeypatch.setattr(annotate.storage.store, "SETTLED_NS", -HOUR_NS)


def test_a_settled_file_is_read_once(tmp_path: Path, old_files: None) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"one")
    first = fetch("a.jpg", tmp_path, max_bytes=9)
    assert first is not None
    assert fetch("a.jpg", tmp_path, max_bytes=9, stamp=first.stamp) is None
    times = file.stat()
    file.write_bytes(b"two")  # as long, and dated back: the inode's time of change tells
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = fetch("a.jpg", tmp_path, max_bytes=9, stamp=first.stamp)
    assert second is not None
    assert second.data == b"two"


def test_the_host_of_an_address_ends_where_its_path_or_query_begins(tmp_path: Path) -> None:
    for given, uri in {
        "HTTPS://IMG.Example.com?id=AbC": "https://img.example.com?id=AbC",
        "https://IMG.example.com:80/A?B": "https://img.example.com:80/A?B",
        "https://Me:Pass@IMG.example.com/A": "https://Me:Pass@img.example.com/A",
        "http://H#F": "http://h#F",
        "s3a://Bucket/Key": "s3://Bucket/Key",
    }.items():
        assert canonical_uri(given, tmp_path, tmp_path) == uri
    assert authority("https://h?id=1") == authority("https://h/?id=2") == "https://h"
    assert authority("s3://bucket/a?b") == "s3://bucket"


def test_a_file_of_this_moment_has_no_stamp(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"one")
    fetched = fetch("a.jpg", tmp_path, max_bytes=9)
    assert fetched is not None
    assert fetched.stamp is None


def test_unchanged_files_are_not_opened_unless_asked(
    tmp_path: Path,
    draw_noise: Callable[[Path, int], None],
    old_files: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
    opened: list[str] = []
    really = os.open

    def opens(path: object, *arguments: int) -> int:
        opened.append(os.path.basename(str(path)))
        return really(path, *arguments)  # type: ignore[arg-type]

    def run(*, verify: bool = False) -> pd.DataFrame:
        plan = plan_scan((), [str(tmp_path / "photos")], tmp_path, SETTINGS)
        monkeypatch.setattr(os, "open", opens)
        found = scan(plan, tmp_path / "data", tmp_path, SETTINGS, verify=verify)
        monkeypatch.setattr(os, "open", really)
        save_scan(found, plan, SETTINGS, tmp_path / "data")
        read = sorted(name for name in opened if name.endswith(".png"))
        opened.clear()
        reads.append(read)
        return load_catalog(tmp_path / "data")

    reads: list[list[str]] = []
    first = run()
    again = run()
    draw_noise(tmp_path / "photos" / "1.png", 9)
    run()
    run(verify=True)
    names = ["0.png", "1.png", "2.png"]
    assert reads == [names, [], ["1.png"], names]
    pd.testing.assert_frame_equal(first, again)


def test_remote_uris_have_one_spelling(tmp_path: Path) -> None:
    def spelled(uri: str) -> str:
        return canonical_uri(uri, tmp_path, tmp_path)

    assert spelled("HTTPS://Host.Example/A.jpg?Q=1") == "https://host.example/A.jpg?Q=1"
    assert spelled("S3A://bucket/A b.jpg") == "s3://bucket/A b.jpg"
    assert spelled("file://localhost" + str(tmp_path) + "/a%20b.jpg") == "a b.jpg"
    assert spelled(str(tmp_path)) == "."
    assert spelled("/x.jpg") == "/x.jpg"


def test_relative_paths_of_remote_tables() -> None:
    assert join_remote("s3://b/t.csv", "a.jpg") == "s3://b/a.jpg"
    assert join_remote("https://h/x/t.csv", "../../../a.jpg") == "https://h/a.jpg"
    assert join_remote("s3://b/x/t.csv", "s3://c/a.jpg") == "s3://c/a.jpg"
