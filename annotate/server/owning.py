"""What the owner's page asks for."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from annotate.server.annotating import begin
from annotate.server.export import EXPORT_FILE
from annotate.server.links import MOST_LINKS, make_links
from annotate.server.model import ACTIVE, EXCLUDED, PAUSED, REVOKED
from annotate.server.requests import (
    OWNER,
    Refusal,
    Site,
    check_owner,
    check_page,
    is_owner,
    read_body,
    text,
)


class Owning:
    """Handlers of the owner's requests."""

    def __init__(self, site: Site) -> None:
        self._site, self._desk, self._store = site, site.desk, site.desk.store

    def routes(self) -> list[Route]:
        """All addresses of the owner."""
        return [
            Route("/owner", self.shell),
            Route("/owner/{token}", self.open_link),
            Route("/api/owner", self.report),
            Route("/api/owner/annotator", self.set_state, methods=["POST"]),
            Route("/api/owner/links", self.links, methods=["POST"]),
            Route("/api/owner/export", self.export),
        ]

    async def open_link(self, request: Request) -> Response:
        """The owner's link: the session begins."""
        token = request.path_params["token"]
        if not is_owner(self._site, request, token):
            return HTMLResponse("<!doctype html><p>This link is not valid.", 404)
        return begin(self._site, OWNER, token, "/owner")

    async def shell(self, request: Request) -> Response:
        """The owner's page."""
        csrf = self._site.keys.csrf(check_owner(self._site, request))
        title = self._site.tasks.title
        page = self._site.pages.render("serve-owner.html.j2", csrf=csrf, title=title)
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})

    async def report(self, request: Request) -> Response:
        """How the work stands."""
        check_owner(self._site, request)
        report = await self._desk.look(self._store.owner_report)
        names = {entry.id: entry.name for entry in self._site.taxonomy.classes}
        return JSONResponse(asdict(report) | {"class_names": names})

    async def set_state(self, request: Request) -> Response:
        """Pause, exclude, revoke or bring back an annotator."""
        check_page(self._site, request, check_owner(self._site, request))
        body = await read_body(request)
        state = text(body, "state")
        if state not in (ACTIVE, PAUSED, EXCLUDED, REVOKED):
            raise Refusal(400, f"unknown state {state[:20]!r}", "body")
        reopened = await self._desk.change(self._store.set_state, text(body, "id"), state)
        return JSONResponse({"reopened": reopened})

    async def links(self, request: Request) -> Response:
        """Personal links for further people; they are shown this once."""
        check_page(self._site, request, check_owner(self._site, request))
        body = await read_body(request)
        count = body.get("count")
        if type(count) is not int or not 1 <= count <= MOST_LINKS:
            raise Refusal(400, f"count must be 1 to {MOST_LINKS}.", "body")
        base = self._site.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
        made = await self._desk.change(make_links, self._store, base, count)
        return JSONResponse({"links": [asdict(link) for link in made]})

    async def export(self, request: Request) -> Response:
        """The answers so far, as a file."""
        check_owner(self._site, request)
        await self._desk.export()
        path = self._desk.answers / EXPORT_FILE
        if not path.is_file():  # nobody has answered yet
            named = {"Content-Disposition": f'attachment; filename="{EXPORT_FILE}"'}
            return Response(b"", media_type="application/jsonl", headers=named)
        return FileResponse(path, filename=EXPORT_FILE, media_type="application/jsonl")
