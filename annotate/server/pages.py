"""The server's pages, and the Content-Security-Policy that belongs to each.

A page may run the scripts that its template holds and no others. Their hashes are taken from the
template without any data in it, so that a text of a taxonomy that became a script, by whatever
mistake, still would not run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from annotate.errors import InputError, MissingError
from annotate.questions.planning import QuestionPlan
from annotate.resources import resource
from annotate.settings import TaskSettings
from annotate.tasks.examples import grant_direct
from annotate.tasks.liquid import render_liquid
from annotate.tasks.page import CROWD_SCRIPT, SHIM_FILES, make_template
from annotate.taxonomy.model import Taxonomy
from annotate.templates import Templates, own_or_packaged

STATIC = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
SHIM = "".join(f'<script src="/static/{name}"></script>' for name in SHIM_FILES)
# Stands for the image's id in a page that is rendered once for many images.
_ANY_IMAGE = "0b5e7d4c9a1f4e63"


def differing_copies(own_templates: Path) -> list[str]:
    """Names of the server's own files of which a workspace has another copy, sorted.

    Those of a version before may lack what the newer files beside them use.
    """
    packaged = resource("templates")
    names = {*SHIM_FILES, *(path.name for path in packaged.glob("serve*"))}
    return [
        name
        for name in sorted(names)
        if (own_templates / name).is_file()
        and (own_templates / name).read_bytes() != (packaged / name).read_bytes()
    ]


@dataclass(frozen=True)
class Page:
    """A document and its policy."""

    html: str
    policy: str


class Pages:
    """Renders the server's own pages; templates of the workspace win over the packaged ones."""

    def __init__(self, own_templates: Path) -> None:
        self._own = own_templates
        self._templates = Templates(own_templates, brackets=True, keep_trailing_newline=True)

    def render(self, name: str, /, *, framed: bool = False, **values: Any) -> Page:
        """A page of a template such as ``serve-annotate.html.j2``.

        Args:
            name: of the template.
            framed: whether a page of this server may show it in a frame.
            values: what the template needs.

        Raises:
            InputError: the template is missing or broken.
        """
        bare = {
            key: () if isinstance(value, (list, tuple)) else "" for key, value in values.items()
        }
        trusted = self._templates.render(name, **bare)
        return Page(self._templates.render(name, **values), policy(trusted, framed=framed))

    def static(self, name: str) -> tuple[bytes, str] | None:
        """A script or style sheet beside the templates, and its media type."""
        suffix = Path(name).suffix
        if suffix not in STATIC or not name.removesuffix(suffix).replace("-", "").isalnum():
            return None
        try:
            return own_or_packaged(self._own, name).read_bytes(), STATIC[suffix]
        except MissingError:
            return None


class TaskPages:
    """The task page of each image: the very template of the tasks.

    A stand-in takes the place of Amazon's elements, and images have addresses of this server.
    """

    def __init__(self, template: str, trusted: str, examples: Sequence[str]) -> None:
        """Take over a template.

        Args:
            template: ``template.liquid.html``.
            trusted: the same template made for no question at all, see :func:`bare_template`.
            examples: addresses of example images as they stand in the template, in the order of
                their numbers.

        Raises:
            InputError: the template holds a script or style that its source does not.
        """
        strange = set(_inline(template)) - set(_inline(trusted))
        if strange:
            raise InputError(
                f"data/tasks/template.liquid.html holds {len(strange)} scripts or styles that "
                "templates/task.html.j2 does not. Build it anew with `mumic-annotate tasks`; "
                "changes of your own belong into templates/task.html.j2 of the workspace."
            )
        self._template = template
        self._numbers = {address: number for number, address in enumerate(examples)}
        # As a browser gets it: rendering takes Liquid's marks out of scripts and styles.
        nothing = {"source-ref": _ANY_IMAGE, "image-id": _ANY_IMAGE, "questions": []}
        bare = render_liquid(trusted, nothing, grant=self._address)
        self._policy = policy(bare, framed=True)
        self._rendered = lru_cache(256)(self._render)

    def page(self, image_id: str, questions: Iterable[str]) -> Page:
        """The page of one image, which asks the given questions.

        Raises:
            InputError: the template does not render.
        """
        html = self._rendered(tuple(questions))
        return Page(html.replace(_ANY_IMAGE, quote(image_id, safe="")), self._policy)

    def _render(self, questions: tuple[str, ...]) -> str:
        task = {"source-ref": _ANY_IMAGE, "image-id": _ANY_IMAGE, "questions": list(questions)}
        page = render_liquid(self._template, task, grant=self._address)
        return grant_direct(page, self._address).replace(CROWD_SCRIPT, SHIM)

    def _address(self, uri: str) -> str:
        if uri == _ANY_IMAGE:
            return f"/image/{_ANY_IMAGE}"
        return f"/example/{self._numbers[uri]}" if uri in self._numbers else "data:,"


def bare_template(taxonomy: Taxonomy, settings: TaskSettings, own_templates: Path) -> str:
    """The task template without a question: what of it does not come from data."""
    no_questions = QuestionPlan(taxonomy.hash, "grouped", ())
    bare = TaskSettings(title="", description="", image_prefix=settings.image_prefix)
    return make_template(no_questions, taxonomy, bare, own_templates)


def policy(trusted: str, *, framed: bool = False) -> str:
    """The strictest Content-Security-Policy under which a page works.

    Args:
        trusted: the page without data; its inline scripts and styles may run, and those of
            ``/static``.
        framed: whether a page of this server may show it in a frame.
    """
    own, nobody = "'self'", "'none'"
    hashes: dict[str, set[str]] = {"script": set(), "style": set()}
    for kind, text in _inline(trusted):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].add(f"'sha256-{digest}'")
    sources: Mapping[str, str] = {
        kind: " ".join([own, *sorted(found)]) for kind, found in hashes.items()
    }
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {sources['script']}",
            f"style-src {sources['style']}",
            "img-src 'self' data:",
            "connect-src 'self'",
            "frame-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {own if framed else nobody}",
        )
    )


def _inline(page: str) -> list[tuple[str, str]]:
    reader = _Inline()
    reader.feed(page)
    reader.close()
    return reader.found


class _Inline(HTMLParser):
    """Scripts and styles that stand in a page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._kind = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        data_block = names.get("type") in ("application/json", "text/plain")
        if tag in ("script", "style") and "src" not in names and not data_block:
            self._kind = tag
            self.found.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self._kind:
            kind, text = self.found[-1]
            self.found[-1] = (kind, text + data)

    def handle_endtag(self, tag: str) -> None:
        self._kind = ""
