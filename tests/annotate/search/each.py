"""Search with every query for itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annotate.index.shards import Index


def search(
    index: Index,
    queries: npt.NDArray[np.float32],
    k: int,
    keep: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Scores and rows of the best of each query."""
    hits = index.search_groups(queries, np.arange(len(queries)), k, keep)
    return hits.scores, hits.rows
