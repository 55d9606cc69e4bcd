"""Ground Truth's Liquid, on this machine: the engine with the filters that the service adds.

Variables are HTML-escaped, as the service does. An unknown filter and an undefined variable are
errors here, so that a template fails in the preview and not in front of annotators.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError
from markupsafe import Markup

from annotate.errors import InputError, closest

Grant = Callable[[str], str]
# The engine's own; the service has skip_autoescape.
LOCAL_FILTERS = frozenset({"safe", "escapejs", "squish"})


def render_liquid(source: str, task_input: Mapping[str, Any], *, grant: Grant) -> str:
    """Render a task page for one object.

    Args:
        source: the template, its data under ``task.input``.
        task_input: the object's line of the manifest.
        grant: turns an image's URI into an address that the page can load (``grant_read_access``).

    Raises:
        InputError: the template is not valid Liquid, or asks for what the object does not have.
    """
    try:
        page = _environment(grant).from_string(source).render(task={"input": dict(task_input)})
    except LiquidError as error:
        raise InputError(f"the task template does not render: {_describe(error)}") from error
    return str(page)


def check_liquid(source: str) -> None:
    """Make sure that a template is valid Liquid with filters that Ground Truth knows.

    Raises:
        InputError: it is not; the message says where.
    """
    try:
        found = parse_liquid(source).analyze()
    except LiquidError as error:
        raise InputError(f"the task template is not valid Liquid: {_describe(error)}") from error
    known = known_filters()
    for name in sorted(set(found.filters) - known):
        raise InputError(
            f"the task template uses the Liquid filter {name!r}, which Ground Truth does not have"
            f"{closest(name, known)}; remove it."
        )


def parse_liquid(source: str) -> BoundTemplate:
    """A template as the engine reads it.

    Raises:
        LiquidError: it is not valid.
    """
    return _environment(str).from_string(source)


def known_filters() -> set[str]:
    """Names of the filters that Ground Truth has."""
    return set(_environment(str).filters) - LOCAL_FILTERS


def _environment(grant: Grant) -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, strict_filters=True)

    def grant_read_access(uri: object) -> str:
        if not uri:
            raise InputError("grant_read_access got no address: a manifest line lacks its image.")
        return grant(str(uri))

    # Markup keeps the quotes of JSON, as the service does; `| to_json | escape` is for attributes.
    environment.add_filter("to_json", lambda value: Markup(json.dumps(value, ensure_ascii=False)))
    environment.add_filter("grant_read_access", grant_read_access)
    environment.add_filter("skip_autoescape", Markup)
    return environment


def _describe(error: LiquidError) -> str:
    return " ".join(str(error).split())
