"""A bucket on this machine, behind a proxy that makes a network's faults."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>by the proxy</Message></Error>"
DROP = "drop"  # half of the body, with the length of the whole
HOP = {"content-length", "connection", "transfer-encoding", "keep-alive"}
_numbers = itertools.count()


@dataclass
class Fault:
    """What happens to the next requests whose line holds ``match``."""

    match: str
    action: str | tuple[int, str]  # DROP, or a status and an S3 error code
    times: int = 1

    def take(self, line: str) -> bool:
        """Whether the fault applies to a request; it is then used up by one."""
        if self.match not in line or not self.times:
            return False
        self.times -= 1
        return True


@dataclass
class Proxy:
    """Passes requests on to a server, with faults, and remembers them."""

    target: tuple[str, int]
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def start(self) -> ThreadingHTTPServer:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                line = f"{self.command} {self.path}"
                proxy.requests.append((line, dict(self.headers)))
                fault = next((f for f in proxy.faults if f.take(line)), None)
                if fault and not isinstance(fault.action, str):
                    status, code = fault.action
                    self._answer(status, {}, ERROR.format(code=code).encode())
                    return
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                onward = http.client.HTTPConnection(*proxy.target)
                onward.request(self.command, self.path, sent, dict(self.headers))
                answer = onward.getresponse()
                body = answer.read()
                kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP}
                half = len(body) // 2 if fault else len(body)
                self._answer(answer.status, kept, body, half)
                onward.close()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

            def _answer(
                self, status: int, headers: dict[str, str], body: bytes, end: int | None = None
            ) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:end])

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


@dataclass
class Bucket:
    """A fresh bucket: what is put there goes straight to the server, reading takes the proxy."""

    name: str
    proxy: Proxy
    client: Any

    def put(self, key: str, data: bytes) -> str:
        """Store an object; its URI."""
        self.client.put_object(Bucket=self.name, Key=key, Body=data)
        return f"s3://{self.name}/{key}"

    def fail(self, match: str, action: str | tuple[int, str], times: int = 1) -> None:
        """Make the next requests whose line holds ``match`` fail."""
        self.proxy.faults.append(Fault(match, action, times))

    def readings(self, key: str) -> list[dict[str, str]]:
        """Headers of the requests for an object so far."""
        return [
            headers
            for line, headers in self.proxy.requests
            if line.split("?")[0] == f"GET /{self.name}/{key}"
        ]


@pytest.fixture
def alone(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, too, before a service is asked again."""
    monkeypatch.setattr("annotate.storage.remote.PAUSE", 0.01)


@pytest.fixture
def credentials(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are good for nothing else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, int]]:
    """The service itself."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield str(host), int(port)
    server.stop()


@pytest.fixture(scope="session")
def s3_direct(s3_server: tuple[str, int]) -> Any:
    """A client that reaches the service without the proxy."""
    import boto3

    host, port = s3_server
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    return session.client("s3", endpoint_url=f"http://{host}:{port}", verify=False)


@pytest.fixture
def bucket(
    s3_server: tuple[str, int], s3_direct: Any, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bucket]:
    """An empty bucket behind a proxy of its own."""
    proxy = Proxy(s3_server)
    server = proxy.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{proxy.port}")
    name = f"photos-{next(_numbers)}"
    s3_direct.create_bucket(Bucket=name)
    yield Bucket(name, proxy, s3_direct)
    server.shutdown()
    server.server_close()


Page = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Web:
    """A web server whose pages are functions."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def web(alone: None) -> Iterator[Web]:
    """A web server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.path, dict(self.headers)))
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
            else:
                page(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Web(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()
