"""The CLIP loader against open_clip itself, and its errors without a network."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.loading import hash_weights, load_clip, require_real_model
from annotate.clip.memory import is_memory_full
from annotate.errors import DamagedError, InputError, MissingError, MumicError
from annotate.images.decoding import squash
from annotate.settings import ModelSettings

TEXTS = ["a photo with a pool", "東京 🏨", "x " * 200]


def local(folder: Path | str) -> ModelSettings:
    return ModelSettings(name=f"local-dir:{folder}", pretrained="openai")


@pytest.fixture
def copy(tiny_clip_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_clip_folder, tmp_path / "copy")


def test_embeddings_are_open_clips(tiny_clip_folder: Path) -> None:
    clip = load_clip(local(tiny_clip_folder.name), tiny_clip_folder.parent)
    theirs, _, preprocess = open_clip.create_model_and_transforms(
        f"local-dir:{tiny_clip_folder}", image_resize_mode="squash"
    )
    theirs.eval()
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)) for _ in range(3)]
    tokens = open_clip.get_tokenizer(f"local-dir:{tiny_clip_folder}")(TEXTS)
    with torch.inference_mode():
        images = theirs.encode_image(torch.stack([preprocess(photo) for photo in photos]))
        texts = theirs.encode_text(tokens, normalize=True)
    ours = encode_images(clip, np.stack([squash(photo, clip.image_size) for photo in photos]))
    np.testing.assert_allclose(ours, images / images.norm(dim=1, keepdim=True), atol=1e-5)
    np.testing.assert_allclose(encode_texts(clip, TEXTS), texts, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    assert encode_texts(clip, []).shape == (0, clip.dim)


def test_texts_do_not_depend_on_threads(tmp_path: Path) -> None:
    """A tower wide enough that torch shares its sums among threads."""
    text = {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
    config = {"model_cfg": {"embed_dim": 512, "vision_cfg": vision, "text_cfg": text}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    clip = load_clip(local(tmp_path), tmp_path, random_init=True)
    encode, used = clip.model.encode_text, []

    def watched(tokens: torch.Tensor) -> torch.Tensor:
        used.append(torch.get_num_threads())
        return encode(tokens)  # type: ignore[operator, no-any-return]

    clip.model.encode_text = watched  # type: ignore[assignment]
    own, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(encode_texts(clip, TEXTS).tobytes())
            assert torch.get_num_threads() == threads, "as it was"
    finally:
        torch.set_num_threads(own)
    assert used == [1, 1, 1]
    assert len(set(found)) == 1


def test_half_precision_files_become_float32_in_eval_mode(copy: Path) -> None:
    weights = load_file(copy / "open_clip_model.safetensors")
    halves = {name: value.half() for name, value in weights.items()}
    save_file(halves, copy / "open_clip_model.safetensors")
    clip = load_clip(local(copy), copy)
    assert {value.dtype for value in clip.model.parameters()} == {torch.float32}
    assert not clip.model.training
    assert clip.weights_hash != hash_weights(weights)
    assert clip.weights_hash == hash_weights({name: v.float() for name, v in halves.items()})


def test_saved_and_loaded_again_is_the_same(copy: Path, tmp_path: Path) -> None:
    clip = load_clip(local(copy), copy)
    again = tmp_path / "again"
    again.mkdir()
    (again / "open_clip_config.json").write_text(json.dumps(clip.folder_config()), "utf-8")
    save_file(clip.model.state_dict(), again / "open_clip_model.safetensors")
    loaded = load_clip(local(again), tmp_path)
    assert loaded.weights_hash == clip.weights_hash
    assert (loaded.mean, loaded.std, loaded.image_size) == (clip.mean, clip.std, clip.image_size)


def test_random_weights_come_from_the_seed_alone(tiny_clip_folder: Path) -> None:
    state = torch.random.get_rng_state()
    hashes = [
        load_clip(local(tiny_clip_folder), Path(), random_init=True, seed=seed).weights_hash
        for seed in (1, 1, 2)
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert torch.equal(state, torch.random.get_rng_state())
    assert load_clip(local(tiny_clip_folder), Path()).weights_hash not in hashes


@pytest.mark.parametrize(
    ("name", "pretrained", "error", "message"),
    [
        ("ViT-B-32", "openai", InputError, 'name = "ViT-B-32-quickgelu"'),
        ("ViT-B-32-quickgelu", "laion2b_s34b_b79k", MissingError, "neither a tag"),
        ("ViT-B-32", "opnai", MissingError, "did you mean openai"),
        ("ViT-B-32", "", MissingError, "no weights are named"),
        ("ViT-B-23", "openai", MissingError, "did you mean ViT-B-32"),
        ("local-dir:nowhere", "", MissingError, "open_clip_config.json"),
    ],
)
def test_what_cannot_be_had(
    tmp_path: Path, name: str, pretrained: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        load_clip(ModelSettings(name=name, pretrained=pretrained), tmp_path)
    assert error is InputError or "local-dir:FOLDER" in str(raised.value)


def test_without_network_or_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match="once on a machine with a network"):
        load_clip(ModelSettings(), tmp_path)
    assert constants.HF_HUB_OFFLINE is False


def test_damaged_folders(copy: Path) -> None:
    weights = copy / "open_clip_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    with pytest.raises(DamagedError, match="cannot be read"):
        load_clip(local(copy), copy)
    save_file({"something": torch.zeros(3)}, weights)
    with pytest.raises(DamagedError, match="do not fit"):
        load_clip(local(copy), copy)
    weights.unlink()
    with pytest.raises(MissingError, match=r"open_clip_model\.safetensors is not there"):
        load_clip(local(copy), copy)
    (copy / "open_clip_config.json").write_text('{"model_cfg": {}}', "utf-8")
    with pytest.raises(DamagedError, match="lacks embed_dim"):
        load_clip(local(copy), copy)


@contextlib.contextmanager
def little_memory(more: int) -> Iterator[None]:
    """What the process holds, and so many bytes: the system gives no more."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's limits")
@pytest.mark.parametrize("random_init", [False, True])
def test_a_full_memory_is_no_fault_of_the_weights(copy: Path, random_init: bool) -> None:
    file = copy / "open_clip_config.json"
    config = json.loads(file.read_text("utf-8"))
    config["model_cfg"]["text_cfg"]["vocab_size"] = 10**8
    file.write_text(json.dumps(config), "utf-8")
    with little_memory(2**28), pytest.raises(MumicError, match="the memory is full;") as raised:
        load_clip(local(copy), copy, random_init=random_init)
    assert type(raised.value) is MumicError
    assert "finds no room on cpu" in str(raised.value)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (RuntimeError("Error(s) in loading state_dict for CLIP"), False),
    ],
)
def test_errors_that_say_that_the_memory_is_full(error: Exception, full: bool) -> None:
    assert is_memory_full(error) == full


def test_the_demo_model_needs_the_demo_or_a_yes(copy: Path) -> None:
    clip = load_clip(local(copy), copy)
    require_real_model(clip, False, False)
    config = json.loads((copy / "open_clip_config.json").read_text("utf-8")) | {"demo": True}
    (copy / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    demo = load_clip(local(copy), copy)
    assert demo.folder_config()["demo"] is True
    require_real_model(demo, True, False)
    require_real_model(demo, False, True)
    with pytest.raises(InputError, match="--allow-demo-model"):
        require_real_model(demo, False, False)
