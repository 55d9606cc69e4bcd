"""The only CLIP loader: any open_clip name, a local folder, a MuMIC run, or the small CLIP.

Missing weights are an error that names the remedies, never a random model with a warning.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch

from annotate.clip.activation import check_activation, check_file
from annotate.clip.hub import cache_only_if_unreachable, quiet
from annotate.clip.memory import clear_word, is_memory_full
from annotate.errors import DamagedError, InputError, MissingError, closest
from annotate.resources import SMALL_CLIP
from annotate.settings import ModelSettings

SMALL_CLIP_NAME = "small-clip"
LOCAL_DIR = "local-dir:"
HUB = "hf-hub:"
CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
WEIGHTS_SUFFIXES = (".safetensors", ".bin", ".pth")
REMEDIES = (
    "Either run the command once on a machine with a network (the download is cached), or set "
    '[model] in mumic.toml: name = "local-dir:FOLDER" for a folder with open_clip_config.json and '
    'open_clip_model.safetensors, or pretrained = "FILE" for a weights file of this model.'
)


@dataclass(frozen=True)
class Clip:
    """A CLIP in eval mode, float32 as loaded, with what is needed to feed, name and save it."""

    model: torch.nn.Module
    tokenizer: Callable[[list[str]], torch.Tensor]  # int64 (n, context_length)
    name: str
    pretrained: str
    image_size: int
    dim: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights_hash: str  # SHA-256 over the state dict, names sorted, hex
    is_demo: bool  # the small CLIP, or a run trained from it
    model_config: dict[str, Any]
    resize: str = "squash"  # or crop; how images become square

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.model.parameters()).device

    @property
    def model_hash(self) -> str:
        """SHA-256, hex, over all that decides what it embeds.

        Equal weights embed differently under another activation or another normalisation.
        """
        deciding = [self.weights_hash, self.model_config, self.mean, self.std]
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def folder_config(self) -> dict[str, Any]:
        """Content of ``open_clip_config.json`` that makes a folder with these weights loadable.

        ``demo`` is this project's own key: it says that the weights stem from the small CLIP.
        """
        preprocess = {"size": self.image_size, "mode": "RGB", "mean": self.mean, "std": self.std}
        preprocess |= {"interpolation": "bicubic"}
        preprocess["resize_mode"] = "shortest" if self.resize == "crop" else "squash"
        return {"model_cfg": self.model_config, "preprocess_cfg": preprocess, "demo": self.is_demo}


def load_clip(
    settings: ModelSettings,
    root: Path,
    *,
    random_init: bool = False,
    device: str = "cpu",
    seed: int = 0,
) -> Clip:
    """Load a CLIP in float32.

    Args:
        settings: ``name`` (``small-clip``, ``local-dir:FOLDER``, ``hf-hub:...`` or a name of
            open_clip's), ``pretrained`` (a tag or a weights file; unused with a prefix) and
            ``activation`` (of such a file).
        root: relative folders and files start here.
        random_init: the same architecture without its weights, a baseline.
        device: a torch device.
        seed: of the random initialisation; torch's global generator is left as it was.

    Raises:
        MissingError: unknown model or tag, or weights that cannot be had; remedies are named.
        InputError: the weights were trained with another activation than the model has, or with
            which is not known (:mod:`annotate.clip.activation`).
        DamagedError: the weights do not fit the architecture.
        MumicError: the device's memory is full.
    """
    name = _full_name(settings.name, root)
    pretrained = "" if names_weights(name) else settings.pretrained
    config = _model_config(name)
    if not random_init:
        pretrained = _check_pretrained(name, pretrained, config, root, settings.activation)

    def advice() -> str:
        return (
            f"{settings.name} finds no room on {device}. End what else is in that memory, or name "
            "a smaller model under [model]."
        )

    with quiet(), torch.random.fork_rng(devices=[]), clear_word(advice):
        torch.manual_seed(seed)
        model = _random(name, device) if random_init else _create(name, pretrained, device)
    model = model.eval()
    visual = model.visual
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    return Clip(
        model=model,
        tokenizer=_tokenizer(name),
        name=settings.name,
        pretrained="random" if random_init else settings.pretrained if pretrained else "",
        image_size=int(size),
        dim=int(config["embed_dim"]),
        mean=tuple(visual.preprocess_cfg["mean"]),
        std=tuple(visual.preprocess_cfg["std"]),
        weights_hash=hash_weights(model.state_dict()),
        is_demo=settings.name == SMALL_CLIP_NAME or _folder_setting(name, "demo") is True,
        model_config=config,
    )


def local_files(settings: ModelSettings, root: Path) -> list[Path]:
    """The user's own files that a model is made of: weights, and a folder's configuration.

    None where a name and a tag stand for weights that do not change.
    """
    name = _full_name(settings.name, root)
    if name.startswith(LOCAL_DIR):
        files = Path(name.removeprefix(LOCAL_DIR)).glob("*")
        return sorted(p for p in files if p.name == CONFIG_FILE or p.suffix in WEIGHTS_SUFFIXES)
    file = root / Path(settings.pretrained).expanduser()
    named = bool(settings.pretrained) and not names_weights(name)
    return [file] if named and file.is_file() else []


def names_weights(name: str) -> bool:
    """Whether a model's name stands for its weights, too: there is no ``pretrained`` beside it."""
    return name == SMALL_CLIP_NAME or name.startswith((LOCAL_DIR, HUB))


def default_device() -> str:
    """A GPU where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def hash_weights(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of a state dict, in the order of the names."""
    digest = hashlib.sha256()
    for key in sorted(state):
        values = state[key].detach().cpu().contiguous()
        digest.update(f"{key}\0{values.dtype}\0{tuple(values.shape)}\0".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def require_real_model(clip: Clip, demo_catalog: bool, allow: bool) -> None:
    """Refuse the small CLIP on real photos, unless the user insists.

    Raises:
        InputError: it is the small CLIP, the catalogue is not the demo's, and ``allow`` is false.
    """
    if clip.is_demo and not demo_catalog and not allow:
        raise InputError(
            f"{clip.name} was trained on drawings for the demo world and knows nothing of real "
            'photos. Set name = "ViT-B-32-quickgelu" and pretrained = "openai" under [model] in '
            "mumic.toml, or pass --allow-demo-model to try the path without quoting its figures."
        )


def _full_name(name: str, root: Path) -> str:
    """The name as open_clip takes it, local folders absolute."""
    if name == SMALL_CLIP_NAME:
        return f"{LOCAL_DIR}{SMALL_CLIP}"
    if name.startswith(LOCAL_DIR):
        return f"{LOCAL_DIR}{root / Path(name.removeprefix(LOCAL_DIR)).expanduser()}"
    return name


def _folder_setting(name: str, key: str) -> Any:
    """A top-level entry of a local folder's configuration; None for any other model."""
    if not name.startswith(LOCAL_DIR):
        return None
    path = Path(name.removeprefix(LOCAL_DIR)) / CONFIG_FILE
    if not path.is_file():
        raise MissingError(f"no model at {path.parent}: {CONFIG_FILE} is not there. {REMEDIES}")
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise DamagedError(f"{path}: not readable as JSON ({error}).") from error
    return content.get(key) if isinstance(content, dict) else None


def _model_config(name: str) -> dict[str, Any]:
    """The architecture, as open_clip's ``model_cfg``."""
    if name.startswith(LOCAL_DIR):
        config = _folder_setting(name, "model_cfg")
        if not isinstance(config, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(
            config
        ):
            path = Path(name.removeprefix(LOCAL_DIR)) / CONFIG_FILE
            raise DamagedError(f"{path}: model_cfg lacks embed_dim, vision_cfg or text_cfg.")
        return config
    try:
        with quiet(), cache_only_if_unreachable():
            found = open_clip.get_model_config(name)
    except Exception as error:
        raise MissingError(f"the model {name} cannot be had: {error}. {REMEDIES}") from error
    if found is None:
        near = closest(name, open_clip.list_models())
        raise MissingError(f"open_clip knows no model {name!r}{near or '.'} {REMEDIES}")
    return dict(found)


def _check_pretrained(
    name: str, pretrained: str, config: dict[str, Any], root: Path, activation: str
) -> str:
    """The tag, or the weights file's full path, once it is sure that it fits the model."""
    if names_weights(name):
        folder = Path(name.removeprefix(LOCAL_DIR))
        if folder.is_dir() and not any(p.suffix in WEIGHTS_SUFFIXES for p in folder.iterdir()):
            raise MissingError(f"no weights in {folder}: {WEIGHTS_FILE} is not there. {REMEDIES}")
        return ""
    tag = open_clip.get_pretrained_cfg(name, pretrained)
    if tag:
        check_activation(name, pretrained, bool(tag.get("quick_gelu")), config)
        return pretrained
    file = root / Path(pretrained).expanduser()
    if pretrained and file.is_file():
        check_file(name, file, activation, config)
        return str(file)
    tags = open_clip.list_pretrained_tags_by_model(name)
    if not pretrained:
        raise MissingError(
            f"no weights are named for {name}: set pretrained under [model] to a tag or a file. "
            f"Its tags: {', '.join(tags) or 'none'}. {REMEDIES}"
        )
    near = closest(pretrained, tags) or "."
    raise MissingError(
        f"{pretrained!r} is neither a tag of {name} nor a weights file{near} "
        f"Its tags: {', '.join(tags) or 'none'}. {REMEDIES}"
    )


def _create(name: str, pretrained: str, device: str) -> Any:
    """The model with its weights. open_clip raises errors of many kinds, even RuntimeError."""
    try:
        with cache_only_if_unreachable():
            return open_clip.create_model(
                name, pretrained=pretrained or None, device=device, require_pretrained=True
            )
    except Exception as error:
        if is_memory_full(error):
            raise
        what = f"{name} {pretrained}".strip()
        if name.startswith(LOCAL_DIR) or Path(pretrained).is_file():
            raise DamagedError(
                f"the weights of {what} cannot be read, or do not fit the model: {error}"
            ) from error
        raise MissingError(f"no weights for {what}: {error}. {REMEDIES}") from error


def _random(name: str, device: str) -> Any:
    """The architecture with fresh weights: a copy of a folder's configuration has none to load."""
    if not names_weights(name):
        return open_clip.create_model(name, device=device, pretrained_text=False)
    content = {"model_cfg": _model_config(name)}
    if preprocess := _folder_setting(name, "preprocess_cfg"):
        content["preprocess_cfg"] = preprocess
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, CONFIG_FILE).write_text(json.dumps(content), "utf-8")
        return open_clip.create_model(f"{LOCAL_DIR}{folder}", device=device, pretrained_text=False)


def _tokenizer(name: str) -> Callable[[list[str]], torch.Tensor]:
    try:
        with quiet(), cache_only_if_unreachable():
            return open_clip.get_tokenizer(name)  # type: ignore[no-any-return]
    except Exception as error:
        raise MissingError(f"no tokenizer for {name}: {error}. {REMEDIES}") from error
