"""What a catalogue is made from: folders of photos, and tables that name photos.

A source becomes a frame with one row per image: the canonical ``uri``, ``property_id``, ``text``
and the property features. Nothing is opened here but tables.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.errors import InputError, MissingError, closest
from annotate.settings import CatalogSettings
from annotate.storage import canonical_uri
from annotate.tables import CATALOG

# HEIC is listed to be refused by name: silently missing photos are worse than a reason.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif"}
)
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
PATH_COLUMNS = (
    *("path", "uri", "image", "file", "filename", "file_name", "image_path", "file_path"),
    *("filepath", "image_uri", "image_file", "image_name", "url", "image_url", "photo", "s3_uri"),
)
DEMO_MARKER = "demo-world.json"
OWN_COLUMNS = frozenset(CATALOG.columns) - {"property_id", "text"}


@dataclass(frozen=True)
class Listing:
    """A source's images, and the items that cannot even be named.

    Attributes:
        images: ``uri``, ``property_id``, ``text`` and features; a URI may stand in several rows.
        rejects: ``uri`` and ``reason``.
        demo: the source carries the demo world's marker.
    """

    images: pd.DataFrame
    rejects: list[tuple[str, str]]
    demo: bool


@dataclass(frozen=True)
class Plan:
    """All that a scan has to measure.

    Attributes:
        sources: canonical, those of earlier scans first.
        items: one row per URI, sorted, with ``property_id``, ``text`` and features.
        rejects: ``uri`` and ``reason`` of items that cannot be named.
        demo: every source is the demo world's.
    """

    sources: tuple[str, ...]
    items: pd.DataFrame
    rejects: list[tuple[str, str]]
    demo: bool


def plan_scan(
    earlier: Sequence[str], given: Sequence[str], root: Path, settings: CatalogSettings
) -> Plan:
    """List all sources and join what they say about an image.

    Where sources disagree on a feature, the first that has it wins.

    Args:
        earlier: canonical sources that the catalogue was made from.
        given: further ones, absolute.
        root: the workspace.
        settings: names of columns.

    Raises:
        MissingError: a source is not there.
        InputError: no source at all, or see :func:`list_source`.
    """
    added = [canonical_uri(source, root, root) for source in given]
    sources = tuple(dict.fromkeys([*earlier, *added]))
    if not sources:
        raise InputError(
            "no photos were named. Name a folder or a table, such as "
            "`mumic-annotate catalog photos`, or sources under [catalog] in mumic.toml."
        )
    if lost := [name for name in earlier if name not in added and not (root / name).exists()]:
        raise MissingError(
            f"{', '.join(lost)}: catalogued earlier, and not there now. Bring it back, or pass "
            "--only with the sources that are left; its images are then marked as gone."
        )
    listings = [list_source(root / source, root, settings) for source in sources]
    rows = pd.concat([listing.images for listing in listings], ignore_index=True)
    return Plan(
        sources=sources,
        items=rows.groupby("uri", sort=True, as_index=False).first(),
        rejects=[reject for listing in listings for reject in listing.rejects],
        demo=all(listing.demo for listing in listings),
    )


def list_source(source: Path, root: Path, settings: CatalogSettings) -> Listing:
    """List the images of a folder, or of a CSV, TSV or Parquet table.

    Args:
        source: absolute path.
        root: the workspace.
        settings: names of columns.

    Raises:
        MissingError: there is no such folder or file.
        InputError: an empty folder or table, a file that is no table, no column with paths, or a
            column that the catalogue fills itself.
    """
    if source.is_dir():
        images, rejects = _list_folder(source, root)
        folder = source
    elif source.is_file():
        images, rejects = _list_table(source, root, settings)
        folder = source.parent
    else:
        raise MissingError(f"no folder or table at {source}.")
    return Listing(images, rejects, (folder / DEMO_MARKER).is_file())


def _list_folder(folder: Path, root: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    uris, rejects = [], []
    for path in _walk(folder):
        uri = canonical_uri(str(path), folder, root)
        if _encodable(uri):
            uris.append(uri)
        else:
            spelled = uri.encode("utf-8", "backslashreplace").decode()
            rejects.append((spelled, "the file's name is not valid UTF-8; rename it"))
    if not uris and not rejects:
        raise InputError(f"{folder}: no images in this folder ({', '.join(sorted(SUFFIXES))}).")
    return pd.DataFrame({"uri": uris, "property_id": None, "text": None}, dtype=object), rejects


def _walk(folder: Path) -> list[Path]:
    """Files with an image's suffix in a folder and below it, hidden ones left out, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    return sorted(found)


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _list_table(
    file: Path, root: Path, settings: CatalogSettings
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    table = _read_table(file)
    if table.empty:
        raise InputError(f"{file}: the table has no rows.")
    path_column = _path_column(file, table, settings.path_column)
    columns = {settings.property_column: "property_id", settings.text_column: "text"}
    names = [name for name in table.columns if name != path_column]
    _check_names(file, names, columns)
    written = file.suffix.lower() != ".parquet"  # a CSV has no types; a Parquet table says its own
    images = pd.DataFrame({"property_id": None, "text": None}, index=table.index, dtype=object)
    for name in names:
        target = columns.get(name, name)
        as_text = target != name or target in images
        images[target] = _as_text(table[name]) if as_text else _feature(table[name], written)
    paths = _as_text(table[path_column])
    named = paths.notna()
    rejects = [(f"{file.name} row {row + 1}", "no path") for row in named.index[~named]]
    base = file.parent
    images.insert(0, "uri", [canonical_uri(p, base, root) if p else None for p in paths])
    return images[named], rejects


def _read_table(file: Path) -> pd.DataFrame:
    suffix = file.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise InputError(f"{file}: not a folder, and not a table ({', '.join(TABLE_SUFFIXES)}).")
    try:
        if suffix == ".parquet":
            table: pd.DataFrame = pq.read_table(file).to_pandas()
            table = table.reset_index(drop=table.index.name is None)
        else:
            # Only an empty field is missing: NA is also the country code of Namibia. Text stays
            # text where a person would read it so: "007" is no number.
            table = pd.read_csv(
                file,
                sep="\t" if suffix == ".tsv" else ",",
                dtype=str,
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
            )
    except (ValueError, pa.ArrowException, OSError) as error:
        raise InputError(f"{file}: not readable as a table: {error}") from error
    names = [str(name).strip() for name in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{file}: several columns are named {', '.join(twice)}.")
    return table.set_axis(names, axis="columns")


def _feature(column: pd.Series, written: bool) -> pd.Series:
    """A feature as found: text, numbers, dates or truth values; anything else as text."""
    kinds = pd.api.types
    if written:
        return _numbers(column)
    if kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column):
        return column
    return _as_text(column)


def _numbers(column: pd.Series) -> pd.Series:
    """A written column as numbers, unless one is written as no number would be (007)."""
    text = column.dropna()
    if text.empty or text.str.contains(r"^\s*[-+]?0\d").any():
        return column
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError):
        return column


def _path_column(file: Path, table: pd.DataFrame, wanted: str) -> str:
    names = [str(name) for name in table.columns]
    if wanted:
        if wanted not in names:
            raise InputError(
                f"{file}: no column {wanted!r}{closest(wanted, names)} "
                f"Its columns: {', '.join(names)}."
            )
        return wanted
    lowered = {name.lower(): name for name in reversed(names)}
    for candidate in PATH_COLUMNS:
        if candidate in lowered:
            return lowered[candidate]
    raise InputError(
        f"{file}: no column with the images' paths among {', '.join(names)}. "
        "Name it with --path-column, or path_column under [catalog] in mumic.toml."
    )


def _check_names(file: Path, names: list[str], columns: dict[str, str]) -> None:
    """Refuse features whose names the catalogue needs for its own columns."""
    new = [columns.get(name, name) for name in names]
    clashes = [
        name
        for name, target in zip(names, new, strict=True)
        if target in OWN_COLUMNS or new.count(target) > 1
    ]
    if clashes:
        raise InputError(
            f"{file}: the catalogue has columns of its own named {', '.join(clashes)}. "
            f"Rename them in the table, for instance to source_{clashes[0]}."
        )


def _as_text(column: pd.Series) -> pd.Series:
    """Values as text, None where there is none; 17.0 from a column with gaps is 17."""
    return pd.Series([_text(value) for value in column], index=column.index, dtype=object)


def _text(value: Any) -> str | None:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return (text if _encodable(text) else text.encode("utf-8", "replace").decode()).strip() or None
