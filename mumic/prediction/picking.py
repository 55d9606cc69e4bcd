"""Which images ``mumic predict`` is meant, and the file that their predictions go to.

It is meant the catalogue, or folders, tables and single files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from annotate.catalog.scan import is_demo_catalog, load_catalog
from annotate.catalog.sources import DEMO_MARKER, SUFFIXES, list_source
from annotate.errors import InputError
from annotate.storage.store import canonical_uri, is_remote
from annotate.workspace import Workspace


@dataclass(frozen=True)
class Picked:
    """Canonical URIs, each once; ``demo`` if all of them are drawings of the demo world."""

    uris: list[str]
    rejects: list[tuple[str, str]]
    demo: bool


def pick_images(workspace: Workspace, sources: list[str]) -> Picked:
    """The images of some sources; of the catalogue where there is none.

    Args:
        workspace: relative URIs start at its root.
        sources: paths relative to the current folder, or URIs.

    Raises:
        MissingError: a source is not there, or there is no catalogue.
        InputError: a source is neither a folder, a table nor a picture.
    """
    if not sources:
        images = load_catalog(workspace.catalog)
        uris = [str(uri) for uri in images["uri"][images["present"]]]
        return Picked(uris, [], is_demo_catalog(workspace.catalog))
    found = [
        _pick_remote(workspace, source)
        if is_remote(source)
        else _pick(workspace, Path(source).expanduser().absolute())
        for source in sources
    ]
    uris = list(dict.fromkeys(uri for picked in found for uri in picked.uris))
    if not uris:
        raise InputError(f"no images in {', '.join(sources)}")
    rejects = [reject for picked in found for reject in picked.rejects]
    return Picked(uris, rejects, all(picked.demo for picked in found))


def prediction_file(
    workspace: Workspace, run_id: str, sources: Sequence[str], out: Path | None = None
) -> Path:
    """Where predictions go.

    The catalogue's file of a run is what mining, audits and the status read. What somebody asks of
    a few images must not replace it, nor end a prediction of the catalogue that was killed.

    Args:
        workspace: with its ``data/predictions/``.
        run_id: of the run.
        sources: what was named, be it the catalogue's own folder; nothing: the catalogue.
        out: a file of the user's instead.

    Raises:
        InputError: the user's file is no ``.parquet``.
    """
    if out is None:
        # A folder, since any name beside the catalogue's files may be that of another run.
        folder = workspace.predictions / "sources" if sources else workspace.predictions
        return folder / f"{run_id}.parquet"
    if out.suffix != ".parquet" or out.is_dir():
        raise InputError(f"--out {out}: name a .parquet file")
    return out.absolute()


def sampled(uris: list[str], count: int, seed: int) -> list[str]:
    """A random sample in the list's order; all where there are no more.

    >>> sampled(["a", "b"], 5, 0)
    ['a', 'b']
    """
    return [uris[at] for at in sorted(Random(seed).sample(range(len(uris)), min(count, len(uris))))]


def _pick(workspace: Workspace, source: Path) -> Picked:
    if source.is_file() and source.suffix.lower() in SUFFIXES:
        uris = [canonical_uri(str(source), source.parent, workspace.root)]
        return Picked(uris, [], _in_demo_world(source.parent))
    listing = list_source(source, workspace.root, workspace.settings.catalog)
    return Picked(
        [str(uri) for uri in listing.images["uri"]],
        listing.rejects,
        listing.demo or _in_demo_world(source),
    )


def _pick_remote(workspace: Workspace, source: str) -> Picked:
    if PurePosixPath(source).suffix.lower() in SUFFIXES:
        return Picked([canonical_uri(source, workspace.root, workspace.root)], [], False)
    listing = list_source(source, workspace.root, workspace.settings.catalog)
    return Picked([str(uri) for uri in listing.images["uri"]], listing.rejects, False)


def _in_demo_world(folder: Path) -> bool:
    """New drawings lie in a folder inside the demo world's own."""
    return any((place / DEMO_MARKER).is_file() for place in (folder, folder.parent))
