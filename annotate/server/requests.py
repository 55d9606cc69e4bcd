"""What every request goes through: who asks, from which page, and how much is read of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from annotate.server.desk import Desk
from annotate.server.images import Pictures
from annotate.server.model import ACTIVE, REVOKED, Annotator
from annotate.server.pages import Pages, TaskPages
from annotate.server.security import LONGEST_TOKEN, Gate, Keys, own_origin, same
from annotate.settings import ServeSettings, TaskSettings
from annotate.taxonomy.model import Taxonomy

SESSION, OWNER = "mumic_session", "mumic_owner"
LARGEST_BODY = 64 * 1024


class Refusal(Exception):  # noqa: N818  # it ends a request and is never a mistake of ours
    """Ends a request with a status and a sentence."""

    def __init__(self, status: int, message: str, kind: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.headers = status, message, kind, headers

    def response(self) -> Response:
        """As JSON for the page's script."""
        body = {"error": self.message, "kind": self.kind}
        return JSONResponse(body, self.status, headers=self.headers)


@dataclass(frozen=True)
class Site:
    """Everything that the server's handlers work on."""

    desk: Desk
    keys: Keys
    pages: Pages
    task_pages: TaskPages
    pictures: Pictures
    taxonomy: Taxonomy
    settings: ServeSettings
    tasks: TaskSettings
    questions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)

    @property
    def secure(self) -> bool:
        """Whether people come over TLS."""
        return self.settings.public_url.startswith("https://")


def address(request: Request) -> str:
    """Where a request comes from, for the limit on guesses."""
    return request.client.host if request.client else ""


async def annotator_by_session(site: Site, request: Request) -> tuple[Annotator, str]:
    """Who asks, and her session.

    Raises:
        Refusal: no session, one that was never given or was revoked, or too many of those.
    """
    session = request.cookies.get(SESSION, "")
    annotator = await find_annotator(site, request, session) if session else None
    if annotator is None:
        raise Refusal(401, "Please open your personal link again.", "session")
    return annotator, session


async def find_annotator(site: Site, request: Request, session: str) -> Annotator | None:
    """Whose token or panel session this is; None where nobody's. Wrong ones are counted.

    Raises:
        Refusal: this address came with too many wrong ones.
    """
    hold_back(site, request, session)
    annotator, store = None, site.desk.store
    if len(session) <= LONGEST_TOKEN:
        panel_id = site.keys.panel_id(session)
        # One look into a small index, which costs less than the way to another thread.
        annotator = store.by_token(session) if panel_id is None else store.joined(panel_id)
        if annotator is None and panel_id is not None:
            annotator = await site.desk.change(store.join, panel_id)
    if annotator is None or annotator.state == REVOKED:
        site.gate.failed(address(request))
        return None
    site.gate.passed(session)
    return annotator


def hold_back(site: Site, request: Request, secret: str) -> None:
    """Stop an address that guesses.

    Raises:
        Refusal: it came with too many wrong secrets lately.
    """
    if (wait := site.gate.wait(address(request), secret)) > 0:
        seconds = str(math.ceil(wait))
        raise Refusal(
            429, "Too many wrong links; wait a minute.", "wait", **{"Retry-After": seconds}
        )


def is_owner(site: Site, request: Request, token: str) -> bool:
    """Whether a token is the owner's; wrong ones are counted.

    Raises:
        Refusal: this address came with too many wrong ones.
    """
    hold_back(site, request, token)
    if len(token) <= LONGEST_TOKEN and same(token, site.keys.owner_token):
        site.gate.passed(token)
        return True
    site.gate.failed(address(request))
    return False


def check_owner(site: Site, request: Request) -> str:
    """The owner's session.

    Raises:
        Refusal: it is somebody else.
    """
    session = request.cookies.get(OWNER, "")
    if not session or not is_owner(site, request, session):
        raise Refusal(401, "Please open the owner's link again.", "session")
    return session


def check_active(annotator: Annotator) -> None:
    """Let only people at work go on.

    Raises:
        Refusal: she is paused or excluded.
    """
    if annotator.state != ACTIVE:
        message = "Your work is paused. Please write to whoever sent you the link. Thank you!"
        raise Refusal(403, message, annotator.state)


def check_page(site: Site, request: Request, session: str) -> None:
    """Make sure that a change was asked for by a page of ours.

    Raises:
        Refusal: another origin, or no CSRF token of this session.
    """
    if not own_origin(request.headers, site.settings.public_url):
        raise Refusal(403, "This request came from another site.", "origin")
    if not same(request.headers.get("x-csrf", ""), site.keys.csrf(session)):
        raise Refusal(403, "This page is out of date; reload it.", "csrf")


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        Refusal: too large, no JSON, or no object.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "Send JSON.", "body")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:9]) > LARGEST_BODY:
        raise Refusal(413, "Too much at once.", "body", Connection="close")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_BODY:
            raise Refusal(413, "Too much at once.", "body", Connection="close")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Send a JSON object.", "body")
    return body


def text(body: dict[str, Any], name: str, *, longest: int = 500) -> str:
    """A text of a request.

    Raises:
        Refusal: missing, no text, or too long.
    """
    value = body.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise Refusal(400, f"{name} must be a text of at most {longest} characters.", "body")
    return value
