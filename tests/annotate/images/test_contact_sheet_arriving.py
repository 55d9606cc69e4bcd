"""The contact sheet while its file is still being read: nothing breaks, and what comes is shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate.images.contact_sheet import Sheet, write_sheet
from tests.annotate.images.sheets import workspace

COUNT = 8
CUT = 5  # the thumbnail in the midst of which the file stops at first


@pytest.fixture
def page(tmp_path: Path) -> bytes:
    for at in range(COUNT):
        Image.effect_noise((96, 64), 90).save(tmp_path / f"{at}.png")
    ids = [f"id{at}" for at in range(COUNT)]
    uris = [f"{at}.png" for at in range(COUNT)]
    entries = pd.DataFrame({"image_id": ids, "uri": uris, "group": "Pets"})
    target = tmp_path / "sheet.html"
    write_sheet(Sheet("Round 1", [], entries), target, workspace(tmp_path))
    return target.read_bytes()


@pytest.fixture
def rest() -> threading.Event:
    """Set: the rest of the file is sent."""
    return threading.Event()


@pytest.fixture
def address(page: bytes, rest: threading.Event) -> Iterator[str]:
    middle = page.index(b'id="t%d"' % CUT) + 1000
    assert middle < page.index(b'id="t%d"' % (CUT + 1))

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page[:middle])
            self.wfile.flush()
            rest.wait(60)
            self.wfile.write(page[middle:])

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    rest.set()
    server.shutdown()
    server.server_close()


def test_a_thumbnail_that_has_half_arrived_is_waited_for(
    browser: Any, address: str, rest: threading.Event
) -> None:
    tab = browser.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(address, wait_until="commit")
    tab.locator("main img").nth(CUT - 1).wait_for()
    tab.locator(f"#t{CUT}").wait_for(state="attached")
    tab.wait_for_timeout(300)  # several looks at what has arrived
    assert tab.evaluate("document.images.length") == CUT
    rest.set()
    tab.locator("main img").nth(COUNT - 1).wait_for()
    assert errors == []
    tab.close()
