"""Secrets, sessions, the limit on guesses, and the policy of pages."""

import hmac
import stat
from pathlib import Path

import pytest

from annotate.errors import DamagedError, InputError
from annotate.server import security
from annotate.server.pages import Pages, TaskPages, policy
from annotate.server.security import Gate, Keys, check_public_url, own_origin, read_keys, same
from annotate.tasks.page import CROWD_SCRIPT

TASK = (
    f"<title></title>{CROWD_SCRIPT}<style>p {{}}</style><crowd-form>"
    "<img src='{{ task.input.source-ref | grant_read_access }}'></crowd-form>"
    "<script>start()</script>"
)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        asked.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    keys = Keys(bytes(32))
    assert same("é", "é")
    assert keys.panel_id(keys.panel_session("p1")) == "p1"
    assert len(asked) == 2


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "serve.secret"
    keys = read_keys(path)
    assert read_keys(path) == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["serve.secret"]
    assert "secret" not in repr(keys)
    path.write_text("short")
    with pytest.raises(DamagedError, match="Delete it"):
        read_keys(path)


def test_what_is_derived_differs_by_purpose_session_and_secret() -> None:
    one, other = Keys(bytes(32)), Keys(bytes(31) + b"1")
    found = [
        text
        for keys in (one, other)
        for text in (keys.owner_token, keys.panel_key, keys.csrf("a"), keys.csrf("b"))
    ]
    assert len(set(found)) == 8
    session = one.panel_session("Ada/é")
    assert one.panel_id(session) == "Ada/é"
    assert other.panel_id(session) is None
    for bad in ("panel.", "panel.é.x", session[:-1], "panel." + session, "token", ""):
        assert one.panel_id(bad) is None


def test_guesses_are_limited_by_address_and_proven_secrets_are_not() -> None:
    now = [0.0]
    gate = Gate(tries=3, seconds=60, addresses=2, clock=lambda: now[0])
    gate.passed("good")
    for _ in range(3):
        assert gate.wait("a", "bad") == 0
        gate.failed("a")
        now[0] += 1
    assert gate.wait("a", "other") == pytest.approx(57)
    assert gate.wait("a", "good") == 0
    assert gate.wait("b", "other") == 0
    now[0] = 60.5
    assert gate.wait("a", "other") == 0
    for address in ("b", "c", "d"):
        gate.failed(address)
    assert len(gate._failures) == 2, "memory is bounded"


@pytest.mark.parametrize(
    ("headers", "public", "own"),
    [
        ({"host": "h:1", "origin": "http://h:1"}, "", True),
        ({"host": "h:1", "origin": "http://h:2"}, "", False),
        ({"host": "h:1", "origin": "http://evil.example"}, "", False),
        ({"host": "h:1"}, "", False),
        ({"host": "h:1", "origin": "null"}, "", False),
        ({"host": "h:1", "origin": "null", "sec-fetch-site": "same-origin"}, "", True),
        ({"host": "h:1", "sec-fetch-site": "cross-site"}, "", False),
        ({"host": "in:1", "origin": "https://out.example"}, "https://out.example/", True),
        ({"host": "in:1", "origin": "https://other.example"}, "https://out.example", False),
        ({"origin": "http://"}, "", False),
    ],
)
def test_only_pages_of_this_server_may_change_anything(
    headers: dict[str, str], public: str, own: bool
) -> None:
    assert own_origin(headers, public) is own


@pytest.mark.parametrize("url", ["annotate.example", "https://a/b", "ftp://a", "https://"])
def test_a_public_url_is_an_origin(url: str) -> None:
    check_public_url("public_url", "https://annotate.example/")
    with pytest.raises(InputError, match="public_url"):
        check_public_url("public_url", url)


def test_a_policy_names_the_scripts_of_the_page_and_nothing_unsafe() -> None:
    found = policy("<script>start()</script><script src='/x.js'></script>")
    assert "script-src 'self' 'sha256-" in found
    assert found.count("sha256-") == 1
    assert "unsafe" not in found
    assert "default-src 'none'" in found
    assert "frame-ancestors 'none'" in found
    assert "frame-ancestors 'self'" in policy("", framed=True)


def test_a_script_that_the_source_of_the_template_lacks_is_refused() -> None:
    TaskPages(TASK, TASK, [])
    for strange in ("<script>steal()</script>", "<STYLE>p {color: red}</STYLE>"):
        with pytest.raises(InputError, match=r"task\.html\.j2"):
            TaskPages(TASK + strange, TASK, [])


def test_a_task_page_asks_this_server_for_everything() -> None:
    pages = TaskPages(TASK, TASK, [])
    page = pages.page("a/../<b>", ["q01"])
    assert "src='/image/a%2F..%2F%3Cb%3E'" in page.html
    assert "assets.crowd.aws" not in page.html
    assert '<script src="/static/crowd-shim.js"></script>' in page.html
    assert pages.page("x", ["q01"]).html == page.html.replace("a%2F..%2F%3Cb%3E", "x")


def test_texts_in_pages_are_escaped_and_their_scripts_do_not_run(tmp_path: Path) -> None:
    (tmp_path / "t.html.j2").write_text("<h1>[[ name ]]</h1>[[ trusted ]]<script>ours()</script>")
    from markupsafe import Markup

    hostile = "<script>theirs()</script>"
    page = Pages(tmp_path).render("t.html.j2", name=hostile, trusted=Markup(hostile))
    assert "<h1>&lt;script&gt;" in page.html
    assert page.policy == policy("<script>ours()</script>"), "even one that came in unescaped"


def test_only_scripts_and_styles_beside_the_templates_are_static(tmp_path: Path) -> None:
    pages = Pages(tmp_path / "own")
    found = pages.static("crowd-shim.js")
    assert found is not None
    assert found[1].startswith("text/javascript")
    for name in ("task.html.j2", "../pyproject.toml", "..js", ".css", "/etc/passwd", "a/b.js", ""):
        assert pages.static(name) is None
    assert security.LONGEST_TOKEN < 64 * 1024
