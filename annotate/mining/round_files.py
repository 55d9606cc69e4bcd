"""Rounds of mining on disk: receipts, pools and summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.errors import DamagedError, MissingError
from annotate.files import read_json, write_json
from annotate.locks import exclusive
from annotate.mining.draw import Mined
from annotate.tables import CANDIDATES, POOLS, empty, read, write

MADE_BY = CANDIDATES.made_by
_NAME = re.compile(r"round-\d+\.parquet")
_FACTS = frozenset({"round", "strategy", "drawn_from", "settings"})


def round_files(folder: Path) -> list[Path]:
    """Receipts of all rounds, in order; other files beside them, such as copies, do not count."""
    files = folder.glob("round-*.parquet")
    return sorted((file for file in files if _NAME.fullmatch(file.name)), key=round_number)


def round_number(file: Path) -> int:
    """The number of a round, by its file of receipts."""
    return int(file.stem.removeprefix("round-"))


def round_file(folder: Path, number: int) -> Path:
    """The receipts of a round.

    Raises:
        MissingError: there is no such round.
    """
    file = folder / f"round-{number:04d}.parquet"
    if not file.is_file():
        there = ", ".join(str(round_number(each)) for each in round_files(folder)) or "none"
        raise MissingError(f"{folder} has no round {number}. Its rounds: {there}.")
    return file


@contextmanager
def new_round(folder: Path) -> Iterator[int]:
    """The number of the round to come, from 1; until the block ends, nobody else gets one.

    Raises:
        InputError: another process is drawing a round.
    """
    # The lock is beside the folder: what is refused leaves none behind.
    busy = f"another process is drawing a round in {folder}. Wait for it."
    with exclusive(folder.with_name(f".{folder.name}.lock"), busy=busy):
        yield max(map(round_number, round_files(folder)), default=0) + 1


def load_candidates(folder: Path) -> pd.DataFrame:
    """Receipts of all rounds; empty where nothing was mined yet."""
    parts = [read(CANDIDATES, file) for file in round_files(folder)]
    return pd.concat(parts, ignore_index=True) if parts else empty(CANDIDATES)


def sheet_file(folder: Path, number: int) -> Path:
    """The contact sheet of a round."""
    return folder / f"round-{number:04d}.html"


def save_round(folder: Path, number: int, mined: Mined, summary: dict[str, Any]) -> None:
    """Write a round; its receipts come last, since they make it one."""
    write_json(folder / f"round-{number:04d}.json", summary)
    write(POOLS, mined.pool_rows, folder / f"pools-{number:04d}.parquet")
    write(CANDIDATES, mined.candidates, folder / f"round-{number:04d}.parquet")


def load_round(file: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Receipts, pools and summary of a round.

    Args:
        file: its receipts, see :func:`round_files`.

    Raises:
        MissingError: a file of it is not there.
        DamagedError: a file of it cannot be read.
    """
    pools = read(POOLS, file.with_name(f"pools-{file.stem[6:]}.parquet"))
    summary = read_json(file.with_suffix(".json"), MADE_BY)
    if not isinstance(summary, dict) or not summary.keys() >= _FACTS:
        raise DamagedError(
            f"{file.with_suffix('.json')}: not the summary of a round (it holds "
            f"{', '.join(sorted(_FACTS))}). Restore it, or move the round's files away."
        )
    return read(CANDIDATES, file), pools, summary
