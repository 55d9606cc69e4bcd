"""What a catalogue is made from: folders of photos, S3 prefixes, and tables that name photos.

Sources are listed and joined here; nothing is opened but tables.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa

from annotate.catalog.source_tables import STAMP, EmptyError, list_table
from annotate.catalog.stacking import first_per_key, stack, to_arrow, to_pandas
from annotate.catalog.table_files import TABLE_SUFFIXES, Rejects
from annotate.errors import InputError, MissingError, RemoteError
from annotate.settings import CatalogSettings
from annotate.storage.remote import UnreachableError
from annotate.storage.store import authority, canonical_uri, is_remote, read_bytes

# HEIC is listed to be refused by name: silently missing photos are worse than a reason.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif"}
)
DEMO_MARKER = "demo-world.json"
LINKED = "a link to a folder is not followed; name that folder as a source"
MAX_TABLE_BYTES = 4_000_000_000  # of a table that is fetched


@dataclass(frozen=True)
class Listing:
    """A source's images, and the items that cannot even be named.

    Attributes:
        images: ``uri``, ``property_id``, ``text`` and features; a URI may stand in several rows.
            Of a bucket also ``__stamp__``, the state of each object.
        rejects: ``uri`` and ``reason``.
        demo: the source carries the demo world's marker.
    """

    images: pd.DataFrame
    rejects: Rejects
    demo: bool


@dataclass(frozen=True)
class Plan:
    """All that a scan has to measure.

    Attributes:
        sources: canonical, those of earlier scans first.
        items: one row per URI, sorted, with ``property_id``, ``text``, features and ``__stamp__``
            (null where a listing does not say).
        rejects: ``uri`` and ``reason`` of items that cannot be named.
        demo: every source is the demo world's.
        emptied: sources of earlier scans that name no image any more.
    """

    sources: tuple[str, ...]
    items: pd.DataFrame
    rejects: Rejects
    demo: bool
    emptied: tuple[str, ...] = ()


def plan_scan(
    earlier: Sequence[str], given: Sequence[str], root: Path, settings: CatalogSettings
) -> Plan:
    """List all sources and join what they say about an image.

    Where sources disagree on a feature, the first that has it wins. A source of earlier scans may
    be empty now: its images are gone.

    Args:
        earlier: canonical sources that the catalogue was made from.
        given: further ones, absolute or remote.
        root: the workspace.
        settings: names of columns.

    Raises:
        MissingError: a source is not there.
        InputError: no source at all, or see :func:`list_source`; of earlier sources those that are
            empty are none.
        RemoteError: a bucket or host does not answer, or denies it.
    """
    added = [_canonical_source(source, root) for source in given]
    sources = tuple(dict.fromkeys([*earlier, *added]))
    if not sources:
        raise InputError(
            "no photos were named. Name a folder or a table, such as "
            "`mumic-annotate catalog photos`, or sources under [catalog] in mumic.toml."
        )
    lost = [
        name
        for name in earlier
        if name not in added and not is_remote(name) and not (root / name).exists()
    ]
    if lost:
        raise MissingError(
            f"{', '.join(lost)}: catalogued earlier, and not there now. Bring it back, or pass "
            "--only with the sources that are left; its images are then marked as gone."
        )
    tables = [_page([], [])]
    rejects: Rejects = []
    emptied: list[str] = []
    demo = True
    for name in sources:  # a million rows each: only one listing is held at a time
        try:
            listing = list_source(name if is_remote(name) else root / name, root, settings)
        except EmptyError:
            if name not in earlier:
                raise
            emptied.append(name)
            continue
        tables.append(to_arrow(listing.images))
        rejects += listing.rejects
        demo = demo and listing.demo
        del listing
    return Plan(sources, to_pandas(_join(tables)), rejects, demo, tuple(emptied))


def _canonical_source(source: str, root: Path) -> str:
    """As of an image; ``s3://bucket/photos/`` is ``s3://bucket/photos``."""
    uri = canonical_uri(source, root, root)
    return uri.rstrip("/") if is_remote(uri.rstrip("/")) else uri


def _join(tables: list[pa.Table]) -> pa.Table:
    rows = stack(tables)
    tables.clear()
    return first_per_key(rows, "uri")


def list_source(source: Path | str, root: Path, settings: CatalogSettings) -> Listing:
    """List the images of a folder, an S3 prefix, or a table.

    Args:
        source: absolute path, or URI.
        root: the workspace.
        settings: names of columns.

    Raises:
        MissingError: there is no such folder or file.
        EmptyError: a folder or table without images.
        InputError: a folder that cannot be listed, a file that is no table, no column with paths,
            or a column that the catalogue fills itself.
        RemoteError: a bucket or host does not answer, or denies it.
    """
    if isinstance(source, str):
        return _list_remote(source, root, settings)
    if source.is_dir():
        images, rejects = _list_folder(source, root)
        folder = source
    elif source.is_file():
        _check_table(str(source), "not a folder, and not a table")
        images, rejects = list_table(str(source), source, root, settings)
        folder = source.parent
    else:
        raise MissingError(f"no folder or table at {source}.")
    return Listing(images, rejects, (folder / DEMO_MARKER).is_file())


def _check_table(source: str, complaint: str) -> None:
    if PurePosixPath(source).suffix.lower() not in TABLE_SUFFIXES:
        raise InputError(f"{source}: {complaint} ({', '.join(TABLE_SUFFIXES)}).")


def _list_remote(source: str, root: Path, settings: CatalogSettings) -> Listing:
    is_table = PurePosixPath(source).suffix.lower() in TABLE_SUFFIXES
    if source.startswith("s3://") and not is_table:
        images, rejects = _list_bucket(source)
        return Listing(images, rejects, demo=False)
    _check_table(source, "only buckets (s3://) can be listed; name a folder, a prefix or a table")
    try:
        content = read_bytes(source, root, max_bytes=MAX_TABLE_BYTES)
    except UnreachableError as error:
        raise RemoteError(f"{source}: {error}. Run the command again once it answers.") from error
    except InputError as error:
        raise MissingError(f"{source}: {error}") from error
    return Listing(*list_table(source, content, root, settings), demo=False)


def _list_bucket(source: str) -> tuple[pd.DataFrame, Rejects]:
    from annotate.storage.aws import list_objects

    pages: list[pa.Table] = []
    rejects: Rejects = []
    skipped = len(authority(source)) + 1
    for page in list_objects(source):
        images = [entry for entry in page if _is_photo(entry[0][skipped:])]
        rejects += [_unnamed(uri) for uri, _ in images if not _encodable(uri)]
        fine = [entry for entry in images if _encodable(entry[0])]
        pages.append(_page([uri for uri, _ in fine], [stamp for _, stamp in fine]))
    if not rejects and not any(page.num_rows for page in pages):
        raise EmptyError(
            f"{source}: no images below this prefix ({', '.join(sorted(SUFFIXES))}). It is taken "
            "as a folder; end it with * if it is the beginning of names."
        )
    return to_pandas(pa.concat_tables(pages)), rejects


def _page(uris: list[str], stamps: list[str]) -> pa.Table:
    text = pa.large_string()
    nothing = pa.nulls(len(uris), text)
    return pa.table(
        {
            "uri": pa.array(uris, text),
            "property_id": nothing,
            "text": nothing,
            STAMP: pa.array(stamps, text),
        }
    )


def _list_folder(folder: Path, root: Path) -> tuple[pd.DataFrame, Rejects]:
    uris: list[str] = []
    rejects: Rejects = []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [path for name in folders if os.path.islink(path := os.path.join(parent, name))]
        rejects += [(canonical_uri(path, folder, root), LINKED) for path in links]
        files = [name for name in names if _is_photo(name)]
        prefix = canonical_uri(os.path.join(parent, "x"), folder, root)[:-1] if files else ""
        for name in files:
            uri = prefix + name
            if _encodable(uri):
                uris.append(uri)
            else:
                rejects.append(_unnamed(uri))
    if not uris and not rejects:
        raise EmptyError(f"{folder}: no images in this folder ({', '.join(sorted(SUFFIXES))}).")
    none = pd.Series(None, index=range(len(uris)), dtype="str")
    named = pd.Series(uris, dtype="str")
    return pd.DataFrame({"uri": named, "property_id": none, "text": none}), sorted(rejects)


def _refuse(error: OSError) -> None:
    """Stop where a folder cannot be listed: its images would seem to be gone."""
    raise InputError(
        f"{error.filename}: the folder cannot be listed ({error.strerror}). The catalogue is as it "
        "was; make the folder readable, and run the command again."
    ) from error


def _is_photo(path: str) -> bool:
    """Whether a file below a source has an image's suffix and no hidden part."""
    return (
        os.path.splitext(path)[1].lower() in SUFFIXES
        and not path.startswith(".")
        and "/." not in path
    )


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unnamed(uri: str) -> tuple[str, str]:
    spelled = uri.encode("utf-8", "backslashreplace").decode()
    return spelled, "the file's name is not valid UTF-8; rename it"
