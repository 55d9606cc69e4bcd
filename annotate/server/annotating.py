"""What an annotator's pages ask for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from annotate.errors import InputError
from annotate.server.images import Shown
from annotate.server.model import Annotator, OpenTask, Pace
from annotate.server.requests import (
    OWNER,
    SESSION,
    Refusal,
    Site,
    address,
    annotator_by_session,
    check_active,
    check_owner,
    check_page,
    find_annotator,
    hold_back,
    read_body,
    text,
)
from annotate.server.security import same

# Browsers send a strict cookie only where a page of the same site asked: after a redirect from a
# link in a mail it would be missing, after this page it is there.
HOP = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={}">'
PANEL_TEXT = re.compile(r"[A-Za-z0-9_-]{1,64}")
LONGEST_SECONDS = 86_400.0
PRIVATE = {"Cache-Control": "private, max-age=604800, immutable"}


class Annotating:
    """Handlers of an annotator's requests."""

    def __init__(self, site: Site) -> None:
        self._site, self._desk, self._store = site, site.desk, site.desk.store
        self._ahead: dict[str, list[str]] = {}  # images that each annotator may fetch early

    def routes(self) -> list[Route]:
        """All addresses of an annotator."""
        return [
            Route("/a/{token}", self.open_link),
            Route("/join", self.join),
            Route("/annotate", self.shell),
            Route("/guidelines", self.guidelines),
            Route("/task/{image_id}", self.task),
            Route("/image/{image_id}", self.image),
            Route("/example/{number:int}", self.example),
            Route("/api/next", self.next),
            Route("/api/ahead", self.ahead),
            Route("/api/recent", self.recent),
            Route("/api/pace", self.pace),
            Route("/api/draft", self.draft, methods=["POST"]),
            Route("/api/submit", self.submit, methods=["POST"]),
            Route("/api/skip", self.skip, methods=["POST"]),
            Route("/api/broken", self.broken, methods=["POST"]),
            Route("/api/again", self.again, methods=["POST"]),
        ]

    async def open_link(self, request: Request) -> Response:
        """A personal link: the session begins."""
        token = request.path_params["token"]
        if await find_annotator(self._site, request, token) is None:
            return HTMLResponse("<!doctype html><p>This link is not valid (any more).", 404)
        return begin(self._site, SESSION, token, "/annotate")

    async def join(self, request: Request) -> Response:
        """Somebody whom an outside panel sends, with the panel's id of her."""
        name = self._site.settings.panel_parameter
        key, panel_id = request.query_params.get("key", ""), request.query_params.get(name, "")
        hold_back(self._site, request, key)
        if not name or not same(key, self._site.keys.panel_key):
            self._site.gate.failed(address(request))
            return HTMLResponse("<!doctype html><p>This link is not valid.", 404)
        self._site.gate.passed(key)
        if not PANEL_TEXT.fullmatch(panel_id):
            return HTMLResponse("<!doctype html><p>The link lacks your id.", 400)
        code = request.query_params.get(self._site.settings.completion_parameter, "")
        if code and not PANEL_TEXT.fullmatch(code):
            return HTMLResponse("<!doctype html><p>The link's completion code is no code.", 400)
        await self._desk.change(self._store.join, panel_id)
        session = self._site.keys.panel_session(panel_id, code)
        return begin(self._site, SESSION, session, "/annotate")

    async def shell(self, request: Request) -> Response:
        """The page around the tasks."""
        annotator, session = await annotator_by_session(self._site, request)
        page = self._site.pages.render(
            "serve-annotate.html.j2",
            csrf=self._site.keys.csrf(session),
            title=self._site.tasks.title,
            completion=self._completion(annotator, session),
        )
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})

    async def guidelines(self, request: Request) -> Response:
        """What each class means."""
        await annotator_by_session(self._site, request)
        by_id = self._site.taxonomy.by_id
        classes = [
            {"name": by_id[name].name, "description": by_id[name].description}
            for ids in self._site.questions.values()
            for name in ids
        ]
        page = self._site.pages.render(
            "serve-guidelines.html.j2",
            framed=True,
            title=self._site.tasks.title,
            description=self._site.tasks.description,
            classes=classes,
        )
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})

    async def task(self, request: Request) -> Response:
        """The task page of an image that she was given."""
        annotator, _ = await annotator_by_session(self._site, request)
        image_id = request.path_params["image_id"]
        held = await self._desk.look(self._store.held_task, annotator.id, image_id)
        if held is None:
            raise Refusal(404, "This task is not open for you.", "task")
        page = await self._desk.look(self._site.task_pages.page, image_id, held.questions)
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})

    async def image(self, request: Request) -> Response:
        """A picture that she was given or will be next, or any of the tasks' for the owner."""
        image_id = request.path_params["image_id"]
        if request.cookies.get(OWNER):
            check_owner(self._site, request)
            allowed = image_id in self._site.pictures
        else:
            annotator, _ = await annotator_by_session(self._site, request)
            allowed = image_id in self._ahead.get(annotator.id, ()) or (
                await self._desk.look(self._store.held_task, annotator.id, image_id) is not None
            )
        if not allowed:
            raise Refusal(404, "no such image", "image")
        etag = self._site.pictures.etag(image_id)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=PRIVATE | {"ETag": etag})
        return await self._picture(self._site.pictures.show, image_id, PRIVATE | {"ETag": etag})

    async def example(self, request: Request) -> Response:
        """An example image of a class."""
        if request.cookies.get(OWNER):
            check_owner(self._site, request)
        else:
            await annotator_by_session(self._site, request)
        number = request.path_params["number"]
        return await self._picture(self._site.pictures.example, number, PRIVATE)

    async def _picture(self, read: Any, which: Any, headers: dict[str, str]) -> Response:
        try:
            shown: Shown = await self._desk.look(read, which)
        except InputError as error:
            raise Refusal(404, str(error), "image") from error
        return Response(shown.data, media_type=shown.media_type, headers=headers)

    async def next(self, request: Request) -> Response:
        """The next page; 204 when there is none."""
        annotator, _ = await annotator_by_session(self._site, request)
        check_active(annotator)
        return await self._opened(self._store.next_task, annotator.id)

    async def ahead(self, request: Request) -> Response:
        """Addresses of the pictures that come next."""
        annotator, _ = await annotator_by_session(self._site, request)
        check_active(annotator)
        images = await self._desk.look(self._store.look_ahead, annotator.id)
        self._ahead[annotator.id] = images
        return JSONResponse([f"/image/{quote(image, safe='')}" for image in images])

    async def _opened(
        self, open_page: Callable[..., OpenTask | None], annotator_id: str, *more: str
    ) -> Response:
        def open_with_pace() -> tuple[OpenTask | None, Pace]:
            return open_page(annotator_id, *more), self._store.pace(annotator_id)

        task, pace = await self._desk.change(open_with_pace)
        if task is None:
            return Response(status_code=204)
        about = asdict(task) | {"page": f"/task/{quote(task.image_id, safe='')}"}
        return JSONResponse(about | {"done": pace.done, "left": pace.left})

    async def recent(self, request: Request) -> Response:
        """Her last pages, which she may correct."""
        annotator, _ = await annotator_by_session(self._site, request)
        found = await self._desk.look(self._store.recent, annotator.id)
        return JSONResponse([{"image_id": image, "submitted": at} for image, at in found])

    async def pace(self, request: Request) -> Response:
        """How much she did."""
        annotator, session = await annotator_by_session(self._site, request)
        pace = await self._desk.look(self._store.pace, annotator.id)
        about = asdict(pace) | {"completion": self._completion(annotator, session)}
        return JSONResponse(about)

    async def _asked(self, request: Request) -> tuple[Annotator, dict[str, Any]]:
        annotator, session = await annotator_by_session(self._site, request)
        check_page(self._site, request, session)
        check_active(annotator)
        return annotator, await read_body(request)

    async def draft(self, request: Request) -> Response:
        """Keep what she ticked so far."""
        annotator, body = await self._asked(request)
        draft = body.get("draft")
        if not isinstance(draft, dict):
            raise Refusal(400, "draft must be an object.", "body")
        which = (annotator.id, text(body, "image_id"), text(body, "lease"))
        await self._desk.change(self._store.save_draft, *which, draft)
        return JSONResponse({"saved": True})

    async def submit(self, request: Request) -> Response:
        """Her answer; once this says so it is stored for good."""
        annotator, body = await self._asked(request)
        which = (annotator.id, text(body, "image_id"), text(body, "lease"))
        seconds = body.get("seconds", 0.0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise Refusal(400, "seconds must be a number.", "body")
        seconds = float(seconds) if math.isfinite(seconds) else 0.0
        seconds = min(max(seconds, 0.0), LONGEST_SECONDS)
        await self._desk.change(self._store.submit, *which, body.get("content"), seconds)
        return JSONResponse({"stored": True})

    async def skip(self, request: Request) -> Response:
        """Leave a page to others."""
        return await self._leave(request, self._store.skip)

    async def broken(self, request: Request) -> Response:
        """Report an image that cannot be judged."""
        return await self._leave(request, self._store.report_broken)

    async def _leave(self, request: Request, leave: Any) -> Response:
        annotator, body = await self._asked(request)
        which = (annotator.id, text(body, "image_id"), text(body, "lease"), text(body, "reason"))
        await self._desk.change(leave, *which)
        return JSONResponse({"stored": True})

    async def again(self, request: Request) -> Response:
        """Open one of her last pages to correct it."""
        annotator, body = await self._asked(request)
        return await self._opened(self._store.task_again, annotator.id, text(body, "image_id"))

    def _completion(self, annotator: Annotator, session: str) -> str:
        """Where a panel takes people back who are done; empty: nowhere."""
        name = self._site.keys.panel_id(session) or annotator.id
        link, code = self._site.settings.completion_link, self._site.keys.completion(session)
        if "{completion}" in link and not code:
            return ""
        link = link.replace("{annotator}", quote(name, safe=""))
        return link.replace("{completion}", quote(code, safe=""))


def begin(site: Site, cookie: str, session: str, page: str) -> Response:
    """Start a session and go to its page."""
    # Not in a sandbox, as other answers without a page are: from there it could not go on.
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    response = HTMLResponse(HOP.format(page), headers=policy)
    response.set_cookie(
        cookie, session, path="/", httponly=True, samesite="strict", secure=site.secure
    )
    return response
