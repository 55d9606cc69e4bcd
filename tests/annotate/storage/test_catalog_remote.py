"""Catalogues of buckets, tables in buckets, manifests and web addresses."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from annotate.catalog.scan import Scan, known_sources, load_catalog, save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.cli import main
from annotate.errors import InputError, MissingError, RemoteError
from annotate.settings import CatalogSettings
from annotate.storage.outage import OUTAGE
from annotate.storage.web import RETRIES
from tests.annotate.clients import forget_client

SETTINGS = CatalogSettings()


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def run(root: Path, *given: str, verify: bool = False) -> Scan:
    plan = plan_scan(known_sources(root / "data" / "catalog"), given, root, SETTINGS)
    found = scan(plan, root / "data" / "catalog", root, SETTINGS, verify=verify)
    save_scan(found, plan, SETTINGS, root / "data" / "catalog")
    return found


def present(root: Path) -> pd.DataFrame:
    rows = load_catalog(root / "data" / "catalog").set_index("uri")
    return rows[rows["present"]]


def state(root: Path) -> dict[str, bytes]:
    """Every file of the catalogue but ``.lock``, which any scan leaves, empty."""
    files = sorted((root / "data" / "catalog").glob("[!.]*.*"))
    return {file.name: file.read_bytes() for file in files}


def test_a_prefix_is_read_once(bucket: Any, tmp_path: Path) -> None:
    uris = [bucket.put(f"photos/{n}.png", picture(n)) for n in range(3)]
    for key in ("photos/notes.txt", "photos/.hidden/a.png", "photos/", "other/a.png"):
        bucket.put(key, picture(9))
    run(tmp_path, f"s3://{bucket.name}/photos")
    first = present(tmp_path)
    assert list(first.index.sort_values()) == uris
    assert first.loc[uris[0], ["width", "height", "bytes"]].tolist() == [12, 9, len(picture(0))]

    bucket.put("photos/1.png", picture(7))
    bucket.put("photos/new.png", picture(8))
    bucket.client.delete_object(Bucket=bucket.name, Key="photos/2.png")
    bucket.proxy.requests.clear()
    run(tmp_path)
    read = [line for line, _ in bucket.proxy.requests if "list-type" not in line]
    assert sorted(line.rsplit("/", 1)[1] for line in read) == ["1.png", "new.png"]
    rows = load_catalog(tmp_path / "data" / "catalog")
    assert set(first["image_id"]) < set(rows["image_id"])
    assert set(rows[~rows["present"]]["uri"]) == {uris[1], uris[2]}

    bucket.proxy.requests.clear()
    run(tmp_path, verify=True)
    assert len(bucket.proxy.requests) == 1 + 3
    assert load_catalog(tmp_path / "data" / "catalog").equals(rows)


def test_a_table_in_the_bucket_adds_features(bucket: Any, tmp_path: Path) -> None:
    uris = [bucket.put(f"photos/{n}.png", picture(n)) for n in range(2)]
    table = f"path,property_id,stars\n../photos/0.png,h1,4\ns3a://{bucket.name}/photos/1.png,h2,\n"
    source = bucket.put("tables/hotels.csv", table.encode())
    bucket.put("tables/hotels.parquet", b"not parquet")
    run(tmp_path, f"s3://{bucket.name}/photos/", source)
    rows = present(tmp_path)
    assert rows.loc[uris, "property_id"].tolist() == ["h1", "h2"]
    assert rows.loc[uris[0], "stars"] == 4
    with pytest.raises(InputError, match=r"hotels.parquet: not readable as a table"):
        run(tmp_path, f"s3://{bucket.name}/tables/hotels.parquet")
    with pytest.raises(MissingError, match=r"none.csv: no such object"):
        run(tmp_path, f"s3://{bucket.name}/none.csv")
    with pytest.raises(InputError, match="no images below this prefix"):
        run(tmp_path, f"s3://{bucket.name}/tables")


def test_objects_of_a_table_are_asked_for_and_not_sent_again(bucket: Any, tmp_path: Path) -> None:
    uris = [bucket.put(f"{n}.png", picture(n)) for n in range(2)]
    (tmp_path / "t.csv").write_text("uri\n" + "\n".join(uris), "utf-8")
    run(tmp_path, str(tmp_path / "t.csv"))
    run(tmp_path)
    for n in range(2):
        first, second = bucket.readings(f"{n}.png")
        assert "If-None-Match" not in first
        assert "If-None-Match" in second
    assert len(present(tmp_path)) == 2


def test_a_manifest(bucket: Any, tmp_path: Path) -> None:
    uri = bucket.put("a.png", picture(1))
    lines = [
        json.dumps({"source-ref": uri, "stars": 4, "pool": True, "mixed": 1, "job": {"a": [1]}}),
        "",
        '{"source-ref": ',
        "[1]",
        json.dumps({"source-ref": None, "stars": 1}),
        json.dumps({"source-ref": f"s3://{bucket.name}/gone.png", "mixed": "x", "big": 10**30}),
    ]
    (tmp_path / "in.manifest").write_text("\n".join(lines), "utf-8")
    remote = bucket.put("in.jsonl", lines[0].encode())
    run(tmp_path, str(tmp_path / "in.manifest"), remote)
    row = present(tmp_path).loc[uri]
    assert (row["stars"], row["pool"], row["mixed"]) == (4, True, "1")
    assert "job" not in row.index
    rejects = pd.read_parquet(tmp_path / "data/catalog/rejects.parquet").set_index("uri")["reason"]
    assert rejects.to_dict() == {
        "in.manifest line 3": "not JSON",
        "in.manifest line 4": "not a JSON object",
        "in.manifest row 2": "no path",
        f"s3://{bucket.name}/gone.png": "no such object",
    }
    (tmp_path / "bad.manifest").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(InputError, match="no line is a JSON object"):
        run(tmp_path, str(tmp_path / "bad.manifest"))


def test_web_addresses_in_a_table(web: Any, tmp_path: Path) -> None:
    def page(page: Any) -> None:
        page.send_response_only(200)
        page.end_headers()
        page.wfile.write(picture(3))

    web.pages = {"/a.png": page, "/t.csv": lambda p: table(p)}
    host = web.address.replace("http://", "HTTP://")

    def table(page: Any) -> None:
        page.send_response_only(200)
        page.end_headers()
        page.wfile.write(f"url,stars\n{host}/a.png,3\nb.png,4\n".encode())

    run(tmp_path, f"{web.address}/t.csv")
    assert present(tmp_path)["stars"].to_dict() == {f"{web.address}/a.png": 3}
    rejects = pd.read_parquet(tmp_path / "data/catalog/rejects.parquet").set_index("uri")["reason"]
    assert rejects.to_dict() == {f"{web.address}/b.png": "no such file (HTTP 404)"}
    with pytest.raises(InputError, match="only buckets"):
        run(tmp_path, f"{web.address}/photos")


@pytest.mark.parametrize("status", [507, 520, 530])
def test_a_content_network_that_is_down_leaves_the_catalogue_as_it_was(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("annotate.storage.web.RETRIES", RETRIES.new(backoff_factor=0))
    statuses = [200]

    def page(page: Any) -> None:
        page.send_response_only(statuses[-1])
        page.end_headers()
        page.wfile.write(picture(3) if statuses[-1] == 200 else b"error 1016")

    uris = [f"{web.address}/{n}.png" for n in range(OUTAGE + 5)]
    web.pages = dict.fromkeys((f"/{n}.png" for n in range(OUTAGE + 5)), page)
    source = table_of(tmp_path, uris)
    run(tmp_path, source)
    assert len(present(tmp_path)) == len(uris)
    before = state(tmp_path)
    statuses.append(status)
    with pytest.raises(RemoteError, match=f"{OUTAGE} images in a row could not be read.*{status}"):
        run(tmp_path, source)
    assert state(tmp_path) == before


def unplug(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    forget_client()


def table_of(tmp_path: Path, uris: Sequence[str]) -> str:
    (tmp_path / "t.csv").write_text("uri\n" + "\n".join(uris), "utf-8")
    return str(tmp_path / "t.csv")


def test_an_unreachable_bucket_leaves_the_catalogue_as_it_was(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("0.png", picture(0))
    run(tmp_path, f"s3://{bucket.name}")
    before = state(tmp_path)
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    unplug(monkeypatch)
    done = CliRunner().invoke(main, ["catalog"])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: s3://{bucket.name}: Could not connect")
    assert state(tmp_path) == before


def test_many_failures_in_a_row_stop_the_scan(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = [bucket.put(f"{n:02d}.png", picture(n)) for n in range(OUTAGE + 5)]
    source = table_of(tmp_path, uris)
    run(tmp_path, source)
    before = state(tmp_path)
    unplug(monkeypatch)
    with pytest.raises(RemoteError, match=f"{OUTAGE} images in a row could not be read"):
        run(tmp_path, source)
    assert state(tmp_path) == before


def test_an_image_that_cannot_be_reached_is_not_gone(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = [bucket.put(f"{n}.png", picture(n)) for n in range(3)]
    source = table_of(tmp_path, uris)
    run(tmp_path, source)
    first = present(tmp_path)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    forget_client()
    bucket.fail("1.png", (503, "SlowDown"))
    bucket.client.delete_object(Bucket=bucket.name, Key="2.png")
    run(tmp_path, source)
    assert sorted(present(tmp_path).index) == uris[:2]
    assert present(tmp_path).loc[uris[1], "image_id"] == first.loc[uris[1], "image_id"]
    rejects = pd.read_parquet(tmp_path / "data/catalog/rejects.parquet").set_index("uri")["reason"]
    assert "SlowDown" in rejects[uris[1]]
    assert rejects[uris[2]] == "no such object"


def test_what_was_read_before_an_outage_is_kept(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = [bucket.put(f"{n:02d}.png", picture(n)) for n in range(OUTAGE + 12)]
    source = table_of(tmp_path, uris)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("annotate.catalog.measure.CHUNK", 8)
    bucket.fail("/08.png", (503, "SlowDown"))
    for uri in uris[8:]:
        bucket.fail(uri.rsplit("/", 1)[1], (503, "SlowDown"))
    with pytest.raises(RemoteError):
        run(tmp_path, source)
    bucket.proxy.faults.clear()
    bucket.proxy.requests.clear()
    run(tmp_path, source)
    assert len(present(tmp_path)) == len(uris)
    # The eight of the first chunk are asked for with what is known of them.
    assert sum("If-None-Match" in headers for _, headers in bucket.proxy.requests) == 8


def test_sources_of_the_command_line(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("photos/0.png", picture(0))
    (tmp_path / "mumic.toml").write_text(
        f'[catalog]\nsources = ["s3://{bucket.name}/photos"]\n', "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    for arguments in ([], [f"s3://{bucket.name}/photos/"]):
        done = CliRunner().invoke(main, ["catalog", "--json", *arguments])
        summary = json.loads(done.stdout)
        assert (summary["images"], summary["sources"]) == (1, [f"s3://{bucket.name}/photos"])
