"""A tiny open_clip model with the standard tokenizer, and a workspace with a drawn dataset."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from annotate import tables
from annotate.files import write_json
from annotate.settings import ModelSettings, Settings, render
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

if TYPE_CHECKING:
    from mumic.run import Run

CLASSES = ("Bed", "Swimming pool", "Kitchen", "Pets")
TINY_MODEL = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
MakeWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """The same thread count as the command lines of these tests, so that bits can be compared."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A ``local-dir:`` folder of a randomly initialised CLIP, 32 px, 32 wide."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-clip")
    mean = [0.48145466, 0.4578275, 0.40821073]
    preprocess = {"size": 32, "mode": "RGB", "mean": mean, "std": [0.27, 0.26, 0.28]}
    config = {"model_cfg": TINY_MODEL, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(42)
    model = open_clip.CLIP(**TINY_MODEL)
    save_file(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tiny_model: Path) -> Callable[[], Any]:
    """Makes a fresh copy of that CLIP; reading the tokenizer's vocabulary takes longest, once."""
    from annotate.clip.loading import load_clip

    clip = load_clip(ModelSettings(f"local-dir:{tiny_model}", ""), tiny_model)
    return lambda: replace(clip, model=copy.deepcopy(clip.model))


def _picture(labels: npt.NDArray[np.int8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Noise, and for each positive class a bright square of its own colour at its own place."""
    pixels = rng.integers(0, 60, (40, 48, 3), dtype=np.uint8)
    for column in np.flatnonzero(labels):
        top, left = divmod(int(column), 2)
        pixels[top * 20 : top * 20 + 16, left * 24 : left * 24 + 20, column % 3] = 255
    return pixels


def _settings(model: Path, precision: str, train: dict[str, Any]) -> Settings:
    recipe: dict[str, Any] = {
        "batch_size": 8,
        "lr": 1e-3,
        "epochs": 2,
        "threads": 1,
        "tensorboard": False,
    }
    recipe |= train
    base = Settings()
    return replace(
        base,
        model=replace(base.model, name=f"local-dir:{model}", pretrained="", precision=precision),
        train=replace(base.train, **recipe),
        evaluate=replace(base.evaluate, bootstrap=50, k=2, threshold_min_positives=2),
    )


@pytest.fixture(scope="session")
def tiny_workspace(tiny_model: Path) -> MakeWorkspace:
    """Makes a workspace: folder, number of pictures, precision, and settings of ``[train]``."""

    def make(root: Path, images: int = 40, precision: str = "auto", **train: Any) -> Workspace:
        return _make(root, images, _settings(tiny_model, precision, train))

    return make


def _make(root: Path, images: int, settings: Settings) -> Workspace:
    """A workspace with drawn pictures, four classes and a dataset: 60 % train, 20 % validation."""
    rng = np.random.default_rng(3)
    (root / "photos").mkdir(parents=True)
    (root / "mumic.toml").write_text(render(settings))
    rows = []
    for number in range(images):
        labels = (rng.random(len(CLASSES)) < 0.4).astype(np.int8)
        file = root / "photos" / f"{number:03d}.png"
        Image.fromarray(_picture(labels, rng)).save(file)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        known = [None if rng.random() < 0.1 else int(value) for value in labels]
        rows.append(
            {
                "image_id": content[:20],
                "uri": f"photos/{number:03d}.png",
                "content_hash": content,
                "property_id": None,
                "group_id": f"g{number // 2}",
                "text": None,
                "split": ("train", "train", "train", "validation", "test")[number // 2 % 5],
                "labels": known,
                "rates": [None if value is None else float(value) for value in known],
            }
        )
    workspace = Workspace.find(root)
    tables.write(tables.DATASET, pd.DataFrame(rows), workspace.dataset / "images.parquet")
    taxonomy = _write_taxonomy(workspace.taxonomy)
    classes: list[dict[str, Any]] = [
        {
            "id": entry.id,
            "name": entry.name,
            "description": entry.description,
            "category": entry.category,
            "parents": [],
            "prompt": entry.prompt,
        }
        for entry in taxonomy.classes
    ]
    listed = {"taxonomy_hash": taxonomy.hash, "classes": classes}
    write_json(workspace.dataset / "classes.json", listed)
    write_json(workspace.dataset / "lock.json", {"seed": 0})
    return workspace


def _write_taxonomy(file: Path) -> Taxonomy:
    """The label list of which the dataset is made."""
    lines = [
        f"  - {{id: {name.lower().replace(' ', '_')}, name: {name}, category: inside, "
        f'description: "{name.lower()}, as seen by a guest", '
        f"prompt: {'description' if number % 2 else 'name'}}}\n"
        for number, name in enumerate(CLASSES)
    ]
    head = "version: 1\nname: Tiny\ncategories: [{id: inside, name: Inside}]\nclasses:\n"
    file.parent.mkdir()
    file.write_text(head + "".join(lines))
    return load_taxonomy(file)


@pytest.fixture(scope="module")
def two_runs(
    tmp_path_factory: pytest.TempPathFactory, tiny_workspace: MakeWorkspace
) -> tuple[Workspace, Run]:
    """A workspace with the runs "scratch", of random weights, and "main", and the latter."""
    from mumic.training.train import TrainOptions, train

    workspace = tiny_workspace(tmp_path_factory.mktemp("evaluated") / "ws", images=60)
    train(workspace, TrainOptions(run="scratch", random_init=True))
    return workspace, train(workspace, TrainOptions(run="main"))
