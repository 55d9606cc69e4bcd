"""Tables of votes, and what ``consolidate --votes`` makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from click.testing import CliRunner

from annotate.cli import main
from annotate.tables import CATALOG, LABELS, empty, read, write

ROWS = [
    *(("a.jpg", "Pool", f"w{at}", answer) for at, answer in enumerate(["yes", "1", "True", "no"])),
    *(("a.jpg", "Sea", f"w{at}", answer) for at, answer in enumerate(["0", "no", "unsure", "no"])),
    *(("b.jpg", "Pool", f"w{at}", answer) for at, answer in enumerate(["0", "skip", "1"])),
]


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["consolidate", *arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if code == 0 else result.output


def labels() -> dict[tuple[str, str], tuple[Any, ...]]:
    found: Any = read(LABELS, Path("labels/labels.parquet"))
    return {
        (row.image_id, row.class_id): (
            None if pd.isna(row.label) else int(row.label),
            int(row.yes),
            int(row.no),
            int(row.unsure),
        )
        for row in found.itertuples()
    }


EXPECTED = {
    ("a.jpg", "Pool"): (1, 3, 1, 0),
    ("a.jpg", "Sea"): (0, 0, 3, 1),
    ("b.jpg", "Pool"): (None, 1, 1, 0),
}


def table(rows: Any = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "class", "annotator", "answer"])


def make_workspace(tmp_path: Path) -> None:
    """With one image, photos/a.jpg."""
    assert CliRunner().invoke(main, ["init", "."]).exit_code == 0
    catalog = empty(CATALOG).reindex(range(1))
    catalog = catalog.assign(image_id="id1", uri="photos/a.jpg", present=True)
    write(CATALOG, catalog, tmp_path / "data/catalog/images.parquet")
