"""One round of mining in a workspace: frame, draw, files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from annotate.catalog import check_not_empty, is_demo_catalog, load_catalog
from annotate.errors import InputError, MissingError
from annotate.frame import Frame, Scope, build_frame
from annotate.index import Index, load_index, model_folder, shard_files
from annotate.mining import Draw, Mined
from annotate.near_copies import Vectors, check_cosine
from annotate.round_files import answered_images, load_candidates, next_round, save_round
from annotate.settings import MineSettings, ModelSettings
from annotate.similarity import ClassQueries, mine_similar
from annotate.strata import strata_of
from annotate.stratified import Embedded, distinct_within_properties, mine_stratified
from annotate.tables import POOLS, read_json, remove_stale
from annotate.taxonomy.model import TaxonomyClass
from annotate.taxonomy.prompts import search_queries

if TYPE_CHECKING:
    from annotate.encoder import Clip
    from annotate.workspace import Workspace

MADE_BY = "mumic-annotate index"


@dataclass(frozen=True)
class Request:
    """What to mine.

    Attributes:
        classes: to mine for by similarity; empty: a stratified sample.
        settings: sizes, features, scope, budget.
        seed: of all samples.
        allow_demo_model: use the small CLIP on photos that are not the demo world's.
    """

    classes: tuple[TaxonomyClass, ...]
    settings: MineSettings
    seed: int
    allow_demo_model: bool = False


def mine_round(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Draw one round and write it to ``data/candidates``.

    Returns:
        The summary, as in ``round-NNNN.json``.

    Raises:
        MissingError: no catalogue, or no index of the configured model.
        InputError: the budget is used up, nothing is left to draw from, or what is asked for does
            not fit the catalogue.
    """
    folder = workspace.candidates
    remove_stale(folder)
    images = check_not_empty(load_catalog(workspace.catalog))
    drawn = set(load_candidates(folder)["image_id"])
    draw = _draw(request, len(drawn), next_round(folder))
    _check_properties(images, draw)
    seen = drawn | answered_images(workspace.answers)
    frame = build_frame(images, seen, _scope(workspace, request.settings))
    if request.classes:
        mined, facts = _similar(workspace, request, frame, draw)
    else:
        mined, facts = _stratified(workspace, request, frame, draw)
    summary = _summary(request, draw, mined, frame) | facts
    save_round(folder, draw.round, mined, summary)
    return summary


def _draw(request: Request, drawn: int, number: int) -> Draw:
    settings = request.settings
    check_cosine(settings.near_cosine)
    if settings.max_per_property < 0 or settings.min_size < 0:
        raise InputError("[mine] max_per_property and min_size must be 0 or more.")
    return Draw(
        n=_within_budget(request, drawn),
        top=settings.top,
        seed=request.seed,
        round=number,
        max_per_property=settings.max_per_property,
        near_cosine=settings.near_cosine,
    )


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


def _scope(workspace: Workspace, settings: MineSettings) -> Scope:
    near_bits = workspace.settings.dataset.near_duplicate_bits
    return Scope(settings.where, settings.min_size, near_bits)


def _check_properties(images: pd.DataFrame, draw: Draw) -> None:
    if draw.max_per_property and images["property_id"].isna().all():
        raise InputError(
            "no image of the catalogue has a property_id, so max_per_property cannot be kept. "
            "Name the column with property_column under [catalog] in mumic.toml and run "
            "`mumic-annotate catalog`, or leave the limit out."
        )


def _similar(
    workspace: Workspace, request: Request, frame: Frame, draw: Draw
) -> tuple[Mined, dict[str, Any]]:
    # Here, since a stratified sample needs no model and no torch.
    from annotate.encoder import default_device, encode_texts, load_clip, require_real_model

    clip = load_clip(workspace.settings.model, workspace.root, device=default_device())
    require_real_model(clip, is_demo_catalog(workspace.catalog), request.allow_demo_model)
    index = _open_index(workspace, clip)
    queries = []
    for entry in request.classes:
        texts = search_queries(entry)
        if not texts:
            raise InputError(f"class {entry.id} has no query; add queries to {workspace.taxonomy}.")
        queries.append(ClassQueries(entry.id, texts, encode_texts(clip, texts)))
    missing = len(set(frame.images["content_hash"]) - set(index.content_hashes))
    facts = {
        "model": model_folder(workspace.index, clip).name,
        "demo_model": clip.is_demo,
        "not_embedded": missing,
        "near_copies_by": f"perceptual hash; embeddings within the pools, {_bound(draw)}",
    }
    taken = _vectors_of(index, frame.seen["content_hash"])
    return mine_similar(frame.images, index, queries, draw, taken), facts


def _open_index(workspace: Workspace, clip: Clip) -> Index:
    """Embeddings of the configured model; where there are others only, they are named."""
    folder = model_folder(workspace.index, clip)
    others = sorted(file.parent.name for file in workspace.index.glob("*/model.json"))
    if others and not shard_files(folder):
        raise MissingError(
            f"{workspace.index} holds embeddings of {', '.join(others)}, none of the configured "
            f"model {folder.name}. Make them with `{MADE_BY}`, or change [model] in mumic.toml."
        )
    return load_index(folder)


def _vectors_of(index: Index, contents: pd.Series) -> Vectors | None:
    rows = np.flatnonzero(pd.Series(index.content_hashes).isin(contents).to_numpy(bool))
    return index.vectors(rows) if len(rows) else None


def _stratified(
    workspace: Workspace, request: Request, frame: Frame, draw: Draw
) -> tuple[Mined, dict[str, Any]]:
    images = frame.images
    strata_of(images, request.settings.by)  # what is wrong with the features is said first
    folder = find_index(workspace.index, workspace.settings.model)
    if folder and draw.near_cosine <= 1:
        embedded = Embedded(load_index(folder), draw.near_cosine, frame.seen)
        images = images[distinct_within_properties(images, embedded)].reset_index(drop=True)
        how = f"perceptual hash; embeddings within a property, {_bound(draw)}"
    else:
        how = "perceptual hash"
    strata = strata_of(images, request.settings.by)
    mined = mine_stratified(images, strata, request.settings.allocation, draw)
    known = frame.before.reindex(columns=list(POOLS.columns)).astype({"rank": "Int32"})
    mined = Mined(mined.candidates, mined.pools, mined.drawn, mined.population, known)
    facts = {
        "allocation": mined.drawn,
        "near_copies_by": how,
        "population": len(images),
        "known_before": len(known),
    }
    return mined, facts


def find_index(index: Path, model: ModelSettings) -> Path | None:
    """The folder with embeddings of the configured model, found without loading the model.

    Returns:
        None where there is none, or several (weights that changed): only the model can tell then.
    """
    wanted = {(model.name, model.pretrained), (model.name, "")}
    fitting = []
    for file in sorted(index.glob("*/model.json")):
        about = read_json(file, MADE_BY)
        is_dict = isinstance(about, dict)
        if is_dict and (about.get("name"), about.get("pretrained")) in wanted:
            fitting.append(file.parent)
    return fitting[0] if len(fitting) == 1 and shard_files(fitting[0]) else None


def _bound(draw: Draw) -> str:
    return f"cosine {draw.near_cosine:g}" if draw.near_cosine <= 1 else "not compared"


def _summary(request: Request, draw: Draw, mined: Mined, frame: Frame) -> dict[str, Any]:
    drawn_from = [
        {"name": name, "pool": pool, "drawn": mined.drawn[name]}
        | ({"population": mined.population[name]} if mined.population else {})
        for name, pool in mined.pools.items()
    ]
    return {
        "round": draw.round,
        "strategy": "similarity" if request.classes else "stratified",
        "images": int(mined.candidates["image_id"].nunique()),
        "receipts": len(mined.candidates),
        "drawn_from": drawn_from,
        "funnel": [{"rule": rule, "images": left} for rule, left in frame.funnel],
        "settings": asdict(request.settings) | {"seed": draw.seed, "drawn_n": draw.n},
    }
