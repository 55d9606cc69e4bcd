"""The index on disk: float16 embeddings in shards, keyed by content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.arrays import write_array
from annotate.errors import DamagedError, MissingError
from annotate.files import atomic, read_json
from annotate.index.folders import MADE_BY, shard_files
from annotate.search.exact import GroupHits, Wanted, search_groups
from annotate.search.halves import Rows, gather
from annotate.tables import Table, read

if TYPE_CHECKING:
    from annotate.clip.loading import Clip

SHARD = Table("index shard", MADE_BY, {"content_hash": pa.string()})
IDENTITY = b"mumic"  # key in a sidecar's metadata
DECIDING = ("weights_hash", "model_hash", "preprocessing")  # on which embeddings depend
SAME_WEIGHTS = (
    "Its weights are equal, but not its name, activation, normalisation or other configuration: "
    "put that back, under [model] or in the model's folder, or make the embeddings anew. "
)


def model_folder(index: Path, clip: Clip) -> Path:
    """The folder of one model's embeddings: its name and 8 digits of its weights' hash.

    Raises:
        DamagedError: what is there was embedded by the same weights under another activation or
            normalisation.
    """
    last = clip.name.removeprefix("local-dir:").rstrip("/").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")
    folder = index / f"{readable}-{clip.weights_hash[:8]}"
    _check_identity(folder, clip)
    return folder


def model_identity(clip: Clip) -> dict[str, Any]:
    """What ``model.json`` and each shard say about the model."""
    return {
        "name": clip.name,
        "pretrained": clip.pretrained,
        "weights_hash": clip.weights_hash,
        "model_hash": clip.model_hash,
        "dim": clip.dim,
        "image_size": clip.image_size,
        "preprocessing": {"resize": "squash", "mean": list(clip.mean), "std": list(clip.std)},
        "demo": clip.is_demo,
    }


def _check_identity(folder: Path, clip: Clip) -> None:
    """Make sure that a folder's embeddings are the model's, as far as ``model.json`` says.

    An index may say less: ``model_hash`` was not recorded at first.
    """
    file = folder / "model.json"
    there = read_json(file, MADE_BY) if file.is_file() else {}
    if isinstance(there, dict):
        identity = model_identity(clip)
        differing = [key for key in DECIDING if there.get(key, identity[key]) != identity[key]]
        if differing:
            raise other_model(file, differing)


def other_model(file: Path, differing: Sequence[str]) -> DamagedError:
    """The error of a ``model.json`` that is of another model than the configured one.

    Args:
        file: the ``model.json``.
        differing: keys of :func:`model_identity`.
    """
    same = "" if "weights_hash" in differing else SAME_WEIGHTS
    return DamagedError(
        f"{file}: these embeddings are of another model ({', '.join(differing)} differ). {same}"
        f"Delete {file.parent} and run `{MADE_BY}`."
    )


def embedded_contents(folder: Path) -> list[str]:
    """Content hashes of all rows, shard by shard.

    Raises:
        DamagedError: a shard is cut short; the message names the file and what to do.
    """
    found: list[str] = []
    for file in shard_files(folder).values():
        contents = read(SHARD, file)["content_hash"].tolist()
        open_shard(file, len(contents))
        found += contents
    return found


def write_shard(
    folder: Path,
    number: int,
    rows: npt.NDArray[np.float16],
    contents: Sequence[str],
    identity: Mapping[str, Any],
) -> None:
    """Write one shard and its sidecar, each atomically.

    Args:
        folder: of the model.
        number: of the shard.
        rows: float16 (n, dim), of unit length.
        contents: (n,), content hash of each row.
        identity: model, weights' hash, preprocessing and precision: the sidecar carries them in its
            metadata, so that a shard alone says what it is.
    """
    file = folder / f"shard-{number:05d}.npy"
    write_array(file, rows)
    column = pa.array(contents, SHARD.columns["content_hash"])
    metadata = {IDENTITY: json.dumps(identity, sort_keys=True).encode()}
    # Last: with its table there, a shard counts as finished.
    with atomic(file.with_suffix(".parquet")) as target:
        table = pa.table({"content_hash": column}).replace_schema_metadata(metadata)
        pq.write_table(table, target, compression="zstd")


def shard_identity(table: Path) -> dict[str, Any]:
    """What a shard's sidecar says about its model; empty where it says nothing.

    Raises:
        DamagedError: the sidecar cannot be read.
    """
    try:
        identity = json.loads((pq.read_schema(table).metadata or {}).get(IDENTITY, b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedError(_damaged(table, f"its table is not readable ({error})")) from error
    return identity if isinstance(identity, dict) else {}


@dataclass(frozen=True)
class Index:
    """All embeddings of one model.

    Attributes:
        content_hashes: object (n,), what each row is the embedding of.
        embeddings: float16 (rows, dim) per shard, memory-mapped, rows of unit length.
    """

    content_hashes: npt.NDArray[np.object_]
    embeddings: list[npt.NDArray[np.float16]]

    def search_groups(
        self,
        queries: npt.NDArray[np.float32],
        groups: npt.NDArray[np.int64],
        k: int,
        keep: npt.NDArray[np.bool_] | None = None,
        names: npt.NDArray[np.object_] | None = None,
    ) -> GroupHits:
        """The best rows for each group of queries by a row's best query, in one pass, exactly.

        Args:
            queries: float32 (q, dim), rows of unit length.
            groups: int64 (q,), the group of each query, numbers from 0; each has a query. For the
                best rows of each query, every one is its own group.
            k: how many rows a group; fewer where there are not as many.
            keep: bool (n,), rows to look at; all by default.
            names: object (n,), order equal scores; content hashes by default.
        """
        order = self.content_hashes if names is None else names
        return search_groups(self.embeddings, order, Wanted(queries, k, keep), groups)

    def rows_of(self, content_hashes: pd.Series) -> Rows:
        """Where contents stand: int64 (n,), -1 for what is not embedded."""
        row = pd.Series(np.arange(len(self.content_hashes)), index=self.content_hashes)
        return row.reindex(content_hashes, fill_value=-1).to_numpy(np.int64)

    def vectors(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of some rows, float16 (len(rows), dim)."""
        return gather(self.embeddings, rows)


def load_index(folder: Path) -> Index:
    """Open a model's embeddings.

    Raises:
        MissingError: there are none; other models that have an index are named.
        DamagedError: a shard is cut short or of another model; the message names the file and what
            to do.
    """
    files = shard_files(folder)
    if not files:
        raise MissingError(
            f"no index of this model at {folder}{_others(folder)}. Make it with `{MADE_BY}`."
        )
    _check_model(folder, files)
    hashes = [read(SHARD, file)["content_hash"].to_numpy(object) for file in files.values()]
    embeddings = [
        open_shard(file, len(content)) for file, content in zip(files.values(), hashes, strict=True)
    ]
    if len({shard.shape[1] for shard in embeddings}) > 1:
        raise DamagedError(f"{folder}: shards of different widths. Delete it and run `{MADE_BY}`.")
    return Index(np.concatenate(hashes), embeddings)


def open_shard(table: Path, rows: int) -> npt.NDArray[np.float16]:
    """Map a shard's rows.

    Args:
        table: the shard's Parquet file.
        rows: how many it names.

    Raises:
        DamagedError: the rows are cut short or unreadable.
    """
    file = table.with_suffix(".npy")
    try:
        shard: npt.NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedError(_damaged(table, f"not readable ({error})")) from error
    if shard.dtype != np.float16 or shard.ndim != 2 or len(shard) != rows:
        raise DamagedError(_damaged(table, f"holds {shard.dtype} {shard.shape}, not {rows} rows"))
    return shard


def _others(folder: Path) -> str:
    """Other models' folders, as a part of a message."""
    names = sorted(file.parent.name for file in folder.parent.glob("*/shard-00000.parquet"))
    return f" (there is one of {', '.join(names)})" if names else ""


def _check_model(folder: Path, files: Mapping[int, Path]) -> None:
    """Make sure that all shards are of the folder's model, as far as they say.

    Where ``model.json`` is from before ``model_hash``, shards that have one must agree.
    """
    if not (folder / "model.json").is_file():
        return
    about = read_json(folder / "model.json", MADE_BY)
    expected = {key: about.get(key) for key in ("weights_hash", "model_hash")}
    for file in files.values():
        identity = shard_identity(file)
        for key, value in expected.items():
            found = identity.get(key, value)
            expected[key] = found if value is None else value
            if found != expected[key]:
                raise DamagedError(_damaged(file, "is of another model than model.json"))


def _damaged(table: Path, what: str) -> str:
    file = table.with_suffix(".npy")
    return f"{file}: {what}. Delete it and {table.name}, and run `{MADE_BY}` to make them again."
