"""Which activation a weights file was trained with: GELU, or OpenAI's quicker version of it.

The weights fit either, so the wrong one gives a model that runs and is worse. Those that open_clip
lists are known by the file's name, its place in the download cache or its hash, and OpenAI's
own by what else the file holds; any other file does not say.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import open_clip
from safetensors import SafetensorError, safe_open

from annotate.errors import InputError

QUICK = "-quickgelu"
ACTIVATIONS = {"auto": None, "gelu": False, "quick-gelu": True}
_OPENAI_ENTRIES = {"input_resolution", "context_length", "vocab_size"}
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def check_activation(name: str, what: str, quick: bool, config: dict[str, Any]) -> None:
    """Refuse weights under a model's name that has the other activation.

    Args:
        name: of open_clip's.
        what: the weights' tag or file.
        quick: what they were trained with.
        config: the model's.

    Raises:
        InputError: the model has the other, and its twin is named.
    """
    other = _twin(name)
    if quick != bool(config.get("quick_gelu")) and other is not None:
        raise InputError(
            f"the weights {what!r} were trained with another activation than {name} has. "
            f'Set name = "{other}" under [model] in mumic.toml.'
        )


def check_file(name: str, file: Path, said: str, config: dict[str, Any]) -> None:
    """The same for a weights file.

    Args:
        name: of open_clip's.
        file: the weights.
        said: ``gelu`` or ``quick-gelu``; under ``auto`` a file is refused that does not say, unless
            the name chooses the quick one or the model comes with one activation alone.
        config: the model's.

    Raises:
        InputError: it is the other one, it cannot be told, or there is no such setting.
    """
    if said not in ACTIVATIONS:
        raise InputError(f"[model] activation = {said!r}: must be one of {', '.join(ACTIVATIONS)}")
    quick = ACTIVATIONS[said]
    if quick is None and _twin(name) is not None:
        quick = quick_gelu_of(name, file)
        if quick is None and not name.endswith(QUICK):
            raise InputError(
                f"{file} does not say with which activation it was trained, and {name} may have "
                "the wrong one. For the weights of OpenAI, MetaCLIP, DFN and what was trained from "
                f'them set name = "{name}{QUICK}" under [model] in mumic.toml; for those of LAION '
                'and DataComp, which have plain GELU, set activation = "gelu".'
            )
    if quick is not None:
        check_activation(name, str(file), quick, config)


def quick_gelu_of(name: str, file: Path) -> bool | None:
    """Whether a weights file wants QuickGELU; None if it does not say.

    Args:
        name: open_clip's of the model, with or without ``-quickgelu``.
        file: it.
    """
    path = file.as_posix().lower()
    if "quickgelu" in path:
        return True
    published = list(_published(name))
    for repository, url, quick in published:
        cached = f"models--{repository.replace('/', '--')}/".lower()
        if (repository and cached in path) or (url and file.name == url.rsplit("/", 1)[-1]):
            return quick
    if _is_openais(file):
        return True
    hashes = {found[0]: quick for _, url, quick in published if (found := _SHA256.findall(url))}
    return hashes.get(_sha256(file)) if hashes else None


def _published(name: str) -> Iterator[tuple[str, str, bool]]:
    """Repository, address and activation of the weights that open_clip knows for a model."""
    base = name.removesuffix(QUICK)
    for model in (base, base + QUICK):
        for tag in open_clip.list_pretrained_tags_by_model(model):
            entry = open_clip.get_pretrained_cfg(model, tag)
            repository = entry.get("hf_hub", "").rstrip("/")
            yield repository, entry.get("url", ""), bool(entry.get("quick_gelu"))


def _is_openais(file: Path) -> bool:
    """OpenAI published TorchScript archives, with three numbers among the weights."""
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, "pt") as entries:
                return set(entries.keys()) >= _OPENAI_ENTRIES
        except (OSError, SafetensorError):
            return False  # said so where it is loaded
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any("/code/" in entry for entry in archive.namelist())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _twin(name: str) -> str | None:
    """The same architecture with the other activation, if open_clip has it."""
    other = name.removesuffix(QUICK) if name.endswith(QUICK) else name + QUICK
    return other if other in open_clip.list_models() else None
