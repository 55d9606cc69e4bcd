"""The draw of one round, strategy by strategy: what each needs of the workspace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from annotate.catalog.scan import is_demo_catalog
from annotate.errors import MissingError
from annotate.index.folders import MADE_BY, named_folders, shard_files
from annotate.index.shards import Index, load_index, model_folder
from annotate.mining.active import mine_diverse, mine_uncertain
from annotate.mining.draw import Draw, Mined
from annotate.mining.frame import Frame
from annotate.mining.near_copies import Vectors
from annotate.mining.predictions import load_predictions
from annotate.mining.similarity import ClassQueries, mine_similar
from annotate.mining.strata import strata_of
from annotate.mining.stratified import (
    Nearness,
    compared_by,
    distinct_within_properties,
    mine_stratified,
    not_drawn,
)
from annotate.settings import MineSettings
from annotate.tables import POOLS
from annotate.taxonomy.model import TaxonomyClass
from annotate.taxonomy.prompts import search_queries

if TYPE_CHECKING:
    from annotate.clip.loading import Clip
    from annotate.workspace import Workspace

STRATEGIES = ("similarity", "stratified", "uncertain", "diverse")


@dataclass(frozen=True)
class Request:
    """What to mine.

    Attributes:
        strategy: one of :data:`STRATEGIES`.
        classes: to mine for by similarity or uncertainty.
        settings: sizes, features, scope, budget.
        seed: of all samples.
        allow_demo_model: use the small CLIP on photos that are not the demo world's.
        run: whose predictions say what is uncertain; None: the newest.
    """

    strategy: str
    classes: tuple[TaxonomyClass, ...]
    settings: MineSettings
    seed: int
    allow_demo_model: bool = False
    run: str | None = None


@dataclass(frozen=True)
class Drawn:
    """What a round drew, and what its summary says besides."""

    mined: Mined
    facts: dict[str, Any]


def draw_round(workspace: Workspace, request: Request, frame: Frame, draw: Draw) -> Drawn:
    """Draw from a frame by the strategy that is asked for.

    Raises:
        MissingError: no index of the configured model, or no predictions.
        InputError: what is asked for does not fit the catalogue.
    """
    strategies = {
        "similarity": _similar,
        "stratified": _stratified,
        "uncertain": _uncertain,
        "diverse": _diverse,
    }
    return strategies[request.strategy](workspace, request, frame, draw)


def _similar(workspace: Workspace, request: Request, frame: Frame, draw: Draw) -> Drawn:
    # Here, since a stratified sample needs no model and no torch.
    from annotate.clip.encoder import encode_texts
    from annotate.clip.loading import default_device, load_clip, require_real_model

    clip = load_clip(workspace.settings.model, workspace.root, device=default_device())
    require_real_model(clip, is_demo_catalog(workspace.catalog), request.allow_demo_model)
    index = _open_index(workspace, clip)
    texts = {entry.id: search_queries(entry) for entry in request.classes}
    queries = [ClassQueries(name, own, encode_texts(clip, own)) for name, own in texts.items()]
    missing = len(set(frame.images["content_hash"]) - set(index.content_hashes))
    facts = {
        "model": model_folder(workspace.index, clip).name,
        "demo_model": clip.is_demo,
        "not_embedded": missing,
        "near_copies_by": f"perceptual hash; embeddings within the pools, {_bound(draw)}",
    }
    taken = _vectors_of(index, frame.seen["content_hash"])
    return Drawn(mine_similar(frame.images, index, queries, draw, taken), facts)


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


def _stratified(workspace: Workspace, request: Request, frame: Frame, draw: Draw) -> Drawn:
    images = frame.images
    strata_of(images, request.settings.by)  # what is wrong with the features is said first
    folder = index_folder(workspace)
    funnel, out_of_reach = frame.funnel_rows, frame.out_of_reach
    how = "no embeddings of the configured model" if folder is None else "embeddings not compared"
    if folder is not None and draw.near_cosine <= 1:
        nearness = Nearness(load_index(folder), draw.near_cosine, frame.seen)
        how = compared_by(images, nearness)
        kept = distinct_within_properties(images, nearness)
        near, images = images[~kept], images[kept].reset_index(drop=True)
        if frame.known_outside:
            inside = replace(nearness, seen=pd.concat([frame.before, images]))
            out_of_reach += int(distinct_within_properties(near, inside).sum())
        funnel.append({"rule": "near copies by embedding once", "images": len(images)})
    strata = strata_of(images, request.settings.by)
    mined = mine_stratified(images, strata, request.settings.allocation, draw)
    # Of the catalogue's columns only this one: a feature may be called as one of the pools' is.
    known = frame.before[["image_id"]].reindex(columns=list(POOLS.columns))
    known = known.astype({"rank": "Int32"})
    mined = replace(mined, pool_rows=known)
    facts = {
        "allocation": mined.drawn,
        "near_copies_by": f"perceptual hash; {how}",
        "strata_not_drawn": not_drawn(mined),
        "population": len(images),
        "known_before": len(known),
        "near_copies_out_of_reach": out_of_reach,
        "funnel": funnel,
    }
    return Drawn(mined, facts)


def _uncertain(workspace: Workspace, request: Request, frame: Frame, draw: Draw) -> Drawn:
    predictions = load_predictions(workspace, request.run)
    folder, index = _any_index(workspace)
    taken = _vectors_of(index, frame.seen["content_hash"])
    wanted = [entry.id for entry in request.classes]
    mined = mine_uncertain(frame.images, index, predictions, wanted, draw, taken)
    predicted = frame.images["image_id"].isin(predictions.rows["image_id"])
    facts = {
        "model": folder.name,
        "run": predictions.run_id,
        "doubtful": mined.candidates["class_id"].value_counts().to_dict(),
        "not_predicted": int((~predicted).sum()),
        "cut_short": predictions.cut_short(wanted),
        "near_copies_by": f"perceptual hash; embeddings of what is drawn, {_bound(draw)}",
    }
    return Drawn(mined, facts)


def _diverse(workspace: Workspace, request: Request, frame: Frame, draw: Draw) -> Drawn:
    folder, index = _any_index(workspace)
    taken = _vectors_of(index, frame.seen["content_hash"])
    facts = {
        "model": folder.name,
        "near_copies_by": f"perceptual hash; embeddings of what is drawn, {_bound(draw)}",
    }
    return Drawn(mine_diverse(frame.images, index, draw, taken), facts)


def _any_index(workspace: Workspace) -> tuple[Path, Index]:
    """Embeddings of the configured model, for strategies that need no model beside them."""
    folder = index_folder(workspace)
    if folder is not None:
        return folder, load_index(folder)
    from annotate.clip.loading import load_clip

    clip = load_clip(workspace.settings.model, workspace.root)
    return model_folder(workspace.index, clip), _open_index(workspace, clip)


def index_folder(workspace: Workspace) -> Path | None:
    """The folder with embeddings of the configured model; None where there are none.

    The model is loaded only where its name does not say which weights it has: it is a folder or a
    file, which may have changed since, or there are embeddings of several weights of the name.
    """
    model = workspace.settings.model
    fitting = named_folders(workspace.index, model)
    mutable = model.name.startswith("local-dir:") or (workspace.root / model.pretrained).is_file()
    if len(fitting) < 2 and not (fitting and mutable):
        return fitting[0] if fitting else None
    from annotate.clip.loading import load_clip

    folder = model_folder(workspace.index, load_clip(model, workspace.root))
    return folder if folder in fitting else None


def _bound(draw: Draw) -> str:
    return f"cosine {draw.near_cosine:g}" if draw.near_cosine <= 1 else "not compared"
