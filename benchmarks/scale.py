"""What a million images take on disk, and how long their index takes to write and to open.

Together with the rates of the benchmarks ``index``, ``search`` and ``catalog`` these figures make
the plan in ``docs/scale.md``. Rows are synthetic: sizes do not depend on what they hold, since
float16 rows are not compressed and content hashes do not compress.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.index.shards import load_index, write_shard
from annotate.tables import CATALOG, write
from benchmarks.report import FOLDER, QUICK, write_report

ROWS, DIM = (20_000 if QUICK else 1_000_000), 512


def hashes(kind: str, digits: int) -> list[str]:
    return [hashlib.sha256(f"{kind}{at}".encode()).hexdigest()[:digits] for at in range(ROWS)]


def catalogue() -> pd.DataFrame:
    """A catalogue with 20 photos a property and two property features."""
    rng = np.random.default_rng(0)
    number = np.arange(ROWS)
    return pd.DataFrame(
        {
            "image_id": sorted(hashes("id", 20)),
            "uri": [f"s3://bucket/photos/{at // 20:06d}/{at:08d}.jpg" for at in number],
            "bytes": rng.integers(30_000, 200_000, ROWS),
            "width": 640,
            "height": 427,
            "orientation": 1,
            "content_hash": hashes("content", 64),
            "perceptual_hash": hashes("picture", 16),
            "property_id": [f"p{at // 20:06d}" for at in number],
            "text": None,
            "present": True,
            "country": rng.choice(["FR", "IT", "NL", "JP"], ROWS),
            "stars": rng.integers(1, 6, ROWS),
        }
    )


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        rng = np.random.default_rng(0)
        parts = [rng.standard_normal((10_000, DIM), np.float32) for _ in range(2)]
        unit = np.concatenate([p / np.linalg.norm(p, axis=1, keepdims=True) for p in parts])
        rows = np.tile(unit.astype(np.float16), (ROWS // len(unit), 1))
        contents = hashes("content", 64)
        started = time.perf_counter()
        write_shard(folder, 0, rows, contents, {"model": "synthetic"})
        seconds["write a shard"] = time.perf_counter() - started
        started = time.perf_counter()
        load_index(folder)
        seconds["open the index"] = time.perf_counter() - started
        table = folder / "images.parquet"
        write(CATALOG, catalogue(), table)
        sizes = {
            "embeddings": next(folder.glob("*.npy")).stat().st_size,
            "sidecar": next(folder.glob("shard-*.parquet")).stat().st_size,
            "catalogue": table.stat().st_size,
        }
    facts: dict[str, Any] = {"rows": ROWS, "bytes": sizes, "seconds": seconds}
    print(json.dumps(facts, indent=1))
    write_report("scale", f"{ROWS:,} images, {DIM} dimensions", facts)


if __name__ == "__main__":
    main()
