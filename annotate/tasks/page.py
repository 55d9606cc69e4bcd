"""The page that annotators see: the Ground Truth template, and previews of it without the service.

Jinja generates the template once for a plan. It writes ``[[ ]]`` so that Liquid's ``{{ }}`` pass
through, and everything that it inserts is escaped for HTML and for Liquid: a brace becomes a
character reference, so no text of a taxonomy can become markup, script or Liquid.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from PIL.Image import Image

from annotate.errors import InputError
from annotate.pages import data_uri
from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import TaskSettings
from annotate.tasks.examples import examples_of, grant_direct
from annotate.tasks.liquid import check_liquid, render_liquid
from annotate.taxonomy.model import Taxonomy
from annotate.templates import Templates, own_or_packaged

LARGEST_TEMPLATE = (
    128_000  # characters; bound of RenderUiTemplate in botocore's model of the service
)
CROWD_SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
# What takes the place of Amazon's script; the first one is the base of the others.
SHIM_FILES = ("crowd-shim.js", "crowd-inputs.js", "crowd-layout.js")
PREVIEW_PIXELS = 1280
_NO_NETWORK = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
)
_BRACES = str.maketrans({"{": "&#123;", "}": "&#125;"})


def make_template(
    plan: QuestionPlan, taxonomy: Taxonomy, settings: TaskSettings, own_templates: Path
) -> str:
    """The Ground Truth template that holds every question of a plan once.

    Args:
        plan: the questions.
        taxonomy: gives names and descriptions of their classes.
        settings: title and description of the task, and how many examples a class shows at most.
        own_templates: a folder whose files win over the packaged templates; it need not exist.

    Raises:
        InputError: a template is broken, not valid Liquid, or the page is too large.
    """
    page = ""
    # Examples are worth less than the questions: where they do not fit, there are fewer of them.
    for examples in range(settings.examples, -1, -1):
        page = _task_page(plan, taxonomy, replace(settings, examples=examples), own_templates)
        if len(page) < LARGEST_TEMPLATE:
            break
    check_template(page)
    return page


def _task_page(
    plan: QuestionPlan, taxonomy: Taxonomy, settings: TaskSettings, own_templates: Path
) -> str:
    return _render(
        own_templates,
        "task.html.j2",
        title=settings.title,
        description=settings.description,
        questions=[_question(question, taxonomy, settings) for question in plan.questions],
    )


def check_template(page: str) -> None:
    """Make sure that Ground Truth can use a template.

    Raises:
        InputError: it is too large, lacks Amazon's elements or its form, or is not valid Liquid.
    """
    if len(page) >= LARGEST_TEMPLATE:
        raise InputError(
            f"the task template has {len(page):,} characters, and Ground Truth takes fewer than "
            f"{LARGEST_TEMPLATE:,}; shorten descriptions or ask fewer classes ([project] classes)."
        )
    for part in (CROWD_SCRIPT, "<crowd-form"):
        if page.count(part) != 1:
            raise InputError(f"the task template must hold {part} exactly once; see task.html.j2.")
    check_liquid(page)


def render_preview(
    template: str,
    task_input: Mapping[str, Any],
    image: str,
    own_templates: Path,
    examples: Mapping[str, str] | None = None,
) -> str:
    """A task as one HTML document that asks no host for anything; submitting shows the answer.

    Args:
        template: from :func:`make_template`.
        task_input: a line of the manifest.
        image: a ``data:`` URI of its picture, see :func:`inline_image`.
        own_templates: a folder whose files win over the packaged templates.
        examples: ``data:`` URIs of the classes' example images, by their address in the template.

    Raises:
        InputError: the template does not render with this object.
    """
    scripts = "\n".join(
        f"<script>\n{own_or_packaged(own_templates, name).read_text('utf-8')}</script>"
        for name in (*SHIM_FILES, "preview.js")
    )
    pictures = {**(examples or {}), str(task_input.get("source-ref")): image}

    def grant(uri: str) -> str:
        return pictures.get(uri, "data:,")

    page = grant_direct(render_liquid(template, task_input, grant=grant), grant)
    return page.replace(CROWD_SCRIPT, _NO_NETWORK + scripts)


def render_previews(pages: Sequence[str], title: str, own_templates: Path) -> str:
    """Several previews in one HTML document, one at a time."""
    embedded = json.dumps(list(pages)).replace("<", "\\u003c")
    return _render(own_templates, "preview.html.j2", title=title, pages=Markup(embedded))


def inline_image(picture: Image, *, pixels: int = PREVIEW_PIXELS) -> str:
    """A picture as a ``data:`` URI of a JPEG whose longer side has at most ``pixels`` pixels."""
    small = picture.copy()
    small.thumbnail((pixels, pixels))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return data_uri(buffer.getvalue(), "jpeg")


def _question(question: Question, taxonomy: Taxonomy, settings: TaskSettings) -> dict[str, Any]:
    entries = [taxonomy.by_id[class_id] for class_id in question.classes]
    choices = [
        {
            "id": entry.id,
            "name": entry.name,
            "description": entry.description[:1].upper() + entry.description[1:],
            "examples": examples_of(entry, settings),
        }
        for entry in entries
    ]
    return {"id": question.id, "title": question.title, "choices": choices}


def _render(own_templates: Path, name: str, **values: Any) -> str:
    templates = Templates(
        own_templates, brackets=True, finalize=_escaped, keep_trailing_newline=True
    )
    return templates.render(name, **values)


def _escaped(value: Any) -> Markup:
    """Escaped for HTML, and for Liquid, which runs later over the same text.

    >>> str(_escaped("<b>{{ x }} & {%"))
    '&lt;b&gt;&#123;&#123; x &#125;&#125; &amp; &#123;%'
    """
    if isinstance(value, Markup):
        return value
    return Markup(str(escape(value)).translate(_BRACES))
