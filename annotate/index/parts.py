"""One index made by several machines: each makes a part, and the parts are brought together.

A part is a folder below the model's: ``parts/3-of-8``, with whole shards that carry their final
numbers. Which shards are in it follows from the catalogue, the index and the settings alone, so
machines need no word of each other: they share a file system, or the folders are copied together.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.clip.loading import Clip
from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import read_json, remove_stale, write_json
from annotate.index.embed import (
    Job,
    Progress,
    Report,
    check_sizes,
    claim,
    follow,
    identity_of,
    sizes,
)
from annotate.index.folders import MADE_BY, shard_files
from annotate.index.partial import remove_partial
from annotate.index.plan import deal, plan_digest, plan_shards
from annotate.index.shards import SHARD, open_shard
from annotate.locks import exclusive, shared
from annotate.tables import read

PARTS = "parts"
MERGED = ".parts-merged"  # parts that are done with and not yet deleted
STATE = "part.json"


@dataclass(frozen=True)
class Part:
    """The share of one machine: number ``number``, from 1, of ``of``."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class Merged:
    """What was brought together: parts, shards, and images left out as (URI, reason)."""

    parts: int = 0
    shards: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


def parse_part(text: str) -> Part:
    """Read ``3/8``.

    Raises:
        InputError: it is not a part of a whole.

    >>> parse_part("3/8")
    Part(number=3, of=8)
    """
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    part = Part(int(match[1]), int(match[2])) if match else Part(0, 0)
    if not 1 <= part.number <= part.of:
        raise InputError(f"--shard {text}: give the part and their number, from 1/8 to 8/8.")
    return part


def plan_part(images: pd.DataFrame, folder: Path, job: Job, part: Part) -> pd.DataFrame:
    """What one machine embeds: a share of :func:`~annotate.index.plan.plan_shards`."""
    return deal(plan_shards(images, folder, job.index.shard_size), part.number, part.of)


def build_part(
    images: pd.DataFrame,
    folder: Path,
    clip: Clip,
    job: Job,
    part: Part,
    on_progress: Progress | None = None,
) -> Report:
    """Embed one machine's share. Run again, it goes on where it was.

    Args:
        images: the catalogue's present images.
        folder: of this model, see ``index.model_folder``.
        clip: the model.
        job: batch and shard size, limits of images, engine.
        part: which share.
        on_progress: told how many more images are done.

    Raises:
        InputError: another process makes this part or fills or merges the index, the part that is
            there is of another plan, or a run on one machine is not finished.
        DamagedError: the part's embeddings are of other weights, or a file cannot be read.
        RemoteError: a bucket or host does not answer any more; the part is not finished then.
    """
    check_sizes(job.index)
    # Parts are made at the same time, but not while one machine fills the index.
    with shared(folder / ".lock", busy=f"another process is filling {folder}. Wait for it."):
        if (folder / "plan.parquet").is_file():
            raise InputError(
                f"{folder}: a run on one machine was broken off. Finish it: `{MADE_BY}`."
            )
        return _build_part(images, folder, clip, job, part, on_progress)


def _build_part(
    images: pd.DataFrame,
    folder: Path,
    clip: Clip,
    job: Job,
    part: Part,
    on_progress: Progress | None,
) -> Report:
    plan = plan_shards(images, folder, job.index.shard_size)
    if plan.empty:
        return Report()
    where = folder / PARTS / f"{part.number}-of-{part.of}"
    busy = f"another process is making part {part} in {where}. Wait for it."
    with exclusive(where / ".lock", busy=busy):
        remove_stale(where)
        claim(where, clip, job)
        state = {"part": part.number, "of": part.of, "plan": _digest(plan, clip, job)}
        there: dict[str, Any] = _state(where) if (where / STATE).is_file() else state
        if there["plan"] != state["plan"]:
            raise InputError(
                f"{where} was begun with another catalogue, index or [index] settings. Delete it "
                f"and run `{MADE_BY} --shard {part}` again."
            )
        if there.get("finished"):
            return Report(0, tuple((uri, why) for uri, why in there["skipped"]))
        write_json(where / STATE, state | {"finished": False})
        report = follow(deal(plan, part.number, part.of), where, clip, job, on_progress)
        shards = {number: len(read(SHARD, file)) for number, file in shard_files(where).items()}
        done = {"finished": True, "skipped": report.skipped, "shards": shards}
        write_json(where / STATE, state | done)
        remove_partial(where)
        return report


def merge_all(index: Path) -> dict[Path, Merged]:
    """Bring the parts of every model's index together.

    Args:
        index: holds a folder a model.

    Returns:
        What was merged, by folder; empty where no part was left.

    Raises:
        MissingError: there is neither a part nor an index; parts are missing or not finished.
        InputError: parts do not belong together.
        DamagedError: a shard is cut short.
    """
    folders = sorted({found.parent for found in index.glob(f"*/{PARTS}")})
    leftover = sorted({found.parent for found in index.glob(f"*/{MERGED}")})
    if not folders and not any(index.glob("*/shard-*.parquet")):
        raise MissingError(f"no part of an index in {index}. Make it: `{MADE_BY} --shard 1/8`.")
    for folder in leftover:  # killed while they were deleted
        shutil.rmtree(folder / MERGED, ignore_errors=True)
    return {folder: merge_parts(folder) for folder in folders}


def merge_parts(folder: Path) -> Merged:
    """Bring the parts of a model's index together. Killed and run again, it goes on.

    Args:
        folder: of the model.

    Raises:
        MissingError: parts are missing or not finished; all are named.
        InputError: the parts do not belong together or to this index.
        DamagedError: a shard is cut short. Nothing has been moved then.
    """
    with exclusive(folder / ".lock", busy=f"another process is filling {folder}. Wait for it."):
        if (folder / MERGED).is_dir():  # killed while it was deleting
            shutil.rmtree(folder / MERGED)
        states = _checked_states(folder)
        begun = folder / PARTS / "merging"
        if not begun.is_file():
            _check_shards(folder, states)
            begun.touch()
        for where, state in states.items():
            _move_shards(where, folder, state)
        model = next(iter(states)) / "model.json"
        if not (folder / "model.json").is_file():
            write_json(folder / "model.json", read_json(model, MADE_BY))
        os.replace(folder / PARTS, folder / MERGED)
        shutil.rmtree(folder / MERGED)
        skipped = tuple((uri, why) for state in states.values() for uri, why in state["skipped"])
        return Merged(len(states), sum(len(state["shards"]) for state in states.values()), skipped)


def _digest(plan: pd.DataFrame, clip: Clip, job: Job) -> str:
    """Equal where parts fit together: plan, batches and weights."""
    identity = identity_of(clip, job) | sizes(job.index) | {"plan": plan_digest(plan)}
    del identity["precision"]  # machines of one job may differ in what they multiply
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _state(where: Path) -> dict[str, Any]:
    state = read_json(where / STATE, f"{MADE_BY} --shard")
    if not isinstance(state, dict) or not {"part", "of", "plan", "finished"} <= set(state):
        raise DamagedError(f"{where / STATE}: not what `{MADE_BY} --shard` writes. Delete {where}.")
    return state


def _checked_states(folder: Path) -> dict[Path, dict[str, Any]]:
    """State of each part by its folder, in order, once all are there, finished and of one plan."""
    files = (folder / PARTS).glob(f"*/{STATE}")
    states = {file.parent: _state(file.parent) for file in files}
    if not states:
        raise MissingError(f"no part in {folder / PARTS}. Make it with `{MADE_BY} --shard 1/8`.")
    ordered = dict(sorted(states.items(), key=lambda entry: (entry[1]["of"], entry[1]["part"])))
    first, *others = ordered
    for where in others:
        if any(ordered[where][key] != ordered[first][key] for key in ("of", "plan")):
            raise InputError(
                f"{first} and {where} do not belong together: another number of parts, catalogue, "
                "index or [index] settings. Delete the one that is out of date."
            )
    finished = {state["part"] for state in ordered.values() if state["finished"]}
    total = ordered[first]["of"]
    lacking = [str(Part(number, total)) for number in range(1, total + 1) if number not in finished]
    if lacking:
        raise MissingError(
            f"{folder / PARTS}: parts {', '.join(lacking)} are missing or not finished. Make each "
            f"with `{MADE_BY} --shard {lacking[0]}`, or copy its folder here."
        )
    return ordered


def _check_shards(folder: Path, states: dict[Path, dict[str, Any]]) -> None:
    """Before anything is moved: all shards are whole, and their numbers are free."""
    taken = set(shard_files(folder))
    for where, state in states.items():
        there = shard_files(where)
        for number, rows in state["shards"].items():
            if int(number) in taken:
                raise InputError(
                    f"{folder} has got shard {number} since its parts were planned. "
                    f"Delete {folder / PARTS} and make the parts again."
                )
            if int(number) not in there:
                raise DamagedError(
                    f"{where}: shard {number} is missing. Delete {where} and run "
                    f"`{MADE_BY} --shard {Part(state['part'], state['of'])}`."
                )
            open_shard(there[int(number)], rows)


def _move_shards(where: Path, folder: Path, state: dict[str, Any]) -> None:
    for number in sorted(map(int, state["shards"])):
        for suffix in (".npy", ".parquet"):  # in this order: a table says that the shard is whole
            source = where / f"shard-{number:05d}{suffix}"
            if source.is_file():
                os.replace(source, folder / source.name)
