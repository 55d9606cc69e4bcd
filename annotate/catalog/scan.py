"""The catalogue: every image of the sources, hashed and measured once; broken ones set aside.

A repeated scan adds what is new, keeps ids, and marks what its source no longer has. The result
does not depend on the order of files or threads.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from annotate.catalog.measure import FACTS, Known, Measurer, Reject, Rows, measure_all
from annotate.catalog.measure import image_id as image_id
from annotate.catalog.source_tables import STAMP
from annotate.catalog.sources import Plan
from annotate.catalog.stacking import features_as_now, stack, to_arrow, to_pandas
from annotate.errors import MissingError
from annotate.files import read_json, remove_stale, write_json
from annotate.processors import usable_cores
from annotate.settings import CatalogSettings
from annotate.tables import CATALOG, IMAGE_REJECTS, Table, read, write

MADE_BY = "mumic-annotate catalog SOURCE"
SAVE_SECONDS = 60
WHOLE = 2.0**53  # from here on a float does not tell one whole number from the next
STAMPS = Table("stamps", MADE_BY, {"image_id": pa.string(), "stamp": pa.string()})
PARTIAL = Table(
    "partial scan",
    MADE_BY,
    {name: CATALOG.columns.get(name, pa.string()) for name in FACTS.names},
)


@dataclass(frozen=True)
class Scan:
    """What a scan found: the new catalogue, the rejects, and the stamps of what was read."""

    images: pd.DataFrame
    rejects: pd.DataFrame
    stamps: pd.DataFrame


@dataclass
class _Found:
    """Results of a scan as they come, and which of them are on disk."""

    folder: Path
    facts: list[pa.Table] = field(default_factory=list)
    positions: list[Rows] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unsaved: int = 0  # index of the first of ``facts`` that is not on disk

    def save(self) -> None:
        """Write what is new to a part of its own: a scan of a million is not written again."""
        facts = pa.concat_tables([FACTS.empty_table(), *self.facts[self.unsaved :]])
        if facts.num_rows:
            number = len(list(self.folder.glob("*.parquet")))
            write(PARTIAL, to_pandas(facts), self.folder / f"{number:05d}.parquet")
        self.unsaved = len(self.facts)


def scan(
    plan: Plan,
    folder: Path,
    root: Path,
    settings: CatalogSettings,
    on_progress: Callable[[int], object] | None = None,
    *,
    verify: bool = False,
) -> Scan:
    """Measure the items and join them with the catalogue in ``folder``.

    A killed scan leaves what it measured in ``partial/``, so that the next one goes on.

    Args:
        plan: what to measure.
        folder: ``data/catalog``; only the partial results are written.
        root: the workspace.
        settings: limits.
        on_progress: told how many more items are done.
        verify: read every image, also those whose stamps did not change.

    Raises:
        RemoteError: a bucket or host does not answer; nothing but partial results is written.
    """
    remove_stale(folder)
    previous = _previous(folder)
    known = Known(_known_facts(previous, folder))
    items = to_arrow(plan.items)
    uris = items.column("uri")
    rows = np.full(len(items), -1) if verify else known.rows_of(uris)
    same = _same_in_listing(items, rows, known)
    report = on_progress or (lambda _: None)

    found = _Found(folder / "partial")
    found.facts.append(known.facts.take(pa.array(rows[same])))
    found.positions.append(np.flatnonzero(same))
    found.unsaved = 1
    report(int(same.sum()))
    measurer = Measurer(root, settings, known)
    threads = _threads(uris, settings)
    saved = time.monotonic()
    try:
        for batch in measure_all(uris, rows, np.flatnonzero(~same), measurer, known, threads):
            found.facts.append(batch.facts)
            found.positions.append(batch.positions)
            found.rejects += batch.rejects
            if time.monotonic() - saved > SAVE_SECONDS:
                found.save()
                saved = time.monotonic()
            report(len(batch.positions) + len(batch.rejects))
    except BaseException:
        found.save()
        raise
    del known, measurer  # room for the join
    return _join(items, found, previous, plan)


def _previous(folder: Path) -> pa.Table:
    """The catalogue so far."""
    file = folder / "images.parquet"
    if file.is_file():
        return to_arrow(read(CATALOG, file))
    return pa.schema(list(CATALOG.columns.items())).empty_table()


def _known_facts(previous: pa.Table, folder: Path) -> pa.Table:
    """Facts of all scans so far, those of a killed one first, with their stamps."""
    parts = [
        to_arrow(read(PARTIAL, file)).cast(FACTS)
        for file in sorted((folder / "partial").glob("*.parquet"), reverse=True)
    ]
    names = previous.column("image_id").cast(pa.large_string())
    stamps = pa.nulls(len(names), pa.large_string())
    if (folder / "stamps.parquet").is_file():
        stored = to_arrow(read(STAMPS, folder / "stamps.parquet"))
        at = pc.index_in(names, value_set=stored.column("image_id").cast(pa.large_string()))
        stamps = stored.column("stamp").cast(pa.large_string()).take(at)
    facts = previous.select(FACTS.names[:-1]).append_column("stamp", stamps).cast(FACTS)
    return pa.concat_tables([*parts, facts])


def _same_in_listing(items: pa.Table, rows: Rows, known: Known) -> npt.NDArray[np.bool_]:
    """Which items a bucket lists in the very state in which they were read."""
    then = known.facts.column("stamp").take(pa.array(rows, mask=rows < 0))
    now = items.column(STAMP).cast(pa.large_string())
    same: npt.NDArray[np.bool_] = pc.fill_null(pc.equal(now, then), False).to_numpy()
    return same


def _threads(uris: pa.ChunkedArray, settings: CatalogSettings) -> int:
    remote = pc.any(pc.match_substring(uris, "://")).as_py()
    return settings.remote_threads if remote else usable_cores()


def _join(items: pa.Table, found: _Found, previous: pa.Table, plan: Plan) -> Scan:
    """What was found as present; of the earlier images the others as gone.

    An image that could not be read because its bucket or host did not answer is not gone: it stays
    as it was, and stands among the rejects.
    """
    facts = pa.concat_tables(found.facts)
    found.facts.clear()
    said = items.take(pa.array(np.concatenate(found.positions))).drop_columns(["uri", STAMP])
    images = facts.drop_columns("stamp")
    for name in said.column_names:
        images = images.append_column(name, said.column(name))
    images = images.append_column("present", pa.array(np.ones(len(images), dtype=bool)))

    others = previous.filter(_absent(previous.column("image_id"), images.column("image_id")))
    unreachable = [reject.uri for reject in found.rejects if reject.unreachable]
    kept = pc.invert(_absent(others.column("uri"), pa.chunked_array([unreachable], pa.string())))
    place = others.column_names.index("present")
    others = others.set_column(place, "present", pc.and_(kept, others.column("present")))

    images = stack([images, features_as_now(others, images)]).sort_by("image_id")
    features = sorted(set(images.column_names) - set(CATALOG.columns))
    frame = to_pandas(images.select([*CATALOG.columns, *features]))
    rejects = [(reject.uri, reject.reason) for reject in found.rejects] + plan.rejects
    return Scan(
        _whole_numbers(frame, features),
        pd.DataFrame(sorted(rejects), columns=["uri", "reason"], dtype="str"),
        to_pandas(facts.select(STAMPS.columns).filter(pc.is_valid(facts.column("stamp")))),
    )


def _absent(values: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which values are not among others, whatever kind of text each is."""
    text = pa.large_string()
    return pc.invert(pc.is_in(values.cast(text), value_set=others.cast(text)))


def _whole_numbers(images: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Whole numbers stay whole where some images have none: three stars, not 3.0.

    Those that a float cannot tell apart stay floats.
    """
    whole = {
        name: "Int64"
        for name in features
        if pd.api.types.is_float_dtype(images[name])
        and images[name].notna().any()
        and (images[name].dropna() % 1 == 0).all()
        and images[name].abs().max() < WHOLE
    }
    return images.astype(whole)


def save_scan(
    found: Scan,
    plan: Plan,
    settings: CatalogSettings,
    folder: Path,
    columns: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write catalogue, rejects, stamps and summary; the partial results of killed scans go.

    Args:
        found: by the scan.
        plan: of the scan.
        settings: of the scan.
        folder: of the catalogue.
        columns: settings that options gave; they stay in force, as the sources do.

    Returns:
        The summary: counts, sources, settings, and whether all sources are the demo world's.
    """
    there = found.images[found.images["present"].astype(bool)]
    summary = {
        "images": len(there),
        "gone": len(found.images) - len(there),
        "rejected": len(found.rejects),
        "properties": int(there["property_id"].nunique()),
        "features": sorted(set(found.images.columns) - set(CATALOG.columns)),
        "sources": list(plan.sources),
        "columns": dict(columns or {}),
        "demo": plan.demo,
        "settings": asdict(settings),
    }
    write(IMAGE_REJECTS, found.rejects, folder / "rejects.parquet")
    write_json(folder / "summary.json", summary)
    write(CATALOG, found.images, folder / "images.parquet")
    # After the catalogue: a stamp speaks of an image that stands in it.
    write(STAMPS, found.stamps, folder / "stamps.parquet")
    shutil.rmtree(folder / "partial", ignore_errors=True)
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


def known_columns(folder: Path) -> dict[str, Any]:
    """Names of tables' columns that options of earlier calls gave, by setting."""
    file = folder / "summary.json"
    return dict(read_json(file, MADE_BY).get("columns", {})) if file.is_file() else {}


def is_demo_catalog(folder: Path) -> bool:
    """Whether every source of the catalogue is the demo world."""
    summary = read_json(folder / "summary.json", MADE_BY)
    return isinstance(summary, dict) and summary.get("demo") is True


def check_not_empty(images: pd.DataFrame) -> pd.DataFrame:
    """The images that are present.

    Raises:
        MissingError: there is none.
    """
    present = images[images["present"].astype(bool)].reset_index(drop=True)
    if present.empty:
        raise MissingError(f"the catalogue has no image. Fill it with `{MADE_BY}`.")
    return present
