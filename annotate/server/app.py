"""The server as an ASGI application: its addresses, and what holds for every response."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotate.errors import MumicError, RemoteError
from annotate.server.annotating import Annotating
from annotate.server.errors import BadAnswer, FullImage, NotActive, NotYours, StaleLease
from annotate.server.owning import Owning
from annotate.server.requests import Refusal, Site

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
_PROBLEMS: Mapping[type[MumicError], tuple[int, str]] = {
    StaleLease: (409, "stale"),
    FullImage: (409, "full"),
    BadAnswer: (400, "answer"),
    NotActive: (403, "paused"),
    NotYours: (404, "task"),
    RemoteError: (503, "retry"),
}


class _Headers:
    """Adds the headers that every response has, where it does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def make_app(site: Site) -> Starlette:
    """The application for a site; it exports the answers while it runs and when it ends."""

    @contextlib.asynccontextmanager
    async def at_work(app: Starlette) -> AsyncIterator[None]:
        async with site.desk.at_work():
            yield

    async def static(request: Request) -> Response:
        found = site.pages.static(request.path_params["name"])
        if found is None:
            raise Refusal(404, "no such file", "file")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "no-cache"})

    async def home(request: Request) -> Response:
        return RedirectResponse("/annotate", 303)

    routes = [
        Route("/", home),
        Route("/static/{name}", static),
        *Annotating(site).routes(),
        *Owning(site).routes(),
    ]
    return Starlette(
        routes=routes,
        lifespan=at_work,
        middleware=[Middleware(_Headers)],
        exception_handlers={Refusal: _refused, MumicError: _problem},
    )


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # the handler of that class
    if request.url.path in ("/annotate", "/owner") and refusal.status == 401:
        page = f"<!doctype html><meta charset=utf-8><title>Link needed</title><p>{refusal.message}"
        return HTMLResponse(page, 401)
    return refusal.response()


async def _problem(request: Request, error: Exception) -> Response:
    """A mistake that whoever asks can do something about."""
    for kind, (status, name) in _PROBLEMS.items():
        if isinstance(error, kind):
            return JSONResponse({"error": str(error), "kind": name}, status)
    return JSONResponse({"error": str(error), "kind": "input"}, 400)
