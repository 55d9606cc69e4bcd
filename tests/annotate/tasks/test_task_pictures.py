"""Photos and examples in a preview, from a folder, a web host and a bucket on this machine."""

from __future__ import annotations

import io
import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from annotate.cli.questions import questions
from annotate.cli.tasks import tasks
from annotate.settings import TaskSettings
from annotate.tasks.examples import Example, examples_of, grant_direct
from annotate.tasks.liquid import render_liquid
from annotate.tasks.pictures import inlined
from annotate.taxonomy.model import TaxonomyClass
from annotate.workspace import Workspace
from tests.annotate.clients import forget_client

HOSTILE = ['"><script>x</script>.jpg', "it's }}{% if %}{{ 1 }}\".jpg", "🛏️ مرحبا&amp;.jpg", "a\nb"]


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def web() -> Iterator[str]:
    """A web host with a red photo and one address that never answers."""
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/never.jpg":
                release.wait(30)
                return
            body = jpeg("red")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def bucket(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with a blue photo; after the workspace, which names a service that is not there."""
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
    forget_client()
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    client = session.client("s3", endpoint_url=address)
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="5.jpg", Body=jpeg("blue"))
    yield "s3://bucket/5.jpg"
    server.stop()
    forget_client()


def colour(source: str) -> str:
    assert source.startswith("data:image/jpeg;base64,")
    picture = Image.open(io.BytesIO(b64decode(source.split(",")[1])))
    red, green, blue = picture.convert("RGB").getpixel((1, 1))  # type: ignore[misc]
    return max([(red, "red"), (green, "green"), (blue, "blue")])[1]


def test_photos_come_from_wherever_they_lie(workspace: Path, web: str, bucket: str) -> None:
    found = Workspace.find(workspace)
    (workspace / "photos/green.jpg").write_bytes(jpeg("lime"))
    assert colour(inlined(found, "photos/green.jpg")) == "green"
    assert colour(inlined(found, f"{web}/a.jpg")) == "red"
    assert colour(inlined(found, bucket)) == "blue"


def test_what_does_not_come_is_a_note_in_its_place(
    workspace: Path, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Workspace.find(workspace)
    (workspace / "photos/broken.jpg").write_bytes(b"not a picture")
    missing = ["", "photos/none.jpg", "photos/broken.jpg", "s3://bucket/5.jpg"]
    notes = [inlined(found, uri) for uri in missing]
    monkeypatch.setattr("annotate.tasks.pictures.PATIENCE", 0.2)
    notes.append(inlined(found, f"{web}/never.jpg"))
    assert all(colour(note) == "blue" for note in notes), "the ground of a note"
    assert len(set(notes)) == len(notes), "each says why"


def test_examples_stand_in_the_template_as_addresses_and_in_previews_as_pictures(
    workspace: Path, web: str
) -> None:
    program = CliRunner()
    raw = json.loads((workspace / "labels.yaml").read_text("utf-8"))
    raw["classes"][0]["examples"] = ["photos/0.jpg", f"not {web}/a.jpg", "s3://bucket/none.jpg"]
    (workspace / "labels.yaml").write_text(json.dumps(raw), "utf-8")
    program.invoke(questions, ["plan"])
    done = program.invoke(tasks, ["build", "--image-prefix", "s3://bucket/x"])
    assert done.exit_code == 0, done.output
    template = (workspace / "data/tasks/template.liquid.html").read_text("utf-8")
    assert '"s3://bucket/x/photos/0.jpg" | grant_read_access' in template
    assert f'src="{web}/a.jpg"' in template
    about = json.loads((workspace / "data/tasks/tasks.json").read_text("utf-8"))
    assert about["examples"] == {
        "s3://bucket/x/photos/0.jpg": "photos/0.jpg",
        f"{web}/a.jpg": f"{web}/a.jpg",
        "s3://bucket/none.jpg": "s3://bucket/none.jpg",
    }
    page = (workspace / "data/tasks/preview.html").read_text("utf-8")
    sources = re.findall(r'<img class="example(?: direct)?" loading="lazy" src="([^"]*)"', page)
    assert len(sources) == 3
    assert len(set(sources)) == 3
    assert colour(sources[2]) == "red", "those that do not show the class come last"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("start", ["", "s3://bucket/", "https://host/"])
def test_a_hostile_file_name_reaches_the_service_as_it_is(start: str, name: str) -> None:
    example = Example(True, start + name, start + name)
    granted: list[str] = []

    def grant(address: str) -> str:
        granted.append(address)
        return "https://signed/?a=1&b=2"

    kind = "example direct" if example.direct else "example"
    page = render_liquid(f'<img class="{kind}" src="{example.source}">', {}, grant=grant)
    page = grant_direct(page, grant)
    expected = start + name
    if start.startswith("https"):
        expected = expected.replace("{", "%7B").replace("}", "%7D")
    assert granted == [expected]
    assert page == f'<img class="{kind}" src="https://signed/?a=1&amp;b=2">'


def test_at_most_so_many_examples_of_each_kind() -> None:
    texts = tuple(f"{start}{at}.jpg" for at in range(4) for start in ("", "not "))
    entry = TaxonomyClass("a", "A", "x", examples=texts)
    shown = examples_of(entry, TaskSettings(examples=2))
    assert [(each.shows, each.place) for each in shown] == [
        (True, "0.jpg"),
        (True, "1.jpg"),
        (False, "0.jpg"),
        (False, "1.jpg"),
    ]
    assert examples_of(entry, TaskSettings(examples=0)) == []


def test_examples_that_do_not_fit_are_left_out_and_counted(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = CliRunner()
    raw = json.loads((workspace / "labels.yaml").read_text("utf-8"))
    for entry in raw["classes"]:
        entry["examples"] = [f"{entry['id']}-{at}{'x' * 480}.jpg" for at in range(9)]
        entry["examples"] += [f"not {entry['id']}-no{at}{'x' * 480}.jpg" for at in range(9)]
    (workspace / "labels.yaml").write_text(json.dumps(raw), "utf-8")
    (workspace / "mumic.toml").write_text(
        '[project]\ntaxonomy = "labels.yaml"\n[tasks]\nexamples = 9\n', "utf-8"
    )
    program.invoke(questions, ["plan"])
    done = program.invoke(tasks, ["build"])
    assert done.exit_code == 0, done.output
    assert "Warning:" not in done.stderr, "seven classes have room for nine"
    monkeypatch.setattr("annotate.tasks.page.LARGEST_TEMPLATE", 80_000)
    done = program.invoke(tasks, ["build"])
    assert done.exit_code == 0, done.output
    assert re.search(r"Warning: \d+ of 126 example images are left out", done.stderr)
    template = (workspace / "data/tasks/template.liquid.html").read_text("utf-8")
    assert len(template) < 80_000
    shown = template.count('class="example"')
    assert 0 < shown < 7 * 18
    assert shown % 14 == 0, "as many of each class"
