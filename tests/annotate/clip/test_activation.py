"""A weights file under a model's name: its activation is known, or it is refused."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from annotate.clip.activation import check_file, quick_gelu_of
from annotate.clip.loading import load_clip
from annotate.errors import InputError
from annotate.settings import ModelSettings

GELU, QUICK = (open_clip.get_model_config(name) for name in ("ViT-B-32", "ViT-B-32-quickgelu"))


@pytest.fixture
def anonymous(tmp_path: Path) -> Path:
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_a_file_that_does_not_say_is_refused_with_both_ways_out(anonymous: Path) -> None:
    with pytest.raises(InputError) as told:
        load_clip(ModelSettings("ViT-B-32", anonymous.name), anonymous.parent)
    assert 'name = "ViT-B-32-quickgelu"' in str(told.value)
    assert 'activation = "gelu"' in str(told.value)
    check_file("ViT-B-32", anonymous, "gelu", GELU)
    check_file("ViT-B-32-quickgelu", anonymous, "auto", QUICK)
    with pytest.raises(InputError, match='name = "ViT-B-32-quickgelu"'):
        check_file("ViT-B-32", anonymous, "quick-gelu", GELU)
    with pytest.raises(InputError, match='name = "ViT-B-32"'):
        check_file("ViT-B-32-quickgelu", anonymous, "gelu", QUICK)
    with pytest.raises(InputError, match="must be one of auto"):
        check_file("ViT-B-32", anonymous, "relu", GELU)


def test_a_model_of_one_activation_needs_no_word(anonymous: Path) -> None:
    assert "ViT-S-32-quickgelu" not in open_clip.list_models()
    check_file("ViT-S-32", anonymous, "auto", open_clip.get_model_config("ViT-S-32"))


@pytest.mark.parametrize(
    ("place", "quick"),
    [
        ("ViT-B-32.pt", True),  # as OpenAI's download is called
        ("vit_b_32-quickgelu-laion400m_e32-46683a32.pt", True),
        ("vit_b_32-laion2b_e16-af8dbd0c.pth", False),
        ("b32_fullcc2.5b.pt", True),
        ("models--timm--vit_base_patch32_clip_224.openai/snapshots/1/weights.safetensors", True),
        ("models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K/snapshots/1/weights.safetensors", False),
        ("somebody/else.safetensors", None),
    ],
)
def test_published_files_are_known_by_name_and_place(
    tmp_path: Path, place: str, quick: bool | None
) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": torch.zeros(2)}, file)
    for name in ("ViT-B-32", "ViT-B-32-quickgelu"):
        assert quick_gelu_of(name, file) is quick
    if quick is not None:
        wrong, config = ("ViT-B-32", GELU) if quick else ("ViT-B-32-quickgelu", QUICK)
        with pytest.raises(InputError, match="another activation"):
            check_file(wrong, file, "auto", config)


def test_openais_are_known_by_what_they_hold(tmp_path: Path) -> None:
    """A TorchScript archive; or its state dict, with the three numbers that OpenAI put there."""
    script = tmp_path / "mine.pt"
    with warnings.catch_warnings(action="ignore"):  # torch no longer likes to write them
        traced = torch.jit.script(torch.nn.Linear(2, 2))
        torch.jit.save(traced, script)
    state = tmp_path / "mine.safetensors"
    numbers = ("input_resolution", "context_length", "vocab_size")
    save_file({name: torch.tensor(1) for name in numbers}, state)
    plain = tmp_path / "mine.bin"
    torch.save({"weight": torch.zeros(2)}, plain)
    assert [quick_gelu_of("ViT-B-32", file) for file in (script, state, plain)] == [
        True,
        True,
        None,
    ]


def test_renamed_files_are_known_by_hash(anonymous: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(anonymous.read_bytes()).hexdigest()
    entry = {"url": f"https://example.org/{digest}/theirs.pt", "quick_gelu": True}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: entry)
    assert quick_gelu_of("ViT-B-32", anonymous) is True
