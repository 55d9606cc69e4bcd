"""The hierarchy as a Mermaid diagram, which GitHub, GitLab and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from annotate.taxonomy.model import Taxonomy


def mermaid(taxonomy: Taxonomy) -> str:
    """A diagram: a box per category, arrows from parents, dotted lines between exclusives."""
    return "\n".join(_lines(taxonomy))


def _lines(taxonomy: Taxonomy) -> Iterator[str]:
    # Prefixes keep ids such as `end`, which Mermaid reserves, and equal ids apart.
    yield "graph LR"
    for category in taxonomy.categories:
        yield f"  subgraph category_{category.id}[{_quoted(category.name)}]"
        for entry in taxonomy.classes:
            if entry.category == category.id:
                yield f"    class_{entry.id}[{_quoted(entry.name)}]"
        yield "  end"
    for entry in taxonomy.classes:
        for parent in entry.parents:
            yield f"  class_{parent} --> class_{entry.id}"
    for one, other in taxonomy.exclusive_pairs():
        yield f"  class_{one} -.-|not both| class_{other}"


def _quoted(text: str) -> str:
    """A label between quotes, with what Mermaid would read as markup written as entities."""
    for sign in '&#"<>`':
        text = text.replace(sign, f"\x00{ord(sign)};")
    return '"' + text.replace("\x00", "#") + '"'
