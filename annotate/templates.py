"""Templates and the files beside them: a workspace's own copies win over the packaged ones."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2

from annotate.errors import InputError
from annotate.resources import resource

_BRACKETS = {
    "variable_start_string": "[[",
    "variable_end_string": "]]",
    "block_start_string": "[%",
    "block_end_string": "%]",
    "comment_start_string": "[#",
    "comment_end_string": "#]",
}


def own_or_packaged(own_templates: Path, name: str) -> Path:
    """A file of the templates: the workspace's own copy, else the packaged one.

    Raises:
        MissingError: there is neither.
    """
    own = own_templates / name
    return own if own.is_file() else resource("templates", name)


class Templates:
    """Renders the templates of a workspace; what is broken in one becomes an InputError."""

    def __init__(self, own_templates: Path, *, brackets: bool = False, **more: Any) -> None:
        """Look for templates.

        Args:
            own_templates: the workspace's folder, whose files win; it need not exist.
            brackets: the marks are ``[[ ]]``, ``[% %]`` and ``[# #]``, so that braces stay as they
                are: Ground Truth's Liquid and scripts have many.
            more: further options of Jinja's environment.
        """
        self._own = own_templates
        options: dict[str, Any] = {
            "autoescape": True,
            "undefined": jinja2.StrictUndefined,
            "trim_blocks": True,
            "lstrip_blocks": True,
            **(_BRACKETS if brackets else {}),
            **more,
        }
        loader = jinja2.FileSystemLoader([own_templates, resource("templates")])
        self._environment = jinja2.Environment(loader=loader, **options)

    def render(self, name: str, /, **values: Any) -> str:
        """The text that a template makes of values.

        Raises:
            InputError: the template is missing or broken; file and line are named.
        """
        return "".join(self.generate(name, **values))

    def generate(self, name: str, /, **values: Any) -> Iterator[str]:
        """The same in parts, each made when it is asked for; raises as :meth:`render` does."""
        with self._explained(name):
            yield from self._environment.get_template(name).generate(**values)

    def text(self, name: str) -> str:
        """A file beside the templates as it is, with the line ends that a browser hashes.

        Raises:
            MissingError: it is neither in the workspace nor packaged.
            InputError: it is not UTF-8.
        """
        with self._explained(name):
            return own_or_packaged(self._own, name).read_text("utf-8")

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except jinja2.TemplateSyntaxError as error:
            place = f"{error.filename or error.name or name}:{error.lineno}"
            raise InputError(f"{place}: {error.message}; correct the template.") from error
        except jinja2.TemplateError as error:
            place = _line_of(error, self._own) or f"the template {name}"
            raise InputError(f"{place}: it does not render: {error}") from error
        except UnicodeDecodeError as error:
            file = _not_utf_8(self._own, name)
            raise InputError(f"{file} is not UTF-8: {error}; save it as UTF-8.") from error

    def check(self, name: str) -> None:
        """Refuse a template whose marks are broken before anything is made for it.

        Raises:
            InputError: it is missing, or broken; file and line are named.
        """
        with self._explained(name):
            self._environment.get_template(name)


def _not_utf_8(own_templates: Path, name: str) -> Path:
    """The file that cannot be decoded: a template, or one of a workspace's that it includes."""
    own = own_or_packaged(own_templates, name)
    for file in (own, *sorted(own_templates.glob("*.*"))):
        try:
            file.read_text("utf-8")
        except UnicodeDecodeError:
            return file
    return own


def _line_of(error: jinja2.TemplateError, own_templates: Path) -> str:
    """File and line of a template where an error arose; empty where it arose in none."""
    folders = {own_templates, resource("templates")}
    frames = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent in folders
    ]
    return frames[-1] if frames else ""
