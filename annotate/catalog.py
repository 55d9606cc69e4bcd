"""The catalogue: every image of the sources, hashed and measured once; broken ones set aside.

A repeated scan adds what is new, keeps ids, and marks what its source no longer has. Bytes that are
known are hashed again, not decoded again. The result does not depend on the order of files or
threads.
"""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.errors import InputError, MissingError
from annotate.images import perceptual_hash, read_picture
from annotate.settings import CatalogSettings
from annotate.sources import Plan
from annotate.storage import read_bytes
from annotate.tables import (
    CATALOG,
    IMAGE_REJECTS,
    empty,
    read,
    read_json,
    remove_stale,
    write,
    write_json,
)

MADE_BY = "mumic-annotate catalog SOURCE"
ID_DIGITS = 20
CHUNK = 512
SAVE_SECONDS = 60


@dataclass(frozen=True)
class Facts:
    """What a file itself says about an image: columns of the catalogue."""

    image_id: str
    uri: str
    bytes: int
    width: int
    height: int
    orientation: int
    content_hash: str
    perceptual_hash: str


FACTS = tuple(Facts.__dataclass_fields__)


@dataclass(frozen=True)
class Reject:
    """An item that is no usable image, and why."""

    uri: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a scan found: the new catalogue and the rejects."""

    images: pd.DataFrame
    rejects: pd.DataFrame


def image_id(uri: str, content_hash: str) -> str:
    """Id of an image: first 20 hex digits of SHA-256 over URI, NUL and content hash."""
    return hashlib.sha256(f"{uri}\0{content_hash}".encode()).hexdigest()[:ID_DIGITS]


def measure(uri: str, root: Path, settings: CatalogSettings, known: Mapping[str, Facts]) -> Facts:
    """Read, hash and decode one image; a known one is not decoded.

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    data = read_bytes(uri, root, max_bytes=settings.max_bytes)
    content_hash = hashlib.sha256(data).hexdigest()
    name = image_id(uri, content_hash)
    if name in known:
        return known[name]
    picture = read_picture(data, max_pixels=settings.max_pixels)
    width, height = picture.image.size
    return Facts(
        image_id=name,
        uri=uri,
        bytes=len(data),
        width=width,
        height=height,
        orientation=picture.orientation,
        content_hash=content_hash,
        perceptual_hash=perceptual_hash(picture.image),
    )


def build_catalog(
    items: pd.DataFrame,
    results: Sequence[Facts | Reject],
    previous: pd.DataFrame,
) -> Scan:
    """The new catalogue.

    Args:
        items: one row per URI with ``property_id``, ``text`` and features.
        results: of each item, in the same order.
        previous: the catalogue so far.

    Returns:
        Found images as present, earlier ones that were not found as gone.
    """
    facts = [asdict(result) for result in results if isinstance(result, Facts)]
    found = pd.DataFrame(facts, columns=list(FACTS)).merge(items, on="uri", how="left")
    found = found.assign(present=True)
    gone = previous[~previous["image_id"].isin(found["image_id"])].assign(present=False)
    parts = [part for part in (found, gone) if len(part)]
    images = pd.concat(parts, ignore_index=True) if parts else previous
    features = sorted(set(images.columns) - set(CATALOG.columns))
    images = images.sort_values("image_id", ignore_index=True)[[*CATALOG.columns, *features]]
    rejects = [asdict(result) for result in results if isinstance(result, Reject)]
    return Scan(_whole_numbers(images, features), pd.DataFrame(rejects, columns=["uri", "reason"]))


def _whole_numbers(images: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Whole numbers stay whole where some images have none: three stars, not 3.0."""
    whole = {
        name: "Int64"
        for name in features
        if pd.api.types.is_float_dtype(images[name])
        and images[name].notna().any()
        and (images[name].dropna() % 1 == 0).all()
    }
    return images.astype(whole)


def scan(
    plan: Plan,
    folder: Path,
    root: Path,
    settings: CatalogSettings,
    on_progress: Callable[[int], object] | None = None,
) -> Scan:
    """Measure the items and join them with the catalogue in ``folder``.

    A killed scan leaves what it measured in ``partial.parquet``, so that the next one goes on.

    Args:
        plan: what to measure.
        folder: ``data/catalog``; only the partial results are written.
        root: the workspace.
        settings: limits.
        on_progress: told how many more items are done.
    """
    remove_stale(folder)
    previous = load_catalog(folder) if (folder / "images.parquet").is_file() else empty(CATALOG)
    partial = folder / "partial.parquet"
    earlier = [previous, *([read(CATALOG, partial)] if partial.is_file() else [])]
    known = {facts.image_id: facts for table in earlier for facts in _facts(table)}
    items = plan.items
    results: list[Facts | Reject] = []
    saved = time.monotonic()
    for chunk in _measure_all(items["uri"].tolist(), root, settings, known):
        results += chunk
        if on_progress:
            on_progress(len(chunk))
        if time.monotonic() - saved > SAVE_SECONDS:
            done = items.iloc[: len(results)]
            write(CATALOG, build_catalog(done, results, empty(CATALOG)).images, partial)
            saved = time.monotonic()
    unnamed = pd.DataFrame(plan.rejects, columns=["uri", "reason"])
    found = build_catalog(items, results, previous)
    rejects = pd.concat([found.rejects, unnamed]).sort_values(["uri", "reason"], ignore_index=True)
    return Scan(found.images, rejects)


def save_scan(found: Scan, plan: Plan, settings: CatalogSettings, folder: Path) -> dict[str, Any]:
    """Write catalogue, rejects and summary; the partial results of killed scans go.

    Returns:
        The summary: counts, sources, settings, and whether all sources are the demo world's.
    """
    present = int(found.images["present"].sum())
    summary = {
        "images": present,
        "gone": len(found.images) - present,
        "rejected": len(found.rejects),
        "properties": int(found.images["property_id"].nunique()),
        "features": sorted(set(found.images.columns) - set(CATALOG.columns)),
        "sources": list(plan.sources),
        "demo": plan.demo,
        "settings": asdict(settings),
    }
    write(IMAGE_REJECTS, found.rejects, folder / "rejects.parquet")
    write_json(folder / "summary.json", summary)
    write(CATALOG, found.images, folder / "images.parquet")
    (folder / "partial.parquet").unlink(missing_ok=True)
    return summary


def load_catalog(folder: Path) -> pd.DataFrame:
    """The catalogue, sorted by image id.

    Raises:
        MissingError: there is none yet.
        DamagedError: the file is not readable.
    """
    return read(CATALOG, folder / "images.parquet")


def known_sources(folder: Path) -> tuple[str, ...]:
    """Canonical sources of the catalogue so far; none where there is no catalogue."""
    file = folder / "summary.json"
    return tuple(read_json(file, MADE_BY)["sources"]) if file.is_file() else ()


def is_demo_catalog(folder: Path) -> bool:
    """Whether every source of the catalogue is the demo world."""
    summary = read_json(folder / "summary.json", MADE_BY)
    return isinstance(summary, dict) and summary.get("demo") is True


def _facts(table: pd.DataFrame) -> Iterator[Facts]:
    for row in table[list(FACTS)].itertuples(index=False):
        values: list[Any] = [value if isinstance(value, str) else int(value) for value in row]
        yield Facts(*values)


def _measure_all(
    uris: list[str], root: Path, settings: CatalogSettings, known: Mapping[str, Facts]
) -> Iterator[list[Facts | Reject]]:
    """Facts or reasons in the order of the URIs, some at a time."""

    def attempt(uri: str) -> Facts | Reject:
        try:
            return measure(uri, root, settings, known)
        except InputError as error:
            return Reject(uri, str(error))

    # Pillow warns of damaged metadata of pictures that it decodes nevertheless.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(uris), CHUNK):
            yield list(pool.map(attempt, uris[start : start + CHUNK]))


def describe_features(images: pd.DataFrame) -> pd.DataFrame:
    """The property features: values, images without one, and the most frequent values.

    Returns:
        Columns ``feature``, ``values``, ``missing`` and ``most frequent``; one row per feature.
    """
    rows = []
    for name in ["property_id", "text", *sorted(set(images.columns) - set(CATALOG.columns))]:
        counts = images[name].dropna().value_counts()
        common = ", ".join(f"{value} ({count})" for value, count in counts.head(3).items())
        rows.append((name, len(counts), int(images[name].isna().sum()), common[:80]))
    return pd.DataFrame(rows, columns=["feature", "values", "missing", "most frequent"])


def check_not_empty(images: pd.DataFrame) -> pd.DataFrame:
    """The images that are present.

    Raises:
        MissingError: there is none.
    """
    present = images[images["present"].astype(bool)].reset_index(drop=True)
    if present.empty:
        raise MissingError(f"the catalogue has no image. Fill it with `{MADE_BY}`.")
    return present
