"""The photos of a preview, inside the page: read from wherever they lie, within a short time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from PIL import Image, ImageDraw

from annotate.errors import InputError, MumicError
from annotate.images.decoding import decode
from annotate.storage.store import canonical_uri, is_remote, read_bytes
from annotate.tasks.page import PREVIEW_PIXELS, inline_image
from annotate.workspace import Workspace

EXAMPLE_PIXELS = 240
PLACEHOLDER = (960, 640)
# A preview is to look at now: what comes later than this, or is larger, is not worth waiting for.
PATIENCE = 15.0
MOST_REMOTE_BYTES = 30_000_000


def inlined(workspace: Workspace, uri: str, *, pixels: int = PREVIEW_PIXELS) -> str:
    """An image as a ``data:`` URI; a note in its place where it cannot be had.

    Args:
        workspace: gives the root of relative paths and the limits of pictures.
        uri: of the image; empty where the catalogue does not know it.
        pixels: of the longer side, at most.
    """
    if not uri:
        return _placeholder("The photo is not in the catalogue", pixels)
    try:
        data = _read(workspace, uri)
        picture = decode(data, max_pixels=workspace.settings.catalog.max_pixels)
        return inline_image(picture, pixels=pixels)
    except MumicError as error:
        return _placeholder(f"The photo cannot be shown: {error}", pixels)


def inlined_examples(workspace: Workspace, places: Mapping[str, str], page: str) -> dict[str, str]:
    """The example images that a template shows, as small ``data:`` URIs.

    Args:
        workspace: gives the root of relative paths and the limits of pictures.
        places: where each lies, by its address in the template.
        page: the template; without its sign of an example nothing is read.
    """
    if 'class="example' not in page:
        return {}
    root = workspace.root
    return {
        address: inlined(workspace, canonical_uri(place, root, root), pixels=EXAMPLE_PIXELS)
        for address, place in places.items()
    }


def _read(workspace: Workspace, uri: str) -> bytes:
    most = workspace.settings.catalog.max_bytes
    if not is_remote(uri):
        return read_bytes(uri, workspace.root, max_bytes=most)
    return _in_time(workspace, uri, min(most, MOST_REMOTE_BYTES))


def _in_time(workspace: Workspace, uri: str, max_bytes: int) -> bytes:
    """Read in a thread that nobody waits for: a reader's own patience is that of a catalogue."""
    found: list[bytes | MumicError] = []

    def read() -> None:
        try:
            found.append(read_bytes(uri, workspace.root, max_bytes=max_bytes))
        except MumicError as error:
            found.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not found:
        raise InputError(f"it did not come in {PATIENCE:.0f} seconds")
    if isinstance(found[0], MumicError):
        raise found[0]
    return found[0]


def _placeholder(text: str, pixels: int) -> str:
    picture = Image.new("RGB", PLACEHOLDER, "#28323d")
    middle = (PLACEHOLDER[0] // 2, PLACEHOLDER[1] // 2)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(_lines(text)):
        place = (middle[0], middle[1] + 30 * row)
        draw.text(place, line, fill="#e8edf3", anchor="mm", font_size=22)
    return inline_image(picture, pixels=pixels)


def _lines(text: str, width: int = 76, most: int = 3) -> Iterable[str]:
    return [text[at : at + width] for at in range(0, len(text), width)][:most]
