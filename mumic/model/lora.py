"""Low-rank changes of a tower's weights (LoRA, Hu et al., ICLR 2022).

A weight ``W`` of an attention or an MLP becomes ``W + alpha / rank * B A``, with W fixed, A and B
learned; B starts at zero, so training starts at the model as it was. The sum is made where the
module reads its weight (torch's parametrisation), so open_clip's own code computes with it, packed
attention weights included, and plain weights come out at saving.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.utils import parametrize

from annotate.errors import InputError

_PARAMETRISED = ".parametrizations."
_ORIGINAL = ".original"


class LowRank(nn.Module):
    """The change of one weight (out, in); a packed weight has ``parts`` stacked along out.

    Args:
        weight: the weight that is changed.
        rank: of each part.
        scale: alpha / rank.
        parts: 3 for attention's packed query, key and value, else 1.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float, parts: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.scale = scale
        self.down = nn.Parameter(weight.new_empty(parts, rank, columns))
        self.up = nn.Parameter(weight.new_zeros(parts, rows // parts, rank))
        for part in self.down.detach():  # of the whole, torch would take rank * columns as fan-in
            nn.init.kaiming_uniform_(part, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weight."""
        return weight + self.scale * (self.up @ self.down).reshape(weight.shape)


def add_lora(towers: nn.Module, rank: int, alpha: float, *, image: bool, text: bool) -> None:
    """Make the attention and MLP weights of the towers low-rank; all others are fixed.

    Args:
        towers: an open_clip model, changed in place.
        rank: of each change.
        alpha: see the module.
        image: change the image tower.
        text: change the text tower.

    Raises:
        InputError: a tower has no transformer blocks.
    """
    for parameter in towers.parameters():
        parameter.requires_grad_(False)
    for wanted, in_image in ((image, True), (text, False)):
        found = list(_weights(towers, in_image=in_image)) if wanted else []
        if wanted and not found:
            tower = "image" if in_image else "text"
            raise InputError(
                f"[train] lora_rank = {rank}: the {tower} tower of this model has no transformer "
                f"blocks. Set lora_rank = 0, or freeze = {tower!r}."
            )
        for module, name, parts in found:
            change = LowRank(getattr(module, name), rank, alpha / rank, parts)
            parametrize.register_parametrization(module, name, change)


def _weights(towers: nn.Module, *, in_image: bool) -> Iterator[tuple[nn.Module, str, int]]:
    """Module, attribute and number of packed parts of each weight inside a tower's blocks."""
    for path, module in list(towers.named_modules()):
        if path.startswith("visual.") != in_image or not ("blocks." in path or ".layer." in path):
            continue
        if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            yield module, "in_proj_weight", 3
        elif isinstance(module, nn.Linear):
            yield module, "weight", 1


def plain_state(towers: nn.Module) -> dict[str, Tensor]:
    """The state dict that the model has without LoRA: the changed weights under their own names."""
    plain = {}
    for name, tensor in towers.state_dict().items():
        module, found, rest = name.partition(_PARAMETRISED)
        if not found:
            plain[name] = tensor
        elif rest.endswith(_ORIGINAL):
            weight = rest.removesuffix(_ORIGINAL)
            merged = getattr(towers.get_submodule(module), weight)
            plain[f"{module}.{weight}"] = merged.detach()
    return plain


def merge_lora(towers: nn.Module) -> None:
    """Turn the changed weights into plain ones, in place; without LoRA nothing happens."""
    for module in list(towers.modules()):
        for name in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
