"""Rounds of mining on disk: what was drawn, and the draw of the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotate.answer_files import find_answers
from annotate.catalog import check_not_empty, is_demo_catalog, load_catalog
from annotate.errors import InputError
from annotate.index import load_index, model_folder
from annotate.mining import (
    ClassQueries,
    Draw,
    Mined,
    eligible_images,
    mine_similar,
    mine_stratified,
)
from annotate.settings import MineSettings
from annotate.strata import allocate, strata_of
from annotate.tables import CANDIDATES, empty, read, remove_stale, write, write_json
from annotate.taxonomy.model import TaxonomyClass
from annotate.taxonomy.prompts import search_queries

if TYPE_CHECKING:
    from annotate.workspace import Workspace


@dataclass(frozen=True)
class Request:
    """What to mine.

    Attributes:
        classes: to mine for by similarity; empty: a stratified sample.
        settings: sizes, features, budget.
        seed: of all samples.
        allow_demo_model: use the small CLIP on photos that are not the demo world's.
    """

    classes: tuple[TaxonomyClass, ...]
    settings: MineSettings
    seed: int
    allow_demo_model: bool = False


def round_files(folder: Path) -> list[Path]:
    """Tables of all rounds, in order."""
    return sorted(folder.glob("round-[0-9]*.parquet"))


def load_candidates(folder: Path) -> pd.DataFrame:
    """Receipts of all rounds; empty where nothing was mined yet."""
    parts = [read(CANDIDATES, file) for file in round_files(folder)]
    return pd.concat(parts, ignore_index=True) if parts else empty(CANDIDATES)


def answered_images(folder: Path) -> set[str]:
    """Ids of the images that the files of answers name; whether they count is not decided here."""
    return {raw.image_id for raw in find_answers(folder) if isinstance(raw.image_id, str)}


def mine_round(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Draw one round and write it to ``data/candidates``.

    Returns:
        The summary, as in ``round-NNNN.json``.

    Raises:
        MissingError: no catalogue, or no index of the configured model.
        InputError: the budget is used up, or what is asked for does not fit the catalogue.
    """
    folder = workspace.candidates
    remove_stale(folder)
    images = load_catalog(workspace.catalog)
    check_not_empty(images)
    earlier = load_candidates(folder)
    drawn = set(earlier["image_id"])
    eligible = eligible_images(images, drawn | answered_images(workspace.answers))
    if eligible.empty:
        raise InputError("every image of the catalogue is a candidate or answered already.")
    number = max((int(file.stem[6:]) for file in round_files(folder)), default=0) + 1
    settings = request.settings
    draw = Draw(
        n=_within_budget(request, len(drawn)),
        top=settings.top,
        seed=request.seed,
        round=number,
        near_bits=workspace.settings.dataset.near_duplicate_bits,
    )
    if request.classes:
        mined, extra = _similar(workspace, request, eligible, draw)
    else:
        strata = strata_of(eligible, settings.by)
        sizes = {str(name): int(size) for name, size in strata.value_counts().items()}
        shares = allocate(sizes, draw.n, settings.allocation)
        mined, extra = mine_stratified(eligible, strata, shares, draw), {"allocation": shares}
    summary = _summary(request, draw, mined) | extra | {"eligible": len(eligible)}
    name = f"round-{number:04d}"
    write_json(folder / f"{name}.json", summary)
    write(CANDIDATES, mined.candidates, folder / f"{name}.parquet")  # last: it makes the round
    return summary


def _within_budget(request: Request, drawn: int) -> int:
    """Images to draw for each class, or in all for a stratified sample."""
    settings = request.settings
    wanted = settings.n if request.classes else settings.stratified_n
    if wanted < 1 or settings.top < 1:
        raise InputError("[mine] n, stratified_n and top must be 1 or more.")
    share = (settings.budget - drawn) // max(1, len(request.classes))
    if share < 1:
        raise InputError(
            f"{drawn:,} images are candidates already, of a budget of {settings.budget:,}. "
            "Raise budget under [mine] in mumic.toml, or mine for fewer classes."
        )
    return min(wanted, share)


def _similar(
    workspace: Workspace, request: Request, eligible: pd.DataFrame, draw: Draw
) -> tuple[Mined, dict[str, Any]]:
    # Here, since a stratified sample needs no model and no torch.
    from annotate.encoder import default_device, encode_texts, load_clip, require_real_model

    clip = load_clip(workspace.settings.model, workspace.root, device=default_device())
    require_real_model(clip, is_demo_catalog(workspace.catalog), request.allow_demo_model)
    folder = model_folder(workspace.index, clip)
    index = load_index(folder)
    queries = []
    for entry in request.classes:
        texts = search_queries(entry)
        if not texts:
            raise InputError(f"class {entry.id} has no query; add queries to {workspace.taxonomy}.")
        queries.append(ClassQueries(entry.id, texts, encode_texts(clip, texts)))
    missing = len(set(eligible["content_hash"]) - set(index.content_hashes))
    facts = {"model": folder.name, "demo_model": clip.is_demo, "not_embedded": missing}
    return mine_similar(eligible, index, queries, draw), facts


def _summary(request: Request, draw: Draw, mined: Mined) -> dict[str, Any]:
    pools: Mapping[str, int] = mined.pools
    return {
        "round": draw.round,
        "strategy": "similarity" if request.classes else "stratified",
        "images": int(mined.candidates["image_id"].nunique()),
        "receipts": len(mined.candidates),
        "drawn_from": [
            {"name": name, "pool": pools[name], "drawn": mined.drawn[name]} for name in pools
        ],
        "settings": asdict(request.settings) | {"seed": draw.seed, "drawn_n": draw.n},
    }
