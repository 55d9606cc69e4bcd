"""One round of mining in a workspace: frame, draw, files."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotate.catalog.scan import check_not_empty, load_catalog
from annotate.errors import InputError
from annotate.files import remove_stale
from annotate.mining.annotated import annotated_images
from annotate.mining.draw import Draw, Mined
from annotate.mining.frame import Frame, Scope, build_frame
from annotate.mining.near_copies import check_cosine
from annotate.mining.round_draws import Request, draw_round
from annotate.mining.round_files import (
    load_candidates,
    new_round,
    save_round,
)
from annotate.settings import MineSettings

if TYPE_CHECKING:
    from annotate.workspace import Workspace


def mine_round(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Draw one round and write it to ``data/candidates``; its contact sheet is made from there.

    Args:
        workspace: with a catalogue.
        request: what to mine.

    Returns:
        The summary, as in ``round-NNNN.json``.

    Raises:
        MissingError: no catalogue, no index of the configured model, or no predictions.
        InputError: the budget is used up, nothing is left to draw from, what is asked for does not
            fit the catalogue, or another process is drawing a round.
    """
    images = load_catalog(workspace.catalog)  # with what is gone: its content may be elsewhere now
    check_not_empty(images)
    with new_round(workspace.candidates) as number:
        return _mine_round(workspace, request, images, number)


def _mine_round(
    workspace: Workspace, request: Request, images: pd.DataFrame, number: int
) -> dict[str, Any]:
    folder = workspace.candidates
    remove_stale(folder)
    drawn = set(load_candidates(folder)["image_id"])
    draw = _draw(request, len(drawn), number)
    _check_properties(images, draw)
    seen = drawn | annotated_images(workspace)
    frame = build_frame(images, seen, _scope(workspace, request.settings))
    done = draw_round(workspace, request, frame, draw)
    summary = _summary(request, draw, done.mined, frame) | done.facts
    save_round(folder, draw.round, done.mined, summary)
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
    """Images to draw for each class, or in all where there are no classes."""
    settings = request.settings
    wanted = settings.stratified_n if request.strategy == "stratified" else settings.n
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


def _summary(request: Request, draw: Draw, mined: Mined, frame: Frame) -> dict[str, Any]:
    drawn_from = [
        {"name": name, "pool": pool, "drawn": mined.drawn[name]}
        | ({"population": mined.population[name]} if mined.population else {})
        for name, pool in mined.pools.items()
    ]
    return {
        "round": draw.round,
        "strategy": request.strategy,
        "images": int(mined.candidates["image_id"].nunique()),
        "receipts": len(mined.candidates),
        "drawn_from": drawn_from,
        "funnel": frame.funnel_rows,
        "settings": asdict(request.settings) | {"seed": draw.seed, "drawn_n": draw.n},
    }
