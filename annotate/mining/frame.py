"""The sampling frame: the images that a round may draw, and how many each rule left over.

Everything that excludes an image is decided here, before any draw and without chance, so that the
inclusion probabilities of the draw are exact.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from annotate.errors import InputError
from annotate.mining.near_copies import distinct_hashes
from annotate.where.rows import rows_where


@dataclass(frozen=True)
class Scope:
    """Rules that say which images a round is about.

    Attributes:
        where: an expression over the catalogue's columns, see ``where.rows_where``; empty: all.
        min_size: of the smaller side, in pixels.
        near_bits: perceptual hashes that differ in at most so many bits are of one picture.
    """

    where: str = ""
    min_size: int = 0
    near_bits: int = 0


@dataclass(frozen=True)
class Frame:
    """What may be drawn.

    Attributes:
        images: rows of the catalogue, sorted by image id, indexed from 0.
        seen: rows that were drawn or answered before, in scope or not, each content once.
        before: rows in scope of these contents, each once.
        funnel: each rule and how many images it left, in order.
        out_of_reach: pictures in scope that are near copies only of rows of ``seen`` that are not
            in scope: nothing here tells of them.
    """

    images: pd.DataFrame
    seen: pd.DataFrame
    before: pd.DataFrame
    funnel: tuple[tuple[str, int], ...]
    out_of_reach: int = 0

    @property
    def known_outside(self) -> bool:
        """Whether some rows of ``seen`` are not in scope, nor copies of them."""
        return len(self.before) < len(self.seen)

    @property
    def funnel_rows(self) -> list[dict[str, Any]]:
        """The funnel for JSON: ``rule`` and ``images``."""
        return [{"rule": rule, "images": left} for rule, left in self.funnel]


def build_frame(images: pd.DataFrame, drawn: Collection[str], scope: Scope) -> Frame:
    """The images that a round may draw.

    They are present, in scope, each content once (that of the smallest image id), of no content
    that was drawn or answered before and no near copy of one, and of near copies by perceptual
    hash one: the one of the smallest image id, see :mod:`annotate.mining.near_copies`.

    Args:
        images: the catalogue.
        drawn: ids of all earlier candidates and of answered images.
        scope: the rules.

    Raises:
        InputError: no image is left (each rule is named with what it left), or a rule is wrong.
    """
    left = images[images["present"].astype(bool)]
    funnel = [("catalogue", len(images)), ("present", len(left))]
    if scope.where:
        left = left[rows_where(left, scope.where)]
        funnel.append((f"where {scope.where}", len(left)))
    if scope.min_size > 0:
        left = left[left[["width", "height"]].min(axis=1) >= scope.min_size]
        funnel.append((f"smaller side of {scope.min_size} pixels or more", len(left)))
    was_drawn = images["image_id"].isin(drawn)
    seen = images[was_drawn].drop_duplicates("content_hash")
    by_id = left.sort_values("image_id")
    drawn_first = np.argsort(~by_id["image_id"].isin(drawn).to_numpy(bool), kind="stable")
    left = by_id.iloc[drawn_first].drop_duplicates("content_hash")
    funnel.append(("each content once", len(left)))
    known = left["content_hash"].isin(seen["content_hash"])
    before, left = left[known], left[~known].sort_values("image_id")
    funnel.append(("not drawn or answered before", len(left)))
    hashes = pd.concat([seen["perceptual_hash"], left["perceptual_hash"]])
    fresh = distinct_hashes(hashes.to_numpy(object), scope.near_bits, len(seen))
    near, left = left[~fresh[len(seen) :]], left[fresh[len(seen) :]].reset_index(drop=True)
    funnel.append(("near copies once", len(left)))
    if left.empty:
        raise InputError(_nothing_left(funnel))
    before = before.sort_values("image_id").reset_index(drop=True)
    frame = Frame(left, seen, before, tuple(funnel))
    return replace(frame, out_of_reach=_out_of_reach(frame, near, scope.near_bits))


def _out_of_reach(frame: Frame, near: pd.DataFrame, bits: int) -> int:
    """Of the near copies that were left out, those of nothing in scope; near copies once."""
    if not frame.known_outside:
        return 0
    inside = pd.concat([frame.before["perceptual_hash"], frame.images["perceptual_hash"]])
    hashes = pd.concat([inside, near["perceptual_hash"]]).to_numpy(object)
    return int(distinct_hashes(hashes, bits, len(inside))[len(inside) :].sum())


def _nothing_left(funnel: list[tuple[str, int]]) -> str:
    counts = "; ".join(f"{rule}: {count:,}" for rule, count in funnel)
    emptied = next(rule for rule, count in funnel if not count)
    reasons = {
        "catalogue": "the catalogue is empty",
        "present": "the sources hold no image of the catalogue any more",
        "not drawn or answered before": "every image in scope is a candidate or answered already",
        "near copies once": "every image in scope is a candidate or answered already, or a near "
        "copy of one",
    }
    reason = reasons.get(emptied, f"no image fits the rule `{emptied}`")
    return f"nothing is left to draw from: {reason}. Images left by each rule: {counts}."
