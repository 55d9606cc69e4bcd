"""The model that a run was trained from: what zero-shot CLIP and the baselines stand on."""

from __future__ import annotations

from annotate.clip.loading import Clip, load_clip
from annotate.errors import InputError
from annotate.settings import ModelSettings
from annotate.workspace import Workspace
from mumic.run import Run


def load_start(workspace: Workspace, run: Run, device: str = "cpu") -> Clip:
    """Load it again, and make sure that it is the same.

    Raises:
        InputError: its name or tag has other weights now, or another activation or normalisation.
        MissingError: its weights cannot be had any more.
    """
    start = run.start_model
    activation = run.record["settings"]["model"]["activation"]
    clip = load_clip(
        ModelSettings(start["name"], start["pretrained"], activation),
        workspace.root,
        random_init=start["random_init"],
        device=device,
        seed=int(run.record["seed"]),
    )
    same = clip.weights_hash == start["weights_hash"]
    if not same or clip.model_hash != start["model_hash"]:
        raise InputError(
            f"{start['name']} has {'other settings' if same else 'other weights'} than when "
            f"{run.id} was trained from it; what it is compared or blended with needs the same "
            "ones. Put them back; `mumic evaluate --no-baselines` measures the run alone."
        )
    return clip
