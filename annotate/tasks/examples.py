"""Example images of a class: what the task page shows beside its description.

An entry of ``examples`` in the taxonomy is a path, relative to the workspace, or an address. One
that begins with ``not `` is a photo that people take for the class though it is not.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

from annotate.settings import TaskSettings
from annotate.storage.store import is_remote
from annotate.tasks.objects import source_ref
from annotate.taxonomy.model import Taxonomy, TaxonomyClass

COUNTER = "not "
_ON_THE_WEB = ("http://", "https://")
_DIRECT = re.compile(r'(<img class="example direct"[^>]*? src=")(https?://[^"]*)')


@dataclass(frozen=True)
class Example:
    """An example image.

    Attributes:
        shows: whether it shows the class; else it is one that is mistaken for it.
        place: path or address, as the taxonomy has it.
        address: as it stands in the template: local paths below ``[tasks] image_prefix``.
    """

    shows: bool
    place: str
    address: str

    @property
    def direct(self) -> bool:
        """Whether Ground Truth's page loads it from the web by itself."""
        return self.address.startswith(_ON_THE_WEB)

    @property
    def source(self) -> Markup:
        """The value of ``src`` in a Ground Truth template.

        A bucket's image needs leave to be read, which the service gives to S3 addresses alone;
        without a prefix a local path gets it from the preview and the local server.
        """
        if self.direct:
            return Markup(str(escape(self.address)).replace("{", "%7B").replace("}", "%7D"))
        return Markup(f"{{{{ {_liquid_text(self.address)} | grant_read_access }}}}")


def examples_of(entry: TaxonomyClass, settings: TaskSettings) -> list[Example]:
    """The examples of a class, at most ``settings.examples`` that show it and as many that do not.

    >>> entry = TaxonomyClass("bed", "Bed", "room", examples=("a.jpg", "not sofa.jpg"))
    >>> [(each.shows, each.address) for each in examples_of(entry, TaskSettings())]
    [(True, 'a.jpg'), (False, 'sofa.jpg')]
    """
    found = [_example(text, settings.image_prefix) for text in entry.examples]
    showing = [example for example in found if example.shows]
    others = [example for example in found if not example.shows]
    return showing[: settings.examples] + others[: settings.examples]


def all_examples(taxonomy: Taxonomy, settings: TaskSettings) -> dict[str, str]:
    """Where each example image lies, by its address in the template."""
    return {example.address: example.place for example in _examples(taxonomy, settings)}


def examples_in(template: str, taxonomy: Taxonomy, settings: TaskSettings) -> dict[str, str]:
    """As :func:`all_examples`, only those that a template shows."""
    return {
        example.address: example.place
        for example in _examples(taxonomy, settings)
        if str(example.source) in template
    }


def _examples(taxonomy: Taxonomy, settings: TaskSettings) -> list[Example]:
    return [example for entry in taxonomy.classes for example in examples_of(entry, settings)]


def _example(text: str, prefix: str) -> Example:
    shows = not text.startswith(COUNTER)
    place = text.removeprefix(COUNTER).strip()
    if not is_remote(place):
        place = os.path.normpath(place)
    return Example(shows, place, source_ref(place, prefix))


def _liquid_text(text: str) -> str:
    """A text as a Liquid expression.

    Liquid has no escapes within quotes, and ends an output at the first ``}}`` even there; so the
    text is put together from pieces.

    >>> _liquid_text("a.jpg"), _liquid_text('a}}"')
    ('"a.jpg"', '"a" | append: "}" | append: "}" | append: \\'"\\'')
    """
    pieces = [piece for piece in re.split(r'(["{}%])', text) if piece]
    quoted = [f"'{piece}'" if piece == '"' else f'"{piece}"' for piece in pieces]
    return " | append: ".join(quoted) or '""'


def grant_direct(page: str, grant: Callable[[str], str]) -> str:
    """A rendered page with those examples granted too that Ground Truth's page loads from the web.

    Args:
        page: rendered from the template.
        grant: from an address to one that the page can load here.
    """

    def granted(match: re.Match[str]) -> str:
        return match[1] + str(escape(grant(html.unescape(match[2]))))

    return _DIRECT.sub(granted, page)
