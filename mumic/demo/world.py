"""Draw the demo catalogue: photos by property, the catalog source, and the truth.

    python -m mumic.demo.world FOLDER [--images N] [--seed S]

Photos that are there already are kept, so an interrupted run goes on where it stopped.
"""

import argparse
import csv
import io
import multiprocessing
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from annotate.catalog.sources import DEMO_MARKER
from annotate.errors import InputError
from annotate.files import TEMPORARY_SUFFIX, atomic, read_json, write_json
from mumic.demo.concepts import NAMES, UNSEEN
from mumic.demo.scenes.catalogue import CATALOGUE_SEED, CataloguePhoto, plan_catalogue
from mumic.demo.scenes.drawing import draw
from mumic.demo.scenes.scene import Scene

NEW_IMAGES = 60
"""Further photos of the same world, which are never in the catalogue."""

_NEW_SEED = 50_000
"""Offset of the seed of the new photos."""


def draw_world(
    folder: Path, *, images: int = 10_000, seed: int = 0, processes: int | None = None
) -> None:
    """Write the photos of a catalogue, new photos, the catalog source and the truth.

    The same count and seed give the same bytes, however many processes draw and whatever was
    drawn before. Paths in the tables are relative to the tables.

    Raises:
        InputError: the folder holds a world of another count or seed.
    """
    _claim(folder, {"images": images, "seed": seed})
    photos = [plan_catalogue(index, images=images, seed=seed) for index in range(images)]
    new = [
        plan_catalogue(index, images=images, seed=seed + _NEW_SEED) for index in range(NEW_IMAGES)
    ]
    _remove_stale(folder)
    jobs = [(folder / photo.path, index, images, seed) for index, photo in enumerate(photos)]
    jobs += [
        (folder / _new_path(index), index, images, seed + _NEW_SEED) for index in range(NEW_IMAGES)
    ]
    _draw_missing(jobs, processes)
    _write_table(
        folder / "photos.csv",
        ("path", "property_id", "property_type", "country", "stars"),
        [_source_row(photo) for photo in photos],
    )
    _write_truth(folder / "truth.csv", [(p.path, p.scene.concepts) for p in photos], NAMES)
    _write_truth(folder / "unseen_truth.csv", [(p.path, p.scene.concepts) for p in photos], UNSEEN)
    _write_truth(
        folder / "new_truth.csv",
        [(_new_path(k), p.scene.concepts) for k, p in enumerate(new)],
        NAMES,
    )


def _claim(folder: Path, drawn: dict[str, int]) -> None:
    """Mark the folder as a demo world's, which also lets the small CLIP work on it."""
    marker = folder / DEMO_MARKER
    if not marker.is_file():
        write_json(marker, drawn)
    elif read_json(marker, "mumic demo") != drawn:
        raise InputError(
            f"{folder} holds another demo world; delete it, or draw into a new folder."
        )


def jpeg_bytes(scene: Scene) -> bytes:
    """Draw a scene and encode it; the quality varies from scene to scene."""
    quality = int(np.random.default_rng([scene.camera.seed, 7]).integers(72, 94))
    buffer = io.BytesIO()
    draw(scene).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def _new_path(index: int) -> str:
    return f"new/{index:03d}.jpg"


def _remove_stale(folder: Path) -> None:
    for stale in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        stale.unlink()


def _draw_missing(jobs: Sequence[tuple[Path, int, int, int]], processes: int | None) -> None:
    missing = [job for job in jobs if not job[0].exists()]
    for parent in sorted({job[0].parent for job in missing}):
        parent.mkdir(parents=True, exist_ok=True)
    progress = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(missing),
        desc="drawing photos",
        unit="photo",
        file=sys.stderr,
    )
    with progress:
        if processes == 1 or len(missing) < 32:
            for job in missing:
                _draw_one(job)
                progress.update()
            return
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for _ in pool.imap_unordered(_draw_one, missing, chunksize=16):
                progress.update()


def _draw_one(job: tuple[Path, int, int, int]) -> None:
    path, index, images, seed = job
    with atomic(path, durable=False) as file:
        file.write(jpeg_bytes(plan_catalogue(index, images=images, seed=seed).scene))


def _source_row(photo: CataloguePhoto) -> tuple[str, str, str, str, str]:
    owner = photo.owner
    stars = "" if owner.stars is None else str(owner.stars)
    return photo.path, owner.property_id, owner.property_type, owner.country, stars


def _write_truth(
    path: Path, shown: Iterable[tuple[str, frozenset[str]]], concepts: Iterable[str]
) -> None:
    """One row per photo and concept; a photo that shows none has one with an empty concept."""
    known = set(concepts)
    rows = [
        (photo, concept) for photo, present in shown for concept in sorted(present & known) or [""]
    ]
    _write_table(path, ("path", "class_id"), rows)


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with atomic(path) as file:
        file.write(buffer.getvalue().encode())


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help=f"added to {CATALOGUE_SEED}")
    parser.add_argument("--processes", type=int, help="default: one a core")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    draw_world(args.folder, images=args.images, seed=args.seed, processes=args.processes)


if __name__ == "__main__":
    main()
