"""The small CLIP: its architecture, its text encoder without padding, and its folder."""

import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

from annotate.files import atomic_path

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)

MODEL_CONFIG: Final[dict[str, Any]] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 96, "patch_size": 16, "width": 192, "layers": 6, "head_width": 48},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 4},
}


def encode_texts(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Encode tokens ``(B, 77)`` cut to the longest text: exact, since the tower is causal."""
    length = int((tokens != 0).sum(dim=1).max())
    tokens = tokens[:, :length]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x)
    pooled: torch.Tensor = x[torch.arange(len(x)), tokens.argmax(dim=-1)]
    projected: torch.Tensor = pooled @ model.text_projection
    return projected


def save_small_clip(model: torch.nn.Module, folder: Path) -> None:
    """Write the folder that open_clip loads as ``local-dir:``; weights in half precision."""
    weights = {
        name: value.detach().half().contiguous()
        for name, value in model.state_dict().items()
        if name != "attn_mask"
    }
    with atomic_path(folder / "open_clip_model.safetensors") as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    preprocessing = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "squash"}
    config = {"model_cfg": MODEL_CONFIG, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
