"""A new workspace: settings, the label list, the templates to edit."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from annotate.errors import InputError, MumicError
from annotate.resources import resource
from annotate.settings import Settings, render
from annotate.workspace import SETTINGS_FILE

# The dataset's lock, its splits and migrations go into version control. People's answers, which may
# be large and are of persons, stay out, as does what can be made again.
IGNORED = """\
data/*
!data/dataset/
data/dataset/*
!data/dataset/lock.json
!data/dataset/splits.parquet
!data/migrations/
data/migrations/to-ask.csv
runs/
"""
DEMO_FOLDER = "demo"


def check_new(folder: Path) -> None:
    """Make sure that a workspace can be made here.

    Raises:
        InputError: the folder is a workspace already, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the workspace.")
    if (folder / SETTINGS_FILE).exists():
        raise InputError(f"{folder} is a workspace already; nothing was changed.")


def init_workspace(folder: Path, settings: Settings) -> list[str]:
    """Make a workspace in a new or existing folder.

    Args:
        folder: made if need be. Files that are already there are kept.
        settings: written as ``mumic.toml``.

    Returns:
        Names of the files and folders made, relative to the folder.

    Raises:
        InputError: see :func:`check_new`.
    """
    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for part in ("label_taxonomy", "templates"):
        if not (folder / part).exists():
            shutil.copytree(resource(part), folder / part)
            made.append(f"{part}/")
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text(IGNORED, "utf-8")
        made.append(".gitignore")
    # Last, since it is what makes the folder a workspace: a killed init can be repeated.
    (folder / SETTINGS_FILE).write_text(render(settings), "utf-8")
    return [SETTINGS_FILE, *made]


def demo_settings(classes: tuple[str, ...], *, quick: bool) -> Settings:
    """Settings for the demo world: the small CLIP, its own recipe, simulated annotators.

    Args:
        classes: ids of the classes that the demo world draws.
        quick: a small demo that runs in about two minutes.
    """
    base = Settings()
    return replace(
        base,
        project=replace(base.project, classes=classes),
        model=replace(base.model, name="small-clip", pretrained=""),
        catalog=replace(base.catalog, sources=(f"{DEMO_FOLDER}/photos.csv",)),
        index=replace(base.index, batch_size=128, shard_size=1024),
        mine=replace(
            base.mine,
            n=15 if quick else 100,
            top=40 if quick else 160,
            stratified_n=150 if quick else 1000,
            by=("property_type",),
            # The small CLIP sees less in a picture, so unlike pictures are closer.
            near_cosine=0.985,
        ),
        tasks=replace(base.tasks, largest_price=0.0),  # nobody is paid, so nobody is asked
        simulate=replace(base.simulate, truth=f"{DEMO_FOLDER}/truth.csv"),
        # Few drawn photos show the rarest classes; the demo goes on without them in a split.
        dataset=replace(base.dataset, missing="allow"),
        train=replace(
            base.train,
            epochs=2 if quick else 9,
            lr=5e-4,
            warmup_steps=50,
            schedule="cosine",
            logit_bias=-8.0,
            flip=True,
        ),
        # A class that few test images show has an average precision of mere luck.
        evaluate=replace(base.evaluate, min_positives=3 if quick else 10),
        predict=replace(base.predict, batch_size=256),
    )


def draw_demo_world(folder: Path, *, images: int) -> tuple[str, ...]:
    """Draw the demo world into ``folder/demo``.

    The renderer belongs to ``mumic``, which stands above this package, so it runs as a program of
    its own instead of being imported.

    Returns:
        Ids of the classes that are drawn, sorted.
    """
    world = folder / DEMO_FOLDER
    program = [sys.executable, "-m", "mumic.demo.world", str(world), "--images", str(images)]
    if subprocess.run(program, check=False).returncode:
        raise MumicError(
            "drawing the demo world stopped early; run the same command again to go on."
        )
    with (world / "truth.csv").open(encoding="utf-8", newline="") as file:
        # A photo that shows no class has a row with an empty one.
        return tuple(sorted({row["class_id"] for row in csv.DictReader(file)} - {""}))
