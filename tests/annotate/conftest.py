"""A CLIP small enough to run in tests, pictures, a browser, and an environment without a cloud."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

DrawNoise = Callable[[Path, int], None]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
TINY_CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 32,
            "head_width": 16,
            "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
}


@pytest.fixture(scope="session")
def tiny_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``local-dir:`` model with random weights."""
    from safetensors.torch import save_file

    from annotate.clip.loading import load_clip
    from annotate.settings import ModelSettings

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(TINY_CONFIG), "utf-8")
    clip = load_clip(ModelSettings(name=f"local-dir:{folder}"), folder, random_init=True, seed=7)
    save_file(clip.model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def draw_noise() -> DrawNoise:
    """Writes a picture of coarse noise; another seed is another picture, also to its hash."""

    def draw(file: Path, seed: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        blocks = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((48, 36), Image.Resampling.NEAREST).save(file)

    return draw


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's environment or network takes part."""
    from tests.annotate.clients import forget_client

    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "*")
    forget_client()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, for a module's tests."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    options = [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ]
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe_faults() -> Callable[[Any], dict[str, list[str]]]:
    """axe-core's violations on a page with its frames: the elements by the rule.

    The debugger evaluates its source, so that the page's Content-Security-Policy stays as it is.
    """
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

    def faults(page: Any) -> dict[str, list[str]]:
        for frame in page.frames:
            frame.evaluate(source)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return {
            entry["id"]: [node["html"][:160] for node in entry["nodes"]]
            for entry in found["violations"]
        }

    return faults
