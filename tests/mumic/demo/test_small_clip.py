"""The committed weights: plain open_clip reads them, and they know the pretraining world."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

import annotate
from mumic.demo.scenes.drawing import draw
from mumic.demo.scenes.pretraining_world import plan_pretraining

FOLDER = Path(annotate.__file__).parent / "resources" / "small_clip"
LIMIT = 28 * 1024 * 1024


def test_the_folder_holds_a_model_a_config_and_a_card_within_the_limit() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert {"open_clip_config.json", "open_clip_model.safetensors", "README.md"} <= names
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= LIMIT


def test_it_tells_pictures_it_never_saw_apart() -> None:
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{FOLDER}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{FOLDER}")
    told = {
        "night": "a photo with Night",
        "kitchen": "a photo with Kitchen",
        "beach": "a photo with Beach",
    }
    scenes = [plan_pretraining(index) for index in range(900_000, 900_300)]
    images = torch.stack([preprocess(Image.fromarray(np.asarray(draw(scene)))) for scene in scenes])
    with torch.no_grad():
        pictures = torch.nn.functional.normalize(model.eval().encode_image(images), dim=-1)
        texts = torch.nn.functional.normalize(
            model.encode_text(tokenizer(list(told.values()))), dim=-1
        )
    for scores, concept in zip((texts @ pictures.T).numpy(), told, strict=True):
        present = np.array([concept in scene.concepts for scene in scenes])
        above = (scores[present][:, None] > scores[~present][None, :]).mean()  # the area under ROC
        assert above == pytest.approx(1.0, abs=0.12), concept


def test_weights_are_in_half_precision() -> None:
    from safetensors import safe_open

    with safe_open(FOLDER / "open_clip_model.safetensors", framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
