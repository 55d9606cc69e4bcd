"""Personal links: a new annotator for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.errors import InputError
from annotate.server.model import Annotator
from annotate.server.store import Store

MOST_LINKS = 100


@dataclass(frozen=True)
class Link:
    """A personal link. Its token stands nowhere else: the store keeps a hash."""

    id: str
    name: str
    url: str


def make_links(store: Store, base: str, count: int, names: Sequence[str] = ()) -> list[Link]:
    """Add annotators and make their links.

    Args:
        store: where they are added.
        base: origin that people see, such as ``https://annotate.example``.
        count: how many; people without a name of their own are called Annotator and a number.
        names: of the first of them.
    """
    taken = {annotator.name for annotator in store.annotators()}
    fresh = (name for number in range(1, 100_000) if (name := f"Annotator {number}") not in taken)
    wanted = [*names, *(next(fresh) for _ in range(count - len(names)))]
    made = []
    for name in wanted:
        annotator, token = store.add_annotator(name)
        made.append(Link(annotator.id, annotator.name, f"{base}/a/{token}"))
    return made


def find_annotator(annotators: Sequence[Annotator], name: str) -> Annotator:
    """The annotator of a name or an id.

    Raises:
        InputError: nobody is called so.
    """
    for annotator in annotators:
        if name in (annotator.id, annotator.name):
            return annotator
    known = ", ".join(annotator.name for annotator in annotators) or "nobody yet"
    raise InputError(f"no annotator is called {name!r}. There are: {known}.")
