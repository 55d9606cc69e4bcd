"""Looking for images: the best matches of texts or pictures, and a page that shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.catalog.scan import check_not_empty, is_demo_catalog, load_catalog
from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.fast_pixels import pixels_of
from annotate.clip.loading import Clip, default_device, load_clip, require_real_model
from annotate.errors import InputError, MissingError
from annotate.images.contact_sheet import Sheet, write_sheet
from annotate.index.folders import MADE_BY
from annotate.index.shards import Index, load_index, model_folder
from annotate.storage.store import is_remote, read_bytes
from annotate.where.rows import rows_where

if TYPE_CHECKING:
    from annotate.workspace import Workspace

PAGE = "search.html"
PAGE_HITS = 5000  # more pictures would make the page slow
HITS = ["rank", "score", "image_id", "uri", "property_id", "query"]


@dataclass(frozen=True)
class Look:
    """What is looked for.

    Attributes:
        texts: an image's score is its best one over all texts and pictures.
        pictures: files or URIs of query images.
        k: how many images.
        where: scope rule over the catalogue's columns, see ``where.rows_where``; empty: all.
        allow_demo_model: use the small CLIP on photos of one's own.
    """

    texts: tuple[str, ...]
    pictures: tuple[str, ...]
    k: int
    where: str = ""
    allow_demo_model: bool = False


@dataclass(frozen=True)
class Seen:
    """What was found.

    Attributes:
        hits: ``rank``, ``score``, ``image_id``, ``uri``, ``property_id`` and ``query`` (the text or
            picture that it fits best), best first.
        facts: ``model``, ``demo_model``, ``searched`` and ``not_embedded`` (images).
    """

    hits: pd.DataFrame
    facts: dict[str, Any]


def look(workspace: Workspace, wanted: Look) -> Seen:
    """Find the images of a workspace that fit best.

    Raises:
        MissingError: no catalogue, no model, no index of it, or none of the images is embedded.
        InputError: nothing to look for, a picture that cannot be read, or a rule that is wrong or
            leaves no image.
        DamagedError: a shard is cut short.
    """
    if wanted.k < 1:
        raise InputError("-k, or k under [search] in mumic.toml, must be 1 or more.")
    if not wanted.texts + wanted.pictures or not all(text.strip() for text in wanted.texts):
        raise InputError("nothing to look for; give a text, or a picture with --image.")
    images = check_not_empty(load_catalog(workspace.catalog))
    if wanted.where:
        images = images[rows_where(images, wanted.where)]
        if images.empty:
            raise InputError(f"no image of the catalogue is in scope of {wanted.where!r}.")
    clip = load_clip(workspace.settings.model, workspace.root, device=default_device())
    require_real_model(clip, is_demo_catalog(workspace.catalog), wanted.allow_demo_model)
    folder = model_folder(workspace.index, clip)
    index = load_index(folder)
    queries = np.concatenate(
        [
            encode_texts(clip, wanted.texts),
            *(_embed_picture(workspace, clip, picture) for picture in wanted.pictures),
        ]
    )
    embedded = images["content_hash"].isin(index.content_hashes)
    if not embedded.any():
        raise MissingError(f"none of {len(images):,} images is embedded. Run `{MADE_BY}`.")
    names = np.array([*wanted.texts, *wanted.pictures], object)
    hits = best_images(images[embedded], index, queries, wanted.k)
    hits = hits.assign(query=names[hits["query"].to_numpy()])
    facts = {
        "model": folder.name,
        "demo_model": clip.is_demo,
        "searched": int(embedded.sum()),
        "not_embedded": int((~embedded).sum()),
    }
    return Seen(hits, facts)


def best_images(
    images: pd.DataFrame, index: Index, queries: npt.NDArray[np.float32], k: int
) -> pd.DataFrame:
    """The k images with the best score over some queries; equal scores by image id.

    Args:
        images: rows of the catalogue; images with the same bytes share a row of the index.
        index: embeddings.
        queries: float32 (q, dim), rows of unit length, at least one.
        k: how many; fewer where there are not as many.

    Returns:
        ``rank`` from 1, ``score``, ``image_id``, ``uri``, ``property_id`` and ``query`` (number).
    """
    first = images.sort_values("image_id").drop_duplicates("content_hash")
    names = first.set_index("content_hash")["image_id"].reindex(index.content_hashes)
    keep = names.notna().to_numpy(bool)
    groups = np.zeros(len(queries), np.int64)
    found = index.search_groups(queries, groups, k, keep, names.to_numpy(object))
    contents = pd.DataFrame(
        {
            "content_hash": index.content_hashes[found.rows[0]],
            "score": found.scores[0],
            "query": found.queries[0],
        }
    )
    # Without the features: one may be called as a column of the hits is.
    own = images[["image_id", "uri", "property_id", "content_hash"]]
    hits = own.merge(contents, on="content_hash")
    hits = hits.sort_values(["score", "image_id"], ascending=[False, True]).head(k)
    return hits.assign(rank=np.arange(1, len(hits) + 1))[HITS].reset_index(drop=True)


def _embed_picture(workspace: Workspace, clip: Clip, picture: str) -> npt.NDArray[np.float32]:
    """A query image's embedding, float32 (1, dim): in full precision, whatever the index has."""
    limits = workspace.settings.catalog
    uri = picture if is_remote(picture) else str(Path(picture).expanduser().resolve())
    try:
        data = read_bytes(uri, workspace.root, max_bytes=limits.max_bytes)
        pixels = pixels_of(data, clip.image_size, max_pixels=limits.max_pixels)
    except InputError as error:
        raise InputError(f"--image {picture}: {error}. Give a photo that can be read.") from error
    return encode_images(clip, pixels[None], "fp32")


def write_page(
    workspace: Workspace, seen: Seen, on_progress: Callable[[int], object] | None = None
) -> Path:
    """Write the hits with their pictures to ``data/search.html``, at most 5,000 of them."""
    hits = seen.hits.head(PAGE_HITS)
    queries = hits["query"].drop_duplicates().tolist()
    facts = [
        ("searched", f"{seen.facts['searched']:,} images"),
        ("shown", f"the best {len(hits):,}"),
        ("model", str(seen.facts["model"])),
    ]
    facts += [("beware", "found with the demo model")] if seen.facts["demo_model"] else []
    target = workspace.data / PAGE
    write_sheet(
        Sheet(f"Search: {' · '.join(queries)}", facts, hits.assign(group=hits["query"])),
        target,
        workspace,
        on_progress,
    )
    return target
